package registry

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/iapeer/iapeer"
)

// patience bounds the wait for an event that must come.
const patience = 20 * time.Second

type watched struct {
	reg   *Registry
	paths iapeer.Paths
	got   chan iapeer.PeerChanged
}

// watch opens a registry and follows it until the test ends.
func watch(t *testing.T, paths iapeer.Paths) *watched {
	t.Helper()
	if err := os.MkdirAll(paths.Root, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w := &watched{reg: open(t, paths), paths: paths, got: make(chan iapeer.PeerChanged, 100)}
	done := w.reg.Watch(ctx, func(c iapeer.PeerChanged) { w.got <- c })
	t.Cleanup(func() {
		cancel()
		<-done
		goleak.VerifyNone(t, goleak.IgnoreCurrent())
	})
	return w
}

// await returns the next change, which must be one of name.
func (w *watched) await(t *testing.T, name iapeer.Name, action string) iapeer.PeerChanged {
	t.Helper()
	select {
	case c := <-w.got:
		if c.Peer != name || c.Action != action {
			t.Fatalf("got %+v, want %s %s", c, name, action)
		}
		return c
	case <-time.After(patience):
		t.Fatalf("no event, want %s %s", name, action)
	}
	panic("unreachable")
}

func TestWatchRegistry(t *testing.T) {
	w := watch(t, newPaths(t))
	other := open(t, w.paths) // another program
	upsert(t, other, peer("web", "/src/web", "claude"))
	w.await(t, "web", "registered")
	upsert(t, other, peer("web", "", "codex"))
	if c := w.await(t, "web", "changed"); c.Detail != "runtimes" {
		t.Errorf("detail %q, want runtimes", c.Detail)
	}
	putIndex(t, w.paths, `{"version":2,"peers":[{"personality":"web","default_runtime":"claude","cwd":7}]}`)
	w.await(t, "web", "quarantined")
	putIndex(t, w.paths, `{"version":2,"peers":[]}`)
	w.await(t, "web", "removed")

	upsert(t, w.reg, peer("own", "/src/own", "claude")) // our own writes are told once
	w.await(t, "own", "registered")
	upsert(t, w.reg, peer("next", "/src/next", "claude"))
	w.await(t, "next", "registered")
}

func TestWatchProfileOfALivePeer(t *testing.T) {
	w := watch(t, newPaths(t))
	cwd := folder(t, "web", webProfile)
	upsert(t, w.reg, peer("web", cwd, "claude"))
	w.await(t, "web", "registered")
	w.reg.Follow("web")
	w.await(t, "web", "changed") // the record learns the profile

	putProfile(t, cwd, `{"personality":"web","default_runtime":"claude","description":"shop"}`)
	w.await(t, "web", "changed")
	if p, err := w.reg.Peer("web"); err != nil || p.Description != "shop" {
		t.Errorf("%+v, %v", p, err)
	}
	putProfile(t, cwd, `{`)
	w.await(t, "web", "quarantined")
	edited := filepath.Join(iapeer.PeerDir(cwd), "tmp")
	if err := os.WriteFile(edited, []byte(webProfile), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(edited, iapeer.Profile(cwd)); err != nil {
		t.Fatal(err)
	}
	w.await(t, "web", "changed")

	w.reg.Follow("web")
	w.reg.Unfollow("web")
	putProfile(t, cwd, `{"personality":"web","default_runtime":"claude"}`)
	w.await(t, "web", "changed") // still followed once
	w.reg.Unfollow("web")
	w.reg.Unfollow("ghost")
	putProfile(t, cwd, `{"personality":"web","default_runtime":"codex"}`)
	upsert(t, w.reg, peer("next", "/src/next", "claude"))
	w.await(t, "next", "registered") // and nothing about web before it
}

func TestWatchFolderThatComesBack(t *testing.T) {
	w := watch(t, newPaths(t))
	cwd := folder(t, "web", webProfile)
	upsert(t, w.reg, peer("web", cwd, "claude"))
	w.await(t, "web", "registered")
	w.reg.Follow("web")
	w.await(t, "web", "changed")
	if err := os.RemoveAll(iapeer.PeerDir(cwd)); err != nil {
		t.Fatal(err)
	}
	w.await(t, "web", "changed") // its settings are gone with the profile
	putProfile(t, cwd, `{"personality":"web","default_runtime":"claude","description":"back"}`)
	w.await(t, "web", "changed")
}

func TestPollWhereNothingCanBeWatched(t *testing.T) {
	paths := newPaths(t)
	w := watch(t, paths)
	cwd := filepath.Join(t.TempDir(), "web") // not there yet
	upsert(t, w.reg, peer("web", cwd, "claude"))
	w.await(t, "web", "registered")
	w.reg.Follow("web")
	putProfile(t, cwd, webProfile)
	w.await(t, "web", "changed")
}

func TestFollowBeforeWatch(t *testing.T) {
	paths := newPaths(t)
	r := open(t, paths)
	cwd := folder(t, "web", webProfile)
	upsert(t, r, peer("web", cwd, "claude"))
	r.Follow("web")
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan iapeer.PeerChanged, 10)
	done := r.Watch(ctx, func(c iapeer.PeerChanged) { got <- c })
	<-got // the record learns the profile
	putProfile(t, cwd, `{"personality":"web","default_runtime":"codex"}`)
	select {
	case <-got:
	case <-time.After(patience):
		t.Error("the profile is not followed")
	}
	cancel()
	<-done
}
