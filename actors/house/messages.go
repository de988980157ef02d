package house

import (
	"fmt"

	"github.com/iapeer/iapeer"
)

// PeerMessage is what concerns one peer: anybody hands it to the roster, the
// roster to the peer, and the peer to its presences.
//
//sumtype:decl
type PeerMessage interface{ peerMessage() }

// Deliver hands an accepted message to its recipient.
type Deliver struct{ Message iapeer.Message }

// Stamp lets the caller's presence set conversation and hops of a message that
// its session sends, and accept it.
type Stamp struct {
	Message iapeer.Message
	Reply   func(Submitted)
}

// Command is a verb for one peer.
type Command struct {
	Order iapeer.Command
	Reply func(iapeer.Outcome, error)
}

// Withdraw takes a message back that has not been offered: cancel or hold.
type Withdraw struct {
	To    iapeer.Identity
	Mark  iapeer.Mark
	Reply func(Marked)
}

// Refresh tells that the registry changed under a name.
type Refresh struct{ Name iapeer.Name }

// WakeMail tells a presence to read its mail again, after a person changed the
// state of a message.
type WakeMail struct{ To iapeer.Identity }

// Removed tells a peer that the registry no longer names it.
type Removed struct{}

// MakeRoom asks a presence to end its session, if it is idle, for others to
// start.
type MakeRoom struct{}

// Relay carries to a presence what only its own package can say.
type Relay struct {
	To      iapeer.Identity
	Message any
}

func (Relay) peerMessage()    {}
func (MakeRoom) peerMessage() {}
func (Deliver) peerMessage()  {}
func (Stamp) peerMessage()    {}
func (Command) peerMessage()  {}
func (Withdraw) peerMessage() {}
func (Refresh) peerMessage()  {}
func (WakeMail) peerMessage() {}
func (Removed) peerMessage()  {}

// Submitted answers who wants a message accepted: the message is on disk, or why
// not.
type Submitted struct {
	Message  iapeer.Message
	Repeated bool
	Held     string // why it waits for a person, "" when it does not
	Err      error
}

// Decline answers a message that comes to an actor which is ending: one that it
// spawned a child for would never end. What was accepted is on disk, and is found
// there.
func Decline(m PeerMessage) {
	switch m := m.(type) {
	case Stamp:
		m.Reply(Submitted{Err: iapeer.ErrShuttingDown})
	case Command:
		m.Reply(iapeer.Outcome{}, iapeer.ErrShuttingDown)
	case Withdraw:
		m.Reply(Marked{Err: iapeer.ErrShuttingDown})
	case Deliver, Refresh, WakeMail, Removed, MakeRoom, Relay:
	}
}

// answering is a message whose sender waits for an answer.
type answering interface {
	// AnswerPanic gives it when the message could not be handled.
	AnswerPanic(reason any)
}

// AnswerPanic lets the sender of a message that panics know at once; the panic
// goes on to the supervisor. Defer it in Receive.
func AnswerPanic(m any) {
	r := recover()
	if r == nil {
		return
	}
	if m, ok := m.(answering); ok {
		m.AnswerPanic(r)
	}
	panic(r)
}

// AnswerPanic implements [answering].
func (m Stamp) AnswerPanic(reason any) {
	m.Reply(Submitted{Err: fmt.Errorf("internal error: %v; nothing was accepted, send again", reason)})
}

// AnswerPanic implements [answering].
func (m Command) AnswerPanic(reason any) {
	m.Reply(iapeer.Outcome{}, &iapeer.PeerError{Op: string(m.Order.Verb), Peer: m.Order.Peer, Err: fmt.Errorf("internal error: %v; try again", reason)})
}

// AnswerPanic implements [answering].
func (m Relay) AnswerPanic(reason any) {
	if m, ok := m.Message.(answering); ok {
		m.AnswerPanic(reason)
	}
}

// AnswerPanic implements [answering].
func (m Withdraw) AnswerPanic(reason any) {
	m.Reply(Marked{Err: fmt.Errorf("internal error: %v; try again", reason)})
}
