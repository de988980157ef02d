package registry

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
)

const webProfile = `{"personality":"web","default_runtime":"claude","runtimes":["claude"],"description":"site","intelligence":"artificial","folders":["/data"],"approval_mode":"gated"}`

func TestProfileWins(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	cwd := folder(t, "web", webProfile)
	upsert(t, r, peer("web", cwd, "codex", "claude"), peer("gone", t.TempDir(), "claude"))
	changed, err := r.Reindex()
	if err != nil || len(changed) != 1 || changed[0] != "web" {
		t.Errorf("Reindex = %v, %v; want web", changed, err)
	}
	p, err := r.Peer("web")
	if err != nil || p.DefaultRuntime != "claude" || len(p.Runtimes) != 1 || p.Description != "site" || !p.Settings.Gated {
		t.Errorf("after reindex %+v, %v", p, err)
	}
	if _, err := r.Peer("gone"); err != nil {
		t.Errorf("a record without a profile must stay: %v", err)
	}
	if again, err := r.Reindex(); err != nil || len(again) != 0 {
		t.Errorf("second Reindex = %v, %v", again, err)
	}
	onDisk, err := open(t, paths).Peer("web")
	if err != nil || onDisk.DefaultRuntime != "claude" {
		t.Errorf("on disk %+v, %v", onDisk, err)
	}
}

func TestReindexKeepsTheWordOfTheNature(t *testing.T) {
	paths := newPaths(t)
	cwd := folder(t, "me", `{"personality":"me","default_runtime":"telegram","intelligence":"natural"}`)
	putIndex(t, paths, `{"version":2,"peers":[{"personality":"me","default_runtime":"telegram","intelligence":"human","cwd":"`+cwd+`","runtimes":["telegram"],"description":""}]}`)
	r := open(t, paths)
	if changed, err := r.Reindex(); err != nil || len(changed) != 0 {
		t.Errorf("Reindex = %v, %v; human is natural", changed, err)
	}
	putProfile(t, cwd, `{"personality":"me","default_runtime":"telegram","intelligence":"absent"}`)
	if _, err := r.Reindex(); err != nil || !strings.Contains(indexText(t, paths), `"absent"`) {
		t.Errorf("%v: %s", err, indexText(t, paths))
	}
}

func TestRefresh(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	cwd := folder(t, "web", webProfile)
	upsert(t, r, peer("web", cwd, "claude"))
	p, err := r.Refresh("web")
	if diff := cmp.Diff(iapeer.Settings{Gated: true, Folders: []string{"/data"}}, p.Settings); err != nil || diff != "" {
		t.Errorf("settings %v\n%s", err, diff)
	}

	putProfile(t, cwd, `{"personality":"web","default_runtime":"claude"`)
	if _, err := r.Refresh("web"); !errors.Is(err, ErrSetAside) || !strings.Contains(err.Error(), iapeer.Profile(cwd)+": is not JSON") {
		t.Errorf("broken profile: %v", err)
	}
	if got := r.Problems(); len(got) != 1 || got[0].Path != iapeer.Profile(cwd) || got[0].String() != got[0].Reason {
		t.Errorf("problems %+v", got)
	}
	putProfile(t, cwd, `{"personality":"api","default_runtime":"claude"}`)
	if _, err := r.Refresh("web"); !errors.Is(err, ErrSetAside) || !strings.Contains(err.Error(), `"personality" is api`) {
		t.Errorf("another peer's profile: %v", err)
	}
	putProfile(t, cwd, `{"personality":"web","default_runtime":"codex","description":"mended"}`)
	if p, err := r.Refresh("web"); err != nil || p.DefaultRuntime != "codex" || p.Description != "mended" {
		t.Errorf("mended profile: %+v, %v", p, err)
	}
	if err := os.RemoveAll(iapeer.PeerDir(cwd)); err != nil {
		t.Fatal(err)
	}
	if p, err := r.Refresh("web"); err != nil || p.Description != "mended" {
		t.Errorf("profile gone: %+v, %v", p, err)
	}
	if _, err := r.Refresh("ghost"); !errors.Is(err, iapeer.ErrUnknownPeer) {
		t.Errorf("ghost: %v", err)
	}
}

func TestRefreshMendsABadRecord(t *testing.T) {
	paths := newPaths(t)
	cwd := folder(t, "web", webProfile)
	putIndex(t, paths, `{"version":2,"peers":[{"personality":"web","default_runtime":"claude","runtimes":{},"cwd":"`+cwd+`"}]}`)
	r := open(t, paths)
	if p, err := r.Refresh("web"); err != nil || p.Description != "site" {
		t.Errorf("%+v, %v; want the profile", p, err)
	}
	if len(r.Problems()) != 0 {
		t.Errorf("problems %v", r.Problems())
	}
}

