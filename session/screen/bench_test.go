package screen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
			before := cpuSeconds(b, os.Getpid())
			for b.Loop() {
				s.Feed(in)
			}
			b.ReportMetric(float64(b.N)*float64(len(in))/1e6/(cpuSeconds(b, os.Getpid())-before), "MB/cpu-s")
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

// cpuSeconds is the processor time that a process has used: what other load on
// the machine does not change.
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("SKIPPED: %v", err)
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	const ticks = 100 // USER_HZ
	return float64(user+system) / ticks
}

// BenchmarkTmux is the same work done by tmux: from the first byte that cat
// writes to the last one taken.
func BenchmarkTmux(b *testing.B) {
	for _, name := range recorded {
		b.Run(name, func(b *testing.B) {
			in := recording(b, name)
			in = bytes.Repeat(in, 8<<20/len(in))
			tm := newTmux(b)
			server, err := strconv.Atoi(strings.TrimSpace(tm.run("display-message", "-p", "#{pid}")))
			if err != nil {
				b.Fatal(err)
			}
			used := 0.0
			b.SetBytes(int64(len(in)))
			b.StopTimer()
			for range b.N {
				tm.open(name, 140, 45, in)
				before := cpuSeconds(b, server)
				b.StartTimer()
				tm.play(name)
				b.StopTimer()
				used += cpuSeconds(b, server) - before
				tm.run("kill-session", "-t", name)
			}
			b.ReportMetric(float64(b.N)*float64(len(in))/1e6/used, "MB/cpu-s")
		})
	}
}
