package store_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer/store"
)

var benchSchema = store.Migrations{Package: "bench", Steps: []string{
	"CREATE TABLE lines (n INTEGER PRIMARY KEY, body TEXT NOT NULL)",
}}

// BenchmarkWrite measures one kibibyte made durable, by 1 to 64 writers that
// each wait for their own.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 8, 32, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db, err := store.Open(b.Context(), b.TempDir()+"/bench.db", zap.NewNop(), benchSchema)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			body := strings.Repeat("x", 1024)
			op := func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO lines (body) VALUES (?)", body)
				return err
			}
			b.ReportAllocs()
			inParallel(b, writers, func() error { return db.Do(b.Context(), op) })
			s := db.Stats()
			b.ReportMetric(float64(s.Writes)/float64(s.Commits), "writes/commit")
		})
	}
}

// inParallel runs f b.N times on so many goroutines.
func inParallel(b *testing.B, workers int, f func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	end := make(chan error, workers)
	b.ResetTimer()
	for range workers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					end <- err
					return
				}
			}
			end <- nil
		}()
	}
	for range workers {
		if err := <-end; err != nil {
			b.Fatal(err)
		}
	}
}
