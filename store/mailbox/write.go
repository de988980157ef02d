package mailbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// Append stores m and calls done once it is durable, with the message as
// stored: Seq is assigned, and ID, State (accepted; held is allowed too),
// AcceptedAt and ExpiresAt where they were empty. An ID that is taken is
// replaced. With a Key that the same sender used before at the same level of
// proof, done gets the first message and repeated. The error matches
// [iapeer.ErrBacklogFull] when the recipient has no room, and then says what
// blocks; m was not stored then.
func (b *Box) Append(m iapeer.Message, done func(stored iapeer.Message, repeated bool, err error)) {
	m, err := complete(m, time.Now())
	if err != nil {
		done(m, false, err)
		return
	}
	var counted, repeated bool
	b.db.Write(func(t *store.Tx) error {
		first, err := b.first(t, m)
		if err == nil {
			m, repeated = first, true
			return nil
		}
		if !errors.Is(err, iapeer.ErrUnknownID) {
			return err
		}
		if err := b.room(t, m); err != nil {
			return err
		}
		if err := b.insert(t, &m); err != nil {
			return err
		}
		b.ledger.add(entryOf(m), +1)
		counted = true
		return nil
	}, func(err error) {
		if err != nil && counted {
			b.ledger.add(entryOf(m), -1)
		}
		if err != nil {
			err = fmt.Errorf("store message: %w", err)
		} else if !repeated {
			b.newest.Store(m.Seq)
			b.index.Load().nudge()
		}
		done(m, repeated, err)
	})
}

// first returns the message that was stored under m's key, or
// [iapeer.ErrUnknownID].
func (b *Box) first(t *store.Tx, m iapeer.Message) (iapeer.Message, error) {
	if m.Key == "" {
		return m, iapeer.ErrUnknownID
	}
	found, err := t.First("SELECT seq FROM messages WHERE key = ? AND key <> '' AND from_name = ? AND from_rt = ? AND proof = ?",
		m.Key, string(m.From.Name), string(m.From.Runtime), string(m.Proof))
	if err != nil {
		return m, err
	}
	if found == nil {
		return m, iapeer.ErrUnknownID
	}
	r, err := one(t, "WHERE m.seq = ?", found.Int(0))
	return r.Message, err
}

func (b *Box) room(t *store.Tx, m iapeer.Message) error {
	refusal := b.ledger.room(entryOf(m))
	if refusal == nil {
		return nil
	}
	r, err := t.First("SELECT id, state FROM messages WHERE open = 1 AND to_name = ? ORDER BY seq LIMIT 1", string(m.To.Name))
	if err != nil || r == nil {
		return refusal
	}
	return blocked(refusal, iapeer.MessageID(r.Text(0)), iapeer.State(r.Text(1)))
}

// insert stores m under the next number. A number whose write is undone leaves
// a gap, which nobody minds.
func (b *Box) insert(t *store.Tx, m *iapeer.Message) error {
	attachments, err := attachmentsValue(m.Attachments)
	if err != nil {
		return err
	}
	b.seq++
	m.Seq = b.seq
	for {
		_, err := t.Exec(insertMessage, m.Seq, string(m.ID), string(m.From.Runtime), string(m.From.Name), string(m.FromNature),
			string(m.To.Runtime), string(m.To.Name), m.Topic, string(m.Conversation), m.Hops, string(m.Proof), string(m.Caused),
			m.Key, millis(m.SentAt), millis(m.AcceptedAt), millis(m.ExpiresAt), string(m.State), string(m.State), len(m.Body))
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrUnique) { // the key was looked up before, so it is the id
			return err
		}
		m.ID = iapeer.NewMessageID()
	}
	_, err = t.Exec(insertBody, m.Seq, m.Body, attachments)
	return err
}

// Mark records changes in their order, all in one write, and calls done with
// one result per mark. A mark that is refused does not touch the others.
func (b *Box) Mark(marks []iapeer.Mark, done func([]Marked)) {
	results := make([]Marked, len(marks))
	now := time.Now()
	var undo []func()
	b.db.Write(func(t *store.Tx) error {
		for i, k := range marks {
			back, err := b.mark(t, stamped(k, now), &results[i])
			if err != nil {
				return err
			}
			undo = append(undo, back)
		}
		return nil
	}, func(err error) {
		if err != nil {
			for _, back := range undo {
				back()
			}
			lost(results, marks, err)
		}
		done(results)
	})
}

// lost turns all results into the failure of the write that they shared.
func lost(results []Marked, marks []iapeer.Mark, err error) {
	for i, k := range marks {
		results[i] = Marked{Mark: k, Err: fmt.Errorf("record %s of %s: %w", k.Change, k.ID, err)}
		results[i].Message.ID = k.ID
	}
}

// mark records one change. Its error is the store's; a refusal is in the
// result.
func (b *Box) mark(t *store.Tx, k iapeer.Mark, result *Marked) (undo func(), err error) {
	undo = func() {}
	*result = Marked{Mark: k}
	before, err := one(t, "WHERE id = ?", string(k.ID))
	if errors.Is(err, iapeer.ErrUnknownID) {
		result.Message.ID = k.ID
		result.Err = fmt.Errorf("%s: %w", k.ID, err)
		return undo, nil
	}
	if err != nil {
		return undo, err
	}
	after, news, refusal := apply(before.Message, k)
	result.Message, result.Was, result.Err = after, before.State, refusal
	if !news {
		return undo, nil
	}
	if err := record(t, before, after, k); err != nil {
		return undo, err
	}
	return b.ledger.move(before.Message, after), nil
}

// record writes a change and its line of history.
func record(t *store.Tx, before row, after iapeer.Message, k iapeer.Mark) error {
	_, err := t.Exec(updateMessage, string(after.State), after.State.Open(), after.Attempts, after.TurnCut, millis(after.ExpiresAt), after.Seq)
	if err != nil {
		return err
	}
	s := step(after, k)
	_, err = t.Exec(insertStep, after.Seq, before.steps+1, string(s.Change), string(s.State), s.Attempt,
		s.Evidence.Source, s.Evidence.Detail, s.Evidence.Session, millis(s.Evidence.At))
	if err != nil || after.Answer == before.Answer {
		return err
	}
	_, err = t.Exec(upsertAnswer, after.Seq, after.Answer)
	return err
}
