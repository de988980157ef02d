package presence

import (
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// input is what a state of the presence reacts to.
//
//sumtype:decl
type input interface{ input() }

type (
	mailArrived struct{}                             // there may be something to offer
	verb        struct{ command house.Command }      // a person's or a peer's order
	up          struct{ started house.Started }      // a host is connected
	down        struct{ failed house.StartFailed }   // none came up
	calm        struct{}                             // the session is idle and takes input
	moving      struct{}                             // a turn runs
	dialog      struct{ what iapeer.SessionWaiting } // something is asked on the screen
	gone        struct{ exit iapeer.SessionExited }  // the session ended
	due         struct{}                             // the state's deadline has passed
	freed       struct{}                             // the session started by hand ended
)

func (mailArrived) input() {}
func (verb) input()        {}
func (up) input()          {}
func (down) input()        {}
func (calm) input()        {}
func (moving) input()      {}
func (dialog) input()      {}
func (gone) input()        {}
func (due) input()         {}
func (freed) input()       {}

// inbox is the only state of a person's presence at a terminal: mail waits in
// the mailbox until it is read.
func (p *presence) inbox(in input) {
	p.mail = nil
	if v, ok := in.(verb); ok {
		p.refuse(v.command, "a person is not started or stopped")
	}
}

// finding waits until it is known whether a host lives, and then for the mail:
// only with both can a host's memory be reconciled with ours. The mail is read
// last, because what a host has forgotten is settled on disk.
func (p *presence) finding(in input) {
	switch in := in.(type) {
	case up:
		p.find(in)
	case down:
		if p.launching && in.failed.Gone {
			p.arm(timerState, p.h.Config.BootDeadline) // one that was launched before the actor restarted may still come up
			return
		}
		p.find(in)
	case due:
		p.find(down{})
	case verb:
		p.waiters = append(p.waiters, in.command)
	case mailArrived:
		if p.found != nil && !p.loading {
			p.knowing()
		}
	case calm, moving, dialog, gone, freed:
	}
}

// find takes the first word on whether a host lives.
func (p *presence) find(in input) {
	if second, ok := in.(up); ok && p.found != nil {
		second.started.Session.Act(house.Act{Kind: house.ActRelease}) // the same host, by a second connection
	}
	if p.found == nil {
		p.disarm(timerState)
		p.found, p.launching = in, false
		p.reload()
	}
}

// knowing leaves finding: host and mail are known.
func (p *presence) knowing() {
	found, early, waiting := p.found, p.early, p.waiters
	p.found, p.early, p.waiters, p.adopting = nil, nil, nil, false
	switch in := found.(type) {
	case up:
		p.connect(in.started)
	case down:
		p.settleDead("no live session was found", p.suspects()...)
		if in.failed.Err != nil && !in.failed.Gone {
			p.startFailed(in.failed)
			break
		}
		p.settleDown("no session lives")
	case mailArrived, verb, calm, moving, dialog, gone, due, freed:
	}
	for _, m := range early {
		p.listen(m)
	}
	for _, c := range waiting { // they are for the state that was found
		p.state(verb{command: c})
	}
}

// asleep has no session; mail wakes it.
func (p *presence) asleep(in input) {
	switch in := in.(type) {
	case mailArrived:
		p.wakeForMail()
	case verb:
		p.verbDown(in.command)
	case up, down, calm, moving, dialog, gone, due, freed:
	}
}

// waking waits for the host, and then for the runtime to be ready.
func (p *presence) waking(in input) {
	switch in := in.(type) {
	case up:
		p.connect(in.started)
	case down:
		p.startFailed(in.failed)
	case calm:
		p.ready0("the session is ready")
	case moving:
		p.become(iapeer.Busy, p.busy, "a turn runs")
		p.answerWaiters(nil)
	case dialog:
		if in.what.Blocking {
			p.abandon(house.StartFailed{Err: fmt.Errorf("%s", in.what.For), Remedy: in.what.Remedy, Screen: in.what.Screen})
			return
		}
		p.become(iapeer.Waiting, p.waiting, in.what.For)
	case gone:
		p.died(in.exit)
	case due:
		p.overdue()
	case verb:
		p.verbUp(in.command)
	case mailArrived, freed:
	}
}

// ready is idle and takes a message now.
func (p *presence) ready(in input) {
	switch in := in.(type) {
	case mailArrived:
		if !p.left() {
			p.pump()
			p.compactNow()
		}
	case moving:
		p.become(iapeer.Busy, p.busy, "a turn runs")
		p.pump()
	case dialog:
		p.become(iapeer.Waiting, p.waiting, in.what.For)
	case gone:
		p.died(in.exit)
	case due:
		p.park()
	case verb:
		p.verbUp(in.command)
	case calm:
		p.compactEnded()
		if !p.left() {
			p.pump()
			p.armIdle()
		}
	case up, down, freed:
	}
}

// busy runs a turn. Whether it takes a message meanwhile is its runtime's
// trait.
func (p *presence) busy(in input) {
	switch in := in.(type) {
	case mailArrived:
		p.pump()
	case calm:
		p.ready0("the turn ended")
	case dialog:
		p.become(iapeer.Waiting, p.waiting, in.what.For)
	case gone:
		p.died(in.exit)
	case verb:
		p.verbUp(in.command)
	case moving, up, down, due, freed:
	}
}

// waiting shows a dialog: nothing is offered, whatever is typed would answer
// it.
func (p *presence) waiting(in input) {
	switch in := in.(type) {
	case calm:
		p.ready0("the dialog was answered")
	case moving:
		p.become(iapeer.Busy, p.busy, "a turn runs")
		p.pump()
	case dialog:
		if in.what.Blocking {
			p.abandon(house.StartFailed{Err: fmt.Errorf("%s", in.what.For), Remedy: in.what.Remedy, Screen: in.what.Screen})
		}
	case gone:
		p.died(in.exit)
	case verb:
		p.verbUp(in.command)
	case mailArrived, up, down, due, freed:
	}
}

// parking waits for the session that was told to end. One that comes up only
// now is told then.
func (p *presence) parking(in input) {
	switch in := in.(type) {
	case gone:
		p.ended(in.exit)
	case up:
		p.launching = false
		p.session = in.started.Session
		p.session.Act(house.Act{Kind: house.ActStop})
	case down:
		p.ended(iapeer.SessionExited{Err: in.failed.Err.Error()})
	case verb:
		p.waiters = append(p.waiters, in.command)
	case mailArrived, calm, moving, dialog, due, freed:
	}
}

// stopped was halted by a person; mail waits.
func (p *presence) stopped(in input) {
	switch in := in.(type) {
	case verb:
		p.verbDown(in.command)
	case mailArrived, up, down, calm, moving, dialog, gone, due, freed:
	}
}

// resting is not woken before its time: a crash loop, or a start that cannot
// work.
func (p *presence) resting(in input) {
	switch in := in.(type) {
	case due:
		if now := p.h.Now(); p.rec.RestUntil.After(now) {
			p.armRest(now)
			return
		}
		p.rested()
	case verb:
		p.verbDown(in.command)
	case mailArrived, up, down, calm, moving, dialog, gone, freed:
	}
}

// byHand leaves the folder to a session that iapeer did not start.
func (p *presence) byHand(in input) {
	switch in := in.(type) {
	case freed:
		p.become(iapeer.Asleep, p.asleep, "the session started by hand ended")
		p.wakeForMail()
	case verb:
		p.verbDown(in.command)
	case mailArrived, up, down, calm, moving, dialog, gone, due:
	}
}

// ready0 enters ready: mail is offered, else the idle time begins.
func (p *presence) ready0(why string) {
	p.become(iapeer.Ready, p.ready, why)
	if p.left() {
		return
	}
	p.answerWaiters(nil)
	p.compactEnded()
	p.pump()
	p.compactNow()
	p.armIdle()
	p.armReap()
}

// left ends a session that was to end when its turn has ended, or that lives
// although a person stopped the peer.
func (p *presence) left() bool {
	why := p.leaving
	if why == "" && p.rec.Stopped {
		why = "stopped by a person"
	}
	if why == "" || p.turn.running || p.underWay() {
		return false
	}
	p.leaving = ""
	p.end(why)
	return true
}

// armIdle begins the idle time when nothing is under way.
func (p *presence) armIdle() {
	if p.rec.State == iapeer.Ready && !p.underWay() && len(p.mail) == 0 {
		p.arm(timerState, p.idleTime())
	}
}

// idleTime is how long a session may be idle: hardly, once it is to sleep.
func (p *presence) idleTime() time.Duration {
	if p.dozing != "" {
		return p.h.Config.Settle
	}
	return p.h.Config.Idle
}

// park ends an idle session, unless a person looks at it or tasks go on behind
// it.
func (p *presence) park() {
	if !p.idleEnough() {
		p.arm(timerState, p.h.Config.Idle)
		return
	}
	p.rec.Parked = true
	why := fmt.Sprintf("idle for %s", p.h.Config.Idle)
	if p.dozing != "" {
		why, p.rec.ResumeNext = p.dozing, true
	}
	p.end(why)
}

// idleEnough reports whether nobody looks at the session, and nothing waits for it
// or goes on in it.
func (p *presence) idleEnough() bool {
	return p.marks.none() && p.attached == 0 && p.turn.background == 0 && !p.turn.running && !p.underWay() && len(p.mail) == 0
}

// end tells the session to end.
func (p *presence) end(why string) {
	begun := !p.withdrawn()
	p.become(iapeer.Parking, p.parking, why)
	if p.session != nil {
		p.session.Act(house.Act{Kind: house.ActStop})
	}
	if !begun {
		p.state(gone{})
	}
}

// settleDown enters the state of a presence without a session.
func (p *presence) settleDown(why string) {
	now := p.h.Now()
	switch {
	case p.rec.Stopped && p.rec.Cause == keptDown:
		p.become(iapeer.Stopped, p.stopped, keptDown)
	case p.rec.Stopped:
		p.become(iapeer.Stopped, p.stopped, "stopped by a person")
	case p.rec.RestUntil.After(now):
		p.become(iapeer.Resting, p.resting, p.rec.Cause)
		p.armRest(now)
	default:
		p.become(iapeer.Asleep, p.asleep, why)
	}
	p.replay()
	p.state(mailArrived{})
	p.keepUp()
}

// replay hands the verbs that waited to the state that holds now.
func (p *presence) replay() {
	waiting := p.waiters
	p.waiters = nil
	for _, w := range waiting {
		p.state(verb{command: w})
	}
}
