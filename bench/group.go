package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/load"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// group measures how many messages share a commit when so many writers each
// wait for their own. The mailbox runs in this process, because only there its
// commits can be counted.
func (b *bench) group() error {
	for _, tc := range []struct {
		writers   int
		must, aim float64
	}{{8, 5, 0}, {64, 30, 0}} {
		var list []float64
		for range b.rounds {
			shared, err := commitShare(tc.writers, b.slice/2)
			if err != nil {
				return err
			}
			list = append(list, shared)
		}
		low, high := load.Interval(list)
		b.table.add(row{
			what: fmt.Sprintf("messages a commit, %d writers", tc.writers), ratio: load.Median(list), low: low, high: high,
			must: tc.must, aim: tc.aim, more: true, plain: true,
		})
	}
	return nil
}

// commitShare appends messages for a time and returns how many shared a commit.
func commitShare(writers int, limit time.Duration) (float64, error) {
	dir, err := os.MkdirTemp("/tmp", "ig")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(dir, "box.db"), zap.NewNop(), mailbox.Migrations())
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	box, err := mailbox.Open(ctx, db)
	if err != nil {
		return 0, err
	}
	var n atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	end := time.Now().Add(limit)
	for range writers {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := appendOne(box, int(n.Add(1))); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	s := db.Stats()
	return float64(s.Writes) / float64(s.Commits), nil
}

// appendOne stores message n, for one of so many that no backlog fills up.
func appendOne(box *mailbox.Box, n int) error {
	to := iapeer.Name(fmt.Sprintf("r%d", n/iapeer.MaxOpenPerSender))
	done := make(chan error, 1)
	box.Append(iapeer.Message{
		Envelope: iapeer.Envelope{ID: iapeer.NewMessageID(), From: iapeer.Identity{Runtime: "bench", Name: "ada"}, SentAt: time.Now(), Body: text(n), Proof: iapeer.ProofSession},
		To:       iapeer.Identity{Runtime: "bench", Name: to}, Key: fmt.Sprintf("session-1/tool/toolu_%012d", n),
	}, func(_ iapeer.Message, _ bool, err error) { done <- err })
	return <-done
}
