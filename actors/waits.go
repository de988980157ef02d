package actors

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// waits are the callers who wait for the fate of a message. A caller enters
// itself before the message is accepted, so that nothing is missed; the observers
// actor tells it what happens. It is safe for concurrent use, and outlives a
// restart of that actor.
type waits struct {
	mu sync.Mutex
	by map[iapeer.MessageID]*watched
	at map[iapeer.Identity]map[iapeer.MessageID]struct{} // what a presence has placed
}

// watched is a message that somebody waits for.
type watched struct {
	to      iapeer.Identity // the presence that has placed it
	waiters []*waiter
}

func newWaits() *waits {
	return &waits{by: make(map[iapeer.MessageID]*watched), at: make(map[iapeer.Identity]map[iapeer.MessageID]struct{})}
}

// await enters a caller; its channel gets one value, the final one.
func (ws *waits) await(id iapeer.MessageID, until iapeer.State) *waiter {
	w := &waiter{id: id, until: until, fate: make(chan progress, 1)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	m := ws.by[id]
	if m == nil {
		m = &watched{}
		ws.by[id] = m
	}
	m.waiters = append(m.waiters, w)
	return w
}

// forget removes a caller who no longer waits.
func (ws *waits) forget(w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.tell(w.id, func(o *waiter) bool { return o == w })
}

// publish lets an event end waits.
func (ws *waits) publish(e iapeer.Event) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	switch e := e.(type) {
	case iapeer.MessageChanged:
		ws.tell(e.ID, func(w *waiter) bool { return w.changed(e) })
	case iapeer.PresenceChanged:
		for id := range ws.at[e.Identity] {
			ws.tell(id, func(w *waiter) bool { return w.moved(e) })
		}
	case iapeer.PeerChanged, iapeer.TurnChanged, iapeer.NoticeRaised, iapeer.ApprovalRequested, iapeer.ApprovalResolved:
	}
}

// placed lets the word of a presence end waits.
func (ws *waits) placed(m house.Placed) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	message := ws.by[m.ID]
	if message == nil {
		return
	}
	message.to = m.To
	ids := ws.at[m.To]
	if ids == nil {
		ids = make(map[iapeer.MessageID]struct{})
		ws.at[m.To] = ids
	}
	ids[m.ID] = struct{}{}
	ws.tell(m.ID, func(w *waiter) bool { return w.placed(m.Place) })
}

// tell lets step look at each waiter of a message and forgets those that are
// done. The lock is held.
func (ws *waits) tell(id iapeer.MessageID, step func(*waiter) bool) {
	m := ws.by[id]
	if m == nil {
		return
	}
	if m.waiters = slices.DeleteFunc(m.waiters, step); len(m.waiters) > 0 {
		return
	}
	delete(ws.by, id)
	if ids := ws.at[m.to]; ids != nil {
		if delete(ids, id); len(ids) == 0 {
			delete(ws.at, m.to)
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

// waiter is one caller who waits for one message.
type waiter struct {
	id    iapeer.MessageID
	until iapeer.State
	fate  chan progress // has room for the one value it gets
	now   progress
}

// wait returns the fate of the message, or nothing when the wait ends before: by
// its limit, end or ctx.
func (w *waiter) wait(ctx context.Context, limit time.Duration, end <-chan struct{}) (p progress) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case p = <-w.fate:
	case <-end:
	case <-t.C:
	case <-ctx.Done():
	}
	return p
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
func (w *waiter) placed(p house.Place) bool {
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
	w.fate <- w.now
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
