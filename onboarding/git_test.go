package onboarding_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding"
)

// repo makes a repository with one commit of the given files.
func (w *world) repo(rel string, files map[string]string) {
	w.t.Helper()
	w.folder(rel)
	w.git(rel, "init", "-q", "-b", "main")
	w.write(rel+"/README", "hello\n")
	for name, text := range files {
		w.write(rel+"/"+name, text)
	}
	w.git(rel, "add", "-A")
	w.git(rel, "commit", "-q", "-m", "one")
}

// TestGuestInARepository: commit, init, remove: no difference, at no time.
func TestGuestInARepository(t *testing.T) {
	const team = "{\n  \"mcpServers\": {\n    \"team\": {\"command\": \"x\"}\n  }\n}\n"
	for _, tc := range []struct {
		name, sub string
		files     map[string]string
		prepare   func(w *world)
		mcp       string
	}{
		{name: "plain", mcp: "created"},
		{name: "in a folder below", sub: "/pkg/[a] b*", mcp: "created"},
		{name: "tracked .mcp.json", files: map[string]string{".mcp.json": team}, mcp: "skipped"},
		{name: "tracked settings.local.json", files: map[string]string{".claude/settings.local.json": "{\"a\":1}\n"}, mcp: "created"},
		{name: "ignored already", files: map[string]string{".gitignore": ".mcp.json\n.claude/\n"}, mcp: "created"},
		{name: "tracked link to an untracked file", prepare: func(w *world) {
			w.write("outside.json", "{}")
			if err := os.Symlink("../outside.json", w.path("repo/.mcp.json")); err != nil {
				w.t.Fatal(err)
			}
			w.git("repo", "add", ".mcp.json")
			w.git("repo", "commit", "-q", "-m", "link")
		}, mcp: "skipped"},
		{name: "exclude without a last line break", prepare: func(w *world) { w.write("repo/.git/info/exclude", "# mine\n*.tmp") }, mcp: "created"},
		{name: "no info folder", prepare: func(w *world) {
			if err := os.RemoveAll(w.path("repo/.git/info")); err != nil {
				w.t.Fatal(err)
			}
		}, mcp: "created"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.install("claude", "codex")
			w.repo("repo", tc.files)
			if tc.prepare != nil {
				tc.prepare(w)
			}
			w.folder("repo" + tc.sub)
			before := w.outside()
			r := w.init("repo"+tc.sub, func(o *iapeer.Onboarding) { o.Name = "web" })
			if got := w.git("repo", "status", "--porcelain", "--untracked-files=all"); got != "" {
				t.Errorf("git status after init:\n%s", got)
			}
			if action(r, "mcp") != tc.mcp {
				t.Errorf("mcp %s, want %s", action(r, "mcp"), tc.mcp)
			}
			whole := w.tree()
			if again := w.init("repo"+tc.sub, func(o *iapeer.Onboarding) { o.Name = "web" }); action(again, "git exclude") == "updated" {
				t.Errorf("again: %+v", again.Files)
			}
			if d := differs(whole, w.tree()); d != "" {
				t.Errorf("a second init changed:\n%s", d)
			}
			w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
			if got := w.git("repo", "status", "--porcelain", "--untracked-files=all"); got != "" {
				t.Errorf("git status after remove:\n%s", got)
			}
			if d := differs(before, w.outside()); d != "" {
				t.Errorf("remove left:\n%s", d)
			}
		})
	}
}

func TestScopeProjectWritesTrackedFiles(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("web", map[string]string{".mcp.json": "{}\n"})
	r := w.init("web", func(o *iapeer.Onboarding) { o.Scope = "project" })
	if action(r, "mcp") != "updated" || !strings.Contains(w.read("web/.mcp.json"), "claude-web") {
		t.Errorf("mcp %s: %s", action(r, "mcp"), w.read("web/.mcp.json"))
	}
	if got := w.git("web", "status", "--porcelain"); got != " M .mcp.json\n" {
		t.Errorf("git status = %q", got)
	}
	if !w.has("web/.claude/settings.local.json") {
		t.Error("the server is not approved")
	}
}

