package actors

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// sessions lets one daemon have sessions in its world.
type sessions struct{ d *daemon }

// traitsOf are those of the real runtimes that are played here.
var traitsOf = map[iapeer.Runtime]house.Traits{
	"claude":   {Known: true, TakesWhileBusy: true, Talks: true, Compacts: true},
	"codex":    {Known: true, Talks: true, Compacts: true},
	"exec":     {Known: true, Exec: true},
	"telegram": {Known: true, WriteIsEvidence: true},
	"cli":      {Known: true, Inbox: true},
}

// Traits implements Sessions.
func (s sessions) Traits(rt iapeer.Runtime) house.Traits { return traitsOf[rt] }

// reporter returns what a dead daemon cannot hear.
func (s sessions) reporter(report func(house.Report)) func(house.Report) {
	return func(r house.Report) {
		if !s.d.dead.Load() {
			report(r)
		}
	}
}

// Launch implements Sessions.
func (s sessions) Launch(l house.Launch, report func(house.Report)) {
	s.d.w.mayPanic("Launch")
	if s.d.dead.Load() {
		return
	}
	w, say := s.d.w, s.reporter(report)
	w.mu.Lock()
	k := w.scriptOf(l.Identity)
	w.launches[l.Identity] = append(w.launches[l.Identity], l)
	w.mu.Unlock()
	go func() {
		time.Sleep(k.lock)
		w.mu.Lock()
		if hand := k.hand; hand > 0 {
			k.hand = 0
			w.mu.Unlock()
			say(house.StartFailed{Err: errors.New("a session started by hand works in the folder"), ByHand: true, Cleanly: true})
			time.Sleep(hand)
			say(house.HandEnded{})
			return
		}
		if k.refuse != nil {
			f := *k.refuse
			w.mu.Unlock()
			say(f)
			return
		}
		if w.hosts[l.Identity] != nil {
			w.mu.Unlock()
			say(house.StartFailed{Err: errors.New("another host holds the lock"), Cleanly: true})
			return
		}
		h := newHost(w, l, k)
		w.hosts[l.Identity] = h
		w.mu.Unlock()
		if !h.sleep(k.boot) {
			say(house.StartFailed{Err: errors.New("the host ended"), Cleanly: true})
			return
		}
		w.mu.Lock()
		h.listening = true
		c := &conn{d: s.d, h: h, report: say}
		if !s.d.dead.Load() {
			h.conns = append(h.conns, c)
		}
		w.mu.Unlock()
		say(house.Started{Session: c, SessionID: h.conversation, Resumed: h.resumed, Cause: "as asked", HostPID: h.pid, Socket: "/run/" + h.id.String()})
		go h.writer()
		go h.program()
	}()
}

