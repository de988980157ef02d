package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// observerMessage is what the observers actor accepts. Sealed: only this file
// adds to it.
//
//sumtype:decl
type observerMessage interface{ observerMessage() }

// publish hands an event to every subscriber and to the replay ring.
type publish struct{ event iapeer.Event }

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

// await registers a caller who waits for a message's fate. It comes before the
// message is accepted, so nothing is missed.
type await struct {
	id    iapeer.MessageID
	until iapeer.State
	reply chan<- progress
}

// placed tells where a presence put a new message.
type placed struct {
	id    iapeer.MessageID
	to    iapeer.Identity
	place place
}

// forget removes a caller who no longer waits.
type forget struct{ id iapeer.MessageID }

func (publish) observerMessage()     {}
func (subscribe) observerMessage()   {}
func (unsubscribe) observerMessage() {}
func (await) observerMessage()       {}
func (placed) observerMessage()      {}
func (forget) observerMessage()      {}

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
	h     *house
	ring  []iapeer.Stamped // the last replayEvents, ring[next] is the oldest
	next  int
	subs  map[*Subscription]struct{}
	waits map[iapeer.MessageID][]*waiter
	byTo  map[iapeer.Identity]map[iapeer.MessageID]struct{}
}

// Receive implements actor.Actor.
func (o *observers) Receive(c actor.Context) {
	o.h.inspect("observers", c.Message())
	switch m := c.Message().(type) {
	case *actor.Stopping, *actor.Restarting: // subscribers come back, with the last event they saw
		for sub := range o.subs {
			close(sub.c)
		}
		o.subs = nil
	case observerMessage:
		o.handle(m)
	}
}

func (o *observers) handle(m observerMessage) {
	switch m := m.(type) {
	case publish:
		o.publish(m.event)
	case subscribe:
		o.subscribe(m)
	case unsubscribe:
		if _, ok := o.subs[m.sub]; ok {
			delete(o.subs, m.sub)
			close(m.sub.c)
		}
	case await:
		o.waits[m.id] = append(o.waits[m.id], &waiter{until: m.until, reply: m.reply})
	case placed:
		o.placed(m)
	case forget:
		o.drop(m.id)
	}
}

func (o *observers) publish(e iapeer.Event) {
	s := iapeer.Stamped{Seq: o.h.seq.Add(1), Epoch: o.h.epoch, At: time.Now(), Event: e}
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
	switch e := e.(type) {
	case iapeer.MessageChanged:
		o.tell(e.ID, func(w *waiter) bool { return w.changed(e) })
	case iapeer.PresenceChanged:
		for id := range o.byTo[e.Identity] {
			o.tell(id, func(w *waiter) bool { return w.moved(e) })
		}
	case iapeer.PeerChanged, iapeer.TurnChanged, iapeer.NoticeRaised:
	}
}

func (o *observers) subscribe(m subscribe) {
	ordered := append(append([]iapeer.Stamped(nil), o.ring[o.next:]...), o.ring[:o.next]...)
	from := max(len(ordered)-m.replay, 0)
	if m.epoch == o.h.epoch && m.after > 0 {
		from = 0
		for from < len(ordered) && ordered[from].Seq <= m.after {
			from++
		}
	}
	o.subs[m.sub] = struct{}{}
	m.kept(ordered[from:])
}

func (o *observers) placed(m placed) {
	if len(o.waits[m.id]) == 0 {
		return
	}
	ids := o.byTo[m.to]
	if ids == nil {
		ids = make(map[iapeer.MessageID]struct{})
		o.byTo[m.to] = ids
	}
	ids[m.id] = struct{}{}
	o.tell(m.id, func(w *waiter) bool { return w.placed(m.to, m.place) })
}

// tell lets step look at each waiter of a message and forgets those that are
// done.
func (o *observers) tell(id iapeer.MessageID, step func(*waiter) bool) {
	kept := o.waits[id][:0]
	for _, w := range o.waits[id] {
		if !step(w) {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		o.drop(id)
		return
	}
	o.waits[id] = kept
}

func (o *observers) drop(id iapeer.MessageID) {
	delete(o.waits, id)
	for to, ids := range o.byTo {
		delete(ids, id)
		if len(ids) == 0 {
			delete(o.byTo, to)
		}
	}
}

// A place is where a message stands when nobody has seen it yet: what it waits
// for, and what happens next.
type place struct {
	state iapeer.PresenceState
	wait  bool   // evidence is expected soon: a bounded wait is worth it
	by    string // QueuedBy: "wake", "turn", "dialog", "stopped", "rest", "hand", "inbox"
	next  string // one sentence
	depth int    // messages before it, itself included
	woke  bool
}

// progress is what a waiting sender learns. The last one has done set.
type progress struct {
	state    iapeer.State
	evidence iapeer.Evidence
	place    place
	done     bool
}

// waiter is one caller who waits for one message. Its channel has room for one
// value, the final one.
type waiter struct {
	until iapeer.State
	reply chan<- progress
	now   progress
}

// changed takes a change of the message itself; true ends the wait.
func (w *waiter) changed(e iapeer.MessageChanged) bool {
	w.now.state, w.now.evidence = e.State, e.Evidence
	if reached(e.State, w.until) || !e.State.Open() && e.State != iapeer.Seen {
		return w.finish()
	}
	return false
}

// placed takes the presence's word; true ends the wait.
func (w *waiter) placed(_ iapeer.Identity, p place) bool {
	woke := w.now.place.woke || p.woke
	w.now.place = p
	w.now.place.woke = woke
	if !p.wait && (w.until != iapeer.Answered || !p.state.TakesSoon()) {
		return w.finish()
	}
	return false
}

// moved takes a move of the recipient's presence. A message that has been
// offered is waited for; one that has not is not, once the presence cannot take
// it, or has a dialog up and only the offer is waited for.
func (w *waiter) moved(e iapeer.PresenceChanged) bool {
	w.now.place.state = e.To
	if w.now.state != "" && w.now.state != iapeer.Accepted {
		return false
	}
	if e.To.TakesSoon() && (e.To != iapeer.Waiting || w.until == iapeer.Answered) {
		return false
	}
	w.now.place.by, w.now.place.next = waitsFor(e.To, e.Cause)
	return w.finish()
}

func (w *waiter) finish() bool {
	w.now.done = true
	w.reply <- w.now
	return true
}

// reached reports whether s is at least want.
func reached(s, want iapeer.State) bool {
	switch want {
	case iapeer.Answered:
		return s == iapeer.Answered
	case iapeer.Accepted:
		return true
	default:
		return s.Delivered()
	}
}

// waitsFor says what a message waits for at a presence in state s.
func waitsFor(s iapeer.PresenceState, cause string) (by, next string) {
	switch s {
	case iapeer.Stopped:
		return "stopped", "it is delivered when a person starts the peer again"
	case iapeer.Resting:
		return "rest", "it is delivered when the peer's rest ends: " + cause
	case iapeer.ByHand:
		return "hand", "a session started by hand holds the folder; it is delivered when that ends, or after 'iapeer adopt'"
	case iapeer.Waiting:
		return "dialog", "a dialog is open in the session (" + cause + "); it is delivered when that is answered"
	case iapeer.Busy:
		return "turn", "the peer is in a turn; it is delivered when that ends"
	case iapeer.Waking, iapeer.Asleep:
		return "wake", "the peer is being woken"
	case iapeer.Parking:
		return "wake", "the peer's session is ending; it is woken again at once"
	case iapeer.Ready:
		return "", "it is being delivered"
	}
	return "", ""
}
