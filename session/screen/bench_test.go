package screen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded are the streams that throughput is measured on.
var recorded = []string{"claude-140x45", "claude-329-140x45", "codex-140x45"}

func recording(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".pty.raw"))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func BenchmarkFeed(b *testing.B) {
	for _, name := range recorded {
		b.Run(name, func(b *testing.B) {
			in := recording(b, name)
			s := New(140, 45, 5000, "", Listener{})
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				s.Feed(in)
			}
		})
	}
	b.Run("lines", func(b *testing.B) {
		in := []byte(strings.Repeat(strings.Repeat("build output ", 8)+"\r\n", 200))
		s := New(140, 45, 5000, "", Listener{})
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			s.Feed(in)
		}
	})
	b.Run("cjk", func(b *testing.B) {
		in := []byte(strings.Repeat(strings.Repeat("端末エミュレータ", 6)+"\r\n", 200))
		s := New(140, 45, 5000, "", Listener{})
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			s.Feed(in)
		}
	})
}

// BenchmarkTmux is the same work done by tmux: from the first byte that cat
// writes to the last one taken.
func BenchmarkTmux(b *testing.B) {
	for _, name := range recorded {
		b.Run(name, func(b *testing.B) {
			in := recording(b, name)
			in = bytes.Repeat(in, 4<<20/len(in))
			tm := newTmux(b)
			b.SetBytes(int64(len(in)))
			b.StopTimer()
			for range b.N {
				tm.open(name, 140, 45, in)
				b.StartTimer()
				tm.play(name)
				b.StopTimer()
				tm.run("kill-session", "-t", name)
			}
		})
	}
}
