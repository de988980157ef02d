package approvals

import (
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

type timerKind int

const (
	timerLimit  timerKind = iota // no answer in time
	timerGrace                   // who went away did not come back
	timerSettle                  // the session stayed idle
	timerKinds
)

// request is one approval with who waits for it.
type request struct {
	rec     iapeer.Approval
	kept    bool // it is on disk, so others may see it
	waits   bool // no answer in time defers it
	returns bool // who asked comes back
	ran     bool // the session reported that the tool ran
	waiters []*waiter
	writing *change            // what is on its way to disk
	due     func()             // what happened meanwhile, for when that is done
	stops   [timerKinds]func() // nil when not armed
	tokens  [timerKinds]int    // tell a timer from an earlier one
}

// change is one transition on its way to disk.
type change struct {
	id     string
	next   iapeer.Approval
	grants []iapeer.Grant // new, used or over
	given  *iapeer.Grant  // the one a verdict made
	silent bool           // a deny that holds although it cannot be kept
	reply  func(Decided, error)
}

func (d *desk) arm(r *request, k timerKind, after time.Duration) {
	r.disarmOne(k)
	m := lapsed{id: r.rec.ID, kind: k, token: r.tokens[k], life: d.life}
	r.stops[k] = d.cfg.Clock.AfterFunc(max(after, 0), func() { d.post(m) })
}

func (r *request) disarmOne(k timerKind) {
	r.tokens[k]++
	if r.stops[k] != nil {
		r.stops[k]()
		r.stops[k] = nil
	}
}

func (r *request) disarm() {
	for k := range timerKinds {
		r.disarmOne(k)
	}
}

// answer is what who asked hears of a decided request. What was done at the
// terminal is no answer of ours: the program went on without it.
func answer(a iapeer.Approval) Answer {
	return Answer{ID: a.ID, Allow: a.State == iapeer.ApprovalAllowed && a.Via != viaTerminal, Reason: a.Reason}
}

func (r *request) tell(t told) {
	for _, w := range r.waiters {
		w.tell(t)
	}
	r.waiters = nil
}

// ask opens a request, or brings back who asked before.
func (d *desk) ask(m asked) {
	if r := d.byKey[m.q.Approval.Key]; m.q.Approval.Key != "" && r != nil {
		d.rejoin(r, m)
		return
	}
	a := m.q.Approval
	if d.open(a.Identity) >= maxOpen {
		m.by.tell(told{answer: Answer{Reason: fmt.Sprintf("%s waits for %d approvals already", a.Identity, maxOpen)}})
		return
	}
	now := d.cfg.Clock.Now()
	a.ID, a.Created, a.Expires, a.State = d.nextID(), now, now.Add(d.cfg.Limit), iapeer.ApprovalOpen
	r := &request{rec: a, waits: m.q.Waits, returns: m.q.Returns, waiters: []*waiter{m.by}}
	d.enter(r)
	if g := d.matching(a); g != nil {
		d.useGrant(r, *g)
		return
	}
	d.keep(r, &change{next: a})
}

// rejoin adds a waiter to a request that it made before.
func (d *desk) rejoin(r *request, m asked) {
	r.waits, r.returns = m.q.Waits, m.q.Returns
	switch r.rec.State {
	case iapeer.ApprovalOpen:
		r.disarmOne(timerGrace)
		r.waiters = append(r.waiters, m.by)
		d.waits(r.rec.Identity, r.rec.Generation)
	case iapeer.ApprovalDeferred:
		m.by.tell(told{answer: Answer{ID: r.rec.ID, Reason: r.rec.Reason, Interrupt: true}})
	case iapeer.ApprovalAllowed, iapeer.ApprovalDenied, iapeer.ApprovalTimedOut, iapeer.ApprovalGone:
		m.by.tell(told{answer: answer(r.rec)})
	}
}

func (d *desk) open(id iapeer.Identity) (n int) {
	for _, r := range d.order {
		if r.rec.State == iapeer.ApprovalOpen && r.rec.Identity == id {
			n++
		}
	}
	return n
}

// left takes a waiter away. A request that nobody waits for is gone, after a
// moment in which its asker may come back.
func (d *desk) left(w *waiter) {
	for _, r := range d.order {
		i := slices.Index(r.waiters, w)
		if i < 0 {
			continue
		}
		r.waiters = slices.Delete(r.waiters, i, i+1)
		if len(r.waiters) > 0 || r.rec.State != iapeer.ApprovalOpen {
			return
		}
		if r.returns {
			d.arm(r, timerGrace, d.cfg.Grace)
			return
		}
		d.settle(r, iapeer.ApprovalGone, "requester disconnected", "requester")
		return
	}
}

// settle ends an open request without a person, or corrects how it ended.
func (d *desk) settle(r *request, s iapeer.ApprovalState, reason, via string) {
	if r.writing != nil {
		r.due = func() {
			if r.rec.State == iapeer.ApprovalOpen {
				d.settle(r, s, reason, via)
			}
		}
		return
	}
	next := r.rec
	next.State, next.Reason, next.By, next.Via, next.Resolved = s, reason, "iapeer", via, d.cfg.Clock.Now()
	switch {
	case via == viaTerminal:
		next.By = byTerminal
	case s == iapeer.ApprovalDeferred:
		next.Expires, next.By, next.Via, next.Resolved = time.Time{}, "", "", time.Time{}
	}
	d.keep(r, &change{next: next, silent: true})
}

// keep puts a change on its way to disk. What comes of it happens when it is
// there; see written.
func (d *desk) keep(r *request, c *change) {
	c.id = r.rec.ID
	if c.reply == nil {
		c.reply = func(Decided, error) {}
	}
	r.writing = c
	d.cfg.Board.KeepApproval(c.next, c.grants, func(err error) { d.post(written{change: c, err: err}) })
}

// written lets a change take effect. A deny takes effect although it cannot be
// kept: the next start finds the request open, and denies it again.
func (d *desk) written(m written) {
	c := m.change
	r := d.byID[c.id]
	if r == nil || r.writing != c { // of a desk before this one, which has read what came of it
		c.reply(Decided{Approval: c.next, Grant: c.given}, m.err)
		return
	}
	r.writing = nil
	if m.err != nil {
		d.cfg.Log.Error("cannot keep an approval", zap.String("id", c.id), zap.Error(m.err))
	}
	if m.err == nil || c.silent {
		before := r.rec.State
		if !r.kept {
			before = ""
		}
		r.rec, r.kept = c.next, true
		d.takeGrants(c.grants)
		d.effects(r, before)
		c.reply(Decided{Approval: c.next, Grant: c.given}, nil)
	} else {
		d.unwritten(r, c, m.err)
	}
	if due := r.due; due != nil {
		r.due = nil
		due()
	}
}

// unwritten handles a change that did not reach the disk: what was not opened
// is denied, what a person said has to be said again.
func (d *desk) unwritten(r *request, c *change, err error) {
	d.returnGrants(c.grants)
	if !r.kept {
		r.tell(told{answer: Answer{Reason: "the request cannot be kept: " + err.Error()}})
		r.due = nil
		d.forget(r)
	}
	c.reply(Decided{}, err)
}

// effects follows a transition from before to r's state; "" is before it was
// first kept.
func (d *desk) effects(r *request, before iapeer.ApprovalState) {
	a := r.rec
	if a.State == iapeer.ApprovalOpen {
		d.arm(r, timerLimit, a.Expires.Sub(d.cfg.Clock.Now())) // before anybody sees it
	}
	if before == "" {
		d.cfg.World.Publish(iapeer.ApprovalRequested{Approval: a})
	}
	switch a.State {
	case iapeer.ApprovalOpen:
		d.waits(a.Identity, a.Generation)
		if len(r.waiters) == 0 {
			d.arm(r, timerGrace, d.cfg.Grace)
		}
		return
	case iapeer.ApprovalDeferred:
		r.disarm()
		r.tell(told{answer: Answer{ID: a.ID, Reason: a.Reason, Interrupt: true}})
		d.cfg.World.Deferred(a)
	case iapeer.ApprovalAllowed, iapeer.ApprovalDenied, iapeer.ApprovalTimedOut, iapeer.ApprovalGone:
		r.disarm()
		r.tell(told{answer: answer(a)})
		d.cfg.World.Publish(iapeer.ApprovalResolved{Approval: a})
		if before == iapeer.ApprovalDeferred {
			d.cfg.World.Answered(a)
		}
	}
	if before == iapeer.ApprovalOpen {
		d.waits(a.Identity, a.Generation)
	}
}

// lapsed handles a timer.
func (d *desk) lapsed(m lapsed) {
	r := d.byID[m.id]
	if r == nil || m.life != d.life || r.tokens[m.kind] != m.token || r.rec.State != iapeer.ApprovalOpen {
		return
	}
	switch m.kind {
	case timerLimit:
		if r.waits && len(r.waiters) > 0 {
			d.settle(r, iapeer.ApprovalDeferred, fmt.Sprintf("nobody answered within %s; %s stays open. Stop here: you are told when a person decides.", d.cfg.Limit, r.rec.ID), "")
			return
		}
		d.settle(r, iapeer.ApprovalTimedOut, "approval timed out (default-deny)", "timeout")
	case timerGrace:
		if len(r.waiters) == 0 {
			d.settle(r, iapeer.ApprovalGone, "requester disconnected", "requester")
		}
	case timerSettle:
		d.settle(r, iapeer.ApprovalDenied, "refused or interrupted at the terminal", viaTerminal)
	case timerKinds:
	}
}
