package session

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// pss returns the proportional set size of a process in MiB.
func pss(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		b.Skipf("SKIPPED: %v", err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
			kib, _ := strconv.Atoi(f[1])
			return float64(kib) / 1024
		}
	}
	b.Fatal("no Pss in smaps_rollup")
	return 0
}

// hostProgram is the program that is measured: the built thin client if
// IAPEER_BENCH_HOST names it, else this test binary.
func hostProgram(b *testing.B) []string {
	b.Helper()
	if exe := os.Getenv("IAPEER_BENCH_HOST"); exe != "" {
		return []string{exe, "host"}
	}
	return self(b)
}

// BenchmarkHostSize reports the memory of one host at 220×50: after 1 MiB of
// output, and with a full scrollback.
func BenchmarkHostSize(b *testing.B) {
	for _, tc := range []struct {
		name  string
		lines string
	}{
		{"1MiB", "flood 13000"},
		{"scrollback", "wide 6000"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			for b.Loop() {
				spec := specFor(b, TUI)
				c, err := Spawn(ctxOf(b), hostProgram(b), spec)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Offer(ctxOf(b), Offering{ID: "m-1", Mode: Paste, Submit: true, Text: []byte(tc.lines)}); err != nil {
					b.Fatal(err)
				}
				shows(b, c, "got ")
				b.ReportMetric(pss(b, c.Facts().Host.PID), "MiB")
				_ = KillHost(spec.Files().PID())
				for range c.Events() {
				}
			}
		})
	}
}

// BenchmarkOffer is one message into a live session, written and answered.
func BenchmarkOffer(b *testing.B) {
	c := spawn(b, specFor(b, Router, "/bin/cat"))
	text := []byte(strings.Repeat("m", 1023) + "\n")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := c.Offer(ctxOf(b), Offering{ID: msgID("m-" + strconv.Itoa(i)), Mode: Raw, Text: text})
		if err != nil || r.State != Written {
			b.Fatal(r, err)
		}
	}
}
