package onboarding_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestRuntimeChoice(t *testing.T) {
	for _, tc := range []struct {
		name      string
		explicit  string
		markers   []string
		installed []string
		want      iapeer.Runtime
		runtimes  string
		files     string // which of .mcp.json and config.toml are written
		warns     string
	}{
		{"explicit wins over the marker", "codex", []string{".claude"}, []string{"claude", "codex"}, "codex", "codex claude", "config.toml", ""},
		{"explicit touches its own files only", "claude", []string{".codex"}, []string{"claude", "codex"}, "claude", "claude codex", ".mcp.json", ""},
		{"explicit, not installed", "codex", nil, []string{"claude"}, "codex", "codex claude", "config.toml", "codex is not installed"},
		{"claude marker", "", []string{".claude"}, []string{"codex"}, "claude", "claude codex", ".mcp.json config.toml", "claude is not installed"},
		{"codex marker only", "", []string{".codex"}, []string{"claude"}, "codex", "codex claude", "config.toml", "codex is not installed"},
		{"both markers", "", []string{".claude", ".codex"}, []string{"claude", "codex"}, "claude", "claude codex", ".mcp.json config.toml", ""},
		{"no marker, both installed", "", nil, []string{"claude", "codex"}, "claude", "claude codex", ".mcp.json config.toml", ""},
		{"no marker, nothing installed", "", nil, nil, "claude", "claude", ".mcp.json", "claude is not installed"},
		{"no marker, codex only", "", nil, []string{"codex"}, "codex", "codex", "config.toml", ""},
		{"no marker, claude only", "", nil, []string{"claude"}, "claude", "claude", ".mcp.json", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.install(tc.installed...)
			for _, m := range tc.markers {
				w.folder("web/" + m)
			}
			r := w.init("web", func(o *iapeer.Onboarding) { o.Runtime = tc.explicit })
			if r.Runtime != tc.want || joined(r.Runtimes) != tc.runtimes {
				t.Errorf("runtime %s of %s, want %s of %s", r.Runtime, joined(r.Runtimes), tc.want, tc.runtimes)
			}
			var files []string
			if w.has("web/.mcp.json") {
				files = append(files, ".mcp.json")
			}
			if w.has(".codex/config.toml") {
				files = append(files, "config.toml")
			}
			if got := strings.Join(files, " "); got != tc.files {
				t.Errorf("wrote %q, want %q", got, tc.files)
			}
			if got := strings.Join(r.Warnings, "\n"); !strings.Contains(got, tc.warns) || (tc.warns == "") != (got == "") {
				t.Errorf("warnings %q, want %q", got, tc.warns)
			}
			if w.has("was-run") {
				t.Error("a program was run")
			}
			if again := w.init("web"); again.Runtime != r.Runtime || joined(again.Runtimes) != tc.runtimes {
				t.Errorf("again without a runtime: %s of %s", again.Runtime, joined(again.Runtimes))
			}
		})
	}
}

func joined(runtimes []iapeer.Runtime) string {
	var s []string
	for _, rt := range runtimes {
		s = append(s, string(rt))
	}
	return strings.Join(s, " ")
}

func TestSecondRuntimeKeepsTheDefault(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.init("web")
	w.install("codex")
	r := w.init("web", func(o *iapeer.Onboarding) { o.Runtime = "codex" })
	if r.Runtime != "claude" || joined(r.Runtimes) != "claude codex" {
		t.Errorf("runtime %s of %s, want claude of claude codex", r.Runtime, joined(r.Runtimes))
	}
}

