package onboarding_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding"
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
		{"the daemon says", "http://127.0.0.1:1/mcp", `{"tcp":"http://127.0.0.1:4711/mcp"}`, "9999", "http://127.0.0.1:1/mcp", ""},
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
		{iapeer.Onboarding{Verb: "rename"}, "one of init, create, remove"},
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

// TestServiceWithoutProgram: an always-on peer that could never start is
// refused, and nothing is written.
func TestServiceWithoutProgram(t *testing.T) {
	w := newWorld(t)
	o := iapeer.Onboarding{Verb: "create", Name: "timer", Runtime: "notifier"}
	if _, err := w.try(o); err == nil || !strings.Contains(err.Error(), "notifier-runtime is not installed") {
		t.Errorf("create = %v", err)
	}
	if w.has("root/peers") {
		t.Error("it left a folder")
	}
	w.install("notifier-runtime")
	o.Bin = w.path("bin/notifier-runtime")
	o.Env = map[string]string{"HOME": w.home, "IAPEER_TEST_SANDBOX": "1"}
	if r := w.run(o); r.Bootstrap != "skipped-sandbox" || r.Nature != iapeer.Absent {
		t.Errorf("create with --bin = %+v", r)
	}
	if got := w.read("root/peers/timer/.iapeer/runtimes/notifier/launch.env"); !strings.Contains(got, "NOTIFIER_RUNTIME_BIN="+o.Bin+"\n") {
		t.Errorf("launch.env = %q", got)
	}
}

func TestExec(t *testing.T) {
	w := newWorld(t)
	w.install("tool")
	sink := w.write("src/sink.sh", "#!/bin/sh\n")
	if err := os.Chmod(sink, 0o755); err != nil {
		t.Fatal(err)
	}
	w.env["PWD"] = w.path("src")
	for _, tc := range []struct {
		runtime string
		argv    []string
		want    []string
		err     string
	}{
		{"exec", []string{"./sink.sh", "arg"}, []string{sink, "arg"}, ""},
		{"", []string{sink}, []string{sink}, ""},
		{"exec", []string{"tool", "-v"}, []string{w.path("bin/tool"), "-v"}, ""},
		{"exec", []string{"missing"}, []string{"missing"}, ""},
		{"exec", []string{"./none.sh"}, nil, "not a program"},
		{"exec", nil, nil, "needs its command"},
		{"claude", []string{"tool"}, nil, "only exec peers run a command"},
	} {
		o := iapeer.Onboarding{Verb: "create", Name: "sink", Runtime: tc.runtime, Exec: tc.argv}
		r, err := w.try(o)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s %q = %v, want %q", tc.runtime, tc.argv, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %q: %v", tc.runtime, tc.argv, err)
			continue
		}
		p, err := w.deps.Profiles.Profile(r.CWD)
		if err != nil || !slices.Equal(p.Settings.Exec, tc.want) {
			t.Errorf("%s %q: profile has %q, %v, want %q", tc.runtime, tc.argv, p.Settings.Exec, err, tc.want)
		}
		if r.Runtime != iapeer.RuntimeExec || r.Gated || w.has(".codex") || w.has("root/peers/sink/.mcp.json") || w.has("root/peers/sink/.iapeer/IAPEER.md") {
			t.Errorf("%s %q: %+v", tc.runtime, tc.argv, r)
		}
		w.run(iapeer.Onboarding{Verb: "create", Name: "sink", Runtime: tc.runtime}) // keeps its command
		w.run(iapeer.Onboarding{Verb: "remove", Name: "sink"})
		if err := os.RemoveAll(r.CWD); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPerson(t *testing.T) {
	w := newWorld(t)
	r := w.run(iapeer.Onboarding{Verb: "create", Name: "ada", Runtime: "cli", Nature: "natural"})
	if r.Nature != iapeer.Natural || r.Gated || r.CWD != w.path("root/peers/ada") || !r.Created || r.Next != "iapeer inbox" {
		t.Errorf("create = %+v", r)
	}
	if got := w.outside(); len(got) != 1 { // the home folder itself
		t.Errorf("a person needs nothing outside the root: %v", got)
	}
	if again := w.run(iapeer.Onboarding{Verb: "create", Name: "ada", Runtime: "cli", Nature: "natural"}); again.Created || action(again, "profile") != "kept" {
		t.Errorf("again = %+v", again)
	}
}

func TestCreateInItsOwnHome(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	r := w.run(iapeer.Onboarding{Verb: "create", Name: "Maria", Description: "Keeps the books."})
	if r.Name != "maria" || r.CWD != w.path("root/peers/maria") || !r.Created || r.Prompt != "replace" {
		t.Errorf("create = %+v", r)
	}
	if got := w.read("root/peers/maria/.iapeer/IAPEER.md"); !strings.HasPrefix(got, "# Peer doctrine\n") || !strings.Contains(got, "Keeps the books.") {
		t.Errorf("doctrine = %q", got)
	}
	again := w.run(iapeer.Onboarding{Verb: "create", Name: "maria"})
	peers, _ := w.deps.Registry.Peers()
	if again.Created || len(peers) != 1 || peers[0].Description != "Keeps the books." {
		t.Errorf("again = %+v, %v", again, peers)
	}
	there := w.run(iapeer.Onboarding{Verb: "create", Name: "other", CWD: w.path("src/other")})
	if there.CWD != w.path("src/other") || !there.Created || there.Prompt != "append" {
		t.Errorf("create in a folder = %+v", there)
	}
}

