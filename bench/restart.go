package main

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/load"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// What a daemon is killed and started over.
const (
	adoptedSessions = 200
	openReceipts    = 100_000
	openInboxes     = 200 // that they wait in
)

// restart measures the way back after kill -9: with many peers and open
// receipts until the daemon answers, and with many live sessions until each has
// got a message.
func (b *bench) restart() error {
	full, err := b.newHouse(plan{inboxes: openInboxes, others: 10_000, open: openReceipts})
	if err != nil {
		return err
	}
	var up []float64
	for range b.rounds {
		took, err := full.again(b, func() error { return nil })
		if err != nil {
			return err
		}
		up = append(up, took.Seconds())
	}
	b.table.add(row{what: "restart with 10 000 peers and 100 000 open receipts, s to ready", ours: fmt.Sprintf("%.2f s", load.Median(up)), ratio: load.Median(up), must: 3, plain: true})
	b.close()
	live, err := b.newHouse(plan{routers: adoptedSessions})
	if err != nil {
		return err
	}
	var moving []float64
	n := 0
	for range b.rounds {
		took, err := live.again(b, func() error {
			before := live.sinks.Seen()
			r, err := live.live().Run(crowd, n, adoptedSessions, upLimit)
			n += r.Count
			if err == nil {
				err = live.sinks.AwaitSeen(before+r.Count, upLimit)
			}
			return err
		})
		if err != nil {
			return err
		}
		moving = append(moving, took.Seconds())
	}
	b.table.add(row{what: "200 live sessions, s from the start after kill -9 until each got a message", ours: fmt.Sprintf("%.2f s", load.Median(moving)), ratio: load.Median(moving), must: 2, plain: true})
	return nil
}

// again kills the daemon, starts it, and returns how long it took until then has
// returned.
func (h *house) again(b *bench, then func() error) (time.Duration, error) {
	if err := h.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return 0, err
	}
	_ = h.cmd.Wait() // it was killed
	start := time.Now()
	if err := h.start(b); err != nil {
		return 0, err
	}
	err := then()
	return time.Since(start), err
}

// leaveOpen puts messages into inboxes that nobody has read.
func leaveOpen(h *house) error {
	if h.open == 0 {
		return nil
	}
	ctx := context.Background()
	db, err := store.Open(ctx, h.paths.Store(), zap.NewNop(), mailbox.Migrations())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	box, err := mailbox.Open(ctx, db)
	if err != nil {
		return err
	}
	failed := make(chan error, h.open)
	for i := range h.open {
		box.Append(iapeer.Message{
			Envelope: iapeer.Envelope{From: iapeer.Identity{Runtime: iapeer.RuntimeClaude, Name: iapeer.Name(fmt.Sprintf("o%d", i%h.others))}, SentAt: time.Now(), Body: text(i)},
			To:       iapeer.Identity{Runtime: iapeer.RuntimeCLI, Name: iapeer.Name(fmt.Sprintf("n%d", i%h.inboxes))},
		}, func(_ iapeer.Message, _ bool, err error) { failed <- err })
	}
	for range h.open {
		if err := <-failed; err != nil {
			return fmt.Errorf("fill %s: %w", filepath.Base(h.paths.Store()), err)
		}
	}
	return nil
}
