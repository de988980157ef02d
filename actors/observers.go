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

// await registers a caller who waits for a message's fate. It comes before the
// message is accepted, so nothing is missed.
type await struct {
	id    iapeer.MessageID
	until iapeer.State
	reply chan<- progress
}

// forget removes a caller who no longer waits.
type forget struct{ id iapeer.MessageID }

func (subscribe) observerMessage()   {}
func (unsubscribe) observerMessage() {}
func (await) observerMessage()       {}
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
	h     *house.House
	ring  []iapeer.Stamped // the last replayEvents, ring[next] is the oldest
	next  int
	subs  map[*Subscription]struct{}
	waits map[iapeer.MessageID][]*waiter
	byTo  map[iapeer.Identity]map[iapeer.MessageID]struct{}
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
		o.placed(m)
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
	case await:
		o.waits[m.id] = append(o.waits[m.id], &waiter{until: m.until, reply: m.reply})
	case forget:
		o.drop(m.id)
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
	switch e := e.(type) {
	case iapeer.MessageChanged:
		o.tell(e.ID, func(w *waiter) bool { return w.changed(e) })
	case iapeer.PresenceChanged:
		for id := range o.byTo[e.Identity] {
			o.tell(id, func(w *waiter) bool { return w.moved(e) })
		}
	case iapeer.PeerChanged, iapeer.TurnChanged, iapeer.NoticeRaised, iapeer.ApprovalRequested, iapeer.ApprovalResolved:
	}
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

func (o *observers) placed(m house.Placed) {
	if len(o.waits[m.ID]) == 0 {
		return
	}
	ids := o.byTo[m.To]
	if ids == nil {
		ids = make(map[iapeer.MessageID]struct{})
		o.byTo[m.To] = ids
	}
	ids[m.ID] = struct{}{}
	o.tell(m.ID, func(w *waiter) bool { return w.placed(m.To, m.Place) })
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

// progress is what a waiting sender learns. The last one has done set.
type progress struct {
	state    iapeer.State
	evidence iapeer.Evidence
	place    house.Place
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
func (w *waiter) placed(_ iapeer.Identity, p house.Place) bool {
	woke := w.now.place.Woke || p.Woke
	if w.now.state == iapeer.Offered { // it was taken back: it stands in the mail
		w.now.state, w.now.evidence = iapeer.Accepted, iapeer.Evidence{}
	}
	w.now.place = p
	w.now.place.Woke = woke
	if !p.Wait && (w.until != iapeer.Answered || !p.State.TakesSoon()) {
		return w.finish()
	}
	return false
}

// moved takes a move of the recipient's presence. A message that has been
// offered is waited for; one that has not is not, once the presence cannot take
// it, or has a dialog up and only the offer is waited for.
func (w *waiter) moved(e iapeer.PresenceChanged) bool {
	w.now.place.State = e.To
	if w.now.state != "" && w.now.state != iapeer.Accepted {
		return false
	}
	if e.To.TakesSoon() && (e.To != iapeer.Waiting || w.until == iapeer.Answered) {
		return false
	}
	w.now.place.By, w.now.place.Next = house.WaitsFor(e.To, e.Cause)
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
