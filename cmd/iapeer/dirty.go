package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer/fleet/client"
)

// How long git may take to tell which folders have something that is not
// committed: for all of them together, as an extra at a terminal or when it was
// asked for; and how many are looked at at the same time.
const (
	dirtyMoment = 200 * time.Millisecond
	dirtyLimit  = 30 * time.Second
	dirtyAtOnce = 4
)

// dirty returns the folders of the peers in which something is not committed. A
// program that reads the list did not ask for it, and pays nothing.
func (c *listCmd) dirty(ctx context.Context, w *world, snap client.Snapshot) map[string]bool {
	limit := dirtyMoment
	switch {
	case c.Dirty:
		limit = dirtyLimit
	case !w.outTTY:
		return nil
	}
	var dirs []string
	seen := map[string]bool{}
	for _, p := range snap.Peers {
		if dir := p.Dir(); !seen[dir] && exists(filepath.Join(dir, ".git")) {
			dirs = append(dirs, dir)
		}
		seen[p.Dir()] = true
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return uncommitted(ctx, dirs)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// uncommitted asks git about folders until ctx ends. What it did not tell by
// then counts as committed.
func uncommitted(ctx context.Context, dirs []string) map[string]bool {
	var (
		mu   sync.Mutex
		all  = make(map[string]bool)
		wait sync.WaitGroup
		next = make(chan string)
	)
	for range min(dirtyAtOnce, len(dirs)) {
		wait.Go(func() {
			for dir := range next {
				changed := gitChanged(ctx, dir)
				mu.Lock()
				all[dir] = changed
				mu.Unlock()
			}
		})
	}
	for _, dir := range dirs {
		next <- dir
	}
	close(next)
	wait.Wait()
	return all
}

// gitChanged asks git without its locks, so that a question never stands in the
// way of a command.
func gitChanged(ctx context.Context, dir string) bool {
	if ctx.Err() != nil {
		return false
	}
	cmd := exec.CommandContext(ctx, "git", "-c", "core.fsmonitor=false", "--no-optional-locks", "status", "--porcelain", "--untracked-files=normal")
	cmd.Dir, cmd.WaitDelay = dir, dirtyMoment
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	out, err := cmd.Output()
	return err == nil && len(out) > 0
}
