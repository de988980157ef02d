package registry

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/iapeer/iapeer"
)

// crowd is n peers; with a folder each has a profile there.
func crowd(tb testing.TB, n int, dir string) []iapeer.Peer {
	tb.Helper()
	peers := make([]iapeer.Peer, n)
	for i := range peers {
		name := fmt.Sprintf("peer-%05d", i)
		peers[i] = peer(name, filepath.Join("/src", name), "claude", "codex")
		peers[i].Description = "one of many peers, with a description of a usual length"
		if dir == "" {
			continue
		}
		peers[i].CWD = filepath.Join(dir, name)
		putProfile(tb, peers[i].CWD, `{"personality":"`+name+`","default_runtime":"claude","runtimes":["claude","codex"],"description":"`+peers[i].Description+`","folders":[]}`)
	}
	return peers
}

// TestOpenStaysCheap bounds what one peer costs when the registry is read; the
// time for ten thousand is BenchmarkOpen10k.
func TestOpenStaysCheap(t *testing.T) {
	const n, perPeer = 1000, 40
	paths := newPaths(t)
	upsert(t, open(t, paths), crowd(t, n, "")...)
	if got := testing.AllocsPerRun(1, func() { open(t, paths) }); got > n*perPeer {
		t.Errorf("%.0f allocations for %d peers, at most %d each", got, n, perPeer)
	}
}

func BenchmarkOpen10k(b *testing.B) {
	paths := newPaths(b)
	upsert(b, open(b, paths), crowd(b, 10_000, "")...)
	b.ReportAllocs()
	for b.Loop() {
		open(b, paths)
	}
}

func BenchmarkReindex10k(b *testing.B) {
	paths := newPaths(b)
	upsert(b, open(b, paths), crowd(b, 10_000, b.TempDir())...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := open(b, paths).Reindex(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBulk10k(b *testing.B) {
	peers := crowd(b, 10_000, "")
	b.ReportAllocs()
	for b.Loop() {
		upsert(b, open(b, newPaths(b)), peers...)
	}
}

func BenchmarkUpsertOneAmong10k(b *testing.B) {
	r := open(b, newPaths(b))
	upsert(b, r, crowd(b, 10_000, "")...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		upsert(b, r, iapeer.Peer{Name: "peer-05000", Description: fmt.Sprint(i)})
	}
}

func BenchmarkRefreshUnchanged(b *testing.B) {
	r := open(b, newPaths(b))
	upsert(b, r, crowd(b, 1000, b.TempDir())...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Refresh("peer-00500"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPeer(b *testing.B) {
	r := open(b, newPaths(b))
	upsert(b, r, crowd(b, 10_000, "")...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Peer("peer-05000"); err != nil {
			b.Fatal(err)
		}
	}
}
