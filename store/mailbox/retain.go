package mailbox

import (
	"context"
	"time"

	"github.com/iapeer/iapeer/store"
)

// A Retention says how long messages that are no longer open are kept. A zero
// field does not limit.
type Retention struct {
	Age   time.Duration // since acceptance
	Bytes int64         // of the store's file in use; the oldest go first
}

// What is kept unless a person's configuration says otherwise.
const (
	DefaultAge   = 90 * 24 * time.Hour
	DefaultBytes = 1 << 30
)

// pruneBatch is how many messages are deleted in one write, so that an append
// waits about a millisecond for it.
const pruneBatch = 32

// A relic is a message to be deleted: its number and between whom it went.
type relic struct {
	seq      int64
	from, to string
}

// Prune deletes messages that r no longer keeps, oldest first, with their
// history, and returns how many. Open messages stay, whatever their age, and
// so does the newest message, because its number must not be given again. The
// file does not shrink; its room is used again.
func (b *Box) Prune(ctx context.Context, now time.Time, r Retention) (deleted int, err error) {
	var after int64
	for {
		old, next, err := b.excess(ctx, now, r, after)
		if err != nil || next == after {
			return deleted, wrap("prune messages", err)
		}
		after = next
		if len(old) == 0 {
			continue
		}
		if err := b.db.Do(ctx, func(t *store.Tx) error { return remove(t, old) }); err != nil {
			return deleted, wrap("prune messages", err)
		}
		b.index.Load().forget(old)
		deleted += len(old)
	}
}

// excess looks at the next messages after a number and returns those to be
// deleted and the last number looked at, which is after when there is nothing
// more to do.
func (b *Box) excess(ctx context.Context, now time.Time, r Retention, after int64) (old []relic, next int64, err error) {
	next = after
	newest := b.newest.Load()
	err = b.db.Read(ctx, func(t *store.Tx) error {
		used, err := usedBytes(t)
		if err != nil {
			return err
		}
		over := r.Bytes > 0 && used > r.Bytes
		cutoff := int64(0)
		if r.Age > 0 {
			cutoff = millis(now.Add(-r.Age))
		}
		return t.Query(func(row store.Row) error {
			seq, open, accepted := row.Int(0), row.Int(1) != 0, row.Int(2)
			if !over && accepted >= cutoff {
				return store.ErrEnough
			}
			next = seq
			if !open && seq < newest {
				old = append(old, relic{seq: seq, from: row.Text(3), to: row.Text(4)})
			}
			return nil
		}, "SELECT seq, open, accepted, from_name, to_name FROM messages WHERE seq > ? ORDER BY seq LIMIT ?", after, pruneBatch)
	})
	return old, next, err
}

// usedBytes is the size of the pages that hold something.
func usedBytes(t *store.Tx) (int64, error) {
	var n [3]int64
	for i, pragma := range []string{"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"} {
		r, err := t.First(pragma)
		if err != nil {
			return 0, err
		}
		n[i] = r.Int(0)
	}
	return (n[0] - n[1]) * n[2], nil
}

// remove deletes messages, except those that were opened again since they were
// looked at.
func remove(t *store.Tx, old []relic) error {
	for _, o := range old {
		n, err := t.Exec("DELETE FROM messages WHERE seq = ? AND open = 0", o.seq)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		for _, sql := range []string{
			"DELETE FROM bodies WHERE seq = ?", "DELETE FROM answers WHERE seq = ?", "DELETE FROM steps WHERE seq = ?",
		} {
			if _, err := t.Exec(sql, o.seq); err != nil {
				return err
			}
		}
	}
	return nil
}
