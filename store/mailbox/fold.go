package mailbox

import (
	"context"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// Folding brings the words of the newest messages from memory into the tables
// of the finder and moves the horizon, the number up to which that is done.
// Open messages behind the horizon are listed in lingering: a start looks at
// that list and at what is beyond the horizon, not at all that is kept.

// foldAfter is how many words make folding worth while; the tail that a start
// reads is as long.
const foldAfter = 8192

// foldPortion is how many words go into the tables in one write, so that an
// append waits less than a millisecond for it, and foldPortions how many writes
// a folding takes at most, so that it keeps up with commits of many messages.
const (
	foldPortion  = 128
	foldPortions = 64
)

// A fold is one folding under way; used by the store's goroutine only.
type fold struct {
	last    int64 // number up to which it goes
	words   []entryWord
	portion int
}

// maybeFold begins to fold when there is enough, up to a committed message.
func (b *Box) maybeFold(newest int64) {
	if b.folding || b.finder.waiting() < b.foldAfter {
		return
	}
	b.folding = true
	last := min(newest, b.endOfEra())
	words := b.finder.upTo(last)
	b.foldNext(&fold{last: last, words: words, portion: max(foldPortion, len(words)/foldPortions)})
}

// endOfEra is the last number of the era behind the horizon: one folding goes
// into one era.
func (b *Box) endOfEra() int64 { return b.finder.first(b.finder.era(b.horizon+1)+1) - 1 }

// foldNext writes one portion after the other. One that fails ends the folding;
// the next append begins anew.
func (b *Box) foldNext(f *fold) {
	if len(f.words) == 0 {
		was := b.horizon
		b.db.Write(func(t *store.Tx) error { return b.moveHorizon(t, f.last) }, func(err error) {
			b.folding = false
			if err != nil {
				b.horizon = was
				return
			}
			b.finder.folded(f.last)
		})
		return
	}
	n := min(f.portion, len(f.words))
	b.db.Write(func(t *store.Tx) error { return b.finder.file(t, f.words[:n]) }, func(err error) {
		if err != nil {
			b.folding = false
			return
		}
		f.words = f.words[n:]
		b.foldNext(f)
	})
}

// file writes words into the tables.
func (f *finder) file(t *store.Tx, words []entryWord) error {
	for _, w := range words {
		_, err := t.Exec("INSERT OR IGNORE INTO finder (era, word, nth) VALUES (?, ?, ?)", f.era(w.seq), w.word, f.nth(w.seq))
		if err != nil {
			return err
		}
	}
	return nil
}

// moveHorizon ends a folding: from now on what is open up to last is looked
// for in lingering.
func (b *Box) moveHorizon(t *store.Tx, last int64) error {
	for _, seq := range b.ledger.listed(span{after: b.horizon, upTo: last}) {
		if _, err := t.Exec(insertLingering, seq); err != nil {
			return err
		}
	}
	era := b.finder.era(last)
	if _, err := t.Exec("INSERT INTO filters (era, bits) VALUES (?, ?) ON CONFLICT (era) DO UPDATE SET bits = excluded.bits", era, b.finder.bits(era)); err != nil {
		return err
	}
	if _, err := t.Exec("UPDATE horizon SET seq = ?", last); err != nil {
		return err
	}
	b.horizon = last
	return nil
}

const insertLingering = "INSERT OR IGNORE INTO lingering (seq) VALUES (?)"

// linger keeps the list of open messages behind the horizon true when a
// message is opened or closed.
func (b *Box) linger(t *store.Tx, seq int64, open bool) error {
	if seq > b.horizon {
		return nil
	}
	sql := "DELETE FROM lingering WHERE seq = ?"
	if open {
		sql = insertLingering
	}
	_, err := t.Exec(sql, seq)
	return err
}

// recall reads what the finder and the ledger keep in memory. A file that an
// earlier version wrote is folded first, an era at a time.
func (b *Box) recall(ctx context.Context) error {
	err := b.db.Read(ctx, func(t *store.Tx) error {
		at, err := t.First("SELECT (SELECT seq FROM horizon), (SELECT max(seq) FROM messages)")
		if err != nil {
			return err
		}
		b.horizon, b.seq = at.Int(0), at.Int(1)
		b.newest.Store(b.seq)
		if err := t.Query(func(r store.Row) error {
			b.finder.eras = append(b.finder.eras, eraFilter{era: r.Int(0), filter: readFilter(r.Blob(1), b.finder.words())})
			return nil
		}, "SELECT era, bits FROM filters ORDER BY era"); err != nil {
			return err
		}
		b.finder.pack()
		return b.recallOpen(t, "WHERE m.seq IN (SELECT seq FROM lingering)")
	})
	if err != nil {
		return err
	}
	for b.endOfEra() < b.seq {
		if err := b.foldEra(ctx); err != nil {
			return err
		}
	}
	return b.db.Read(ctx, func(t *store.Tx) error { return b.recallTail(t, b.seq) })
}

// foldEra folds the rest of the horizon's era in one write.
func (b *Box) foldEra(ctx context.Context) error {
	last := b.endOfEra()
	if err := b.db.Read(ctx, func(t *store.Tx) error { return b.recallTail(t, last) }); err != nil {
		return err
	}
	words := b.finder.upTo(last)
	err := b.db.Do(ctx, func(t *store.Tx) error {
		if err := b.finder.file(t, words); err != nil {
			return err
		}
		return b.moveHorizon(t, last)
	})
	b.finder.folded(last)
	return err
}

// recallTail reads the words of the messages between the horizon and last, and
// counts those that are open.
func (b *Box) recallTail(t *store.Tx, last int64) error {
	err := t.Query(func(r store.Row) error {
		key, has := keyWord(r.Text(2), r.Text(3), r.Text(4), r.Text(5))
		b.finder.enter(r.Int(0), idBits(r.Text(1), 0), key, has)
		return nil
	}, "SELECT seq, id, key, from_name, from_rt, proof FROM messages WHERE seq > ? AND seq <= ? ORDER BY seq", b.horizon, last)
	if err != nil {
		return err
	}
	return b.recallOpen(t, "WHERE m.seq > ? AND m.seq <= ?", b.horizon, last)
}

// recallOpen counts the open ones of the messages that where selects.
func (b *Box) recallOpen(t *store.Tx, where string, args ...any) error {
	return t.Query(func(r store.Row) error {
		if iapeer.State(r.Text(5)).Open() {
			b.ledger.add(entry{
				seq: r.Int(0), from: iapeer.Name(r.Text(1)), bytes: r.Int(4),
				to: iapeer.Identity{Runtime: iapeer.Runtime(r.Text(2)), Name: iapeer.Name(r.Text(3))},
			}, +1)
		}
		return nil
	}, "SELECT m.seq, from_name, to_rt, to_name, size, "+stateNow+" FROM messages m "+lastStep+where+" ORDER BY m.seq", args...)
}
