// Package agents finds the pinned agent programs that tests run for real. They
// are looked for below $IAPEER_AGENTS_DIR, or .cache/agents in the module's
// root, where `make agents` installs them, each version in an npm prefix of its
// own. A test that asks for one that is absent is skipped, and says so.
package agents

import (
	"os"
	"path/filepath"
	"testing"
)

// Versions of claude and codex that tests run.
const (
	ClaudeOld = "2.1.197"
	ClaudeNew = "2.1.329"
	CodexOnly = "0.169.0"
)

// Claude returns the path of the claude program of a version.
func Claude(tb testing.TB, version string) string {
	tb.Helper()
	return find(tb, "claude-"+version, "claude")
}

// Codex returns the path of the codex program.
func Codex(tb testing.TB) string {
	tb.Helper()
	return find(tb, "codex-"+CodexOnly, "codex")
}

func find(tb testing.TB, prefix, program string) string {
	tb.Helper()
	p := filepath.Join(dir(tb), prefix, "node_modules", ".bin", program)
	if _, err := os.Stat(p); err != nil {
		tb.Skipf("SKIPPED: %s is not installed (%v); run make agents", prefix, err)
	}
	return p
}

// dir is where the programs are installed.
func dir(tb testing.TB) string {
	tb.Helper()
	if d := os.Getenv("IAPEER_AGENTS_DIR"); d != "" {
		return d
	}
	root, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, ".cache", "agents")
		}
		up := filepath.Dir(root)
		if up == root {
			tb.Fatal("no go.mod above the working directory: set IAPEER_AGENTS_DIR")
		}
		root = up
	}
}
