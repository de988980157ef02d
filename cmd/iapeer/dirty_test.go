package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer/fleet/client"
)

// TestDirty: git is asked where it was wanted, once a folder, and not at all by
// programs.
func TestDirty(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("SKIP: %v", err)
	}
	dir := t.TempDir()
	var snap client.Snapshot
	for _, name := range []string{"clean", "changed", "plain"} {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "plain" {
			if out, err := exec.CommandContext(t.Context(), "git", "init", "-q", at).CombinedOutput(); err != nil {
				t.Fatalf("git init: %v, %s", err, out)
			}
		}
		snap.Peers = append(snap.Peers, client.Peer{Personality: name, CWD: at}, client.Peer{Personality: name + "-2", CWD: "/elsewhere", Workdir: at})
	}
	if err := os.WriteFile(filepath.Join(dir, "changed", "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, _, _ := quiet(t)
	if got := (&listCmd{}).dirty(t.Context(), w, snap); got != nil {
		t.Errorf("a program pays for %v", got)
	}
	got := (&listCmd{Dirty: true}).dirty(t.Context(), w, snap)
	if len(got) != 2 || !got[filepath.Join(dir, "changed")] || got[filepath.Join(dir, "clean")] {
		t.Errorf("dirty = %v, want only changed", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := uncommitted(ctx, []string{filepath.Join(dir, "changed")}); got[filepath.Join(dir, "changed")] {
		t.Error("without time something is told")
	}
}

func TestTopics(t *testing.T) {
	for name, text := range topics {
		for l := range strings.Lines(text) {
			if len(l) > 81 {
				t.Errorf("topic %s: %q would be broken", name, l)
			}
		}
		w, out, _ := quiet(t)
		if code := run(t.Context(), []string{"help", name}, w); code != 0 {
			t.Errorf("help %s = %d", name, code)
		}
		for l := range strings.Lines(out.String()) {
			if len(l) > w.columns()+1 {
				t.Errorf("help %s: %q is wider than %d", name, l, w.columns())
			}
		}
	}
}