func TestProgramsAreFoundAsFiles(t *testing.T) {
	w := newWorld(t)
	w.write(".local/bin/codex", "")
	if err := os.Chmod(w.path(".local/bin/codex"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.write("bin/claude", "not executable")
	if r := w.init("a"); r.Runtime != "codex" {
		t.Errorf("runtime %s, want codex from ~/.local/bin", r.Runtime)
	}
	w.env["IAPEER_CLAUDE_BIN"] = w.path(".local/bin/codex")
	if r := w.init("b"); r.Runtime != "claude" {
		t.Errorf("runtime %s, want claude from IAPEER_CLAUDE_BIN", r.Runtime)
	}
}

func TestDaemonURL(t *testing.T) {
	for _, tc := range []struct{ name, order, router, port, want, warns string }{
		{"nothing", "", "", "", "http://127.0.0.1:8765/mcp", ""},
		{"port", "", "", "9999", "http://127.0.0.1:9999/mcp", ""},
		{"bad port", "", "", "9999x", "http://127.0.0.1:8765/mcp", `IAPEER_PORT "9999x"`},
		{"port out of range", "", "", "65536", "http://127.0.0.1:8765/mcp", "IAPEER_PORT"},
		{"port with a zero in front", "", "", "0999", "http://127.0.0.1:8765/mcp", "IAPEER_PORT"},
		{"router.json", "", `{"sock":"/s","tcp":"http://127.0.0.1:4711/mcp","fleet":1}`, "9999", "http://127.0.0.1:4711/mcp", ""},
		{"router.json without tcp", "", `{"sock":"/s"}`, "9999", "http://127.0.0.1:9999/mcp", ""},
		{"torn router.json", "", `{"tcp":"ht`, "", "http://127.0.0.1:8765/mcp", ""},
		{"the daemon says", "http://127.0.0.1:1/mcp", `{"sock":"/s"}`, "9999", "http://127.0.0.1:1/mcp", ""},
		{"router.json and a command without a daemon", "http://127.0.0.1:1/mcp", `{"tcp":"http://127.0.0.1:4711/mcp"}`, "9999", "http://127.0.0.1:4711/mcp", ""},
	} {
		w := newWorld(t)
		w.install("claude")
		if tc.router != "" {
			w.write("root/state/iapeer/router.json", tc.router)
		}
		w.env["IAPEER_PORT"] = tc.port
		r := w.init("web", func(o *iapeer.Onboarding) { o.DaemonURL = tc.order })
		if got := w.read("web/.mcp.json"); !strings.Contains(got, `"`+tc.want+`"`) {
			t.Errorf("%s: .mcp.json = %s, want %s", tc.name, got, tc.want)
		}
		if got := strings.Join(r.Warnings, "\n"); !strings.Contains(got, tc.warns) || (tc.warns == "") != (got == "") {
			t.Errorf("%s: warnings %q, want %q", tc.name, got, tc.warns)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		verb, folder, given string
		want                iapeer.Name
		warns, err          string
	}{
		{"init", "web", "", "web", "", ""},
		{"init", "Café №2", "", "cafe-no-2", "", ""},
		{"init", "My Project", "", "my-project", "", ""},
		{"init", "web", "api", "api", "called api, its folder web", ""},
		{"init", "2nd", "", "", "", `personality "2nd"`},
		{"init", "2nd", "second", "second", "called second", ""},
		{"init", "😀", "", "", "", "--personality NAME"},
		{"init", "web", "①", "", "", `personality "①"`},
		{"create", "", "Maria", "maria", "", ""},
		{"create", "", "", "", "", "create needs a name"},
		{"create", "", "42", "", "", `personality "42"`},
	} {
		w := newWorld(t)
		w.install("claude")
		o := iapeer.Onboarding{Verb: tc.verb, Name: tc.given}
		if tc.folder != "" {
			o.CWD = w.folder(tc.folder)
		}
		before := w.tree()
		r, err := w.try(o)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) || !errors.Is(err, iapeer.ErrBadDraft) {
				t.Errorf("%s %q %q = %v, want %q", tc.verb, tc.folder, tc.given, err, tc.err)
			}
			delete(before, "root")
			after := w.tree()
			for k := range after {
				if k == "root" || strings.HasPrefix(k, "root/state") {
					delete(after, k)
				}
			}
			if d := differs(before, after); d != "" {
				t.Errorf("%s %q %q was refused but changed:\n%s", tc.verb, tc.folder, tc.given, d)
			}
			continue
		}
		if err != nil || r.Name != tc.want {
			t.Errorf("%s %q %q = %s, %v, want %s", tc.verb, tc.folder, tc.given, r.Name, err, tc.want)
		}
		if got := strings.Join(r.Warnings, "\n"); !strings.Contains(got, tc.warns) || (tc.warns == "") != (got == "") {
			t.Errorf("%s %q %q: warnings %q, want %q", tc.verb, tc.folder, tc.given, got, tc.warns)
		}
	}
}

func TestOneNameOneFolder(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.init("a/web")
	for _, tc := range []struct {
		o    iapeer.Onboarding
		want string
	}{
		{iapeer.Onboarding{Verb: "init", CWD: w.folder("b/web")}, "already exists at " + w.path("a/web") + ", refusing to re-point"},
		{iapeer.Onboarding{Verb: "create", Name: "web"}, "refusing to re-point"},
		{iapeer.Onboarding{Verb: "create", Name: "boris", CWD: w.path("a/web")}, `already holds peer "web"`},
		{iapeer.Onboarding{Verb: "init", Name: "boris", CWD: w.path("a/web")}, `already holds peer "web"`},
		{iapeer.Onboarding{Verb: "init", CWD: w.path("nowhere")}, "no such folder"},
		{iapeer.Onboarding{Verb: "init", CWD: "web"}, "absolute"},
		{iapeer.Onboarding{Verb: "init", CWD: w.home, Name: "me"}, ""},
		{iapeer.Onboarding{Verb: "recreate"}, "one of init, create, remove"},
		{iapeer.Onboarding{Verb: "init", CWD: w.folder("c"), Scope: "all"}, "only project"},
	} {
		_, err := w.try(tc.o)
		if tc.want == "" && err == nil {
			continue
		}
		if err == nil || tc.want == "" || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v = %v, want %q", tc.o, err, tc.want)
		}
	}
}

