package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

// TestDemo tells the story with shell scripts, as `make demo` does where no
// agent program is there.
func TestDemo(t *testing.T) {
	bin := t.TempDir()
	out, err := exec.Command("go", "build", "-o", bin, "../../cmd/iapeer", "../../cmd/iapeerd").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Setenv("EXEC", "1")
	if err := run(context.Background(), []string{bin}); err != nil {
		t.Fatal(err)
	}
}

// TestDemoStopsWhenInterrupted ends the story in the middle: it fails, and
// leaves no folder.
func TestDemoStopsWhenInterrupted(t *testing.T) {
	s, err := newSandbox(t.TempDir()) // no programs in it
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (&story{ctx: ctx, s: s, cast: &scripts{s: s}}).tell(); err == nil {
		t.Error("an interrupted demo succeeds")
	}
	if err := s.close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.home); err == nil {
		t.Errorf("%s is left", s.home)
	}
}
