package onboarding_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

// project makes a repository with one commit.
func (w *world) project(rel string) {
	w.t.Helper()
	w.write(rel+"/main.go", "package main\n")
	w.git(rel, "init", "-q", "-b", "main")
	w.git(rel, "add", ".")
	w.git(rel, "commit", "-q", "-m", "first")
}

func (w *world) worktree(name, branch string, change ...func(*iapeer.Onboarding)) iapeer.Onboarding {
	return order("create", name, append([]func(*iapeer.Onboarding){func(o *iapeer.Onboarding) {
		o.Worktree, o.Repo = branch, w.path("src/web")
	}}, change...)...)
}

// TestWorkdir: nothing is written where the peer works, several may share the
// folder, and remove takes everything back.
func TestWorkdir(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.write(".claude.json", "{}\n")
	w.write("src/web/.mcp.json", `{"mcpServers": {"iapeer": {"headers": {"X-IAPeer-Identity": "claude-web"}}}}`)
	before := w.outside()
	at := func(o *iapeer.Onboarding) { o.Workdir = w.path("src/web") }
	first := w.run(order("create", "review", at))
	second := w.run(order("create", "audit", at))
	if first.Workdir != w.path("src/web") || first.CWD != w.path("root/peers/review") || len(first.Warnings) > 0 {
		t.Errorf("first = %+v", first)
	}
	if len(second.Warnings) != 1 || !strings.Contains(second.Warnings[0], "audit shares ~/src/web with review") {
		t.Errorf("second is told %q", second.Warnings)
	}
	for rel := range before {
		if strings.HasPrefix(rel, "src/") && w.outside()[rel] != before[rel] {
			t.Errorf("%s changed", rel)
		}
	}
	if !strings.Contains(w.read("root/peers/review/.iapeer/peer-profile.json"), `"workdir": "`+w.path("src/web")+`"`) || !strings.Contains(w.read(".claude.json"), "/src/web") {
		t.Errorf("profile %s, trust %s", w.read("root/peers/review/.iapeer/peer-profile.json"), w.read(".claude.json"))
	}
	if w.has("root/peers/review/.mcp.json") {
		t.Error("papers lie where nothing reads them")
	}
	again := w.run(order("create", "review"))
	if got := action(again, "profile"); got != "kept" || again.Workdir != first.Workdir {
		t.Errorf("created again: profile %s, workdir %s", got, again.Workdir)
	}
	if first.Prompt != "append" {
		t.Errorf("prompt = %s: a project's agent keeps the program's own", first.Prompt)
	}
	w.folder("src/api")
	moved := w.run(order("create", "audit", func(o *iapeer.Onboarding) { o.Workdir = w.path("src/api") }))
	home := w.run(order("create", "audit", func(o *iapeer.Onboarding) { o.Workdir = w.path("root/peers/audit") }))
	if moved.Workdir != w.path("src/api") || home.Workdir != "" || strings.Contains(w.read("root/peers/audit/.iapeer/peer-profile.json"), "workdir") {
		t.Errorf("moved to %q, then home: %q", moved.Workdir, home.Workdir)
	}
	w.run(order("remove", "review"))
	w.run(order("remove", "audit"))
	if err := os.Remove(w.path("src/api")); err != nil {
		t.Fatal(err)
	}
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("after remove:\n%s", d)
	}
}

func TestWorkdirRefused(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.folder("plain")
	w.project("src/web")
	w.git("src/web", "branch", "other")
	w.git("src/web", "worktree", "add", "-q", w.path("taken"), "other")
	w.folder("src/web-busy")
	w.folder("empty")
	w.git("empty", "init", "-q")
	before := w.outside()
	for _, tc := range []struct {
		o    iapeer.Onboarding
		want string
	}{
		{order("create", "a", func(o *iapeer.Onboarding) { o.Workdir = w.path("nowhere") }), "workdir \"" + w.path("nowhere") + "\": no such folder"},
		{order("create", "a", func(o *iapeer.Onboarding) { o.Workdir = "rel" }), `workdir "rel": give an absolute path`},
		{order("init", "", func(o *iapeer.Onboarding) { o.CWD, o.Workdir = w.path("plain"), w.path("src/web") }), "use iapeer create"},
		{order("create", "a", func(o *iapeer.Onboarding) { o.Repo = w.path("src/web") }), "goes with --worktree BRANCH"},
		{order("create", "a", func(o *iapeer.Onboarding) { o.Worktree, o.Repo = "x", w.path("plain") }), `repo "` + w.path("plain") + `": is in no git repository; name one: --repo DIR`},
		{order("create", "a", func(o *iapeer.Onboarding) { o.Worktree, o.Repo = "x", w.path("empty") }), "has no commit yet"},
		{w.worktree("a", "main"), `worktree "main": is checked out in ` + w.path("src/web") + ` already`},
		{w.worktree("a", "other"), "is checked out in " + w.path("taken")},
		{w.worktree("a", "-x"), "is no name for a branch"},
		{w.worktree("a", "a..b"), "is no name for a branch"},
		{w.worktree("busy", "fix"), "src/web-busy is there already"},
	} {
		if _, err := w.try(tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v = %v, want %s", tc.o, err, tc.want)
		}
	}
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("a refusal changed:\n%s", d)
	}
}

