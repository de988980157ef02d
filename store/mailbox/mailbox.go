// Package mailbox keeps messages until their recipient has taken them, and
// their history after that. Accepted means durable: Append's callback runs
// after the message would survive a power cut.
//
// Promises:
//
//   - A message moves only along [iapeer.State.Next]; each change is kept as a
//     step with its evidence. A change that the table refuses is reported for
//     that message alone.
//   - The order of acceptance is total ([iapeer.Message].Seq) and callbacks of
//     Append come in it.
//   - One (sender, proof, key) is one message: a repeated Append returns the
//     first one.
//   - Limits on a recipient's open messages are decided with the append itself,
//     from counters in memory; nothing on the append's path grows with the
//     number of messages kept.
//   - An open message is never deleted by age or size.
//
// What a commit writes is one row for a message and one line of history for a
// change, both at the end of their tables. Everything random is behind the
// commit: see [finder] for ids and keys, and the [ledger] for what is open.
//
// Full-text search has a file of its own, fed behind the commit by a cursor, so
// that no sender waits for it; [Index.Lag] tells how far behind it is and
// [Index.Rebuild] makes it anew.
//
// [Box] is the real thing, [Memory] the same promises without a disk, for
// tests; one contract suite runs over both. The package decides nothing about
// presences, conversations or people: whoever marks a message knows why.
package mailbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// A Box is the durable mailbox of all peers. All methods may be called
// concurrently. Methods that take a context read, and wait for the disk;
// Append and Mark return at once and call back on the store's goroutine, where
// a callback must not block.
type Box struct {
	db     *store.DB
	ledger ledger
	finder finder
	newest atomic.Int64 // last number committed
	index  atomic.Pointer[Index]

	// Used by the store's goroutine only.
	seq       int64 // last number given
	recent    recent
	horizon   int64 // up to this number all words are in the finder's tables
	folding   bool
	foldAfter int // words
}

// Open reads the counters of open messages from db, which was opened with
// [Migrations]. The caller closes db after its last use of the Box. A file that
// an earlier version wrote takes some ten seconds a million messages, once.
func Open(ctx context.Context, db *store.DB) (*Box, error) {
	return openBox(ctx, db, eraBits, foldAfter)
}

func openBox(ctx context.Context, db *store.DB, eraBits, foldAfter int) (*Box, error) {
	b := &Box{db: db, foldAfter: foldAfter}
	b.ledger.init()
	b.finder.init(eraBits)
	b.recent.init()
	if err := b.recall(ctx); err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	return b, nil
}

// A Marked is what became of one [iapeer.Mark].
type Marked struct {
	Mark    iapeer.Mark
	Message iapeer.Message // as it stands now; only the ID when there is no such message
	Was     iapeer.State   // before the mark
	Err     error          // why nothing was recorded: [iapeer.ErrUnknownID], a [*iapeer.ChangeError] or the store's
}

// Changed reports whether the message is in another state than before.
func (m Marked) Changed() bool { return m.Err == nil && m.Message.State != m.Was }

// Event is what observers are told of it.
func (m Marked) Event() iapeer.MessageChanged {
	return iapeer.MessageChanged{
		ID: m.Message.ID, From: m.Message.From, To: m.Message.To, State: m.Message.State,
		Change: m.Mark.Change, Evidence: m.Mark.Evidence, Topic: m.Message.Topic, Len: len(m.Message.Body),
	}
}

// complete gives a message that asks to be accepted the values that it lacks,
// in the precision that is kept: milliseconds, local time.
func complete(m iapeer.Message, now time.Time) (iapeer.Message, error) {
	switch m.State {
	case "":
		m.State = iapeer.Accepted
	case iapeer.Accepted, iapeer.Held:
	default:
		return m, fmt.Errorf("state %q: a message is accepted or held at first: %w", m.State, iapeer.ErrBadDraft)
	}
	if m.From == (iapeer.Identity{}) || m.To == (iapeer.Identity{}) {
		return m, fmt.Errorf("message without sender or recipient: %w", iapeer.ErrBadDraft)
	}
	if m.ID == "" {
		m.ID = iapeer.NewMessageID()
	}
	if m.AcceptedAt.IsZero() {
		m.AcceptedAt = now
	}
	if m.ExpiresAt.IsZero() {
		m.ExpiresAt = m.AcceptedAt.Add(iapeer.DefaultTTL)
	}
	m.SentAt, m.AcceptedAt, m.ExpiresAt = instant(millis(m.SentAt)), instant(millis(m.AcceptedAt)), instant(millis(m.ExpiresAt))
	m.Attempts, m.TurnCut, m.Answer = 0, false, ""
	return m, nil
}

// millis is how an instant is kept: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant is the reverse of [millis].
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// accepted is the step that every history begins with. It is not stored: the
// message itself, on disk, is its evidence.
func accepted(m iapeer.Message, first iapeer.State) iapeer.Step {
	return iapeer.Step{State: first, Evidence: iapeer.Evidence{Source: "daemon", Detail: "on disk", At: m.AcceptedAt}}
}

// apply returns the message after a mark, and whether there is anything to
// record: late or repeated evidence that tells nothing new leaves no trace.
func apply(m iapeer.Message, k iapeer.Mark) (after iapeer.Message, news bool, err error) {
	next, err := m.State.Next(k.Change)
	if err != nil {
		return m, false, err
	}
	after = m
	after.State = next
	switch k.Change { //nolint:exhaustive // the other changes touch nothing but the state
	case iapeer.ChangeOffer:
		after.Attempts++
	case iapeer.ChangeSee, iapeer.ChangeAnswer:
		after.TurnCut = m.TurnCut || k.TurnCut
		if k.Change == iapeer.ChangeAnswer && k.Answer != "" {
			after.Answer = k.Answer
		}
	case iapeer.ChangeRetry:
		// Its time to live begins anew, or a retried message would expire at once.
		after.ExpiresAt = later(m.ExpiresAt, instant(millis(k.Evidence.At.Add(iapeer.DefaultTTL))))
	}
	news = after.State != m.State || after.Attempts != m.Attempts || after.TurnCut != m.TurnCut || after.Answer != m.Answer
	return after, news, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// stamped returns k with the time of its evidence, which is now when whoever
// saw it did not say.
func stamped(k iapeer.Mark, now time.Time) iapeer.Mark {
	if k.Evidence.At.IsZero() {
		k.Evidence.At = now
	}
	k.Evidence.At = instant(millis(k.Evidence.At))
	return k
}

// step is the line of history that a mark leaves.
func step(after iapeer.Message, k iapeer.Mark) iapeer.Step {
	return iapeer.Step{Change: k.Change, State: after.State, Attempt: after.Attempts, Evidence: k.Evidence}
}
