package onboarding_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestMCPKeepsOthers(t *testing.T) {
	for _, tc := range []struct{ name, before, want, action string }{
		{"others and their order", "{\n    \"mcpServers\": {\n        \"z\": {\"command\": \"z\"},\n        \"a\": {}\n    },\n    \"x\": 1\n}\n",
			"{\n    \"mcpServers\": {\n        \"z\": {\"command\": \"z\"},\n        \"a\": {},\n        \"iapeer\": {\n            \"type\": \"http\",\n            \"url\": \"http://127.0.0.1:8765/mcp\",\n            \"headers\": {\n                \"X-IAPeer-Identity\": \"claude-web\"\n            }\n        }\n    },\n    \"x\": 1\n}\n", "updated"},
		{"ours with another port", "{\"mcpServers\":{\"iapeer\":{\"type\":\"http\",\"url\":\"http://127.0.0.1:1/mcp\",\"headers\":{\"X-IAPeer-Identity\":\"claude-web\"}}}}",
			"{\"mcpServers\":{\"iapeer\":{\"type\":\"http\",\"url\":\"http://127.0.0.1:8765/mcp\",\"headers\":{\"X-IAPeer-Identity\":\"claude-web\"}}}}", "updated"},
		{"ours, spelled otherwise", "{\"mcpServers\": {\"iapeer\": {\"url\":\"http://127.0.0.1:8765/mcp\",\n\"headers\":{\"X-IAPeer-Identity\":\"claude-web\"},\"type\":\"http\"}}}",
			"{\"mcpServers\": {\"iapeer\": {\"url\":\"http://127.0.0.1:8765/mcp\",\n\"headers\":{\"X-IAPeer-Identity\":\"claude-web\"},\"type\":\"http\"}}}", "kept"},
	} {
		w := newWorld(t)
		w.install("claude")
		w.write("web/.mcp.json", tc.before)
		before := w.outside()
		r := w.init("web")
		if got := w.read("web/.mcp.json"); got != tc.want || action(r, "mcp") != tc.action {
			t.Errorf("%s: %s, %s, want %s", tc.name, action(r, "mcp"), got, tc.want)
		}
		w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
		if d := differs(before, w.outside()); d != "" {
			t.Errorf("%s: remove left:\n%s", tc.name, d)
		}
	}
}

func TestMalformedMCPIsKeptAside(t *testing.T) {
	for _, bad := range []string{"{\"mcpServers\": {,}}", "[1, 2]", "// jsonc\n{}\n", "\x00\xff", "{\"mcpServers\": []}"} {
		w := newWorld(t)
		w.install("claude")
		w.write("web/.mcp.json", bad)
		r := w.init("web")
		if got := w.read("web/.mcp.json.corrupt.bak"); got != bad {
			t.Errorf("%q: the copy is %q", bad, got)
		}
		if got := w.read("web/.mcp.json"); !strings.Contains(got, `"claude-web"`) || len(r.Warnings) != 1 {
			t.Errorf("%q: fresh file %s, warnings %q", bad, got, r.Warnings)
		}
		again := w.init("web")
		if len(again.Warnings) != 0 {
			t.Errorf("%q: again: %q", bad, again.Warnings)
		}
		w.write("web/.mcp.json", "{ another")
		w.init("web")
		w.run(iapeer.Onboarding{Verb: "remove", Name: "web", DryRun: true})
		if first, second := w.read("web/.mcp.json.corrupt.bak"), w.read("web/.mcp.json.corrupt.bak.2"); first != bad || second != "{ another" {
			t.Errorf("%q: copies %q and %q", bad, first, second)
		}
		w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
		if got := w.read("web/.mcp.json"); got != "{ another" || w.read("web/.mcp.json.corrupt.bak") != bad {
			t.Errorf("%q: after remove %q", bad, got)
		}
	}
}

func TestApproval(t *testing.T) {
	for _, tc := range []struct{ name, before, want, action, warns string }{
		{"added to a list", `{"enabledMcpjsonServers": ["x"], "tui": "fancy"}`, `{"enabledMcpjsonServers": ["x", "iapeer"], "tui": "fancy"}`, "updated", ""},
		{"there already", `{"enabledMcpjsonServers":["iapeer"]}`, `{"enabledMcpjsonServers":["iapeer"]}`, "kept", ""},
		{"refused by the person", `{"disabledMcpjsonServers":["iapeer"]}`, `{"disabledMcpjsonServers":["iapeer"]}`, "kept", "disabledMcpjsonServers"},
		{"an array", `[1]`, `[1]`, "skipped", "left alone"},
		{"no JSON", `{"a":}`, `{"a":}`, "skipped", "left alone"},
		{"not a list", `{"enabledMcpjsonServers":true}`, `{"enabledMcpjsonServers":true}`, "skipped", "left alone"},
	} {
		w := newWorld(t)
		w.install("claude")
		w.write("web/.claude/settings.local.json", tc.before)
		before := w.outside()
		r := w.init("web")
		if got := w.read("web/.claude/settings.local.json"); got != tc.want || action(r, "claude settings") != tc.action {
			t.Errorf("%s: %s %s, want %s %s", tc.name, action(r, "claude settings"), got, tc.action, tc.want)
		}
		if got := strings.Join(r.Warnings, "\n"); !strings.Contains(got, tc.warns) || (tc.warns == "") != (got == "") {
			t.Errorf("%s: warnings %q, want %q", tc.name, got, tc.warns)
		}
		w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
		if d := differs(before, w.outside()); d != "" {
			t.Errorf("%s: remove left:\n%s", tc.name, d)
		}
	}
}

func TestMalformedCodexConfigIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.install("codex")
	w.write(".codex/config.toml", "a = \n")
	r := w.init("web")
	if got := w.read(".codex/config.toml"); got != "a = \n" || action(r, "codex config") != "skipped" {
		t.Errorf("%s: %q", action(r, "codex config"), got)
	}
	if got := strings.Join(r.Warnings, ""); !strings.Contains(got, "line 1") {
		t.Errorf("warnings %q, want the line", got)
	}
}

func TestCodexHome(t *testing.T) {
	w := newWorld(t)
	w.install("codex")
	w.env["CODEX_HOME"] = w.path("elsewhere")
	w.init("web")
	if w.has(".codex") || !strings.Contains(w.read("elsewhere/config.toml"), "[mcp_servers.iapeer]\nenabled = false\n") {
		t.Error("CODEX_HOME is not where the server was added")
	}
}

// TestLastPeerTakesSharedBack: what two peers stand on stays for the second.
func TestLastPeerTakesSharedBack(t *testing.T) {
	w := newWorld(t)
	w.install("codex")
	w.write(".codex/config.toml", "# mine\n")
	w.init("a")
	w.init("b")
	w.run(iapeer.Onboarding{Verb: "remove", Name: "a"})
	if got := w.read(".codex/config.toml"); !strings.Contains(got, "iapeer") {
		t.Errorf("b lost its server: %q", got)
	}
	w.run(iapeer.Onboarding{Verb: "remove", Name: "b"})
	if got := w.read(".codex/config.toml"); got != "# mine\n" {
		t.Errorf("config.toml = %q", got)
	}
}

// TestOthersServerIsNotOurs: a server that was there before us stays.
func TestOthersServerIsNotOurs(t *testing.T) {
	w := newWorld(t)
	w.install("codex")
	const mine = "[mcp_servers.iapeer]\nurl = \"mine\"\n"
	w.write(".codex/config.toml", mine)
	if r := w.init("a"); action(r, "codex config") != "kept" {
		t.Errorf("init: %s", action(r, "codex config"))
	}
	w.run(iapeer.Onboarding{Verb: "remove", Name: "a"})
	if got := w.read(".codex/config.toml"); got != mine {
		t.Errorf("config.toml = %q", got)
	}
}

func TestRemoveLeavesWhatChanged(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.init("web")
	w.write("web/.iapeer/IAPEER.md", "my own words")
	mcp := strings.Replace(w.read("web/.mcp.json"), `"iapeer": {`, `"mine": {}, "iapeer": {`, 1)
	w.write("web/.mcp.json", mcp)
	w.write(".codex/config.toml", strings.Replace(w.read(".codex/config.toml"), "approve", "prompt", 1))
	dry := w.run(iapeer.Onboarding{Verb: "remove", Name: "web", DryRun: true})
	r := w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
	if dry.DryRun = false; !reflect.DeepEqual(dry, r) {
		t.Errorf("dry: %+v\nreal: %+v", dry, r)
	}
	if got := w.read("web/.iapeer/IAPEER.md"); got != "my own words" {
		t.Errorf("doctrine = %q", got)
	}
	if !w.has("web/.iapeer/.gitignore") || w.has("web/.iapeer/peer-profile.json") {
		t.Error("what hides the doctrine from git stays, the untouched profile goes")
	}
	if got := w.read("web/.mcp.json"); !strings.Contains(got, `"mine": {}`) || strings.Contains(got, "iapeer") {
		t.Errorf(".mcp.json = %s", got)
	}
	if got := w.read(".codex/config.toml"); !strings.Contains(got, "prompt") || action(r, "codex config") != "kept" {
		t.Errorf("codex config %s: %s", action(r, "codex config"), got)
	}
	if again := w.run(iapeer.Onboarding{Verb: "remove", Name: "web"}); len(again.Files) != 1 || again.Files[0].Action != "kept" {
		t.Errorf("again = %+v", again.Files)
	}
	if !w.has("web") {
		t.Error("the folder is gone")
	}
}