// Adopt implements Sessions.
func (s sessions) Adopt(l house.Launch, report func(house.Report)) {
	w, say := s.d.w, s.reporter(report)
	go func() {
		time.Sleep(w.adoptDelay())
		var h *host
		for range 1000 {
			w.mu.Lock()
			h = w.hosts[l.Identity]
			wait := h != nil && !h.listening
			w.mu.Unlock()
			if !wait {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if h != nil && h.generation != l.Generation {
			h.die(iapeer.SessionExited{Code: -1, Signal: "SIGKILL"}, false)
			h = nil
		}
		if h == nil || s.d.dead.Load() {
			say(house.StartFailed{Err: errors.New("no session lives"), Gone: true, Cleanly: true})
			return
		}
		h.adopted(&conn{d: s.d, h: h, report: say})
	}()
}

func (w *world) adoptDelay() time.Duration {
	if w.read != nil {
		return w.read()
	}
	return time.Millisecond
}

// Examine implements Sessions.
func (s sessions) Examine(l house.Launch, ids []iapeer.MessageID, report func(house.Report)) {
	s.d.w.mayPanic("Examine")
	w, say := s.d.w, s.reporter(report)
	go func() {
		time.Sleep(w.adoptDelay())
		out := house.Looked{Seen: map[iapeer.MessageID]iapeer.Evidence{}, Taken: map[iapeer.MessageID]iapeer.Evidence{}, Lost: map[iapeer.MessageID]iapeer.Evidence{}}
		w.mu.Lock()
		tr := traitsOf[l.Identity.Runtime]
		var outcomes []iapeer.ExecDone
		if tr.Exec || tr.WriteIsEvidence {
			outcomes = w.lastWords(l, ids, tr, &out)
		} else {
			for _, id := range ids {
				w.records[l.Presence.SessionID].prove(id, &out)
			}
		}
		w.mu.Unlock()
		for _, o := range outcomes {
			say(house.Said{Event: o})
		}
		say(out)
	}()
}

// lastWords lets the exit records decide. w.mu is held.
func (w *world) lastWords(l house.Launch, ids []iapeer.MessageID, tr house.Traits, out *house.Looked) (outcomes []iapeer.ExecDone) {
	known, recorded := map[iapeer.MessageID]house.Known{}, false
	done := map[iapeer.MessageID]bool{}
	for _, word := range w.words[l.Identity] {
		recorded = recorded || word.generation == l.Generation
		for id, k := range word.known {
			known[id] = k
		}
		for id, o := range word.outcomes {
			done[id] = true
			outcomes = append(outcomes, o)
		}
	}
	for _, id := range ids {
		k, ok := known[id]
		switch e := (iapeer.Evidence{Source: "exit", Detail: "the host's last word"}); {
		case done[id]:
		case ok && k.Written && tr.WriteIsEvidence:
			out.Seen[id] = e
		case ok && k.Begun, !ok && !recorded:
			out.Lost[id] = e
		}
	}
	return outcomes
}

func (r *record) prove(id iapeer.MessageID, out *house.Looked) {
	switch e := (iapeer.Evidence{Source: "record", Detail: "read"}); {
	case r == nil:
	case r.seen[id]:
		out.Seen[id] = e
	case r.taken[id]:
		out.Taken[id] = e
	}
}

// conn is a daemon's connection to a host.
type conn struct {
	d        *daemon
	h        *host
	report   func(house.Report)
	released bool // w.mu
}

// Offer implements Session.
func (c *conn) Offer(m iapeer.Message, attempt int) {
	c.h.w.mayPanic("Offer")
	if c.d.dead.Load() {
		return
	}
	c.h.admit(m, attempt, c.report)
}

// Lookup implements Session.
func (c *conn) Lookup(ids []iapeer.MessageID) {
	c.h.w.mayPanic("Lookup")
	ids = slices.Clone(ids)
	go func() {
		time.Sleep(c.h.w.adoptDelay())
		h, w := c.h, c.h.w
		out := house.Looked{Seen: map[iapeer.MessageID]iapeer.Evidence{}, Taken: map[iapeer.MessageID]iapeer.Evidence{}}
		w.mu.Lock()
		for _, id := range ids {
			w.conversation(h.conversation).prove(id, &out)
		}
		out.Idle, out.Composer = h.prompt && !h.busy && !h.dialog, len(h.composer) > 0
		if h.traits.Exec || h.traits.WriteIsEvidence || h.over() {
			out.Err = fmt.Errorf("the runtime keeps no record")
		}
		w.mu.Unlock()
		c.report(out)
	}()
}

// Submit implements Session.
func (c *conn) Submit() {
	if !c.d.dead.Load() {
		go c.h.enter()
	}
}

// Act implements Session.
func (c *conn) Act(a house.Act) {
	if c.d.dead.Load() {
		return
	}
	h, w := c.h, c.h.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch a.Kind {
	case house.ActRelease:
		c.released = true
	case house.ActStop:
		go func() {
			time.Sleep(30 * time.Millisecond)
			h.die(iapeer.SessionExited{Code: 143}, true)
		}()
	case house.ActAckExec:
		delete(h.outcomes, a.ID)
	case house.ActClear:
		h.composer = nil
	case house.ActCompact:
		go func() {
			h.say(iapeer.SessionBusy{})
			time.Sleep(3 * time.Second)
			h.say(iapeer.SessionCompacted{}, iapeer.SessionIdle{})
		}()
	case house.ActInterrupt:
		if h.busy {
			h.interrupted = true
		}
	}
}
