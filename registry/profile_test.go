package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// folder makes a peer's folder called base, with a profile if there is one.
func folder(tb testing.TB, base, profile string) string {
	tb.Helper()
	cwd := filepath.Join(tb.TempDir(), base)
	putProfile(tb, cwd, profile)
	return cwd
}

func putProfile(tb testing.TB, cwd, profile string) {
	tb.Helper()
	if err := os.MkdirAll(iapeer.PeerDir(cwd), 0o700); err != nil {
		tb.Fatal(err)
	}
	if profile == "" {
		return
	}
	if err := writeFile(iapeer.Profile(cwd), []byte(profile)); err != nil {
		tb.Fatal(err)
	}
}

func profileText(tb testing.TB, cwd string) string {
	tb.Helper()
	b, err := os.ReadFile(iapeer.Profile(cwd))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// edit runs EditProfile and requires that it works.
func edit(tb testing.TB, cwd string, fn func(*iapeer.Peer)) (iapeer.Peer, bool) {
	tb.Helper()
	p, changed, err := EditProfile(cwd, zap.NewNop(), func(p *iapeer.Peer) error { fn(p); return nil })
	if err != nil {
		tb.Fatal(err)
	}
	return p, changed
}

func TestReadProfile(t *testing.T) {
	base := iapeer.Peer{Name: "web", DefaultRuntime: "claude", Runtimes: []iapeer.Runtime{"claude"}, Nature: iapeer.Artificial,
		Settings: iapeer.Settings{Folders: []string{"/"}}}
	with := func(fn func(*iapeer.Peer)) iapeer.Peer { p := clonePeer(base); fn(&p); return p }
	for _, tc := range []struct {
		name, in string
		want     iapeer.Peer
	}{
		{"least", `{"personality":"web","default_runtime":"claude"}`, base},
		{"spelled name", `{"personality":"Web","default_runtime":"claude"}`, base},
		{"legacy runtime", `{"personality":"web","runtime":"claude"}`, base},
		{"default from runtimes", `{"personality":"web","runtimes":["claude"]}`, base},
		{"default first, no doubles", `{"personality":"web","default_runtime":"codex","runtimes":["claude","codex","claude"]}`,
			with(func(p *iapeer.Peer) {
				p.DefaultRuntime, p.Runtimes = "codex", []iapeer.Runtime{"codex", "claude"}
			})},
		{"legacy nature", `{"personality":"web","default_runtime":"telegram","intelligence":"human"}`,
			with(func(p *iapeer.Peer) {
				p.DefaultRuntime, p.Runtimes = "telegram", []iapeer.Runtime{"telegram"}
				p.Nature, p.RawNature = iapeer.Natural, "human"
			})},
		{"lifecycle", `{"personality":"web","default_runtime":"claude","wake_policy":"ephemeral","approval_mode":"gated","initial_prompt":"hi"}`,
			with(func(p *iapeer.Peer) {
				p.Settings.Ephemeral, p.Settings.Gated, p.Settings.InitialPrompt = true, true, "hi"
			})},
		{"unknown lifecycle words", `{"personality":"web","default_runtime":"claude","wake_policy":"warm","approval_mode":"yolo","initial_prompt":7}`, base},
		{"ours", `{"personality":"web","default_runtime":"exec","intelligence":"absent","prompt":"replace","folders":["/a"],"exec":["./run","x"],"restart":"always"}`,
			with(func(p *iapeer.Peer) {
				p.DefaultRuntime, p.Runtimes, p.Nature, p.RawNature = "exec", []iapeer.Runtime{"exec"}, iapeer.Absent, "absent"
				p.Settings = iapeer.Settings{ReplacePrompt: true, Folders: []string{"/a"}, Exec: []string{"./run", "x"}, Restart: "always"}
			})},
		{"no folders", `{"personality":"web","default_runtime":"claude","folders":[]}`,
			with(func(p *iapeer.Peer) { p.Settings.Folders = []string{} })},
		{"works elsewhere", `{"personality":"web","default_runtime":"claude","workdir":"/src/web"}`,
			with(func(p *iapeer.Peer) { p.Settings.Workdir = "/src/web" })},
		{"description on one line", `{"personality":"web","default_runtime":"claude","description":" two\n  lines "}`,
			with(func(p *iapeer.Peer) { p.Description = "two lines" })},
	} {
		cwd := folder(t, "web", tc.in)
		tc.want.CWD = cwd
		got, err := ReadProfile(cwd)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", tc.name, diff)
		}
	}
}

