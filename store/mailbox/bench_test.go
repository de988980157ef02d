package mailbox_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

const kib = 1024

// BenchmarkAppend measures a message of one kibibyte made durable, by 1 to 64
// senders that each wait for their own. The recipients take what they get, so
// that no backlog fills: every message is one Append and, not waited for, one
// Mark.
func BenchmarkAppend(b *testing.B) {
	for _, senders := range []int{1, 8, 32, 64} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			box, db := openBox(b, b.TempDir()+"/bench.db")
			benchAppend(b, box, db, senders)
		})
	}
}

// BenchmarkAppendIndexed measures the same while the search index is fed
// behind the commits.
func BenchmarkAppendIndexed(b *testing.B) {
	dir := b.TempDir()
	box, db := openBox(b, dir+"/bench.db")
	x, err := mailbox.OpenIndex(b.Context(), dir+"/search.db", box, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	benchAppend(b, box, db, 1)
	b.ReportMetric(float64(x.Lag()), "lag")
}

// BenchmarkAmong measures what must not depend on the number of messages kept,
// on top of none, of two hundred thousand and, without -short, of a million.
func BenchmarkAmong(b *testing.B) {
	for _, kept := range []int{0, 200_000, 1_000_000} {
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			if kept >= 1_000_000 && testing.Short() {
				b.Skip("loading takes minutes")
			}
			box, db := openBox(b, b.TempDir()+"/bench.db")
			load(b, box, kept)
			syscall.Sync() // what the system still has to write is not ours to measure
			b.Run("Append", func(b *testing.B) { benchAppend(b, box, db, 1) })
			x, err := mailbox.OpenIndex(b.Context(), b.TempDir()+"/search.db", box, zap.NewNop())
			if err != nil {
				b.Fatal(err)
			}
			defer x.Close()
			for i := range 50 {
				if a := send(box, letter("claude-ada", "codex-waiting", fmt.Sprint(i))); a.err != nil {
					b.Fatal(a.err)
				}
			}
			if err := x.CaughtUp(b.Context()); err != nil {
				b.Fatal(err)
			}
			benchRead(b, "Pending", func(ctx context.Context) (int, error) {
				list, err := box.Pending(ctx, identity("codex-waiting"), 0)
				return len(list), err
			})
			for name, q := range map[string]iapeer.MessageQuery{
				"Newest":   {},
				"OfPeer":   {Peer: "waiting"},
				"OfNobody": {Peer: "nobody"},
				"Words":    {Text: "waiting zero"},
			} {
				benchRead(b, name, func(ctx context.Context) (int, error) {
					list, err := box.Messages(ctx, q)
					return len(list), err
				})
			}
		})
	}
}

func benchRead(b *testing.B, name string, read func(context.Context) (int, error)) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := read(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchAppend reports the median as well, because a checkpoint now and then
// pulls the mean.
func benchAppend(b *testing.B, box *mailbox.Box, db *store.DB, senders int) {
	b.Helper()
	var n atomic.Int64
	body := strings.Repeat("x", kib)
	before := db.Stats()
	b.ReportAllocs()
	took := inParallel(b, senders, func() error {
		i := n.Add(1)
		m := letter("claude-ada", "codex-bob", body)
		m.To.Name = iapeer.Name(fmt.Sprintf("bob%d", i/50))
		m.Key = fmt.Sprintf("toolu_%d_%d", before.Writes, i)
		return send(box, m).err
	})
	s := db.Stats()
	b.ReportMetric(float64(s.Writes-before.Writes)/float64(s.Commits-before.Commits), "messages/commit")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// inParallel runs f b.N times on so many goroutines and returns how long each
// run took.
func inParallel(b *testing.B, workers int, f func() error) []time.Duration {
	b.Helper()
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	end := make(chan error, workers)
	b.ResetTimer()
	for range workers {
		go func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(b.N) {
					end <- nil
					return
				}
				start := time.Now()
				if err := f(); err != nil {
					end <- err
					return
				}
				took[i] = time.Since(start)
			}
		}()
	}
	for range workers {
		if err := <-end; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	return took
}

// load keeps n seen messages, in portions that are each one commit.
func load(b *testing.B, box *mailbox.Box, n int) {
	b.Helper()
	body := strings.Repeat("y", kib)
	for done := 0; done < n; {
		portion := min(1000, n-done)
		end := make(chan error, portion)
		for i := range portion {
			m := letter("claude-eve", "codex-old", body)
			m.From.Name = iapeer.Name(fmt.Sprintf("eve%d", i/100))
			m.To.Name = iapeer.Name(fmt.Sprintf("old%d", done/1000))
			m.Key = fmt.Sprintf("old_%d_%d", done, i)
			box.Append(m, func(m iapeer.Message, _ bool, err error) {
				if err != nil {
					end <- err
					return
				}
				box.Mark([]iapeer.Mark{{ID: m.ID, Change: iapeer.ChangeSee}}, func(r []mailbox.Marked) { end <- r[0].Err })
			})
		}
		for range portion {
			if err := <-end; err != nil {
				b.Fatal(err)
			}
		}
		done += portion
	}
}

// BenchmarkFeed measures what the search index costs a message of one kibibyte
// of text.
func BenchmarkFeed(b *testing.B) {
	dir := b.TempDir()
	box, _ := openBox(b, dir+"/bench.db")
	const kept = 4000
	for i := range kept {
		m := letter("claude-ada", "codex-bob", prose(i, kib))
		m.To.Name = iapeer.Name(fmt.Sprintf("bob%d", i/50))
		if a := send(box, m); a.err != nil {
			b.Fatal(a.err)
		}
	}
	x, err := mailbox.OpenIndex(b.Context(), dir+"/search.db", box, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Rebuild(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := x.CaughtUp(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/kept, "ns/message")
}

// prose is text of some thousand different words.
func prose(seed, bytes int) string {
	var s strings.Builder
	for n := uint32(seed); s.Len() < bytes; {
		n = n*1664525 + 1013904223
		fmt.Fprintf(&s, "w%d ", n>>16%5000)
	}
	return s.String()
}
