package onboarding_test

import (
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func fix(o *iapeer.Onboarding) { o.Fix = true }

// found returns the findings as lines.
func found(r iapeer.OnboardingReport) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.Severity + " " + f.Peer + " " + f.File + " " + f.Field + ": " + f.Message + "; " + f.Fix)
		if f.Fixed {
			b.WriteString(" [fixed]")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestVerifyOfAGoodFleet(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.project("src/web")
	w.init("src/web")
	w.run(order("create", "a"))
	w.run(w.worktree("b", "fix"))
	before := w.tree()
	r := w.run(order("verify", ""))
	if len(r.Findings) > 0 || r.Checked != 3 {
		t.Errorf("verify of %d peers finds\n%s", r.Checked, found(r))
	}
	w.run(order("verify", "", fix))
	if d := differs(before, w.tree()); d != "" {
		t.Errorf("it changed:\n%s", d)
	}
}

// TestVerifyFinds: each finding names peer, file, field and way out; --fix mends
// the safe ones only and says so.
func TestVerifyFinds(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	for _, n := range []string{"drift", "gone", "broken", "moved", "papers", "work"} {
		w.init("src/" + n)
	}
	w.folder("work")
	w.run(order("create", "at", func(o *iapeer.Onboarding) { o.Workdir = w.path("work") }))
	edit := func(rel, old, new string) {
		t.Helper()
		text := w.read(rel)
		if !strings.Contains(text, old) {
			t.Fatalf("%s has no %q: %s", rel, old, text)
		}
		w.write(rel, strings.Replace(text, old, new, 1))
	}
	edit("src/drift/.iapeer/peer-profile.json", `"description": ""`, `"description": "new"`)
	edit("src/broken/.iapeer/peer-profile.json", `"runtimes": [`, `"runtimes": [7,`)
	edit("src/papers/.mcp.json", "claude-papers", "claude-drift")
	edit("src/moved/.mcp.json", "8765", "1")
	for _, rel := range []string{"src/gone", "work"} {
		if err := os.RemoveAll(w.path(rel)); err != nil {
			t.Fatal(err)
		}
	}
	w.write("root/state/sessions/claude-ghost/prompt.md", "p")
	w.write("root/state/iapeer/attachments/ghost/x", "p")
	r := w.run(order("verify", ""))
	want := []string{
		"drift drift " + w.path("root/peers-profiles.json") + " description: differs from the profile, which is the truth; iapeer verify --fix\n",
		"error broken " + w.path("src/broken/.iapeer/peer-profile.json") + " runtimes: must be a list of strings; edit the file",
		"error gone " + w.path("src/gone") + " : the peer's folder is not there; bring it back, or: iapeer remove gone\n",
		"warn papers " + w.path("src/papers/.mcp.json") + " mcpServers.iapeer.headers: names claude-drift: ",
		"warn moved " + w.path("src/moved/.mcp.json") + " mcpServers.iapeer.url: is http://127.0.0.1:1/mcp, and the daemon is at http://127.0.0.1:8765/mcp; ",
		"error at " + w.path("root/peers/at/.iapeer/peer-profile.json") + " workdir: " + w.path("work") + " is not there",
		"warn ghost " + w.path("root/state/sessions/claude-ghost") + " : is left of a peer that is not registered; iapeer verify --fix\n",
		"warn ghost " + w.path("root/state/iapeer/attachments/ghost") + " : is left",
	}
	for _, line := range want {
		if !strings.Contains(found(r), line) {
			t.Errorf("no %q", line)
		}
	}
	if len(r.Findings) != len(want) {
		t.Errorf("%d findings, want %d:\n%s", len(r.Findings), len(want), found(r))
	}
	if one := w.run(order("verify", "papers")); len(one.Findings) != 1 {
		t.Errorf("of one peer:\n%s", found(one))
	}
	w.run(order("verify", "papers", fix))
	if !strings.Contains(w.read("src/papers/.mcp.json"), "claude-papers") || !w.has("root/state/sessions/claude-ghost") {
		t.Error("--fix of one peer does not mend that one alone")
	}
	mended := w.run(order("verify", "", fix))
	if got := strings.Count(found(mended), "[fixed]"); got != 4 {
		t.Errorf("%d mended, want 4:\n%s", got, found(mended))
	}
	if left := w.run(order("verify", "")); len(left.Findings) != 3 {
		t.Errorf("afterwards:\n%s", found(left))
	}
}

// TestVerifyOfCommittedPapers: a file of the repository is told and never
// changed.
func TestVerifyOfCommittedPapers(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.project("web")
	w.init("web")
	w.git("web", "add", "-f", ".mcp.json")
	w.git("web", "commit", "-q", "-m", "papers")
	before := w.read("web/.mcp.json")
	r := w.run(order("verify", "", fix))
	if !strings.Contains(found(r), "is committed and names claude-web: every clone and work tree carries its papers; take mcpServers.iapeer out of the file") || w.read("web/.mcp.json") != before {
		t.Errorf("found %s", found(r))
	}
}

// TestVerifyOfARegistryThatCannotBeRead: who is not known may still be there, so
// nothing is called a leftover.
func TestVerifyOfARegistryThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.init("web")
	w.write("root/peers-profiles.json", `{"version":2,"peers":[{"personality":"web"`)
	w.write("root/state/sessions/claude-ghost/prompt.md", "p")
	again := worldIn(t, w.home)
	r := again.run(order("verify", "", fix))
	if !strings.Contains(found(r), "error") || strings.Contains(found(r), "ghost") || !w.has("root/state/sessions/claude-ghost") {
		t.Errorf("found\n%s", found(r))
	}
}

// TestVerifyMovesTheAddress: when the daemon has another port, verify --fix
// brings every configuration along, and remove still takes all of it back.
func TestVerifyMovesTheAddress(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.write(".codex/config.toml", "# mine\nmodel = \"m\"\n")
	before := w.outside()
	w.init("web")
	w.env["IAPEER_PORT"] = "9999"
	if got := found(w.run(order("verify", ""))); strings.Count(got, "iapeer verify --fix") != 2 {
		t.Errorf("found\n%s", got)
	}
	if got := found(w.run(order("verify", "", fix))); strings.Count(got, "[fixed]") != 2 {
		t.Errorf("mended\n%s", got)
	}
	for _, rel := range []string{"web/.mcp.json", ".codex/config.toml"} {
		if got := w.read(rel); strings.Count(got, "9999") != 1 || strings.Contains(got, "8765") {
			t.Errorf("%s = %s", rel, got)
		}
	}
	if got := w.run(order("verify", "")); len(got.Findings) > 0 {
		t.Errorf("afterwards\n%s", found(got))
	}
	w.run(order("remove", "web"))
	after := w.outside()
	delete(after, "web")
	if d := differs(before, after); d != "" {
		t.Errorf("after remove:\n%s", d)
	}
}
