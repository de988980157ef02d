package host

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/wire"
)

// A ledger remembers every message that was offered to the session, from
// before its first byte, so that none is written twice.
type ledger struct {
	mu    sync.Mutex
	live  map[iapeer.MessageID]*offer
	final map[iapeer.MessageID]verdict
	last  []iapeer.MessageID // the newest final ones, for the exit record
}

// verdict is an offer's final word, small because it is kept for good.
type verdict struct {
	state   wire.OfferState
	attempt int32
	n, m    int32
}

func (v verdict) result(id iapeer.MessageID) wire.OfferResult {
	return wire.OfferResult{ID: id, Attempt: int(v.attempt), State: v.state, Written: int(v.n), Size: int(v.m)}
}

// keptInRecord bounds how many written offers an exit record names.
const keptInRecord = 1000

// An offer is one message on its way into the session. waiters are told its
// result once.
type offer struct {
	header  wire.OfferHeader
	bytes   []byte
	n       int
	begun   bool
	waiters []func(wire.OfferResult)
}

func newLedger() *ledger {
	return &ledger{live: map[iapeer.MessageID]*offer{}, final: map[iapeer.MessageID]verdict{}}
}

// admit takes a new offer in. It returns nil when this attempt or a later one
// is known; then done is called with what is recorded, now or when the offer
// under way has ended.
func (l *ledger) admit(h wire.OfferHeader, bytes []byte, done func(wire.OfferResult)) *offer {
	l.mu.Lock()
	if v, ok := l.final[h.ID]; ok && h.Attempt <= int(v.attempt) {
		l.mu.Unlock()
		r := v.result(h.ID)
		r.Repeat = true
		done(r)
		return nil
	}
	defer l.mu.Unlock()
	if o, ok := l.live[h.ID]; ok {
		o.waiters = append(o.waiters, func(r wire.OfferResult) { r.Repeat = true; done(r) })
		return nil
	}
	o := &offer{header: h, bytes: bytes, waiters: []func(wire.OfferResult){done}}
	l.live[h.ID] = o
	return o
}

// progress records that n bytes of o are written.
func (l *ledger) progress(o *offer, n int) {
	l.mu.Lock()
	o.n, o.begun = n, true
	l.mu.Unlock()
}

// finish records o's end and tells whoever waits. An offer of which nothing
// was written is forgotten: it may be offered again.
func (l *ledger) finish(o *offer, reason string) {
	l.mu.Lock()
	delete(l.live, o.header.ID)
	r := o.result()
	switch {
	case r.Written == r.Size && o.begun:
		r.State, reason = wire.Written, ""
	case !o.begun || r.Written == 0:
		r.State = wire.NotBegun
	}
	if r.State != wire.NotBegun {
		l.final[r.ID] = verdict{r.State, int32(r.Attempt), int32(r.Written), int32(r.Size)}
		if l.last = append(l.last, r.ID); len(l.last) > 2*keptInRecord {
			l.last = append(l.last[:0], l.last[keptInRecord:]...)
		}
	}
	waiters := o.waiters
	o.waiters, o.bytes = nil, nil
	l.mu.Unlock()
	r.Reason, r.At = reason, time.Now()
	for _, done := range waiters {
		done(r)
	}
}

func (o *offer) result() wire.OfferResult {
	r := wire.OfferResult{
		ID: o.header.ID, Attempt: o.header.Attempt,
		State: wire.Queued, Written: o.n, Size: len(o.bytes),
	}
	if o.begun {
		r.State = wire.Partial
	}
	return r
}

// ask returns the states of the given messages, or of all that are under way
// and the newest others.
func (l *ledger) ask(ids []iapeer.MessageID) []wire.OfferResult {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ids) == 0 {
		for id := range l.live {
			ids = append(ids, id)
		}
		ids = append(ids, l.last[max(0, len(l.last)-keptInRecord):]...)
	}
	out := make([]wire.OfferResult, 0, len(ids))
	for _, id := range ids {
		out = append(out, l.state(id))
	}
	return out
}

func (l *ledger) state(id iapeer.MessageID) wire.OfferResult {
	if o, ok := l.live[id]; ok {
		return o.result()
	}
	if v, ok := l.final[id]; ok {
		return v.result(id)
	}
	return wire.OfferResult{ID: id, State: wire.Unknown}
}

// record returns what an exit record says about offers: those not wholly
// written, the newest written ones, and how many were written in all.
func (l *ledger) record() ([]wire.OfferResult, int) {
	l.mu.Lock()
	var ids []iapeer.MessageID
	written := 0
	for id, v := range l.final {
		if v.state == wire.Written {
			written++
		} else {
			ids = append(ids, id)
		}
	}
	for _, id := range l.last[max(0, len(l.last)-keptInRecord):] {
		if l.final[id].state == wire.Written {
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	if len(ids) == 0 {
		return []wire.OfferResult{}, written
	}
	return l.ask(ids), written
}

// settle waits until no offer is under way, at most d: the write that the end
// of the session broke off has its last word to say.
func (l *ledger) settle(d time.Duration) {
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	idle := make(chan struct{})
	l.mu.Lock()
	var left atomic.Int32
	left.Store(int32(len(l.live)))
	if len(l.live) == 0 {
		l.mu.Unlock()
		return
	}
	for _, o := range l.live {
		o.waiters = append(o.waiters, func(wire.OfferResult) {
			if left.Add(-1) == 0 {
				close(idle)
			}
		})
	}
	l.mu.Unlock()
	select {
	case <-idle:
	case <-deadline.C:
	}
}
