package repo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer/onboarding/disk"
)

// A Checkout is a branch in a work tree of its own, as it is or is to be.
type Checkout struct {
	Repo   string // the repository's main work tree
	Dir    string // the work tree, without links when it exists
	Branch string
	Start  string // what the branch begins at when it is to be made, else ""
	There  bool   // the work tree exists and has the branch
}

// What keeps [PlanCheckout] from a plan, besides the branch.
var (
	ErrNoRepo   = errors.New("is in no git repository; name one: --repo DIR")
	errNoCommit = errors.New("has no commit yet, and a work tree needs one")
)

// An InUseError tells that a branch is checked out elsewhere; git allows it in
// one work tree only.
type InUseError struct{ Branch, Dir string }

func (e *InUseError) Error() string {
	return fmt.Sprintf("is checked out in %s already; choose another branch, or work there: --workdir %s", e.Dir, e.Dir)
}

// PlanCheckout finds out what a work tree of branch at dir would take; dir ""
// is beside the main work tree, called <repository>-<name>. It changes nothing.
func PlanCheckout(ctx context.Context, from, branch, dir, name string) (Checkout, error) {
	list, err := list(ctx, from)
	if err != nil || len(list) == 0 {
		return Checkout{}, ErrNoRepo
	}
	c := Checkout{Repo: list[0].dir, Branch: branch, Dir: dir}
	if c.Dir == "" {
		c.Dir = filepath.Join(filepath.Dir(c.Repo), strings.TrimSuffix(filepath.Base(c.Repo), ".git")+"-"+name)
	}
	c.Dir = disk.RealPath(c.Dir)
	if _, err := git(ctx, c.Repo, "check-ref-format", "--branch", branch); err != nil {
		return c, fmt.Errorf("%q is no name for a branch", branch)
	}
	if i := slices.IndexFunc(list, func(t tree) bool { return t.branch == branch }); i >= 0 {
		if c.There = disk.SameFolder(list[i].dir, c.Dir); c.There {
			return c, nil
		}
		return c, &InUseError{branch, list[i].dir}
	}
	if disk.IsDir(c.Dir) {
		return c, fmt.Errorf("%s is there already and is no work tree of %s; choose another place: --workdir DIR", c.Dir, branch)
	}
	c.Start, err = start(ctx, c.Repo, branch)
	return c, err
}

// start is what a branch that is not there yet begins at: the one remote branch
// of its name, else what is checked out in the main work tree.
func start(ctx context.Context, repo, branch string) (string, error) {
	if _, err := git(ctx, repo, "rev-parse", "-q", "--verify", "refs/heads/"+branch); err == nil {
		return "", nil
	}
	out, err := git(ctx, repo, "for-each-ref", "--format=%(refname:short)", "refs/remotes/*/"+branch)
	if remote := strings.Fields(out); err == nil && len(remote) == 1 {
		return remote[0], nil
	}
	if _, err := git(ctx, repo, "rev-parse", "-q", "--verify", "HEAD"); err != nil {
		return "", fmt.Errorf("%s %w", repo, errNoCommit)
	}
	return "HEAD", nil
}

// Add makes the work tree, and the branch where it is not there.
func (c Checkout) Add(ctx context.Context) error {
	args := []string{"worktree", "add", "--quiet"}
	if c.Start != "" {
		args = append(args, "-b", c.Branch, "--", c.Dir, c.Start)
	} else {
		args = append(args, "--", c.Dir, c.Branch)
	}
	_, err := git(ctx, c.Repo, args...)
	return said(err)
}

// A Leftover is what a work tree holds that is nowhere else.
type Leftover struct {
	Changed  []string // files with changes that are not committed, and new ones, as git status names them
	Unmerged []string // commits that no other branch has, newest first: hash and subject
	Loose    []string // those of them that no branch at all has: HEAD is detached
	Head     string   // commit
}

// maxTold bounds the lists of commits in a [Leftover].
const maxTold = 50

// Inspect returns what would be lost with the work tree in dir and its branch.
func Inspect(ctx context.Context, dir, branch string) (l Leftover, err error) {
	out, err := git(ctx, dir, "status", "--porcelain", "--untracked-files=normal")
	if err != nil {
		return l, said(err)
	}
	l.Changed = lines(out)
	if out, err = git(ctx, dir, "rev-parse", "HEAD"); err != nil {
		return l, said(err)
	}
	l.Head = strings.TrimSpace(out)
	if l.Unmerged, err = only(ctx, dir, "--exclude="+branch, "--branches", "--exclude=*/"+branch, "--remotes"); err != nil {
		return l, err
	}
	l.Loose, err = only(ctx, dir, "--branches", "--remotes")
	return l, err
}

// only lists the commits of a work tree that are in none of the references.
func only(ctx context.Context, dir string, refs ...string) ([]string, error) {
	out, err := git(ctx, dir, append([]string{"log", "--format=%h %s", fmt.Sprintf("-%d", maxTold), "HEAD", "--not"}, refs...)...)
	return lines(out), said(err)
}

// Clean reports whether nothing would be lost.
func (l Leftover) Clean() bool { return len(l.Changed) == 0 && len(l.Unmerged) == 0 }

// Remove takes the work tree away; with force also one with changed files. Its
// branch stays.
func Remove(ctx context.Context, repo, dir string, force bool) error {
	args := []string{"worktree", "remove"}
	if force {
		args = append(args, "--force")
	}
	_, err := git(ctx, repo, append(args, "--", dir)...)
	return said(err)
}

// DropBranch deletes a branch that still is at the commit head.
func DropBranch(ctx context.Context, repo, branch, head string) error {
	out, err := git(ctx, repo, "rev-parse", "refs/heads/"+branch)
	if err != nil {
		return said(err)
	}
	if strings.TrimSpace(out) != head {
		return fmt.Errorf("branch %s has moved since; it stays", branch)
	}
	_, err = git(ctx, repo, "branch", "-q", "-D", "--", branch)
	return said(err)
}

// A tree is one work tree of a repository.
type tree struct{ dir, branch string }

// list returns all work trees of the repository that dir is in, the main one
// first. Those whose folder is gone count: git keeps their branch.
func list(ctx context.Context, dir string) ([]tree, error) {
	out, err := git(ctx, dir, "worktree", "list", "--porcelain")
	return parseTrees(out), err
}

// parseTrees reads what git worktree list --porcelain prints; see
// git-worktree(1). What it does not know is skipped.
func parseTrees(out string) (all []tree) {
	for _, line := range lines(out) {
		key, value, _ := strings.Cut(line, " ")
		switch {
		case key == "worktree":
			all = append(all, tree{dir: value})
		case key == "branch" && len(all) > 0:
			all[len(all)-1].branch = strings.TrimPrefix(value, "refs/heads/")
		}
	}
	return all
}

func lines(out string) []string {
	out = strings.Trim(out, "\n")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

// said is err in git's own words.
func said(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || len(exit.Stderr) == 0 {
		return err
	}
	return fmt.Errorf("git: %s", strings.TrimPrefix(strings.TrimSpace(string(exit.Stderr)), "fatal: "))
}
