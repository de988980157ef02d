package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// Bounds of what one call returns.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

func bounded(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

// Pending returns what the recipient has yet to be shown or to be proven to
// have seen: accepted, offered, taken and unknown messages, in the order of
// acceptance. Held ones are left out, because they leave the order. limit 0
// means 50; at most 1000 are returned.
func (b *Box) Pending(ctx context.Context, to iapeer.Identity, limit int) (list []iapeer.Message, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		list, err = all(t, "WHERE "+numbered+" AND "+openNow+" AND "+stateNow+" <> 'held' ORDER BY m.seq LIMIT ?",
			b.listed(to.Name, to.Runtime), bounded(limit))
		return err
	})
	return list, wrap("read mailbox of "+to.String(), err)
}

// openNow selects open messages among the listed, see [ledger].
const openNow = stateNow + " IN ('accepted', 'offered', 'taken', 'unknown', 'held')"

// listed is what may be open for a name, on one runtime or on all, as
// [numbered] takes it.
func (b *Box) listed(n iapeer.Name, on iapeer.Runtime) string {
	return numbersValue(b.ledger.listed(span{name: n, runtime: on}))
}

// Open returns every open message of a peer on all its runtimes, held ones
// too, in the order of acceptance.
func (b *Box) Open(ctx context.Context, to iapeer.Name) (list []iapeer.Message, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		list, err = all(t, "WHERE "+numbered+" AND "+openNow+" ORDER BY m.seq", b.listed(to, ""))
		return err
	})
	return list, wrap("read mailbox of "+string(to), err)
}

// Waiting returns the identities that have open messages, sorted by name: whom
// to look after when the daemon starts. It reads no disk.
func (b *Box) Waiting() []iapeer.Identity { return b.ledger.waiting() }

// Backlog returns how many messages of a recipient are open, and their bodies'
// bytes. It reads no disk.
func (b *Box) Backlog(n iapeer.Name) (open int, bytes int64) { return b.ledger.backlog(n) }

// OpenFor returns how many messages of one identity are open. It reads no
// disk.
func (b *Box) OpenFor(id iapeer.Identity) int { return b.ledger.openFor(id) }

// Message returns the message whose id begins with prefix, and its history,
// oldest first. Two that match are an [*iapeer.FieldError] naming both; none is
// [iapeer.ErrUnknownID]. The "m-" may be left out.
func (b *Box) Message(ctx context.Context, prefix string) (m iapeer.Message, history []iapeer.Step, err error) {
	from, to, err := idRange(prefix)
	if err != nil {
		return m, nil, err
	}
	err = b.db.Read(ctx, func(t *store.Tx) error {
		r, err := b.exactly(t, prefix, from, to)
		if err != nil {
			return err
		}
		m = r.Message
		history, err = steps(t, r)
		return err
	})
	return m, history, wrap("message "+prefix, err)
}

// idRange returns the ids from and below which all ids with the prefix lie.
func idRange(prefix string) (from, to string, err error) {
	from = strings.ToLower(strings.TrimSpace(prefix))
	if from == "" {
		return "", "", &iapeer.FieldError{Field: "id", Reason: "is empty; give an id or its beginning"}
	}
	if !strings.HasPrefix(from, "m-") {
		from = "m-" + from
	}
	return from, from + "\x7f", nil
}

// exactly returns the one row between two ids.
func (b *Box) exactly(t *store.Tx, prefix, from, to string) (row, error) {
	seq, err := b.byID(t, idBits(from, 0), iapeer.MessageID(from))
	if err == nil {
		return one(t, seq)
	}
	if !errors.Is(err, iapeer.ErrUnknownID) {
		return row{}, err
	}
	found, err := b.begins(t, from, to)
	switch {
	case err != nil:
		return row{}, err
	case len(found) == 0:
		return row{}, iapeer.ErrUnknownID
	case len(found) > 1:
		return row{}, ambiguous(prefix, []string{found[0].id, found[1].id})
	}
	return one(t, found[0].seq)
}

// A named is a message's number with its id.
type named struct {
	id  string
	seq int64
}

// begins returns the messages with ids from one to another, of each era the
// first two, in the order of ids.
func (b *Box) begins(t *store.Tx, from, to string) (found []named, err error) {
	low, high := idBits(from, 0), idBits(from, 1<<5-1)
	take := func(r store.Row) error {
		found = append(found, named{id: r.Text(0), seq: r.Int(1)})
		return nil
	}
	seqs, eras := b.finder.between(low, high)
	if len(seqs) > 0 {
		err = t.Query(take, "SELECT id, seq FROM messages m WHERE "+numbered+" AND id >= ? AND id < ?", numbersValue(seqs), from, to)
	}
	for _, era := range eras {
		if err == nil {
			err = t.Query(take, `SELECT id, seq FROM finder CROSS JOIN messages ON seq = ? + nth
				WHERE era = ? AND word BETWEEN ? AND ? AND id >= ? AND id < ? ORDER BY word, nth LIMIT 2`,
				b.finder.first(era), era, low, high, from, to)
		}
	}
	slices.SortFunc(found, func(a, b named) int { return cmp.Compare(a.id, b.id) })
	return slices.Compact(found), err
}

func ambiguous(prefix string, found []string) error {
	return &iapeer.FieldError{Field: "id", Value: prefix,
		Reason: fmt.Sprintf("begins %s and %s; give more of it", found[0], found[1])}
}

