package mailbox

import (
	"errors"
	"fmt"
	"slices"
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
	a := &arrival{row: &row{Message: m, first: m.State}}
	b.db.Write(func(t *store.Tx) error { return b.arrive(t, a) }, func(err error) {
		b.arrived(a, err)
		if err != nil {
			err = fmt.Errorf("store message: %w", err)
		}
		done(a.Message, a.repeated, err)
	})
}

// An arrival is an append under way.
type arrival struct {
	*row
	counted, repeated bool
}

func (b *Box) arrive(t *store.Tx, a *arrival) error {
	key, hasKey := keyWordOf(&a.Message)
	if hasKey {
		first, err := b.first(t, key, &a.Message)
		if err == nil {
			a.row, a.repeated = &first, true
			return nil
		}
		if !errors.Is(err, iapeer.ErrUnknownID) {
			return err
		}
	}
	if err := b.room(t, &a.Message); err != nil {
		return err
	}
	id, err := b.freeID(t, &a.Message)
	if err != nil {
		return err
	}
	if err := b.insert(t, &a.Message); err != nil {
		return err
	}
	b.ledger.add(entryOf(&a.Message), +1)
	a.counted = true
	b.finder.enter(a.Seq, id, key, hasKey)
	a.Attachments = slices.Clone(a.Attachments)
	b.recent.put(a.row)
	return nil
}

// arrived follows the commit, or what prevented it.
func (b *Box) arrived(a *arrival, err error) {
	switch {
	case err != nil && a.counted:
		b.ledger.add(entryOf(&a.Message), -1)
		b.ledger.settle(entryOf(&a.Message))
		b.recent.drop(a.ID)
	case err == nil && !a.repeated:
		b.newest.Store(a.Seq)
		b.index.Load().nudge()
		b.maybeFold(a.Seq)
	}
}

// first returns the message that was stored under m's key, or
// [iapeer.ErrUnknownID].
func (b *Box) first(t *store.Tx, key int64, m *iapeer.Message) (row, error) {
	var first int64
	found, err := b.finder.find(t, key, func(seq int64) (bool, error) {
		r, err := t.First("SELECT 1 FROM messages WHERE seq = ? AND key = ? AND from_name = ? AND from_rt = ? AND proof = ?",
			seq, m.Key, string(m.From.Name), string(m.From.Runtime), string(m.Proof))
		first = seq
		return r != nil, err
	})
	if err != nil {
		return row{}, err
	}
	if !found {
		return row{}, iapeer.ErrUnknownID
	}
	return one(t, first)
}

// byID returns the number of the message with an id, or [iapeer.ErrUnknownID].
func (b *Box) byID(t *store.Tx, word int64, id iapeer.MessageID) (seq int64, err error) {
	found, err := b.finder.find(t, word, func(s int64) (bool, error) {
		r, err := t.First("SELECT 1 FROM messages WHERE seq = ? AND id = ?", s, string(id))
		seq = s
		return r != nil, err
	})
	if err == nil && !found {
		err = iapeer.ErrUnknownID
	}
	return seq, err
}

// freeID gives m another id while the one it has is taken, and returns the
// id's word.
func (b *Box) freeID(t *store.Tx, m *iapeer.Message) (int64, error) {
	for {
		word := idWord(m.ID)
		_, err := b.byID(t, word, m.ID)
		if errors.Is(err, iapeer.ErrUnknownID) {
			return word, nil
		}
		if err != nil {
			return 0, err
		}
		m.ID = iapeer.NewMessageID()
	}
}

func (b *Box) room(t *store.Tx, m *iapeer.Message) error {
	refusal := b.ledger.room(entryOf(m))
	if refusal == nil {
		return nil
	}
	for _, seq := range b.ledger.listed(span{name: m.To.Name}) {
		r, err := t.First("SELECT id, "+stateNow+" FROM messages m "+lastStep+"WHERE m.seq = ?", seq)
		if err != nil {
			return refusal
		}
		if r != nil && iapeer.State(r.Text(1)).Open() {
			return blocked(refusal, iapeer.MessageID(r.Text(0)), iapeer.State(r.Text(1)))
		}
	}
	return refusal
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
	var body, inline any = m.Body, attachments
	long := len(m.Body)+attachmentsBytes(m.Attachments) > inlineBytes
	if long {
		body, inline = nil, nil
	}
	_, err = t.Exec(insertMessage, m.Seq, string(m.ID), string(m.From.Runtime), string(m.From.Name), string(m.FromNature),
		string(m.To.Runtime), string(m.To.Name), m.Topic, string(m.Conversation), m.Hops, string(m.Proof), string(m.Caused),
		m.Key, millis(m.SentAt), millis(m.AcceptedAt), millis(m.ExpiresAt), string(m.State), len(m.Body), body, inline)
	if err == nil && long {
		_, err = t.Exec(insertBody, m.Seq, m.Body, attachments)
	}
	return err
}

