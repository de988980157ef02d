// Package repo asks git about the work tree that a folder is in, and makes and
// takes away work trees of a branch. It never changes a tracked file, never
// deletes work that is nowhere else, and asks with optional locks off, so that a
// question does not disturb a person's git.
package repo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/iapeer/iapeer/onboarding/disk"
)

// gitTimeout bounds one question to git: a repository on a dead network mount
// must not hold onboarding up.
const gitTimeout = 10 * time.Second

// treeTimeout bounds the making of a work tree, which writes all its files.
const treeTimeout = 5 * time.Minute

// A Tree answers what git knows about the files of a folder. The zero value stands for a folder outside every work tree.
type Tree struct {
	Root    string // real path; "" outside a work tree
	Asked   bool   // git answered; otherwise all is by what lies on the disk
	Exclude string // the repository's info/exclude, absolute; "" when not known
	Common  string // the repository's own folder; equal for all its work trees
	Branch  string // checked out here; "" for a detached HEAD
}

// Look finds the work tree that dir is in. When there is one but git
// cannot be asked about it, every file there counts as tracked, because leaving
// a file alone does no harm.
func Look(ctx context.Context, dir string) Tree {
	out, err := git(ctx, dir, "rev-parse", "--show-toplevel", "--git-common-dir", "--git-path", "info/exclude")
	if lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n"); err == nil && len(lines) == 3 {
		// The second and third are relative to dir, and older versions of git cannot be told otherwise.
		w := Tree{Asked: true, Root: disk.RealPath(lines[0]), Common: disk.RealPath(within(dir, lines[1])), Exclude: within(dir, lines[2])}
		branch, _ := git(ctx, dir, "symbolic-ref", "--short", "-q", "HEAD")
		w.Branch = strings.TrimSpace(branch)
		return w
	}
	for at := dir; ; at = filepath.Dir(at) {
		if st, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			w := Tree{Root: at}
			if st.IsDir() {
				w.Exclude = filepath.Join(at, ".git", "info", "exclude")
			}
			return w
		}
		if at == filepath.Dir(at) {
			return Tree{}
		}
	}
}

// In reports, without asking git, whether dir may be in a work tree: most
// folders are not, and a process each would cost a fleet minutes.
func In(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
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

// Holds reports whether path lies in the work tree.
func (w Tree) Holds(path string) bool {
	return w.Root != "" && strings.HasPrefix(path, w.Root+string(filepath.Separator))
}

// Tracked reports whether the repository has path. A link counts with its
// target: to write through it changes what it points to.
func (w Tree) Tracked(ctx context.Context, path string) bool {
	target := disk.FollowLinks(path)
	return w.lists(ctx, path) || target != path && w.lists(ctx, target)
}

func (w Tree) lists(ctx context.Context, path string) bool {
	if !w.Holds(path) {
		return false
	}
	if !w.Asked {
		_, err := os.Lstat(path)
		return err == nil
	}
	out, err := git(ctx, w.Root, "ls-files", "-z", "--", ":(literal)"+path)
	return err != nil || out != ""
}

// ExcludeLine returns the line that hides path from git status, or "" when it
// needs none: outside a work tree, or ignored already.
func (w Tree) ExcludeLine(ctx context.Context, path string) string {
	if !w.Holds(path) || w.Exclude == "" {
		return ""
	}
	if w.Asked {
		if _, err := git(ctx, w.Root, "check-ignore", "-q", "--no-index", "--", path); err == nil {
			return ""
		}
	}
	rel, err := filepath.Rel(w.Root, path)
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
	limit := gitTimeout
	if args[0] == "worktree" {
		limit = treeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
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