// TestDryRun: the same report as a real run, and not a byte written.
func TestDryRun(t *testing.T) {
	for _, o := range []iapeer.Onboarding{
		{Verb: "init", AcceptRisk: "yes"},
		{Verb: "create", Name: "maria", Description: "Keeps the books."},
		{Verb: "create", Name: "there", CWD: "src/there"},
	} {
		w := newWorld(t)
		w.install("claude", "codex")
		w.write(".claude.json", "{}")
		w.write("web/.mcp.json", "broken")
		if o.Verb == "init" {
			o.CWD = w.path("web")
		} else if o.CWD != "" {
			o.CWD = w.path(o.CWD)
		}
		before := w.tree()
		o.DryRun = true
		dry := w.run(o)
		if d := differs(before, w.tree()); d != "" {
			t.Errorf("%s: a dry run changed:\n%s", o.Verb, d)
		}
		o.DryRun = false
		r := w.run(o)
		if dry.DryRun = false; !reflect.DeepEqual(dry, r) {
			t.Errorf("%s\n dry: %+v\nreal: %+v", o.Verb, dry, r)
		}
	}
}

func TestModes(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.write("web/.mcp.json", "{}")
	if err := os.Chmod(w.path("web/.mcp.json"), 0o664); err != nil {
		t.Fatal(err)
	}
	w.init("web", func(o *iapeer.Onboarding) { o.AcceptRisk = "yes" })
	for rel, want := range map[string]os.FileMode{
		"web/.mcp.json": 0o664, "web/.claude": 0o755, "web/.claude/settings.local.json": 0o644,
		"web/.iapeer": 0o700, "web/.iapeer/IAPEER.md": 0o600, "web/.iapeer/.gitignore": 0o600, "web/.iapeer/peer-profile.json": 0o600,
		"web/.iapeer/runtimes/claude": 0o700, "web/.iapeer/runtimes/claude/launch.env": 0o600,
		".codex/config.toml": 0o600, "root/IAPEER.md": 0o600, "root/state/iapeer/footprint.json": 0o600, "root/state/iapeer/risk.json": 0o600,
	} {
		st, err := os.Stat(w.path(rel))
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", rel, st.Mode().Perm(), err, want)
		}
	}
}

// TestLinksStayLinks: a write goes through a link to what it stands for.
func TestLinksStayLinks(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.write("dotfiles/config.toml", "# mine\n")
	w.write("dotfiles/mcp.json", "{}")
	w.folder(".codex")
	w.folder("web")
	for link, target := range map[string]string{".codex/config.toml": "../dotfiles/config.toml", "web/.mcp.json": w.path("dotfiles/mcp.json"), "web/.claude": "../dotfiles"} {
		if err := os.Symlink(target, w.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	before := w.outside()
	w.init("web")
	for _, link := range []string{".codex/config.toml", "web/.mcp.json", "web/.claude"} {
		if st, err := os.Lstat(w.path(link)); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more", link)
		}
	}
	if !strings.Contains(w.read("dotfiles/config.toml"), "iapeer") || !strings.Contains(w.read("dotfiles/mcp.json"), "iapeer") || !w.has("dotfiles/settings.local.json") {
		t.Error("the targets were not written")
	}
	w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
	if d := differs(before, w.outside()); d != "" && !strings.HasPrefix(d, "dotfiles/mcp.json") {
		t.Errorf("remove left:\n%s", d)
	}
}

func TestLaunchEnvIsNeverOverwritten(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	bin := w.path("bin/claude")
	w.init("web")
	skeleton := w.read("web/.iapeer/runtimes/claude/launch.env")
	for _, line := range strings.Split(strings.TrimSpace(skeleton), "\n") {
		if !strings.HasPrefix(line, "#") {
			t.Errorf("skeleton says %q", line)
		}
	}
	w.write("web/.iapeer/runtimes/claude/launch.env", "FOO=bar\n")
	w.init("web")
	if got := w.read("web/.iapeer/runtimes/claude/launch.env"); got != "FOO=bar\n" {
		t.Errorf("launch.env = %q", got)
	}
	w.init("web", func(o *iapeer.Onboarding) { o.Bin = bin })
	if got := w.read("web/.iapeer/runtimes/claude/launch.env"); got != "FOO=bar\nIAPEER_CLAUDE_BIN="+bin+"\n" {
		t.Errorf("launch.env with --bin = %q", got)
	}
	if _, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.path("web"), Bin: "claude"}); err == nil || !strings.Contains(err.Error(), `bin "claude"`) {
		t.Errorf("a relative --bin: %v", err)
	}
}

// TestFootprint: every write outside the root is in the record.
func TestFootprint(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.write(".claude.json", "{}")
	before := w.outside()
	w.init("web")
	prints := w.read("root/state/iapeer/footprint.json")
	for rel, was := range w.outside() {
		if before[rel] != was && !strings.Contains(prints, `"file": "`+w.path(rel)+`"`) && rel != "web" {
			t.Errorf("%s was written and is not recorded", rel)
		}
	}
	w.write("root/state/iapeer/footprint.json", "{")
	if _, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.path("web")}); err == nil || !strings.Contains(err.Error(), "footprint.json") {
		t.Errorf("init over a torn record = %v", err)
	}
}
