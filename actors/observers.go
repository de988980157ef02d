package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// observerMessage is what the observers actor accepts besides what happened.
// Sealed: only this file adds to it.
//
//sumtype:decl
type observerMessage interface{ observerMessage() }

// subscribe adds a subscriber; kept is given what replay asks for, and the
// channel all that follows it.
type subscribe struct {
	sub    *Subscription
	epoch  int64 // of after; another epoch replays by count only
	after  uint64
	replay int
	kept   func([]iapeer.Stamped)
}

// unsubscribe removes a subscriber and closes its channel.
type unsubscribe struct{ sub *Subscription }

func (subscribe) observerMessage()   {}
func (unsubscribe) observerMessage() {}

// replayEvents is how many events a new subscriber can ask for.
const replayEvents = 2048

// subscriberBuffer is how many events a subscriber may be behind.
const subscriberBuffer = 1024

// Subscription is one observer's stream. One that falls too far behind is
// closed: it comes back with the last event it saw, and is told the rest from
// the ring, or that there is a gap.
type Subscription struct {
	C      <-chan iapeer.Stamped
	c      chan iapeer.Stamped
	cancel func(*Subscription)
}

// Close ends the subscription; C is closed soon after.
func (s *Subscription) Close() { s.cancel(s) }

// observers fans events out. It is the only writer of every subscription's
// channel.
type observers struct {
	h     *house.House
	ring  []iapeer.Stamped // the last replayEvents, ring[next] is the oldest
	next  int
	subs  map[*Subscription]struct{}
	waits *waits // told what happens
}

// Receive implements actor.Actor.
func (o *observers) Receive(c actor.Context) {
	o.h.Inspect("observers", c.Message())
	switch m := c.Message().(type) {
	case *actor.Stopping, *actor.Restarting: // subscribers come back, with the last event they saw
		for sub := range o.subs {
			close(sub.c)
		}
		o.subs = nil
	case house.Happening:
		o.happened(m)
	case observerMessage:
		o.handle(m)
	}
}

func (o *observers) happened(m house.Happening) {
	switch m := m.(type) {
	case house.Publish:
		o.publish(m.Event)
	case house.Placed:
		o.waits.placed(m)
	}
}

func (o *observers) handle(m observerMessage) {
	switch m := m.(type) {
	case subscribe:
		o.subscribe(m)
	case unsubscribe:
		if _, ok := o.subs[m.sub]; ok {
			delete(o.subs, m.sub)
			close(m.sub.c)
		}
	}
}

func (o *observers) publish(e iapeer.Event) {
	s := iapeer.Stamped{Seq: o.h.NextSeq(), Epoch: o.h.Epoch, At: time.Now(), Event: e}
	if len(o.ring) < replayEvents {
		o.ring = append(o.ring, s)
	} else {
		o.ring[o.next] = s
		o.next = (o.next + 1) % replayEvents
	}
	for sub := range o.subs {
		select {
		case sub.c <- s:
		default:
			delete(o.subs, sub)
			close(sub.c)
		}
	}
	o.waits.publish(e)
}

func (o *observers) subscribe(m subscribe) {
	ordered := append(append([]iapeer.Stamped(nil), o.ring[o.next:]...), o.ring[:o.next]...)
	from := max(len(ordered)-m.replay, 0)
	if m.epoch == o.h.Epoch && m.after > 0 {
		from = 0
		for from < len(ordered) && ordered[from].Seq <= m.after {
			from++
		}
	}
	o.subs[m.sub] = struct{}{}
	m.kept(ordered[from:])
}
