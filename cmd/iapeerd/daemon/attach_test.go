package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestKeepFile(t *testing.T) {
	src, dir := t.TempDir(), filepath.Join(t.TempDir(), "attachments", "bob")
	from := filepath.Join(src, "plan.txt")
	if err := os.WriteFile(from, []byte("the plan"), 0o644); err != nil {
		t.Fatal(err)
	}
	first, err := keepFile(t.Context(), from, dir)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("the plan"))
	if want := filepath.Join(dir, hex.EncodeToString(sum[:]), "plan.txt"); first != want {
		t.Errorf("kept as %s, want %s", first, want)
	}
	again, err := keepFile(t.Context(), from, dir)
	if err != nil || again != first {
		t.Errorf("a second copy is %s, %v, want the first one", again, err)
	}
	if err := os.Remove(from); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(first)
	st, _ := os.Stat(first)
	if err != nil || string(b) != "the plan" || st.Mode().Perm() != 0o600 {
		t.Errorf("the copy holds %q, mode %v, %v", b, st.Mode(), err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".incoming-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestKeepFileRefuses(t *testing.T) {
	src := t.TempDir()
	pipe := filepath.Join(src, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(src, "none"): "no such file or directory", src: "not a regular file", pipe: "not a regular file",
	} {
		if got, err := keepFile(t.Context(), path, t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("keepFile(%s) = %s, %v, want %s", path, got, err, want)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	whole := filepath.Join(src, "file")
	if err := os.WriteFile(whole, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keepFile(gone, whole, t.TempDir()); err == nil {
		t.Error("copied for a caller that went away")
	}
}