// TestUntrackedMCPIsHidden: a .mcp.json of one's own is written and kept out of
// the next commit.
func TestUntrackedMCPIsHidden(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("web", nil)
	w.write("web/.mcp.json", "{}")
	w.init("web")
	if got := w.read("web/.git/info/exclude"); !strings.Contains(got, "\n/.mcp.json\n") {
		t.Errorf("exclude = %q", got)
	}
	w.run(iapeer.Onboarding{Verb: "remove", Name: "web"})
	if got := w.git("web", "status", "--porcelain"); got != "?? .mcp.json\n" {
		t.Errorf("git status after remove = %q", got)
	}
}

// TestCorruptMCPInARepository: the copy is hidden too.
func TestCorruptMCPInARepository(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("web", map[string]string{".gitignore": "/.mcp.json\n"})
	for _, bad := range []string{"{", "[", "("} {
		w.write("web/.mcp.json", bad)
		w.init("web")
		if got := w.git("web", "status", "--porcelain"); got != "" {
			t.Errorf("git status = %q", got)
		}
	}
}

func TestPapersOfAnotherPeer(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("api", map[string]string{".mcp.json": "{\n  \"mcpServers\": {\n    \"iapeer\": {\n      \"type\": \"http\",\n      \"url\": \"http://127.0.0.1:8765/mcp\",\n      \"headers\": {\n        \"X-IAPeer-Identity\": \"claude-api\"\n      }\n    }\n  }\n}\n"})
	w.init("api")
	w.git("api", "worktree", "add", "-q", "-b", "hotfix", "../api-hotfix")
	before := w.outside()
	_, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.path("api-hotfix")})
	var papers *onboarding.PapersError
	if !errors.As(err, &papers) {
		t.Fatalf("init = %v, want the papers of another peer", err)
	}
	want := `this folder carries the papers of another peer
  .mcp.json here        says claude-api (committed)
  peer api lives in     ~/api; this folder is its git worktree, branch hotfix
Nothing was changed. Either
  iapeer create api-hotfix --workdir .  a peer of its own; writes nothing into this folder
  iapeer init --personality api-hotfix  the same, with its files here (ignored by git)
More: iapeer help worktrees`
	if err.Error() != want {
		t.Errorf("%s\nwant\n%s", err, want)
	}
	if d := differs(before, w.outside()); d != "" {
		t.Errorf("something was changed:\n%s", d)
	}
	r := w.init("api-hotfix", func(o *iapeer.Onboarding) { o.Name = "api-hotfix" })
	if r.Name != "api-hotfix" || action(r, "mcp") != "skipped" {
		t.Errorf("init with a name = %+v", r)
	}
	if got := w.git("api-hotfix", "status", "--porcelain"); got != "" {
		t.Errorf("git status = %q", got)
	}
}

// TestCopiedFolder: a copy of a peer's folder is not that peer.
func TestCopiedFolder(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.init("api", func(o *iapeer.Onboarding) { o.Description = "serves" })
	for _, f := range []string{".iapeer/peer-profile.json", ".mcp.json", ".iapeer/IAPEER.md"} {
		w.write("copy/"+f, w.read("api/"+f))
	}
	w.write("older/.mcp.json", strings.Replace(w.read("api/.mcp.json"), "claude-api", "${PEER_IDENTITY:-claude-api}", 1))
	if _, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.path("older")}); err == nil || !strings.Contains(err.Error(), ".mcp.json here        says claude-api") {
		t.Errorf("init of an older copy = %v", err)
	}
	_, err := w.try(iapeer.Onboarding{Verb: "init", CWD: w.path("copy")})
	if err == nil || !strings.Contains(err.Error(), ".iapeer/peer-profile.json here  says api") {
		t.Errorf("init of the copy = %v", err)
	}
	r := w.init("copy", func(o *iapeer.Onboarding) { o.Name = "copy" })
	p, err := w.deps.Profiles.Profile(w.path("copy"))
	if err != nil || p.Name != "copy" || r.Name != "copy" || !strings.Contains(w.read("copy/.mcp.json"), "claude-copy") {
		t.Errorf("init with a name = %+v, profile %+v, %v", r, p, err)
	}
	if p, err := w.deps.Profiles.Profile(w.path("api")); err != nil || p.Name != "api" {
		t.Errorf("api's own profile = %+v, %v", p, err)
	}
}

