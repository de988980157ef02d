package loop

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// message is what the actor accepts.
//
//sumtype:decl
type message interface{ message() }

// Weigh asks about a message that is about to be accepted. Verdict is called on
// the actor's goroutine with the reason to hold it, "" when there is none.
type Weigh struct {
	Conversation iapeer.ConversationID
	Hops         int
	Verdict      func(why string)
}

// Release tells that a person let a held message go.
type Release struct {
	Conversation iapeer.ConversationID
	Hops         int
}

func (Weigh) message()   {}
func (Release) message() {}

// An Actor lets one [Breaker] serve everybody.
type Actor struct {
	breaker *Breaker
	inspect func(message any)
}

// NewActor returns an actor with a new breaker, which its restarts keep. inspect
// is shown each message before it is handled.
func NewActor(l Limits, inspect func(message any)) *Actor {
	return &Actor{breaker: New(l), inspect: inspect}
}

// Receive implements actor.Actor.
func (a *Actor) Receive(c actor.Context) {
	m, ok := c.Message().(message)
	if !ok {
		return
	}
	defer passOnPanic(m)
	a.inspect(m)
	switch m := m.(type) {
	case Weigh:
		m.Verdict(a.breaker.Weigh(m.Conversation, m.Hops, time.Now()))
	case Release:
		a.breaker.Release(m.Conversation, m.Hops)
	}
}

// passOnPanic lets a message go on that could not be weighed, because a fault of
// ours is no loop; the panic goes on to the supervisor.
func passOnPanic(m message) {
	r := recover()
	if r == nil {
		return
	}
	if m, ok := m.(Weigh); ok {
		m.Verdict("")
	}
	panic(r)
}
