package mailbox

import (
	"context"
	"time"

	"github.com/iapeer/iapeer"
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

// A relic is a message to be deleted: its number, its id and between whom it
// went.
type relic struct {
	seq  int64
	id   iapeer.MessageID
	from iapeer.Name
	to   iapeer.Identity
}

// Prune deletes messages that r no longer keeps, oldest first, with their
// history, and returns how many. Open messages stay, whatever their age, and
// so does the newest message, because its number must not be given again. The
// file does not shrink; its room is used again.
func (b *Box) Prune(ctx context.Context, now time.Time, r Retention) (deleted int, err error) {
	var after int64
	for {
		old, next, err := b.excess(ctx, now, r, after)
		if err == nil && next == after && deleted > 0 {
			err = b.sweep(ctx)
		}
		if err != nil || next == after {
			return deleted, wrap("prune messages", err)
		}
		after = next
		if len(old) == 0 {
			continue
		}
		if err := b.db.Do(ctx, func(t *store.Tx) error { return b.remove(t, old) }); err != nil {
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
		return t.Query(func(r store.Row) error {
			seq, accepted := r.Int(0), r.Int(1)
			if !over && accepted >= cutoff {
				return store.ErrEnough
			}
			next = seq
			o := relic{seq: seq, id: iapeer.MessageID(r.Text(2)), from: iapeer.Name(r.Text(3)),
				to: iapeer.Identity{Runtime: iapeer.Runtime(r.Text(4)), Name: iapeer.Name(r.Text(5))}}
			if seq < newest && !b.ledger.lists(o.to, seq) {
				old = append(old, o)
			}
			return nil
		}, "SELECT seq, accepted, id, from_name, to_rt, to_name FROM messages WHERE seq > ? ORDER BY seq LIMIT ?", after, pruneBatch)
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
func (b *Box) remove(t *store.Tx, old []relic) error {
	for _, o := range old {
		if b.ledger.lists(o.to, o.seq) {
			continue
		}
		b.recent.drop(o.id)
		for _, sql := range []string{
			"DELETE FROM messages WHERE seq = ?", "DELETE FROM bodies WHERE seq = ?", "DELETE FROM answers WHERE seq = ?",
			"DELETE FROM steps WHERE seq = ?", "DELETE FROM lingering WHERE seq = ?",
		} {
			if _, err := t.Exec(sql, o.seq); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweep empties the finder's eras of which no message is left.
func (b *Box) sweep(ctx context.Context) error {
	for _, era := range b.finder.list() {
		empty, err := b.gone(ctx, era)
		if err != nil {
			return err
		}
		for left := int64(1); empty && left > 0; {
			err := b.db.Do(ctx, func(t *store.Tx) (err error) {
				left, err = t.Exec("DELETE FROM finder WHERE (era, word, nth) IN (SELECT era, word, nth FROM finder WHERE era = ? LIMIT ?)", era, foldPortion)
				if left == 0 && err == nil {
					_, err = t.Exec("DELETE FROM filters WHERE era = ?", era)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		if empty {
			b.finder.forget(era)
		}
	}
	return nil
}

// gone reports whether an era can have no message any more.
func (b *Box) gone(ctx context.Context, era int64) (empty bool, err error) {
	if era >= b.finder.era(b.newest.Load()) {
		return false, nil
	}
	err = b.db.Read(ctx, func(t *store.Tx) error {
		r, err := t.First("SELECT 1 FROM messages WHERE seq >= ? AND seq < ? LIMIT 1", b.finder.first(era), b.finder.first(era+1))
		empty = r == nil
		return err
	})
	return empty, err
}
