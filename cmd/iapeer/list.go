package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// listCmd implements "iapeer list".
type listCmd struct {
	Dirty bool `help:"Ask git which folders have something that is not committed, however long it takes."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*listCmd) Help() string {
	return `● awake  ◌ waking  ○ asleep  ▲ needs you  ✕ stopped  ◇ started by hand  ✗ set aside
The last column is the folder's git branch; * means that something is not
committed. At a terminal git is given a moment to tell, with --dirty all it needs.

Example:
  iapeer list --json`
}

// Run lists the peers.
func (c *listCmd) Run(ctx context.Context, w *world) error {
	fleet := w.fleet("")
	snap, err := fleet.Snapshot(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(render.ListJSON(snap))
	}
	dirty := c.dirty(ctx, w, snap)
	w.printf("%s", render.List(w.style(), snap, func(dir string) string {
		branch := branchOf(dir)
		if dirty[dir] {
			branch += "*"
		}
		return branch
	}))
	if line := fleet.Mismatch(); line != "" {
		w.note("%s", line)
	}
	return nil
}

// branchOf returns the git branch that is checked out in dir, "" when dir is
// not the top of a work tree. It reads two small files and runs no git.
func branchOf(dir string) string {
	git := filepath.Join(dir, ".git")
	b, err := os.ReadFile(git)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err == nil { // a linked work tree: .git is a file that names its folder
		git = strings.TrimSpace(strings.TrimPrefix(string(b), "gitdir:"))
		if !filepath.IsAbs(git) {
			git = filepath.Join(dir, git)
		}
	}
	head, err := os.ReadFile(filepath.Join(git, "HEAD"))
	if err != nil {
		return ""
	}
	text := strings.TrimSpace(string(head))
	if name, ok := strings.CutPrefix(text, "ref: refs/heads/"); ok {
		return name
	}
	return text[:min(len(text), 8)] // a detached HEAD: its commit
}
