package onboarding_test

import (
	"testing"

	"github.com/iapeer/iapeer"
)

func TestInitClaude(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.init("boris")
	want := `{
  "mcpServers": {
    "iapeer": {
      "type": "http",
      "url": "http://127.0.0.1:8765/mcp",
      "headers": {
        "X-IAPeer-Identity": "claude-boris"
      }
    }
  }
}
`
	if got := w.read("boris/.mcp.json"); got != want {
		t.Errorf(".mcp.json = %s, want %s", got, want)
	}
	before := w.tree()
	if again := w.init("boris"); action(again, "mcp") != "kept" || action(again, "profile") != "kept" || action(again, "registry") != "kept" {
		t.Errorf("second init: %+v", again.Files)
	}
	if d := differs(before, w.tree()); d != "" {
		t.Errorf("second init changed:\n%s", d)
	}
	if w.has("was-run") {
		t.Error("a program was run")
	}
}

func TestRemoveTakesAllBack(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.folder("boris/.claude")
	w.write(".claude.json", `{"numStartups":3}`)
	w.write(".codex/config.toml", "model = \"x\" # mine\n")
	before := w.outside()
	w.init("boris", func(o *iapeer.Onboarding) { o.AcceptRisk = "yes" })
	w.run(iapeer.Onboarding{Verb: "remove", Name: "boris"})
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("remove left:\n%s", d)
	}
}