func TestReadProfileErrors(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"{\n\"personality\": \"web\",\n}", "is not JSON: invalid character '}' looking for beginning of object key string (line 3)"},
		{`[]`, "must be a JSON object"},
		{`{}`, `"personality" must name the peer`},
		{`{"personality":" "}`, `"personality" must name the peer`},
		{`{"personality":7}`, `"personality" must be a string (line 1)`},
		{`{"personality":"42"}`, `"personality" "42" is no name`},
		{`{"personality":"web"}`, `"default_runtime" is missing`},
		{`{"personality":"web","default_runtime":"cl-aude"}`, `"default_runtime" "cl-aude" is no runtime`},
		{`{"personality":"web","runtime":""}`, `"runtime" "" is no runtime`},
		{"{\"personality\":\"web\",\n\"runtimes\":\n\"claude\"}", `"runtimes" must be a list of strings (line 3)`},
		{`{"personality":"web","runtimes":["claude",null]}`, `"runtimes" must be a list of strings`},
		{`{"personality":"web","runtimes":["Claude"]}`, `"runtimes" has "Claude"`},
		{`{"personality":"web","default_runtime":"claude","interfaces":[]}`, `"interfaces" must be an object`},
		{`{"personality":"web","default_runtime":"claude","intelligence":"smart"}`, `"intelligence" "smart": a nature is`},
		{`{"personality":"web","default_runtime":"claude","folders":["src"]}`, `"folders" has "src": folders are absolute paths`},
		{`{"personality":"web","default_runtime":"exec","exec":"./run"}`, `"exec" must be a list of strings`},
		{`{"personality":"web","default_runtime":"claude","workdir":"src"}`, `"workdir" "src": the folder to work in is an absolute path`},
		{`{"personality":"web","default_runtime":"claude","workdir":7}`, `"workdir" must be a string`},
	} {
		cwd := folder(t, "web", tc.in)
		_, err := ReadProfile(cwd)
		var pe *ProfileError
		if !errors.As(err, &pe) || !strings.Contains(err.Error(), iapeer.Profile(cwd)+": "+tc.want) {
			t.Errorf("ReadProfile of %s = %v, want %s", tc.in, err, tc.want)
		}
		if _, _, err := EditProfile(cwd, zap.NewNop(), func(*iapeer.Peer) error { return nil }); err == nil || profileText(t, cwd) != tc.in {
			t.Errorf("EditProfile of %s = %v; a profile that cannot be read must stay as it is", tc.in, err)
		}
	}
	if _, err := ReadProfile(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no profile: %v", err)
	}
}

func TestNewProfile(t *testing.T) {
	cwd := folder(t, "web", "")
	_, changed := edit(t, cwd, func(p *iapeer.Peer) {
		p.Name, p.DefaultRuntime, p.Description = "web", "claude", "builds <the> site"
		p.Runtimes = []iapeer.Runtime{"codex"}
	})
	want := `{
  "personality": "web",
  "default_runtime": "claude",
  "runtimes": [
    "claude",
    "codex"
  ],
  "description": "builds <the> site",
  "intelligence": "artificial",
  "folders": []
}
`
	if got := profileText(t, cwd); !changed || got != want {
		t.Errorf("changed %v\n%s", changed, cmp.Diff(want, got))
	}
	info, err := os.Stat(iapeer.Profile(cwd))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	left, err := os.ReadDir(iapeer.PeerDir(cwd))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the profile: %v, %v", left, err)
	}
}

