package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

// snapshot is every file of the home outside iapeer's root and git's own
// bookkeeping, with its mode and bytes, and what git hides.
func (s *sandbox) snapshot() string { return s.snapshotOf(s.home) }

func (s *sandbox) snapshotOf(dir string) string {
	s.t.Helper()
	var all []string
	note := func(path string, d fs.DirEntry) error {
		line, err := describe(path, d)
		all = append(all, path+" "+line)
		return err
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == s.paths.Root {
			return fs.SkipDir
		}
		if d.Name() != ".git" {
			return note(path, d)
		}
		exclude := filepath.Join(path, "info", "exclude")
		info, err := os.Stat(exclude)
		if err != nil {
			return err
		}
		if err := note(exclude, fs.FileInfoToDirEntry(info)); err != nil {
			return err
		}
		return fs.SkipDir
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// named lists what the root keeps under a peer's name, besides the folders of
// peers and the logs.
func (s *sandbox) named(name string) (all []string) {
	s.t.Helper()
	err := filepath.WalkDir(s.paths.Root, func(path string, d fs.DirEntry, err error) error {
		first, _, _ := strings.Cut(d.Name(), ".")
		id, _ := iapeer.ParseIdentity(first)
		switch {
		case err != nil:
			return err
		case path == filepath.Join(s.paths.Root, "peers"), path == filepath.Join(s.paths.Root, "logs"):
			return fs.SkipDir
		case first == name, id.Name == iapeer.Name(name):
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// TestRemoveTakesBackWhatWasWritten makes peers of all kinds, has them work, and
// removes them, live ones too: the home is as it was, to the byte, and the root
// keeps nothing under their names.
func TestRemoveTakesBackWhatWasWritten(t *testing.T) {
	s := newSandbox(t)
	web := filepath.Join(s.home, "src", "web")
	write(t, filepath.Join(web, "main.go"), "package main\n")
	write(t, filepath.Join(web, ".mcp.json"), "{\n  \"mcpServers\": { \"a\": {\"command\": \"a\"} }\n}\n")
	write(t, filepath.Join(s.home, ".codex", "config.toml"), "# mine\n")
	write(t, filepath.Join(s.home, ".claude.json"), "{\"projects\": {}}\n")
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "main.go"}, {"-c", "user.name=a", "-c", "user.email=a@example.test", "commit", "-q", "-m", "first"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = web, s.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v, %s", args, err, out)
		}
	}
	s.cli("list")
	before := s.snapshot()
	s.cli("init", web, "--runtime", "claude")
	s.cli("create", "keeper", "--runtime", "codex")
	s.cli("create", "reviewer", "--workdir", web, "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo ok")
	s.cli("create", "fixer", "--worktree", "fix-login", "--repo", web, "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo ok")
	for _, name := range []string{"reviewer", "fixer"} {
		s.cli("create", "asks-"+name, "--runtime", "exec", "--", "true")
		s.send("exec-asks-"+name, name, "work", "--wait", "answered")
	}
	hosts := []int{s.hostPID("reviewer"), s.hostPID("fixer")}
	for _, name := range []string{"web", "keeper", "reviewer", "fixer", "asks-reviewer", "asks-fixer"} {
		_, planned, _ := strings.Cut(s.cli("remove", "--dry-run", name), "\n")
		_, done, _ := strings.Cut(s.cli("remove", name), "\n")
		for _, line := range strings.Split(planned, "\n") { // a session that is live at the plan leaves its files at its end
			if !strings.Contains(done, line) {
				t.Errorf("remove %s: planned %q, done\n%s", name, line, done)
			}
		}
	}
	for _, pid := range hosts {
		s.gone(pid)
	}
	if after := s.snapshot(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	for _, name := range []string{"keeper", "reviewer", "fixer"} {
		if list := s.named(name); len(list) > 0 {
			t.Errorf("the root keeps %v", list)
		}
		if _, err := os.Stat(s.paths.PeerHome(iapeer.Name(name))); err != nil {
			t.Errorf("the folder of %s: %v", name, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(s.paths.State(), "footprint.json"))
	if err != nil || strings.Contains(string(b), `"peers"`) {
		t.Errorf("the record of writes keeps %s, %v", b, err)
	}
}