func attachmentsBytes(paths []string) (n int) {
	for _, p := range paths {
		n += len(p)
	}
	return n
}

// Mark records changes in their order, all in one write, and calls done with
// one result per mark. A mark that is refused does not touch the others.
func (b *Box) Mark(marks []iapeer.Mark, done func([]Marked)) {
	k := &marking{marks: marks, results: make([]Marked, len(marks)), now: time.Now()}
	b.db.Write(func(t *store.Tx) error { return b.markAll(t, k) }, func(err error) {
		if err != nil {
			b.unmark(k)
			lost(k.results, marks, err)
		}
		for _, m := range k.moves {
			b.ledger.settle(m.entry)
		}
		done(k.results)
	})
}

// A marking is a call of [Box.Mark] under way.
type marking struct {
	marks   []iapeer.Mark
	results []Marked
	now     time.Time
	moves   []move
	undone  bool
}

// A move is what one mark did to the ledger.
type move struct {
	entry
	sign int
}

func (b *Box) markAll(t *store.Tx, k *marking) error {
	for i, m := range k.marks {
		if err := b.mark(t, k, stamped(m, k.now), &k.results[i]); err != nil {
			b.unmark(k) // the writes that follow in this commit must not see it
			return err
		}
	}
	return nil
}

// unmark takes back what a failed write did in memory.
func (b *Box) unmark(k *marking) {
	if k.undone {
		return
	}
	k.undone = true
	for _, m := range k.moves {
		b.ledger.add(m.entry, -m.sign)
	}
	for _, m := range k.marks {
		b.recent.drop(m.ID)
	}
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
func (b *Box) mark(t *store.Tx, all *marking, k iapeer.Mark, result *Marked) error {
	*result = Marked{Mark: k}
	m, err := b.row(t, k.ID)
	if errors.Is(err, iapeer.ErrUnknownID) {
		result.Message.ID = k.ID
		result.Err = fmt.Errorf("%s: %w", k.ID, err)
		return nil
	}
	if err != nil {
		return err
	}
	after, news, refusal := apply(m.Message, k)
	result.Message, result.Was, result.Err = after, m.State, refusal
	if !news {
		return nil
	}
	if err := record(t, m, after, k); err != nil {
		return err
	}
	if sign := b.ledger.move(&m.Message, after.State); sign != 0 {
		all.moves = append(all.moves, move{entryOf(&after), sign})
		if err := b.linger(t, after.Seq, sign > 0); err != nil {
			return err
		}
	}
	m.Message = after
	m.steps++
	return nil
}

// row returns a message from memory, or else from the file.
func (b *Box) row(t *store.Tx, id iapeer.MessageID) (*row, error) {
	if r := b.recent.rows[id]; r != nil {
		return r, nil
	}
	seq, err := b.byID(t, idWord(id), id)
	if err != nil {
		return nil, err
	}
	r, err := one(t, seq)
	if err != nil {
		return nil, err
	}
	b.recent.put(&r)
	return &r, nil
}

// record writes a change, which is its line of history.
func record(t *store.Tx, before *row, after iapeer.Message, k iapeer.Mark) error {
	s := step(after, k)
	_, err := t.Exec(insertStep, after.Seq, before.steps+1, string(s.Change), string(s.State), s.Attempt,
		s.Evidence.Source, s.Evidence.Detail, s.Evidence.Session, millis(s.Evidence.At), after.TurnCut, millis(after.ExpiresAt))
	if err != nil || after.Answer == before.Answer {
		return err
	}
	_, err = t.Exec(upsertAnswer, after.Seq, after.Answer)
	return err
}