func TestEditKeepsWhatItDoesNotKnow(t *testing.T) {
	const before = `{
   "zzz": { "b":1,   "a": [1,2 ] },
   "personality" : "web",
   "runtime": "telegram",
   "intelligence": "human",
   "interfaces": {"telegram":{"user_id":7,"bot_username":"x"}},
   "notifier": {"triggers":[{"id":"t1","when":"@every 1m"}]}
}`
	cwd := folder(t, "web", before)
	p, changed := edit(t, cwd, func(p *iapeer.Peer) { p.Settings.Gated = true })
	want := `{
   "zzz": { "b":1,   "a": [1,2 ] },
   "personality" : "web",
   "intelligence": "human",
   "interfaces": {"telegram":{"user_id":7,"bot_username":"x"}},
   "notifier": {"triggers":[{"id":"t1","when":"@every 1m"}]},
   "default_runtime": "telegram",
   "runtimes": [
      "telegram"
   ],
   "approval_mode": "gated"
}
`
	if got := profileText(t, cwd); !changed || got != want {
		t.Error(cmp.Diff(want, got))
	}
	if p.Nature != iapeer.Natural || p.RawNature != "human" {
		t.Errorf("nature %q, on disk %q", p.Nature, p.RawNature)
	}
}

func TestEditRepeatsToTheByte(t *testing.T) {
	cwd := folder(t, "web", "")
	edit(t, cwd, func(p *iapeer.Peer) { p.Name, p.DefaultRuntime = "web", "claude" })
	off := profileText(t, cwd)
	var on string
	for range 3 {
		edit(t, cwd, func(p *iapeer.Peer) {
			p.Settings.Gated, p.Settings.Ephemeral, p.Settings.ReplacePrompt, p.Settings.Workdir = true, true, true, "/w"
		})
		if got := profileText(t, cwd); on != "" && got != on {
			t.Errorf("on again: %s", cmp.Diff(on, got))
		}
		on = profileText(t, cwd)
		if _, changed := edit(t, cwd, func(p *iapeer.Peer) { p.Settings.Gated = true }); changed {
			t.Error("gated twice changed the profile")
		}
		edit(t, cwd, func(p *iapeer.Peer) {
			p.Settings.Gated, p.Settings.Ephemeral, p.Settings.ReplacePrompt, p.Settings.Workdir = false, false, false, ""
		})
		if got := profileText(t, cwd); got != off {
			t.Errorf("off again: %s", cmp.Diff(off, got))
		}
	}
}

func TestEditNature(t *testing.T) {
	const human = `{"personality":"me","default_runtime":"telegram","runtimes":["telegram"],"intelligence":"human"}` + "\n"
	cwd := folder(t, "me", human)
	if _, changed := edit(t, cwd, func(p *iapeer.Peer) { p.Nature = iapeer.Natural }); changed || profileText(t, cwd) != human {
		t.Errorf("the same nature rewrote its word: %s", profileText(t, cwd))
	}
	p, _ := edit(t, cwd, func(p *iapeer.Peer) { p.Nature = iapeer.Absent })
	if p.RawNature != "absent" || !strings.Contains(profileText(t, cwd), `"intelligence":"absent"`) {
		t.Errorf("a changed nature: %s", profileText(t, cwd))
	}
	_, _, err := EditProfile(cwd, zap.NewNop(), func(p *iapeer.Peer) error { p.Nature = iapeer.Artificial; return nil })
	if err == nil || !strings.Contains(err.Error(), `not valid for runtime "telegram"`) {
		t.Errorf("artificial on telegram: %v", err)
	}
	fresh := folder(t, "bot", "")
	if p, _ := edit(t, fresh, func(p *iapeer.Peer) { p.Name, p.DefaultRuntime = "bot", "telegram" }); p.Nature != iapeer.Natural {
		t.Errorf("new telegram peer is %q, want natural", p.Nature)
	}
}

