package onboarding

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitTimeout bounds one question to git: a repository on a dead network mount
// must not hold onboarding up.
const gitTimeout = 10 * time.Second

// A workTree answers what git knows about the files of a peer's folder. The
// zero value stands for a folder outside every work tree.
type workTree struct {
	root    string // real path; "" outside a work tree
	asked   bool   // git answered; otherwise all is by what lies on the disk
	exclude string // the repository's info/exclude, absolute; "" when not known
	common  string // the repository's own folder; equal for all its work trees
	branch  string
}

// lookWorkTree finds the work tree that dir is in. When there is one but git
// cannot be asked about it, every file there counts as tracked, because leaving
// a file alone does no harm.
func lookWorkTree(ctx context.Context, dir string) workTree {
	out, err := git(ctx, dir, "rev-parse", "--show-toplevel", "--git-common-dir", "--git-path", "info/exclude")
	if lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n"); err == nil && len(lines) == 3 {
		// The second and third are relative to dir, and older versions of git cannot be told otherwise.
		w := workTree{asked: true, root: realPath(lines[0]), common: realPath(within(dir, lines[1])), exclude: within(dir, lines[2])}
		branch, _ := git(ctx, dir, "symbolic-ref", "--short", "-q", "HEAD")
		w.branch = strings.TrimSpace(branch)
		return w
	}
	for at := dir; ; at = filepath.Dir(at) {
		if st, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			w := workTree{root: at}
			if st.IsDir() {
				w.exclude = filepath.Join(at, ".git", "info", "exclude")
			}
			return w
		}
		if at == filepath.Dir(at) {
			return workTree{}
		}
	}
}

// within is path as seen from dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// holds reports whether path lies in the work tree.
func (w workTree) holds(path string) bool {
	return w.root != "" && strings.HasPrefix(path, w.root+string(filepath.Separator))
}

// tracked reports whether the repository has path. A link counts with its
// target: to write through it changes what it points to.
func (w workTree) tracked(ctx context.Context, path string) bool {
	target := followLinks(path)
	return w.lists(ctx, path) || target != path && w.lists(ctx, target)
}

func (w workTree) lists(ctx context.Context, path string) bool {
	if !w.holds(path) {
		return false
	}
	if !w.asked {
		_, err := os.Lstat(path)
		return err == nil
	}
	out, err := git(ctx, w.root, "ls-files", "-z", "--", ":(literal)"+path)
	return err != nil || out != ""
}

// excludeLine returns the line that hides path from git status, or "" when it
// needs none: outside a work tree, or ignored already.
func (w workTree) excludeLine(ctx context.Context, path string) string {
	if !w.holds(path) || w.exclude == "" {
		return ""
	}
	if w.asked {
		if _, err := git(ctx, w.root, "check-ignore", "-q", "--no-index", "--", path); err == nil {
			return ""
		}
	}
	rel, err := filepath.Rel(w.root, path)
	if err != nil {
		return ""
	}
	return "/" + escapePattern(filepath.ToSlash(rel))
}

// escapePattern spells a path so that gitignore(5) reads it literally.
func escapePattern(path string) string {
	path = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
	if trimmed := strings.TrimRight(path, " "); trimmed != path {
		path = trimmed + strings.Repeat(`\ `, len(path)-len(trimmed))
	}
	return path
}

// git asks git one question. Variables that point git elsewhere are left out,
// because the daemon or its caller may run inside a hook; optional locks are
// off, because a question must not disturb a person's git.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	out, err := cmd.Output()
	return string(out), err
}
