package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// newPaths returns a root of its own.
func newPaths(tb testing.TB) iapeer.Paths {
	tb.Helper()
	home := tb.TempDir()
	return iapeer.Paths{Home: home, Root: filepath.Join(home, ".iapeer")}
}

func open(tb testing.TB, paths iapeer.Paths) *Registry {
	tb.Helper()
	r, err := Open(paths, zap.NewNop())
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func upsert(tb testing.TB, r *Registry, peers ...iapeer.Peer) []iapeer.Peer {
	tb.Helper()
	out, err := r.Upsert(peers...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// putIndex writes the registry file as another program would.
func putIndex(tb testing.TB, paths iapeer.Paths, text string) {
	tb.Helper()
	if err := os.MkdirAll(paths.Root, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := writeFile(paths.Registry(), []byte(text)); err != nil {
		tb.Fatal(err)
	}
}

func indexText(tb testing.TB, paths iapeer.Paths) string {
	tb.Helper()
	b, err := os.ReadFile(paths.Registry())
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func names(peers []iapeer.Peer) string {
	var s []string
	for _, p := range peers {
		s = append(s, string(p.Name))
	}
	return strings.Join(s, " ")
}

func peer(name, cwd string, rt ...iapeer.Runtime) iapeer.Peer {
	return iapeer.Peer{Name: iapeer.Name(name), CWD: cwd, DefaultRuntime: rt[0], Runtimes: rt}
}

func TestFileForm(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	if len(r.Peers()) != 0 {
		t.Errorf("a missing file has peers %v", r.Peers())
	}
	tg := peer("nova", "/src/nova", "telegram", "claude")
	tg.Interfaces = json.RawMessage(`{"telegram":{"user_id":7}}`)
	web := peer("boris", "/src/boris", "claude")
	web.Description = "a\nb"
	upsert(t, r, tg, web)
	want := `{
  "version": 2,
  "peers": [
    {
      "personality": "boris",
      "default_runtime": "claude",
      "runtimes": [
        "claude"
      ],
      "description": "a b",
      "intelligence": "artificial",
      "cwd": "/src/boris"
    },
    {
      "personality": "nova",
      "default_runtime": "telegram",
      "runtimes": [
        "telegram",
        "claude"
      ],
      "description": "",
      "intelligence": "natural",
      "cwd": "/src/nova",
      "interfaces": {
        "telegram": {
          "user_id": 7
        }
      }
    }
  ]
}
`
	if got := indexText(t, paths); got != want {
		t.Error(cmp.Diff(want, got))
	}
	info, err := os.Stat(paths.Registry())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(paths.RegistryLock()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock is still there: %v", err)
	}
	again := open(t, paths)
	if diff := cmp.Diff(r.Peers(), again.Peers()); diff != "" {
		t.Errorf("read back: %s", diff)
	}
	before, err := stampOf(paths.Registry())
	if err != nil {
		t.Fatal(err)
	}
	upsert(t, again, tg, web)
	if now, err := stampOf(paths.Registry()); err != nil || now != before {
		t.Errorf("the same peers again rewrote the file: %v, %v", now, err)
	}
}

func TestUpsertMerges(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	nova := peer("nova", "/src/nova", "telegram")
	nova.Description, nova.Interfaces = "a person", json.RawMessage(`{"telegram":{}}`)
	upsert(t, r, nova)
	got := upsert(t, r, iapeer.Peer{Name: "nova", CWD: "/src/nova/", DefaultRuntime: "claude", Description: " \n"})[0]
	want := nova
	want.Runtimes, want.Nature, want.RawNature = []iapeer.Runtime{"telegram", "claude"}, iapeer.Natural, "natural"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	got = upsert(t, r, iapeer.Peer{Name: "nova", Nature: iapeer.Absent, Description: "a service"})[0]
	if got.Nature != iapeer.Absent || got.Description != "a service" {
		t.Errorf("explicit values: %+v", got)
	}
	long := upsert(t, r, iapeer.Peer{Name: "nova", Description: strings.Repeat("x", 451)})[0]
	if len(long.Description) != 450 {
		t.Errorf("description of %d", len(long.Description))
	}
}

func TestUpsertRefuses(t *testing.T) {
	r := open(t, newPaths(t))
	upsert(t, r, peer("web", "/src/web", "claude"))
	for _, tc := range []struct {
		in   iapeer.Peer
		want string
	}{
		{peer("web", "/other/web", "claude"), `already exists at /src/web, refusing to re-point it to /other/web; use rename`},
		{peer("api", "/src/web", "claude"), `/src/web already holds peer "web"`},
		{peer("Web", "/src/web2", "claude"), "a name is"},
		{peer("api", "src/api", "claude"), "not an absolute path"},
		{peer("api", "", "claude"), "folder is missing"},
		{iapeer.Peer{Name: "api", CWD: "/src/api"}, "runtime is missing"},
		{peer("api", "/src/api", "cl-aude"), "a runtime is"},
		{iapeer.Peer{Name: "web", Nature: "smart"}, "a nature is"},
	} {
		if _, err := r.Upsert(peer("ok", "/src/ok", "claude"), tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Upsert(%+v) = %v, want %s", tc.in, err, tc.want)
		}
	}
	if got := names(r.Peers()); got != "web" {
		t.Errorf("peers %q: a refused batch must change nothing", got)
	}
}

func TestParallelUpserts(t *testing.T) {
	paths := newPaths(t)
	var wg sync.WaitGroup
	for i := range 12 { // a registry each, as twelve programs would
		r := open(t, paths)
		wg.Go(func() {
			n := fmt.Sprintf("peer-%02d", i)
			rt := []iapeer.Runtime{"claude", "codex"}[i%2]
			if _, err := r.Upsert(peer(n, "/src/"+n, "claude"), peer("both", "/src/both", rt)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r := open(t, paths)
	if got := len(r.Peers()); got != 13 {
		t.Errorf("%d peers, want 13: %s", got, names(r.Peers()))
	}
	both, err := r.Peer("both")
	if err != nil || len(both.Runtimes) != 2 {
		t.Errorf("runtimes of both: %v, %v; want the union", both.Runtimes, err)
	}
}

func TestOneBadRecordHarmsOnlyItself(t *testing.T) {
	paths := newPaths(t)
	const bad = `{"personality":"bad","default_runtime":"claude","runtimes":"claude","cwd":"/src/bad","mine":{"z":1,"a":2}}`
	putIndex(t, paths, `{"version":2,"peers":[
		{"personality":"web","default_runtime":"claude","cwd":"/src/web","extra":[1, 2.50]},
		`+bad+`,
		{"personality":"smart","default_runtime":"claude","intelligence":"smart","cwd":"/src/smart"},
		{"personality":"web","default_runtime":"codex","cwd":"/src/web2"},
		{"personality":"nowhere","default_runtime":"claude","cwd":""},
		{"personality":"Bad Name","default_runtime":"claude","cwd":"/src/x"},
		7, null,
		{"personality":"old","runtime":"claude","cwd":"/src/old","intelligence":"scripted"}
	],"theirs":{"k":true}}`)
	r := open(t, paths)
	if got := names(r.Peers()); got != "old web" {
		t.Errorf("peers %q, want old web", got)
	}
	var reasons []string
	for _, p := range r.Problems() {
		if p.Path != paths.Registry() {
			t.Errorf("problem %+v", p)
		}
		reasons = append(reasons, string(p.Name))
	}
	if want := []string{"bad", "nowhere", "smart", "web", "", "", ""}; !slices.Equal(reasons, want) {
		t.Errorf("set aside %q, want %q: %v", reasons, want, r.Problems())
	}
	if _, err := r.Peer("bad"); !errors.Is(err, ErrSetAside) || !strings.Contains(err.Error(), "runtimes") {
		t.Errorf("Peer(bad) = %v", err)
	}
	if _, err := r.Peer("ghost"); !errors.Is(err, iapeer.ErrUnknownPeer) {
		t.Errorf("Peer(ghost) = %v", err)
	}

	upsert(t, r, peer("new", "/src/new", "codex"))
	if _, err := r.Remove("smart", "ghost"); err != nil {
		t.Fatal(err)
	}
	text := indexText(t, paths)
	var compacted string
	for _, f := range strings.Fields(text) {
		compacted += f
	}
	for _, want := range []string{bad, `"extra":[1,2.50]`, `"theirs":{"k":true}`, `"BadName"`, ",7,null", `"intelligence":"scripted"`, `"cwd":"/src/web2"`} {
		if !strings.Contains(compacted, want) {
			t.Errorf("%s is lost from\n%s", want, text)
		}
	}
	if strings.Contains(text, `"smart"`) {
		t.Errorf("removed record is still there:\n%s", text)
	}
}

func TestUnreadableFile(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	upsert(t, r, peer("web", "/src/web", "claude"))
	const junk = `{"version":2,"peers":[{"personality":"old","default_runtime":"claude","cwd":"/src/old"},{"personality":"we`
	putIndex(t, paths, junk)
	if got := open(t, paths); names(got.Peers()) != "old" || len(got.Problems()) != 1 {
		t.Errorf("fresh: peers %v, problems %v; want the whole record", got.Peers(), got.Problems())
	}
	upsert(t, r, peer("api", "/src/api", "claude")) // goes on with what it knew
	if got := names(open(t, paths).Peers()); got != "api web" {
		t.Errorf("peers %q, want api web", got)
	}
	if b, err := os.ReadFile(paths.Registry() + ".corrupt.bak"); err != nil || string(b) != junk {
		t.Errorf("copy of the bad file: %q, %v", b, err)
	}
	if len(r.Problems()) != 0 {
		t.Errorf("problems after the repair: %v", r.Problems())
	}
}

func TestVersions(t *testing.T) {
	for _, tc := range []struct{ version, want string }{
		{`"version":3,`, `"version": 3`}, {`"version":1,`, `"version": 2`}, {``, `"version": 2`}, {`"version":"two",`, `"version": 2`},
	} {
		paths := newPaths(t)
		putIndex(t, paths, `{`+tc.version+`"peers":[{"personality":"web","runtime":"claude","cwd":"/src/web"}]}`)
		r := open(t, paths)
		upsert(t, r, peer("web", "/src/web", "codex"))
		if text := indexText(t, paths); !strings.Contains(text, tc.want) || strings.Contains(text, `"runtime":`) {
			t.Errorf("from %s: %s", tc.version, text)
		}
	}
}

func TestRename(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	cwd := folder(t, "web", `{"personality":"web","default_runtime":"claude","keep":[1]}`)
	upsert(t, r, peer("web", cwd, "claude"), peer("api", "/src/api", "claude"))
	for _, tc := range []struct {
		from, to iapeer.Name
		want     string
	}{
		{"web", "web", "the same"}, {"web", "api", "taken"}, {"ghost", "new", "not in the iapeer peers index"},
		{"web", "New", "a name is"}, {"api", "new", ""},
	} {
		if _, err := r.Rename(tc.from, tc.to, ""); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Rename(%s, %s) = %v, want %s", tc.from, tc.to, err, tc.want)
		}
	}
	moved := filepath.Join(filepath.Dir(cwd), "site")
	if err := os.Rename(cwd, moved); err != nil {
		t.Fatal(err)
	}
	p, err := r.Rename("web", "site", moved)
	if err != nil || p.Name != "site" || p.CWD != moved {
		t.Fatalf("Rename = %+v, %v", p, err)
	}
	if got := names(open(t, paths).Peers()); got != "api site" {
		t.Errorf("peers %q", got)
	}
	if text := profileText(t, moved); !strings.Contains(text, `"personality":"site"`) || !strings.Contains(text, `"keep":[1]`) {
		t.Errorf("profile %s", text)
	}
}

func TestSandboxSparesTheRealRegistry(t *testing.T) {
	t.Setenv("IAPEER_TEST_SANDBOX", "1")
	paths := newPaths(t)
	if _, err := open(t, paths).Upsert(peer("web", "/src/web", "claude")); !errors.Is(err, ErrSandbox) {
		t.Errorf("got %v, want ErrSandbox", err)
	}
	if _, err := os.Stat(paths.Root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the root was made: %v", err)
	}
	paths.Root = filepath.Join(t.TempDir(), "root")
	upsert(t, open(t, paths), peer("web", "/src/web", "claude"))
}

func FuzzRegistry(f *testing.F) {
	f.Add([]byte(`{"version":2,"peers":[{"personality":"web","default_runtime":"claude","cwd":"/w","x":[1]},{"personality":"web"},7]}`))
	f.Add([]byte(`{"peers":[{"personality":"a","runtime":"x","cwd":"/","intelligence":"human","interfaces":null}],"peers":[]}`))
	f.Add([]byte(`{"version":9,"zz":{"":[]},"peers":null}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		ix, err := parseIndex("f", src)
		if err != nil {
			salvage(src)
			return
		}
		out, err := ix.bytes()
		if err != nil {
			t.Fatalf("write %q: %v", src, err)
		}
		back, err := parseIndex("f", out)
		if err != nil {
			t.Fatalf("read back %q: %v", out, err)
		}
		if !slices.Equal(back.names(), ix.names()) || len(back.strays) != len(ix.strays) {
			t.Errorf("before %v and %d strays, after %v and %d", ix.names(), len(ix.strays), back.names(), len(back.strays))
		}
		again, err := back.bytes()
		if err != nil || string(again) != string(out) {
			t.Errorf("written twice %q and %q, %v", out, again, err)
		}
	})
}