func TestEditNeverWipes(t *testing.T) {
	cwd := folder(t, "web", "")
	edit(t, cwd, func(p *iapeer.Peer) {
		p.Name, p.DefaultRuntime, p.Description, p.Settings.InitialPrompt = "web", "claude", "site", "hello"
	})
	if _, changed := edit(t, cwd, func(p *iapeer.Peer) { p.Description, p.Settings.InitialPrompt = "", "" }); changed {
		t.Errorf("empty values were written: %s", profileText(t, cwd))
	}
	long := strings.Repeat("é", iapeer.MaxDescriptionRunes+1)
	if p, _ := edit(t, cwd, func(p *iapeer.Peer) { p.Description = long }); len([]rune(p.Description)) != iapeer.MaxDescriptionRunes {
		t.Errorf("description has %d runes", len([]rune(p.Description)))
	}
}

func TestEditErrorChangesNothing(t *testing.T) {
	cwd := folder(t, "web", "")
	stop := errors.New("stop")
	if _, _, err := EditProfile(cwd, zap.NewNop(), func(*iapeer.Peer) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the edit's own error", err)
	}
	if _, _, err := EditProfile(cwd, zap.NewNop(), func(*iapeer.Peer) error { return nil }); !errors.Is(err, iapeer.ErrBadName) {
		t.Errorf("a profile without a name: %v", err)
	}
	if _, _, err := EditProfile("relative", zap.NewNop(), func(*iapeer.Peer) error { return nil }); err == nil {
		t.Error("a relative folder was accepted")
	}
	left, err := os.ReadDir(iapeer.PeerDir(cwd))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStaleProfileLockIsReclaimed(t *testing.T) {
	cwd := folder(t, "web", "")
	lock := filepath.Join(iapeer.PeerDir(cwd), ".peer-profile.lock")
	if err := os.Mkdir(lock, 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(lock, old, old); err != nil {
		t.Fatal(err)
	}
	edit(t, cwd, func(p *iapeer.Peer) { p.Name, p.DefaultRuntime = "web", "claude" })
	if _, err := os.Stat(lock); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock is still there: %v", err)
	}
}

func TestProfileLinkStaysALink(t *testing.T) {
	cwd := folder(t, "web", "")
	target := filepath.Join(t.TempDir(), "real.json")
	if err := os.WriteFile(target, []byte(`{"personality":"web","default_runtime":"claude"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, iapeer.Profile(cwd)); err != nil {
		t.Fatal(err)
	}
	edit(t, cwd, func(p *iapeer.Peer) { p.Description = "site" })
	info, err := os.Lstat(iapeer.Profile(cwd))
	if err != nil || info.Mode()&fs.ModeSymlink == 0 || !strings.Contains(profileText(t, cwd), "site") {
		t.Errorf("link replaced: %v, %v", info, err)
	}
}

// FuzzProfile holds that reading outside input never panics and that an edit
// keeps every key it does not know.
func FuzzProfile(f *testing.F) {
	for _, s := range []string{
		`{"personality":"web","default_runtime":"claude"}`,
		`{"personality":"Нова","runtime":"telegram","intelligence":"human","zz":[{}],"interfaces":{}}`,
		`{"personality":"a","runtimes":["x","y"],"folders":["/"],"exec":[],"restart":"never","description":"\ud800"}`,
		`{"personality":"a","personality":"b","default_runtime":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, doc, err := parseProfile("p", "/x", src)
		if err != nil {
			return
		}
		e := &profileEdit{path: "p", before: p, after: clonePeer(p), src: src, doc: doc}
		e.after.Settings.Gated = !p.Settings.Gated
		e.after.Settings.Folders = append(e.after.Settings.Folders, "/y")
		if e.check() != nil {
			return
		}
		if err := e.apply(); err != nil {
			t.Fatal(err)
		}
		back, after, err := parseProfile("p", "/x", doc.src)
		if err != nil {
			t.Fatalf("read back %q: %v", doc.src, err)
		}
		if back.Settings.Gated == p.Settings.Gated || back.Name != p.Name || back.Nature != p.Nature {
			t.Errorf("before %+v, after %+v", p, back)
		}
		before, _ := parseDocument(src)
		for _, m := range before.members {
			if m.key == "zz" && string(before.get("zz")) != string(after.get("zz")) {
				t.Errorf("unknown key changed from %s to %s", before.get("zz"), after.get("zz"))
			}
		}
	})
}