// steps reads the history of r.
func steps(t *store.Tx, r row) ([]iapeer.Step, error) {
	history := []iapeer.Step{accepted(r.Message, r.first)}
	err := t.Query(func(s store.Row) error {
		history = append(history, iapeer.Step{
			Change: iapeer.Change(s.Text(0)), State: iapeer.State(s.Text(1)), Attempt: int(s.Int(2)),
			Evidence: iapeer.Evidence{Source: s.Text(3), Detail: s.Text(4), Session: s.Text(5), At: instant(s.Int(6))},
		})
		return nil
	}, "SELECT change, state, attempt, source, detail, session, at FROM steps WHERE seq = ? ORDER BY n", r.Seq)
	return history, err
}

// Messages returns what q selects, newest first, or oldest first with After.
// Text is looked up in the open [Index], which may lag behind; without one the
// messages themselves are read through.
func (b *Box) Messages(ctx context.Context, q iapeer.MessageQuery) (list []iapeer.Message, err error) {
	if x := b.index.Load(); x.knows(ctx, q) {
		list, err = x.search(ctx, q)
		return list, wrap("search messages", err)
	}
	where, args := b.restrict(q, "")
	err = b.db.Read(ctx, func(t *store.Tx) error {
		list, err = all(t, where, args...)
		return err
	})
	return list, wrap("list messages", err)
}

// restrict writes a query's conditions, and one more if first is not empty.
// They come from a fixed set, so the statements stay few.
func (b *Box) restrict(q iapeer.MessageQuery, first string, values ...any) (where string, args []any) {
	var terms []string
	term := func(cond bool, sql string, values ...any) {
		if cond {
			terms = append(terms, sql)
			args = append(args, values...)
		}
	}
	term(first != "", first, values...)
	term(q.Peer != "", "(from_name = ? OR to_name = ?)", string(q.Peer), string(q.Peer))
	term(q.From != "", "from_name = ?", string(q.From))
	term(q.To != "", "to_name = ?", string(q.To))
	switch q.State {
	case iapeer.Accepted, iapeer.Offered, iapeer.Taken, iapeer.Unknown, iapeer.Held:
		term(true, numbered, b.listed("", ""))
	case iapeer.Failed, iapeer.Expired, iapeer.Cancelled:
		term(true, "m.seq IN (SELECT seq FROM steps WHERE state = ? AND state IN ('failed', 'expired', 'cancelled'))", string(q.State))
	case iapeer.Seen, iapeer.Answered, iapeer.Refused: // seen ones are not far; there are no refused ones
	}
	term(q.State != "", stateNow+" = ?", string(q.State))
	term(q.Before > 0, "m.seq < ?", q.Before)
	term(q.After > 0, "m.seq > ?", q.After)
	term(q.Text != "", "(instr(lower(coalesce(m.body, b.body)), lower(?)) > 0 OR instr(lower(topic), lower(?)) > 0)", q.Text, q.Text)
	if len(terms) > 0 {
		where = "WHERE " + strings.Join(terms, " AND ")
	}
	order := " ORDER BY m.seq DESC LIMIT ?"
	if q.After > 0 {
		order = " ORDER BY m.seq LIMIT ?"
	}
	return where + order, append(args, bounded(q.Limit))
}

// Inbox returns a person's messages on one runtime, newest first: those not
// yet marked seen or, with read, all of them.
func (b *Box) Inbox(ctx context.Context, to iapeer.Identity, read bool, limit int) (list []iapeer.Message, err error) {
	where := "WHERE " + numbered + " AND " + openNow + " ORDER BY m.seq DESC LIMIT ?"
	args := []any{b.listed(to.Name, to.Runtime), bounded(limit)}
	if read {
		where = "WHERE to_name = ? AND to_rt = ? ORDER BY m.seq DESC LIMIT ?"
		args = []any{string(to.Name), string(to.Runtime), bounded(limit)}
	}
	err = b.db.Read(ctx, func(t *store.Tx) error {
		list, err = all(t, where, args...)
		return err
	})
	return list, wrap("read inbox of "+to.String(), err)
}

// Expire marks the messages whose time to live ran out while they were
// accepted and returns those that changed, for their senders to be told.
func (b *Box) Expire(ctx context.Context, now time.Time) ([]Marked, error) {
	var marks []iapeer.Mark
	err := b.db.Read(ctx, func(t *store.Tx) error {
		return t.Query(func(r store.Row) error {
			marks = append(marks, expiry(iapeer.MessageID(r.Text(0)), now))
			return nil
		}, "SELECT id FROM messages m "+lastStep+"WHERE "+numbered+" AND "+stateNow+" = 'accepted' AND coalesce(s.expires, m.expires) <= ? ORDER BY m.seq",
			b.listed("", ""), millis(now))
	})
	if err != nil || len(marks) == 0 {
		return nil, wrap("expire messages", err)
	}
	end := make(chan []Marked, 1)
	b.Mark(marks, func(results []Marked) { end <- onlyChanged(results) })
	select {
	case changed := <-end:
		return changed, nil
	case <-ctx.Done():
		return nil, wrap("expire messages", ctx.Err())
	}
}

func expiry(id iapeer.MessageID, now time.Time) iapeer.Mark {
	return iapeer.Mark{ID: id, Change: iapeer.ChangeExpire, Evidence: iapeer.Evidence{Source: "daemon", Detail: "time to live ran out", At: now}}
}

// onlyChanged leaves out what was offered between the look and the mark.
func onlyChanged(results []Marked) []Marked {
	var changed []Marked
	for _, r := range results {
		if r.Changed() {
			changed = append(changed, r)
		}
	}
	return changed
}

// wrap says what was being done, except for refusals that already do.
func wrap(doing string, err error) error {
	var field *iapeer.FieldError
	if err == nil || errors.As(err, &field) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
