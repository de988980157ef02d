package approvals

import (
	"fmt"

	"github.com/iapeer/iapeer"
)

// deskMessage is what the desk accepts. Sealed: only this file adds to it.
//
//sumtype:decl
type deskMessage interface{ deskMessage() }

// asked brings a question and who waits for the answer.
type asked struct {
	q  Question
	by *waiter
}

// left tells that who waited went away.
type left struct{ by *waiter }

// decide brings a person's word; it is answered once the word is on disk.
type decide struct {
	v     Verdict
	reply func(Decided, error)
}

// list asks for what waits and which grants hold.
type list struct{ reply func(Kept, error) }

// revoke ends a grant; it is answered once that is on disk.
type revoke struct {
	id    string
	reply func(iapeer.Grant, error)
}

// observed brings what a session said of itself.
type observed struct {
	id         iapeer.Identity
	generation int64
	sign       Sign
}

// loaded brings what the board holds.
type loaded struct {
	kept Kept
	err  error
	life int64 // of the desk that asked
}

// written tells that a change is on disk, or could not be put there.
type written struct {
	change *change
	err    error
}

// granted tells that a grant's change is on disk, or could not be put there.
type granted struct {
	grant iapeer.Grant
	reply func(iapeer.Grant, error)
	err   error
}

// lapsed tells that a timer of a request ran out. Stale ones carry an old
// token, or the life of a desk before this one.
type lapsed struct {
	id    string
	kind  timerKind
	token int
	life  int64
}

func (asked) deskMessage()    {}
func (left) deskMessage()     {}
func (decide) deskMessage()   {}
func (list) deskMessage()     {}
func (revoke) deskMessage()   {}
func (observed) deskMessage() {}
func (loaded) deskMessage()   {}
func (written) deskMessage()  {}
func (granted) deskMessage()  {}
func (lapsed) deskMessage()   {}

// A waiter is one call of [Desk.Ask].
type waiter struct{ c chan told }

// told is what a waiter hears, once. again asks it to ask once more.
type told struct {
	answer Answer
	err    error
	again  bool
}

// tell never blocks; only the first word counts.
func (w *waiter) tell(t told) {
	select {
	case w.c <- t:
	default:
	}
}

// answerPanic lets who waits for the answer to a message that panics know at
// once; the panic goes on to the supervisor. A question is denied: asked again
// it might panic again.
func answerPanic(m deskMessage) {
	r := recover()
	if r == nil {
		return
	}
	err := fmt.Errorf("internal error: %v; try again", r)
	switch m := m.(type) {
	case asked:
		m.by.tell(told{answer: Answer{Reason: "iapeer could not ask a person: internal error"}})
	case decide:
		m.reply(Decided{}, err)
	case list:
		m.reply(Kept{}, err)
	case revoke:
		m.reply(iapeer.Grant{}, err)
	case granted:
		m.reply(m.grant, m.err)
	case written:
		m.change.reply(Decided{Approval: m.change.next}, m.err)
	case left, observed, loaded, lapsed:
	}
	panic(r)
}
