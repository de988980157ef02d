package onboarding_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding"
)

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
	o.Bin, o.Runtime = "", "" // neither is on the PATH of o.Env; both are known now
	if r := w.run(o); r.Runtime != "notifier" || len(r.Warnings) > 0 {
		t.Errorf("create again = %+v", r)
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