func TestTheRootIsNoPeer(t *testing.T) {
	w := newWorld(t)
	w.deps.Paths.Root = w.path(".iapeer")
	if _, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.home, Name: "me"}); err == nil || !strings.Contains(err.Error(), "its own root") {
		t.Errorf("init of the folder around the root = %v", err)
	}
}

// TestSessionGate: a session cannot make its folder somebody else.
func TestSessionGate(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	for _, tc := range []struct {
		verb, key, value string
		refused          bool
	}{
		{"init", "PEER_PERSONALITY", "boris", true},
		{"init", "PEER_PERSONALITY", "Web", false},
		{"init", "PEER_IDENTITY", "claude-boris", true},
		{"init", "PEER_IDENTITY", "claude-web", false},
		{"create", "PEER_PERSONALITY", "boris", false},
		{"create", "PEER_IDENTITY", "claude-boris", false},
	} {
		o := iapeer.Onboarding{Verb: tc.verb, CWD: w.folder("web"), DryRun: true,
			Env: map[string]string{"HOME": w.home, "PATH": w.path("bin"), tc.key: tc.value}}
		if tc.verb == "create" {
			o.Name = "web"
		}
		if _, err := w.try(o); (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), tc.key) {
			t.Errorf("%s with %s=%s: %v", tc.verb, tc.key, tc.value, err)
		}
	}
}

func TestNatures(t *testing.T) {
	for _, tc := range []struct {
		runtime, given string
		want           iapeer.Nature
		err            string
	}{
		{"claude", "", iapeer.Artificial, ""},
		{"claude", "natural", "", `intelligence "natural" is not valid for runtime "claude" — allowed: artificial`},
		{"cli", "", iapeer.Natural, ""},
		{"cli", "human", iapeer.Natural, ""},
		{"exec", "", iapeer.Absent, ""},
		{"exec", "artificial", iapeer.Artificial, ""},
		{"claude", "wise", "", `intelligence "wise"`},
		{"telegram", "", iapeer.Natural, ""},
		{"telegram", "absent", iapeer.Absent, ""},
		{"telegram", "artificial", "", `not valid for runtime "telegram"`},
		{"webhook", "", "", `runtime "webhook": no such runtime`},
		{"Claude", "", "", `runtime "Claude"`},
	} {
		w := newWorld(t)
		w.install("claude", "telegram-runtime", "run")
		o := iapeer.Onboarding{Verb: "create", Name: "x", Runtime: tc.runtime, Nature: tc.given}
		if tc.runtime == "exec" {
			o.Exec = []string{"run"}
		}
		r, err := w.try(o)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s as %q = %v, want %q", tc.runtime, tc.given, err, tc.err)
			}
			if w.has("root/peers/x") {
				t.Errorf("%s as %q was refused, but left a folder", tc.runtime, tc.given)
			}
			continue
		}
		if err != nil || r.Nature != tc.want {
			t.Errorf("%s as %q = %s, %v, want %s", tc.runtime, tc.given, r.Nature, err, tc.want)
		}
		p, err := w.deps.Profiles.Profile(r.CWD)
		peers, _ := w.deps.Registry.Peers()
		if err != nil || p.Nature != tc.want || len(peers) != 1 || peers[0].Nature != tc.want {
			t.Errorf("%s as %q: profile %s, registry %v, %v", tc.runtime, tc.given, p.Nature, peers, err)
		}
	}
}
