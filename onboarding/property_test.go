package onboarding_test

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iapeer/iapeer"
)

// draws of what a person's files may hold.
var (
	someKey   = rapid.SampledFrom([]string{"a", "b", "mcpServers", "iapeer", "enabledMcpjsonServers", "projects", "é \"x\""})
	someValue = rapid.SampledFrom([]any{1.5, "x", true, nil, []any{}, []any{"x", 2.0}, map[string]any{}, map[string]any{"url": "y"}})
	someTOML  = rapid.SampledFrom([]string{"", "# mine\n", "model = \"x\" # c\n", "a.b = 1", "[t]\nx = [1,\n 2]\n", "mcp_servers.z.url = \"q\"\n",
		"[mcp_servers.z]\r\nurl = \"q\"\r\n", "mcp_servers = { z = { url = \"q\" } }\n", "[mcp_servers.iapeer]\nurl = \"mine\"\n", "broken ="})
)

// someJSON draws a document in one of the usual spellings, or something that is
// none.
var someJSON = rapid.Custom(func(t *rapid.T) string {
	doc := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "keys") {
		doc[someKey.Draw(t, "key")] = someValue.Draw(t, "value")
	}
	if servers, ok := doc["mcpServers"].(map[string]any); ok && rapid.Bool().Draw(t, "more") {
		servers = map[string]any{"z": servers, "y": 1}
		doc["mcpServers"] = servers
	}
	b, _ := json.Marshal(doc)
	switch rapid.IntRange(0, 4).Draw(t, "spelling") {
	case 0:
		b, _ = json.MarshalIndent(doc, "", "  ")
		b = append(b, '\n')
	case 1:
		b, _ = json.MarshalIndent(doc, "", "\t")
	case 2:
		b, _ = json.MarshalIndent(doc, "", "    ")
		b = []byte(strings.ReplaceAll(string(b), "\n", "\r\n"))
	case 3:
		return string(b[:len(b)-1]) // torn
	}
	return string(b)
})

// TestInitIsAGuest: whatever stood there before, a second init changes no
// byte, and remove brings every byte back.
func TestInitIsAGuest(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := flag.Set("rapid.checks", "20"); err != nil { // each draw onboards three times, on a real disk
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := worldIn(t, t.TempDir())
		for _, p := range []string{"claude", "codex"} {
			if rapid.Bool().Draw(rt, p) {
				w.install(p)
			}
		}
		w.folder("web")
		for _, f := range []string{"web/.mcp.json", "web/.claude/settings.local.json", ".claude.json"} {
			if rapid.Bool().Draw(rt, f) {
				w.write(f, someJSON.Draw(rt, f))
			}
		}
		if rapid.Bool().Draw(rt, "config") {
			w.write(".codex/config.toml", someTOML.Draw(rt, "toml"))
		}
		before := w.outside()
		o := iapeer.Onboarding{Verb: "init", CWD: w.path("web"), Env: w.env, Runtime: rapid.SampledFrom([]string{"", "claude", "codex"}).Draw(rt, "runtime")}
		run := func(o iapeer.Onboarding) {
			if _, err := w.try(o); err != nil {
				rt.Fatalf("%s: %v", o.Verb, err)
			}
		}
		run(o)
		after := w.tree()
		run(o)
		if d := differs(after, w.tree()); d != "" {
			rt.Fatalf("a second init changed:\n%s", d)
		}
		run(iapeer.Onboarding{Verb: "init", CWD: w.folder("second"), Env: w.env})
		run(iapeer.Onboarding{Verb: "remove", Name: "web"})
		run(iapeer.Onboarding{Verb: "remove", Name: "second"})
		left := w.outside()
		delete(left, "second")
		if d := differs(before, left); d != "" {
			rt.Fatalf("remove left:\n%s", d)
		}
		if prints := w.read("root/state/iapeer/footprint.json"); !strings.Contains(prints, `"writes": []`) {
			rt.Fatalf("the record is not empty: %s", prints)
		}
	})
}