func TestDescription(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	describe := func(d string) string {
		w.init("web", func(o *iapeer.Onboarding) { o.Description = d })
		p, err := w.deps.Profiles.Profile(w.path("web"))
		if err != nil {
			t.Fatal(err)
		}
		return p.Description
	}
	long := strings.Repeat("я", iapeer.MaxDescriptionRunes)
	for _, tc := range []struct{ in, want string }{{"one", "one"}, {"", "one"}, {"  ", "one"}, {"two", "two"}, {long, long}, {long + "x", long}} {
		if got := describe(tc.in); got != tc.want {
			t.Errorf("description %.20q → %.20q, want %.20q", tc.in, got, tc.want)
		}
	}
}

// TestRiskIsAskedOnce: agents are gated until the person has answered.
func TestRiskIsAskedOnce(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	if r := w.init("a"); !r.Gated {
		t.Error("a new agent acts without asking before the person accepted it")
	}
	if r := w.init("b", func(o *iapeer.Onboarding) { o.AcceptRisk = "no" }); !r.Gated {
		t.Error("gated is what no means")
	}
	if got, err := onboarding.RiskAnswer(w.deps.Paths); got != "no" || err != nil {
		t.Errorf("RiskAnswer = %q, %v, want no", got, err)
	}
	w.env["IAPEER_ACCEPT_RISK"] = "1"
	if r := w.init("c"); r.Gated {
		t.Error("IAPEER_ACCEPT_RISK=1 accepts")
	}
	delete(w.env, "IAPEER_ACCEPT_RISK")
	if got, _ := onboarding.RiskAnswer(w.deps.Paths); got != "yes" {
		t.Errorf("RiskAnswer = %q, want yes", got)
	}
	if r := w.init("d"); r.Gated {
		t.Error("the answer is asked again")
	}
	if r := w.init("a"); r.Gated {
		t.Error("a stays gated for want of an answer that was given")
	}
	w.deps.AcceptRisk = "no"
	if r := w.init("f"); !r.Gated {
		t.Error("the configuration says no, and an earlier yes counted")
	}
	w.deps.AcceptRisk = ""
	if _, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.folder("e"), AcceptRisk: "maybe"}); err == nil {
		t.Error("maybe is no answer")
	}
	p, err := w.deps.Profiles.Profile(w.path("d"))
	if err != nil {
		t.Fatal(err)
	}
	p.Settings.Gated = true
	if err := w.deps.Profiles.PutProfile(p); err != nil {
		t.Fatal(err)
	}
	if r := w.init("d"); !r.Gated {
		t.Error("a peer that a person gated was opened")
	}
}

// TestOlderProfiles: what an older program wrote stays, and means what it
// meant.
func TestOlderProfiles(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	const old = `{
  "personality": "web",
  "default_runtime": "telegram",
  "runtimes": ["telegram"],
  "description": "old",
  "intelligence": "human",
  "notifier": {"x": 1}
}
`
	w.write("web/.iapeer/peer-profile.json", old)
	r := w.init("web", func(o *iapeer.Onboarding) { o.Runtime = "claude" })
	if r.Runtime != "telegram" || joined(r.Runtimes) != "telegram claude" || r.Nature != iapeer.Natural || !slices.Contains(r.Folders, "/") {
		t.Errorf("init = %+v", r)
	}
	got := w.read("web/.iapeer/peer-profile.json")
	for _, want := range []string{`"human"`, `"notifier": {"x": 1}`, `"description": "old"`} {
		if !strings.Contains(got, want) {
			t.Errorf("profile lost %s:\n%s", want, got)
		}
	}
}

func TestBadProfileIsNamed(t *testing.T) {
	w := newWorld(t)
	path := w.write("web/.iapeer/peer-profile.json", "{")
	if _, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.path("web")}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("init = %v", err)
	}
}

func TestSandboxGuard(t *testing.T) {
	w := newWorld(t)
	w.deps.Paths.Root = filepath.Join(w.home, ".iapeer")
	o := iapeer.Onboarding{Verb: "create", Name: "x", Runtime: "cli"}
	o.Env = map[string]string{"HOME": w.home, "IAPEER_TEST_SANDBOX": "1", "IAPEER_ROOT": "/elsewhere"}
	if _, err := w.try(o); err == nil || !strings.Contains(err.Error(), "IAPEER_TEST_SANDBOX") {
		t.Errorf("flag in the command's environment: %v", err)
	}
	o.Env = map[string]string{"HOME": w.home}
	w.deps.Getenv = func(k string) string { return map[string]string{"IAPEER_TEST_SANDBOX": "1"}[k] }
	if _, err := w.try(o); err == nil {
		t.Error("flag in the process's environment: not refused")
	}
	if w.has(".iapeer") {
		t.Error("the real root was touched")
	}
}