// TestGitHookEnvironment: variables that point git elsewhere do not mislead us.
func TestGitHookEnvironment(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("other", map[string]string{".mcp.json": "{}"})
	w.repo("web", nil)
	t.Setenv("GIT_DIR", w.path("other/.git"))
	t.Setenv("GIT_INDEX_FILE", w.path("other/.git/index"))
	if r := w.init("web"); action(r, "mcp") != "created" || !strings.Contains(w.read("web/.git/info/exclude"), "/.mcp.json") {
		t.Errorf("init = %+v", r.Files)
	}
}

// TestWithoutGit: a work tree that cannot be asked about counts as tracked.
func TestWithoutGit(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("web", map[string]string{".mcp.json": "{}\n"})
	w.repo("api", nil)
	path := os.Getenv("PATH")
	t.Setenv("PATH", w.path("bin"))
	r := w.init("web")
	if action(r, "mcp") != "skipped" || w.read("web/.mcp.json") != "{}\n" {
		t.Errorf("mcp %s: %s", action(r, "mcp"), w.read("web/.mcp.json"))
	}
	if r := w.init("api"); action(r, "mcp") != "created" {
		t.Errorf("mcp %s", action(r, "mcp"))
	}
	t.Setenv("PATH", path)
	for _, repo := range []string{"web", "api"} {
		if got := w.git(repo, "status", "--porcelain", "--untracked-files=all"); got != "" {
			t.Errorf("%s: git status %q", repo, got)
		}
	}
}

// TestCommittedProfileStays: what a team shares is not rewritten for one host.
func TestCommittedProfileStays(t *testing.T) {
	w := newWorld(t)
	w.install("claude", "codex")
	w.repo("web", map[string]string{".iapeer/peer-profile.json": "{\"personality\":\"web\",\"default_runtime\":\"claude\"}\n"})
	r := w.init("web", func(o *iapeer.Onboarding) { o.Description = "new" })
	if got := w.git("web", "status", "--porcelain", "--untracked-files=all"); got != "" || action(r, "profile") != "kept" || len(r.Warnings) != 1 {
		t.Errorf("profile %s, warnings %q, git status %q", action(r, "profile"), r.Warnings, got)
	}
	if again := w.init("web"); action(again, "registry") != "kept" {
		t.Errorf("again: %+v", again.Files)
	}
	r = w.init("web", func(o *iapeer.Onboarding) { o.Description, o.Scope = "new", "project" })
	if got := w.git("web", "status", "--porcelain"); got != " M .iapeer/peer-profile.json\n" || action(r, "profile") != "updated" {
		t.Errorf("profile %s, git status %q", action(r, "profile"), got)
	}
}

// TestOddFolderNames: the line that hides a file hides that file only.
func TestOddFolderNames(t *testing.T) {
	w := newWorld(t)
	w.install("claude")
	w.repo("repo", nil)
	for i, name := range []string{"a ", "b\\c", "#x", "!y", "é", "q?", "[z]", "s*", "t\\ "} {
		w.init("repo/"+name, func(o *iapeer.Onboarding) { o.Name = "peer-" + string(rune('a'+i)) })
		if got := w.git("repo", "status", "--porcelain", "--untracked-files=all"); got != "" {
			t.Errorf("%q: git status %q", name, got)
		}
	}
	w.write("repo/qq/.mcp.json", "{}")
	w.write("repo/ss/.mcp.json", "{}")
	if got := w.git("repo", "status", "--porcelain", "--untracked-files=all"); got != "?? qq/.mcp.json\n?? ss/.mcp.json\n" {
		t.Errorf("others are hidden too: %q", got)
	}
}
