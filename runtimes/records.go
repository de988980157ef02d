package runtimes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iapeer/iapeer"
)

// A Proof is how far a record shows one message to have come.
type Proof struct {
	Seen     bool // a turn consumed it; otherwise the program queued it
	Evidence iapeer.Evidence
}

// A Reading is what a record proves. The zero value is the reading of nothing;
// [Read] adds to it, so a record is read once, piece by piece.
type Reading struct {
	Offset    int64                      // where the next line begins: all before it was read
	Messages  map[iapeer.MessageID]Proof // every message found, with its strongest proof
	SessionID string                     // "" until a line names it
	CWD       string
	Turn      Turn      // the last one
	Spoke     time.Time // when the agent spoke last, by the record's clock; claude only
	Prompts   int       // prompts of users, with and without messages; claude only
	Compacts  int       // compactions completed
	Broken    int       // whole lines that were no JSON object
}

// A Turn is the last turn of a record.
type Turn struct {
	Open   bool // begun, and no line says that it ended
	IDs    []iapeer.MessageID
	Text   string    // the agent's last words in it
	Cut    string    // why it did not end well: "interrupted", "api_error", …; "" if it did or goes on
	Reason string    // the program's own words on Cut
	Quota  time.Time // when a quota that it met ends, zero if it met none or does not say
}

// Event tells how the turn ended; ok is false while it runs. It is for programs
// that fire no hook at an interrupt (claude, codex) or a failure (codex).
func (t Turn) Event(session string) (e iapeer.SessionEvent, ok bool) {
	ev := iapeer.Evidence{Source: "record", Detail: "end of the turn", Session: session}
	switch {
	case t.Open:
		return nil, false
	case t.Cut != "":
		return iapeer.TurnFailed{Reason: t.Cut, Text: t.Reason, ResetsAt: t.Quota, Evidence: ev}, true
	}
	return iapeer.TurnEnded{Text: t.Text, Evidence: ev}, true
}

// begin starts a turn that consumes ids. A turn that was still open was cut by
// the end of its process.
func (r *Reading) begin(ids []iapeer.MessageID) { r.Turn = Turn{Open: true, IDs: ids} }

// join adds messages that the running turn takes along.
func (r *Reading) join(ids []iapeer.MessageID) {
	if !r.Turn.Open {
		r.begin(nil)
	}
	r.Turn.IDs = append(r.Turn.IDs, ids...)
}

// end closes the turn.
func (r *Reading) end(cut, reason string) {
	r.Turn.Open, r.Turn.Cut, r.Turn.Reason = false, cut, reason
}

// prove keeps the stronger of what was known and what a line shows now.
func (r *Reading) prove(text string, seen bool, detail string) []iapeer.MessageID {
	ids := iapeer.EnvelopeIDs(text)
	for _, id := range ids {
		if had, ok := r.Messages[id]; ok && (had.Seen || !seen) {
			continue
		}
		if r.Messages == nil {
			r.Messages = map[iapeer.MessageID]Proof{}
		}
		r.Messages[id] = Proof{Seen: seen, Evidence: iapeer.Evidence{Source: "record", Detail: detail, Session: r.SessionID}}
	}
	return ids
}

// Events returns the proofs as session events, the taken before the seen. The
// order within each is not defined.
func (r *Reading) Events() []iapeer.SessionEvent {
	var taken, seen []iapeer.SessionEvent
	for id, p := range r.Messages {
		one := []iapeer.MessageID{id}
		if p.Seen {
			seen = append(seen, iapeer.PromptConsumed{IDs: one, Evidence: p.Evidence})
		} else {
			taken = append(taken, iapeer.PromptTaken{IDs: one, Evidence: p.Evidence})
		}
	}
	return append(taken, seen...)
}

// readChunk is how much of a record is read at once. Lines may be longer.
const readChunk = 64 << 10

// maxLine is the longest line kept in memory; a longer one is skipped and
// counted as broken. Records hold whole prompts and tool results.
const maxLine = 64 << 20

// Read reads rec from r.Offset to its end and adds to r. A last line without
// its newline is left for the next call, for it may be half written. The error
// is the reader's; what was read before it stays.
func (a Adapter) Read(rec io.ReaderAt, r *Reading) error {
	if a.Records.Line == nil {
		return nil
	}
	var line []byte // begun, not yet ended
	skipping := false
	buf := make([]byte, readChunk)
	at := r.Offset
	for {
		n, err := rec.ReadAt(buf, at)
		at += int64(n)
		for part := buf[:n]; len(part) > 0; {
			i := bytes.IndexByte(part, '\n')
			if i < 0 {
				if skipping = skipping || len(line)+len(part) > maxLine; skipping {
					line = line[:0]
				} else {
					line = append(line, part...)
				}
				break
			}
			a.readLine(append(line, part[:i]...), skipping, r)
			line, skipping, part = line[:0], false, part[i+1:]
			r.Offset = at - int64(len(part))
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read record at %d: %w", at, err)
		}
	}
}

func (a Adapter) readLine(line []byte, skipped bool, r *Reading) {
	line = bytes.TrimSpace(line)
	if skipped || len(line) > 0 && a.Records.Line(line, r) != nil {
		r.Broken++
	}
}
