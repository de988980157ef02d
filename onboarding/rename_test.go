package onboarding_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/iapeer/iapeer"
)

func order(verb, name string, change ...func(*iapeer.Onboarding)) iapeer.Onboarding {
	o := iapeer.Onboarding{Verb: verb, Name: name}
	for _, c := range change {
		c(&o)
	}
	return o
}

func to(name string) func(*iapeer.Onboarding) { return func(o *iapeer.Onboarding) { o.NewName = name } }
func on(rt string) func(*iapeer.Onboarding)   { return func(o *iapeer.Onboarding) { o.Runtime = rt } }
func dry(o *iapeer.Onboarding)                { o.DryRun = true }
func force(o *iapeer.Onboarding)              { o.Force = true }

// TestRenameMovesTheOwnHome: folder, profile, record, papers, doctrine, trust and
// conversations of a peer that create made follow its name, and remove takes all
// of it back under the new one.
func TestRenameMovesTheOwnHome(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.write(".claude.json", "{}\n")
	w.write(".codex/config.toml", "model = \"m\"\n")
	before := w.outside()
	w.run(order("create", "old"))
	slug := strings.NewReplacer("/", "-", ".", "-").Replace(w.path("root/peers/old"))
	w.write(".claude/projects/"+slug+"/s1.jsonl", "{}")
	w.write("root/state/iapeer/attachments/old/x/a.txt", "a")
	w.write("root/state/sessions/claude-old/prompt.md", "p")
	w.write("root/state/sessions/claude-old-er/prompt.md", "p")
	planned := w.run(order("rename", "old", to("new"), dry))
	if w.has("root/peers/new") {
		t.Fatal("a dry run moved the folder")
	}
	r := w.run(order("rename", "old", to("new")))
	if got, want := len(planned.Files), len(r.Files); got != want {
		t.Errorf("planned %+v\ndone %+v", planned.Files, r.Files)
	}
	if r.Action != "renamed" || r.OldName != "old" || r.Name != "new" || len(r.Warnings) > 0 {
		t.Errorf("report = %+v", r)
	}
	for _, rel := range []string{"root/peers/old", "root/state/iapeer/attachments/old", "root/state/sessions/claude-old", ".claude/projects/" + slug} {
		if w.has(rel) {
			t.Errorf("%s is still there", rel)
		}
	}
	for _, rel := range []string{"root/peers/new/.iapeer/peer-profile.json", "root/state/iapeer/attachments/new/x/a.txt", "root/state/sessions/claude-old-er",
		".claude/projects/" + strings.TrimSuffix(slug, "old") + "new/s1.jsonl"} {
		if !w.has(rel) {
			t.Errorf("%s is not there", rel)
		}
	}
	for rel, want := range map[string]string{
		"root/peers/new/.mcp.json": `"claude-new"`, "root/peers/new/.iapeer/IAPEER.md": "You are new,", ".claude.json": "/root/peers/new\"",
		"root/peers-profiles.json": "/root/peers/new\"",
	} {
		if got := w.read(rel); !strings.Contains(got, want) || strings.Contains(got, "peers/old") || strings.Contains(got, "claude-old\"") {
			t.Errorf("%s = %s, want %s", rel, got, want)
		}
	}
	os.RemoveAll(w.path(".claude"))
	w.run(order("remove", "new"))
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("after remove:\n%s", d)
	}
}

// TestRenameLeavesAPersonsFolder: a project's folder keeps its name, and remove
// still takes everything back.
func TestRenameLeavesAPersonsFolder(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.folder("src/web")
	before := w.outside()
	w.init("src/web")
	w.write("src/web/.iapeer/IAPEER.md", "web is mine\n")
	r := w.run(order("rename", "web", to("site")))
	if r.CWD != w.path("src/web") || !strings.Contains(w.read("src/web/.mcp.json"), "claude-site") || w.read("src/web/.iapeer/IAPEER.md") != "web is mine\n" {
		t.Errorf("report %+v, .mcp.json %s", r, w.read("src/web/.mcp.json"))
	}
	if got := action(r, "doctrine"); got != "kept" {
		t.Errorf("doctrine %q, want kept", got)
	}
	if err := os.Remove(w.path("src/web/.iapeer/IAPEER.md")); err != nil {
		t.Fatal(err)
	}
	w.run(order("remove", "site"))
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("after remove:\n%s", d)
	}
}

