package eventlog

import (
	"strings"

	"github.com/iapeer/iapeer"
)

// linesOf returns the lines of one event: its own, and those that older programs
// look for.
func (l *Log) linesOf(s iapeer.Stamped) []line {
	own := line{s.Event.Source(), s.At, s.Event.Name(), s.Event.Fields}
	switch e := s.Event.(type) {
	case iapeer.MessageChanged:
		own.name = "receipt" // "delivery" is a try to send
		e.Evidence = bare(e.Evidence)
		own.fields = e.Fields
	case iapeer.TurnChanged:
		own.fields = l.turn(e)
	case iapeer.PresenceChanged:
		l.presence(e)
		if name, fields := older(e); name != "" {
			return []line{own, {own.source, s.At, name, func() []iapeer.Field { return fields }}}
		}
	default:
	}
	return []line{own}
}

// bare leaves out what a command wrote: it may be the message.
func bare(e iapeer.Evidence) iapeer.Evidence {
	if e.Source == "exit" {
		e.Detail, _, _ = strings.Cut(e.Detail, ";")
	}
	return e
}

// bareAttempt does the same for a send that was told of it.
func bareAttempt(a iapeer.Attempt) iapeer.Attempt {
	if r := a.Result; r != nil && !r.OK && r.Evidence != nil && r.Evidence.Source == "exit" {
		told := *r
		told.Next = string(r.State) + ": " + bare(*r.Evidence).Detail
		a.Result = &told
	}
	return a
}

// turn adds to the fields of a turn what the identity did before, if that is
// known.
func (l *Log) turn(e iapeer.TurnChanged) func() []iapeer.Field {
	before, known := l.working[e.Identity]
	l.works(e.Identity, !e.Ended)
	return func() []iapeer.Field {
		f := e.Fields()
		if !known {
			return f
		}
		from := "idle"
		if before {
			from = "working"
		}
		return append(append(f[:2:2], iapeer.Field{Key: "from", Value: from}), f[2:]...)
	}
}

// works notes whether an identity has a turn.
func (l *Log) works(id iapeer.Identity, now bool) {
	l.moved.Store(true)
	if now != l.working[id] {
		l.turns.Add(map[bool]int64{true: 1, false: -1}[now])
	}
	l.working[id] = now
}

// presence notes that a session is gone: what it did before is of no meaning to
// the next one.
func (l *Log) presence(e iapeer.PresenceChanged) {
	l.moved.Store(true)
	if !lives(e.To) {
		l.works(e.Identity, false)
		delete(l.working, e.Identity)
	}
}

// older returns the line by which older programs tell the same: stops, starts,
// and what supervision did. The name is empty when they tell nothing.
func older(e iapeer.PresenceChanged) (name string, fields []iapeer.Field) {
	id := []iapeer.Field{{Key: "personality", Value: string(e.Identity.Name)}, {Key: "runtime", Value: string(e.Identity.Runtime)},
		{Key: "identity", Value: e.Identity.String()}}
	cause := iapeer.Field{Key: "reason", Value: e.Cause}
	did := func(action, outcome string) (string, []iapeer.Field) {
		return "supervise", append(id, iapeer.Field{Key: "action", Value: action}, cause, iapeer.Field{Key: "outcome", Value: outcome})
	}
	switch {
	case e.To == iapeer.Stopped:
		return "stopped", append(id, cause)
	case e.From == iapeer.Stopped:
		return "started", append(id, cause)
	case e.To == iapeer.Asleep && e.From == iapeer.Parking:
		return did("reaped-idle", "resume-eligible")
	case e.To == iapeer.Asleep && lives(e.From):
		return did("reaped-gone", "")
	case e.To == iapeer.Resting && lives(e.From):
		return did("reaped-gone", "resting")
	case e.To == iapeer.Resting:
		return did("resting", "")
	}
	return "", nil
}

// lives reports whether a presence in that state has, or may have, a session.
func lives(s iapeer.PresenceState) bool {
	switch s {
	case iapeer.Waking, iapeer.Ready, iapeer.Busy, iapeer.Waiting, iapeer.Parking:
		return true
	case iapeer.Asleep, iapeer.Stopped, iapeer.Resting, iapeer.ByHand:
	}
	return false
}
