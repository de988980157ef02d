package onboarding_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding"
)

// TestSeed: one key, under claude's own lock, taken back by remove.
func TestSeed(t *testing.T) {
	w := newWorld(t)
	file := w.write(".claude.json", "{\n  \"numStartups\": 3,\n  \"projects\": {\n    \"/x\": {}\n  }\n}\n")
	before := w.read(".claude.json")
	keys := []string{"projects", w.path("web"), "hasTrustDialogAccepted"}
	seed := func(ctx context.Context) error { return onboarding.Seed(ctx, w.deps.Paths, "web", file, keys, true) }
	if err := os.Mkdir(file+".lock", 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := seed(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Seed under a held lock = %v", err)
	}
	if got := w.read(".claude.json"); got != before {
		t.Errorf("it wrote under a held lock: %s", got)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(file+".lock", old, old); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := seed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Replace(before, "\"/x\": {}", "\"/x\": {},\n    \""+w.path("web")+"\": {\n      \"hasTrustDialogAccepted\": true\n    }", 1)
	if got := w.read(".claude.json"); got != want || w.has(".claude.json.lock") {
		t.Errorf(".claude.json = %s, want %s", got, want)
	}
	w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
	if got := w.read(".claude.json"); got != before {
		t.Errorf("after remove: %s", got)
	}
}

// TestTrustOnlyWhereClaudeIsUsed: init makes no state file for claude, and
// leaves it alone for another runtime.
func TestTrustOnlyWhereClaudeIsUsed(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.init("a")
	if w.has(".claude.json") {
		t.Error("init made .claude.json")
	}
	w.write(".claude.json", "{}")
	w.init("b", func(o *iapeer.Onboarding) { o.Runtime = "codex" })
	if got := w.read(".claude.json"); got != "{}" {
		t.Errorf("init --runtime codex wrote %s", got)
	}
	w.env["CLAUDE_CONFIG_DIR"] = w.path("cfg")
	w.write("cfg/.claude.json", "{}")
	w.init("c")
	if got := w.read("cfg/.claude.json"); !strings.Contains(got, w.path("c")) || w.read(".claude.json") != "{}" {
		t.Errorf("CLAUDE_CONFIG_DIR: %s", got)
	}
}

// TestManyAtOnce: commands of several callers all land.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	w.install("codex")
	w.write(".codex/config.toml", "# mine\n")
	names := []string{"a", "b", "c", "d", "e", "f"}
	var wg sync.WaitGroup
	errs := make([]error, len(names))
	for i, n := range names {
		o := iapeer.Onboarding{Verb: "init", CWD: w.folder(n), Env: w.env}
		wg.Go(func() { _, errs[i] = onboarding.Run(t.Context(), o, w.deps) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	peers, _ := w.deps.Registry.Peers()
	if len(peers) != len(names) || strings.Count(w.read(".codex/config.toml"), "[mcp_servers.iapeer]") != 1 {
		t.Errorf("%d peers, config %s", len(peers), w.read(".codex/config.toml"))
	}
	for _, n := range names {
		w.run(iapeer.Onboarding{Verb: "remove", Name: n})
	}
	if got := w.read(".codex/config.toml"); got != "# mine\n" {
		t.Errorf("config.toml = %q", got)
	}
}

// TestDiskErrorIsNamed: what cannot be written is named, and the same command
// goes on once it can.
func TestDiskErrorIsNamed(t *testing.T) {
	w := newWorld(t)
	w.install("codex")
	w.write(".codex", "a file where a folder should be")
	_, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.folder("web")})
	if err == nil || !strings.Contains(err.Error(), "codex config") || !strings.Contains(err.Error(), filepath.Join(w.home, ".codex")) {
		t.Fatalf("init = %v", err)
	}
	if err := os.Remove(w.path(".codex")); err != nil {
		t.Fatal(err)
	}
	w.init("web")
}
