package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer/bench/load"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// small is a house of ten peers.
var small = plan{routers: 5, inboxes: 5}

// tolerance is how far from 1 a ratio may be that is called unchanged.
const tolerance = 0.1

// scale measures the same sends beside ten, a thousand and ten thousand
// registered peers, and beside no and a million kept messages.
func (b *bench) scale() error {
	houses := []struct {
		name string
		plan plan
	}{
		{"10 peers", small},
		{"1 000 peers", plan{routers: small.routers, inboxes: small.inboxes, others: 990}},
		{"10 000 peers", plan{routers: small.routers, inboxes: small.inboxes, others: 9_990}},
		{"1 000 000 kept", plan{routers: small.routers, inboxes: small.inboxes, kept: 1_000_000}},
	}
	var field []contender
	for _, hs := range houses {
		h, err := b.newHouse(hs.plan)
		if err != nil {
			return err
		}
		run, n := &inboxRun{h: h}, 0
		field = append(field, contender{hs.name, func(int) (figures, error) {
			many, err := run.run(crowd, n, b.slice)
			if err != nil {
				return nil, err
			}
			n += many.Count
			live, err := h.live().Run(crowd, n, unlimited, b.slice)
			n += live.Count
			return figures{"accepted": many.Rate(), "delivered": live.Rate()}, err
		}})
	}
	s, err := b.interleave(2*b.rounds, field...)
	if err != nil {
		return err
	}
	for _, figure := range []string{"accepted", "delivered"} {
		for _, hs := range houses[1:] {
			o, t := s[key(hs.name, figure)], s[key(houses[0].name, figure)]
			r := row{what: fmt.Sprintf("%s, 32 callers, req/s: %s beside 10 peers and nothing kept", figure, hs.name)}.of(o, t)
			r.ours, r.theirs = fmt.Sprintf("%.0f", load.Median(o)), fmt.Sprintf("%.0f", load.Median(t))
			r.steady = true
			b.table.add(r)
		}
	}
	return nil
}

// fill puts kept messages into a house that is to have them. They are made once
// and kept beside the npm packages, with their search index.
func (b *bench) fill(h *house) error {
	if h.kept == 0 {
		return nil
	}
	from := filepath.Join(b.npm, fmt.Sprintf("kept-%d", h.kept))
	if _, err := os.Stat(filepath.Join(from, "complete")); err != nil {
		if err := makeKept(from, h.kept); err != nil {
			return err
		}
	}
	for src, dst := range map[string]string{"box.db": h.paths.Store(), "search.db": filepath.Join(h.paths.State(), "search.db")} {
		if err := copyFile(dst, filepath.Join(from, src)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err = io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync() // what the system still had to write would be measured
}

// keptBody is the text of a kept message: short, so that a million of them fit
// below the default bound of what is kept.
const keptBody = "kept for the record: build %d of branch main went through, all tests passed, artifacts are where they always are"

// makeKept makes a store of n messages that were seen in the last month, and
// its index.
func makeKept(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, old := range []string{"box.db", "box.db-wal", "box.db-shm", "search.db", "search.db-wal", "search.db-shm"} {
		_ = os.Remove(filepath.Join(dir, old))
	}
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(dir, "box.db"), zap.NewNop(), mailbox.Migrations())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	const step = 20_000
	now := time.Now()
	for at := 0; at < n; at += step {
		if err := db.Do(ctx, func(t *store.Tx) error { return insertKept(t, at, min(step, n-at), now) }); err != nil {
			return err
		}
	}
	box, err := mailbox.Open(ctx, db)
	if err != nil {
		return err
	}
	index, err := mailbox.OpenIndex(ctx, filepath.Join(dir, "search.db"), box, zap.NewNop())
	if err != nil {
		return err
	}
	err = index.CaughtUp(ctx)
	if closeErr := index.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return put(filepath.Join(dir, "complete"), "", 0o600)
}

// insertKept writes rows as they stand after a message was seen.
func insertKept(t *store.Tx, first, n int, now time.Time) error {
	for i := first + 1; i <= first+n; i++ {
		at := now.Add(-time.Duration(i%2_500_000) * time.Second).UnixMilli()
		body := fmt.Sprintf(keptBody, i)
		from, to := fmt.Sprintf("p%d", i%5), fmt.Sprintf("p%d", (i+1)%5)
		_, err := t.Exec(`INSERT INTO messages (seq, id, from_rt, from_name, from_nature, to_rt, to_name, topic, conversation, hops, proof, caused,
			key, sent, accepted, expires, first, state, open, attempts, cut, steps, size)
			VALUES (?, ?, 'bench', ?, 'absent', 'bench', ?, '', '', 1, 'session', '', ?, ?, ?, ?, 'accepted', 'seen', 0, 1, 0, 1, ?)`,
			i, fmt.Sprintf("m-%010x", i*2654435761%(1<<40)), from, to, fmt.Sprintf("session-1/tool/toolu_kept%09d", i), at, at, at, len(body))
		if err != nil {
			return err
		}
		if _, err := t.Exec("INSERT INTO bodies (seq, body, attachments) VALUES (?, ?, NULL)", i, body); err != nil {
			return err
		}
		_, err = t.Exec(`INSERT INTO steps (seq, n, change, state, attempt, source, detail, session, at) VALUES (?, 1, 'see', 'seen', 1, 'write', 'written to the terminal', 'host:1', ?)`, i, at)
		if err != nil {
			return err
		}
	}
	return nil
}
