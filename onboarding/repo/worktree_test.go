package repo

import (
	"slices"
	"testing"
)

const porcelain = `worktree /src/web
HEAD 2f81c0a0000000000000000000000000000000aa
branch refs/heads/main

worktree /src/web fix
HEAD 2f81c0a0000000000000000000000000000000aa
branch refs/heads/fix/login
locked why not

worktree /src/loose
HEAD 2f81c0a0000000000000000000000000000000aa
detached

worktree /src/bare.git
bare
`

func TestParseTrees(t *testing.T) {
	want := []tree{{"/src/web", "main"}, {"/src/web fix", "fix/login"}, {"/src/loose", ""}, {"/src/bare.git", ""}}
	if got := parseTrees(porcelain); !slices.Equal(got, want) {
		t.Errorf("parseTrees = %v, want %v", got, want)
	}
}

func FuzzParseTrees(f *testing.F) {
	for _, s := range []string{porcelain, "", "branch refs/heads/main\n", "worktree\nbranch\n", "\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tr := range parseTrees(s) {
			if slices.Contains([]byte(tr.dir+tr.branch), '\n') {
				t.Errorf("%q holds a line break", tr)
			}
		}
	})
}