func TestRegistryEditProfile(t *testing.T) {
	r := open(t, newPaths(t))
	cwd := folder(t, "web", webProfile)
	upsert(t, r, peer("web", cwd, "claude"))
	p, changed, err := r.EditProfile(cwd, func(p *iapeer.Peer) error { p.Description = "shop"; return nil })
	if err != nil || !changed || p.Description != "shop" {
		t.Errorf("%+v, %v, %v", p, changed, err)
	}
	if p, err := r.Peer("web"); err != nil || p.Description != "shop" {
		t.Errorf("in memory %+v, %v", p, err)
	}
}

func TestVerify(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	good := folder(t, "web", webProfile)
	bad := folder(t, "folder", `{"personality":"bad","runtime":"codex","default_runtime":"claude","runtimes":["codex"],"description":7,
		"intelligence":"smart","wake_policy":"often","aliases":{},"interfaces":{"telegram":{"aliases":{}}},"initial_prompt":1}`)
	web := peer("web", good, "claude")
	web.Interfaces = json.RawMessage(`{"x":1}`)
	upsert(t, r, web, peer("bad", bad, "claude"))
	got, err := r.Verify()
	if err != nil || len(got) != 2 {
		t.Fatalf("Verify = %+v, %v", got, err)
	}
	want := Report{Name: "bad", CWD: bad, Issues: []Issue{
		{"error", "runtimes", `must contain the default runtime "claude"`},
		{"error", "description", "must be a string"},
		{"error", "intelligence", `"smart": a nature is artificial, natural or absent`},
		{"error", "initial_prompt", "must be a string"},
		{"warn", "personality", `is "bad", the folder is called "folder"`},
		{"warn", "runtime", `the old name of default_runtime says "codex", default_runtime says "claude"`},
		{"warn", "wake_policy", `"often" is not known; only "ephemeral" is`},
		{"warn", "aliases", "aliases belong into expansion.aliases"},
		{"warn", "interfaces.telegram.aliases", "aliases belong into expansion.aliases"},
	}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(Report{Name: "web", CWD: good, Drift: []string{"description", "interfaces"}}, got[1]); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got[0].Errors() != 4 || got[1].Errors() != 0 {
		t.Errorf("errors %d and %d", got[0].Errors(), got[1].Errors())
	}
	if issues := VerifyProfile(t.TempDir()); len(issues) != 1 || issues[0].Severity != "warn" {
		t.Errorf("no profile: %v", issues)
	}
}

func TestSameCWD(t *testing.T) {
	dir := folder(t, "web", "")
	link := t.TempDir() + "/link"
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{dir, dir + "/", true}, {dir, link, true}, {dir, t.TempDir(), false}, {"/not/there", "/not/there", true}, {"/not/there", dir, false},
	} {
		if got := SameCWD(tc.a, tc.b); got != tc.want {
			t.Errorf("SameCWD(%s, %s) = %v", tc.a, tc.b, got)
		}
	}
	r := open(t, newPaths(t))
	upsert(t, r, peer("web", dir, "claude"))
	if got := upsert(t, r, peer("web", link, "claude"))[0]; got.CWD != dir {
		t.Errorf("through a link the folder became %s", got.CWD)
	}
	if _, err := r.Upsert(peer("other", link, "claude")); !errors.Is(err, ErrTaken) {
		t.Errorf("another peer through a link: %v", err)
	}
}

// TestAudit: each finding names its file and the way out; fix mends drift and
// old field names of the peer that was asked for, and nothing else.
func TestAudit(t *testing.T) {
	paths := newPaths(t)
	reg := open(t, paths)
	for _, n := range []iapeer.Name{"web", "api", "gone"} {
		cwd := folder(t, string(n), `{"personality":"`+string(n)+`","runtime":"claude","runtimes":["claude"],"description":"old"}`)
		if _, err := reg.Upsert(iapeer.Peer{Name: n, CWD: cwd, DefaultRuntime: "claude", Description: "new"}); err != nil {
			t.Fatal(err)
		}
		if n == "gone" {
			if err := os.RemoveAll(cwd); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(name iapeer.Name, fix bool) (found, fixed int) {
		t.Helper()
		list, err := reg.Audit(name, fix)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if f.File == "" || f.Fix == "" || f.Message == "" {
				t.Errorf("a finding without file, message or way out: %+v", f)
			}
			if f.Fixed {
				fixed++
			}
		}
		return len(list), fixed
	}
	if found, fixed := count("", false); found != 5 || fixed != 0 {
		t.Errorf("found %d, mended %d, want 5 and 0", found, fixed)
	}
	if _, fixed := count("web", true); fixed != 2 {
		t.Errorf("mended %d of web, want 2", fixed)
	}
	if found, fixed := count("", true); found != 3 || fixed != 2 {
		t.Errorf("found %d, mended %d, want 3 and 2", found, fixed)
	}
	if found, _ := count("", false); found != 1 {
		t.Errorf("left %d, want the folder that is gone", found)
	}
	if p, err := open(t, paths).Peer("web"); err != nil || p.Description != "old" {
		t.Errorf("on disk %+v, %v", p, err)
	}
}