// TestRenameRefused: nothing changes, and the reason names the way out.
func TestRenameRefused(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	for _, n := range []string{"web", "api"} {
		w.run(order("create", n))
	}
	w.folder("root/peers/there")
	lock, err := os.Create(filepath.Join(w.folder("root/state/supervisor"), "claude-api.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	before := w.tree()
	for _, tc := range []struct{ from, to, want string }{
		{"ghost", "x", `personality "ghost": no such peer`},
		{"web", "api", `newName "api": is the name of a peer in ~/root/peers/api`},
		{"web", "web", `newName "web": is its name already`},
		{"web", "42", `newName "42": a name is`},
		{"web", "there", `is there already`},
		{"api", "x", `its claude session is live; iapeer stop api first, or --force ends it`},
	} {
		if _, err := w.try(order("rename", tc.from, to(tc.to))); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("rename %s %s = %v, want %s", tc.from, tc.to, err, tc.want)
		}
	}
	if d := differs(before, w.tree()); d != "" && !strings.Contains(d, "onboarding.lock") {
		t.Errorf("a refusal changed:\n%s", d)
	}
}

// TestRenameGoesOn: one that was interrupted when its folder had moved is
// finished by the same command.
func TestRenameGoesOn(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.run(order("create", "old"))
	if err := os.Rename(w.path("root/peers/old"), w.path("root/peers/new")); err != nil {
		t.Fatal(err)
	}
	r := w.run(order("rename", "old", to("new")))
	if r.CWD != w.path("root/peers/new") || !strings.Contains(w.read("root/peers/new/.iapeer/peer-profile.json"), `"new"`) || len(r.Warnings) > 0 {
		t.Errorf("report = %+v", r)
	}
	if r := w.run(order("verify", "")); len(r.Findings) > 0 {
		t.Errorf("verify finds\n%s", found(r))
	}
}

// TestRuntimesOfAPeer: add, flip and back; the default changes by the one verb
// only, and remove finds the profile as it was written.
func TestRuntimesOfAPeer(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	before := w.outside()
	w.init("web")
	w.run(order("create", "sink", on("exec"), func(o *iapeer.Onboarding) { o.Exec = []string{"/bin/cat"} }))
	for _, tc := range []struct {
		o        iapeer.Onboarding
		action   string
		runtimes string
	}{
		{order("add-runtime", "web", on("codex"), dry), "added", "claude, codex"},
		{order("add-runtime", "web", on("codex")), "added", "claude, codex"},
		{order("add-runtime", "web", on("codex")), "already", "claude, codex"},
		{order("default-runtime", "web", on("codex"), dry), "flipped", "codex, claude"},
		{order("default-runtime", "web", on("codex")), "flipped", "codex, claude"},
		{order("default-runtime", "web", on("codex")), "already", "codex, claude"},
		{order("add-runtime", "web", on("claude")), "already", "codex, claude"},
		{order("default-runtime", "web", on("claude")), "flipped", "claude, codex"},
		{order("add-runtime", "sink", on("codex")), "skipped-infra-peer", "exec"},
		{order("default-runtime", "sink", on("codex")), "skipped-infra-peer", "exec"},
	} {
		r := w.run(tc.o)
		var got []string
		for _, rt := range r.Runtimes {
			got = append(got, string(rt))
		}
		if r.Action != tc.action || strings.Join(got, ", ") != tc.runtimes {
			t.Errorf("%s %s %s = %s %v, want %s %s", tc.o.Verb, tc.o.Name, tc.o.Runtime, r.Action, got, tc.action, tc.runtimes)
		}
	}
	for _, o := range []iapeer.Onboarding{
		order("add-runtime", "web", on("telegram")), order("add-runtime", "ghost", on("codex")), order("add-runtime", "web"),
		order("default-runtime", "web", on("exec")),
	} {
		if _, err := w.try(o); err == nil {
			t.Errorf("%s %s %q is not refused", o.Verb, o.Name, o.Runtime)
		}
	}
	w.run(order("remove", "web"))
	w.run(order("remove", "sink"))
	delete(before, "web")
	after := w.outside()
	delete(after, "web")
	if d := differs(before, after); d != "" {
		t.Errorf("after remove:\n%s", d)
	}
}

func TestDefaultRuntimeMustBeDeclared(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.init("web")
	_, err := w.try(order("default-runtime", "web", on("codex")))
	if err == nil || !strings.Contains(err.Error(), "add it first: iapeer add-runtime codex --peer web") {
		t.Errorf("default-runtime = %v", err)
	}
}