// TestWorktree: the work tree and its branch are made and taken away again, when
// nothing is in them that is nowhere else.
func TestWorktree(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.project("src/web")
	before := w.outside()
	plan := w.run(w.worktree("fix", "fix-login", dry))
	if w.has("src/web-fix") {
		t.Fatal("a dry run made the work tree")
	}
	r := w.run(w.worktree("fix", "fix-login"))
	if action(plan, "git worktree") != "created" || action(r, "git worktree") != "created" || r.Workdir != w.path("src/web-fix") {
		t.Errorf("plan %+v, report %+v", plan, r)
	}
	if got := w.git("src/web-fix", "status", "--porcelain", "--branch"); got != "## fix-login\n" {
		t.Errorf("git status = %q, want nothing on fix-login", got)
	}
	if got := action(w.run(w.worktree("fix", "fix-login")), "git worktree"); got != "kept" {
		t.Errorf("made again: %s, want kept", got)
	}
	gone := w.run(order("remove", "fix"))
	if action(gone, "git worktree") != "removed" || w.has("src/web-fix") || strings.Contains(w.git("src/web", "branch"), "fix-login") {
		t.Errorf("removed: %+v, branches %s", gone, w.git("src/web", "branch"))
	}
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("after remove:\n%s", d)
	}
}

// TestWorktreeWithWorkStays: what is not committed, and what is not merged, is
// named and left; force deletes files only, and a branch with commits stays.
func TestWorktreeWithWorkStays(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.project("src/web")
	w.run(w.worktree("fix", "fix-login"))
	w.write("src/web-fix/notes.txt", "mine")
	w.write("src/web-fix/more.go", "package main\n")
	w.git("src/web-fix", "add", "more.go")
	w.git("src/web-fix", "commit", "-q", "-m", "a start")
	for _, o := range []iapeer.Onboarding{order("remove", "fix", dry), order("remove", "fix"), order("remove", "fix")} {
		r := w.run(o)
		if !w.has("src/web-fix/notes.txt") || action(r, "git worktree") != "kept" || len(r.Warnings) != 1 ||
			!strings.Contains(r.Warnings[0], "?? notes.txt") || !strings.Contains(r.Warnings[0], "a start") || !strings.Contains(r.Warnings[0], "--force") {
			t.Fatalf("remove = %+v", r)
		}
	}
	plan := w.run(order("remove", "fix", dry, force))
	if !w.has("src/web-fix/notes.txt") || len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "?? notes.txt") || !strings.Contains(plan.Warnings[0], "branch fix-login stays") {
		t.Fatalf("what force would do: %+v", plan)
	}
	r := w.run(order("remove", "fix", force))
	if w.has("src/web-fix") || !slices.Equal(r.Warnings, plan.Warnings) || !strings.Contains(w.git("src/web", "log", "--oneline", "fix-login"), "a start") {
		t.Errorf("remove --force = %+v", r)
	}
	// A branch that was there before stays, and so does one that is merged by then.
	w.run(w.worktree("fix", "fix-login"))
	w.git("src/web", "merge", "-q", "fix-login")
	w.run(order("remove", "fix"))
	if w.has("src/web-fix") || !strings.Contains(w.git("src/web", "branch"), "fix-login") {
		t.Errorf("a merged one: work tree %v, branches %s", w.has("src/web-fix"), w.git("src/web", "branch"))
	}
}

// TestWorktreeOfTwo: it goes with the last peer that works in it, and commits
// on no branch keep it even from force.
func TestWorktreeOfTwo(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.project("src/web")
	w.run(w.worktree("fix", "fix-login"))
	w.run(order("create", "second", func(o *iapeer.Onboarding) { o.Workdir = w.path("src/web-fix") }))
	w.run(order("remove", "fix", force))
	if !w.has("src/web-fix/main.go") {
		t.Fatal("it went although second works in it")
	}
	w.git("src/web-fix", "checkout", "-q", "--detach")
	w.git("src/web-fix", "commit", "-q", "--allow-empty", "-m", "loose end")
	r := w.run(order("remove", "second", force))
	if !w.has("src/web-fix/main.go") || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "loose end") {
		t.Fatalf("commits on no branch: %+v", r)
	}
	w.git("src/web-fix", "checkout", "-q", "fix-login")
	if err := os.RemoveAll(w.path("root/peers/second")); err != nil {
		t.Fatal(err)
	}
	w.run(order("remove", "second"))
	if w.has("src/web-fix") {
		t.Error("the last one left it")
	}
}
