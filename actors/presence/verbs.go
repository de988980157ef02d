package presence

import (
	"errors"
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// refuse answers a verb that has no meaning here.
func (p *presence) refuse(c house.Command, why string) {
	c.Reply(p.outcome(c, "refused", why), &iapeer.PeerError{Op: string(c.Order.Verb), Peer: p.id.Name, Err: fmt.Errorf("%s", why)})
}

func (p *presence) outcome(c house.Command, action, detail string) iapeer.Outcome {
	return iapeer.Outcome{Verb: c.Order.Verb, Identity: p.id, Action: action, State: p.rec.State, Socket: p.socket, Detail: detail}
}

// verbDown takes a verb while no session lives.
func (p *presence) verbDown(c house.Command) {
	switch c.Order.Verb {
	case iapeer.VerbStop:
		p.rec.Stopped = true
		p.become(iapeer.Stopped, p.stopped, "stopped by a person")
		c.Reply(p.outcome(c, "stopped", "mail is kept; go on with: iapeer start "+string(p.id.Name)), nil)
	case iapeer.VerbSleep:
		c.Reply(p.outcome(c, "already", "no session lives; the next message wakes it"), nil)
	case iapeer.VerbStart:
		p.revive("started by a person")
		c.Reply(p.outcome(c, "started", "the next message wakes it"), nil)
	case iapeer.VerbRefresh, iapeer.VerbSelfFresh:
		p.refresh(c)
	case iapeer.VerbInterrupt, iapeer.VerbSelfDone:
		p.refuse(c, "offline: no session is live")
	case iapeer.VerbWake, iapeer.VerbAttach:
		p.wakeFor(c, p.modeOf(c, house.StartNatural))
	case iapeer.VerbAdopt:
		p.wakeFor(c, house.StartResume)
	case iapeer.VerbNew, iapeer.VerbLaunch:
		p.wakeFor(c, p.modeOf(c, house.StartFresh))
	case iapeer.VerbRestart:
		p.wakeFor(c, p.modeOf(c, p.sameAgain()))
	case iapeer.VerbCompact:
		p.compactDown(c)
	}
}

// modeOf is how a verb wants the session to begin.
func (p *presence) modeOf(c house.Command, otherwise house.StartMode) house.StartMode {
	switch {
	case c.Order.Fresh:
		return house.StartFresh
	case c.Order.Resume:
		return house.StartResume
	}
	return otherwise
}

// sameAgain begins the conversation again that was last, where there is one.
func (p *presence) sameAgain() house.StartMode {
	if p.rec.SessionID == "" || !p.traits.Talks {
		return house.StartFresh
	}
	return house.StartResume
}

// refresh makes the next natural wake a fresh one.
func (p *presence) refresh(c house.Command) {
	if !p.traits.Talks {
		c.Reply(p.outcome(c, "skipped-non-agentic", "its sessions keep no conversation"), nil)
		return
	}
	p.rec.FreshNext = true
	p.h.Board.PutPresence(p.rec, nil)
	p.project()
	c.Reply(p.outcome(c, "refresh-armed", "the next wake begins a fresh session"), nil)
}

// revive clears what keeps the presence down.
func (p *presence) revive(why string) {
	p.rec.Stopped, p.rec.Deaths, p.rec.Rest, p.rec.RestUntil = false, nil, "", time.Time{}
	p.settleDown(why)
}

// wakeFor launches a session for a verb that answers once it is ready.
func (p *presence) wakeFor(c house.Command, mode house.StartMode) {
	if p.settling || p.loading {
		p.waiters = append(p.waiters, c) // until the last session is settled
		return
	}
	if p.rec.Stopped && c.Order.Verb == iapeer.VerbWake {
		p.refuse(c, iapeer.ErrStopped.Error()+"; start it: iapeer start "+string(p.id.Name))
		return
	}
	p.rec.Stopped, p.rec.Deaths = false, nil
	p.waiters = append(p.waiters, c)
	p.wake(mode, c.Order.Topic, c.Order.Anyway || c.Order.Verb == iapeer.VerbAdopt)
}

// verbUp takes a verb while a session lives or starts.
func (p *presence) verbUp(c house.Command) {
	switch c.Order.Verb {
	case iapeer.VerbWake, iapeer.VerbAttach, iapeer.VerbStart, iapeer.VerbAdopt:
		p.stay(c)
	case iapeer.VerbStop:
		p.rec.Stopped, p.rec.Parked = true, true
		p.leaveFor(c, "stopped", "stopped by a person")
	case iapeer.VerbSleep:
		p.rec.Parked = true
		p.leaveFor(c, "parked", "put to sleep by a person")
	case iapeer.VerbRefresh:
		p.refresh(c)
	case iapeer.VerbSelfFresh:
		p.refresh(c)
		if p.traits.Talks {
			p.leave("a fresh session was asked for by itself", false)
		}
	case iapeer.VerbSelfDone:
		p.selfDone(c)
	case iapeer.VerbNew, iapeer.VerbLaunch:
		p.waiters = append(p.waiters, c)
		p.end("a fresh session was asked for")
	case iapeer.VerbRestart:
		p.waiters = append(p.waiters, c)
		p.rec.Parked = true
		p.leave("a restart was asked for", c.Order.Now)
	case iapeer.VerbInterrupt:
		p.interrupt(c)
	case iapeer.VerbCompact:
		p.compact(c)
	}
}

// stay answers who wants the session up. One that was to leave stays.
func (p *presence) stay(c house.Command) {
	if c.Order.Verb == iapeer.VerbStart {
		p.rec.Stopped = false
	}
	if p.leaving != "" && !p.rec.Stopped {
		p.leaving, p.rec.Parked = "", false
	}
	if p.rec.State == iapeer.Waking {
		p.waiters = append(p.waiters, c)
		return
	}
	c.Reply(p.outcome(c, "already", ""), nil)
}

func (p *presence) interrupt(c house.Command) {
	if p.session == nil {
		p.refuse(c, "offline: no session is live")
		return
	}
	p.session.Act(house.Act{Kind: house.ActInterrupt})
	c.Reply(p.outcome(c, "interrupted", ""), nil)
}

// leaveFor ends the session for a verb: now, or when its turn has ended.
func (p *presence) leaveFor(c house.Command, action, why string) {
	detail := ""
	if !p.leave(why, c.Order.Now) {
		detail = fmt.Sprintf("when its turn has ended; at once: iapeer %s %s --now", c.Order.Verb, p.id.Name)
	}
	c.Reply(p.outcome(c, action, detail), nil)
}

// works reports whether the session is at something that an end would cut.
func (p *presence) works() bool { return p.turn.running || p.traits.Exec && p.underWay() }

// leave ends the session now, or when its turn has ended; it reports whether now.
func (p *presence) leave(why string, now bool) bool {
	if p.works() && !now {
		p.leaving = why
		p.h.Board.PutPresence(p.rec, nil)
		p.project()
		return false
	}
	p.end(why)
	return true
}

// answerWaiters answers the verbs that waited for the session.
func (p *presence) answerWaiters(err error) {
	waiters := p.waiters
	p.waiters = nil
	for _, w := range waiters {
		if err != nil {
			w.Reply(p.outcome(w, "failed", err.Error()), &iapeer.PeerError{Op: string(w.Order.Verb), Peer: p.id.Name, Err: err})
			continue
		}
		if w.Order.Verb == iapeer.VerbCompact {
			p.compact(w)
			continue
		}
		p.seed(w)
		action := map[iapeer.Verb]string{
			iapeer.VerbNew: "fresh", iapeer.VerbLaunch: "fresh", iapeer.VerbStart: "started", iapeer.VerbRestart: "restarted",
		}[w.Order.Verb]
		if w.Order.Resume {
			action = "resumed"
		}
		if action == "" {
			action = "woke"
		}
		w.Reply(p.outcome(w, action, p.began), nil)
	}
}

// seed gives a fresh session that was started without a task a first message, so
// that it hears the initial prompt of its peer.
func (p *presence) seed(c house.Command) {
	peer, _ := p.h.Peers.Peer(p.id.Name)
	fresh := c.Order.Verb == iapeer.VerbNew || c.Order.Verb == iapeer.VerbLaunch
	if fresh && !c.Order.Resume && p.traits.Talks && peer.Settings.InitialPrompt != "" && len(p.mail) == 0 {
		p.h.Tell(p.id, fmt.Sprintf("initial:%d", p.rec.Generation), "You were started without a task. Do what you were told above, then wait.", "", nil)
	}
}

// compactLimit is how long a compaction may take: the callers of packages wait
// 300 s.
const compactLimit = 290 * time.Second

// errNothingToCompact refuses to compact where no conversation is.
var errNothingToCompact = errors.New("nothing to compact: no conversation is live, and none can be resumed")

// compactDown resumes a conversation that was parked, to compact it.
func (p *presence) compactDown(c house.Command) {
	if !p.traits.Compacts || !p.rec.Parked || p.rec.SessionID == "" {
		c.Reply(p.outcome(c, "nothing-to-compact", ""), &iapeer.PeerError{Op: "compact", Peer: p.id.Name, Err: errNothingToCompact})
		return
	}
	p.wakeFor(c, house.StartResume)
}

// compact takes the order for a live session; it is given when the session is
// idle.
func (p *presence) compact(c house.Command) {
	switch {
	case !p.traits.Compacts:
		p.refuse(c, fmt.Sprintf("runtime %q does not support control command %q", p.id.Runtime, c.Order.Verb))
	case p.rec.State == iapeer.Waking:
		p.waiters = append(p.waiters, c)
	default:
		p.compacts = append(p.compacts, c)
		p.compactNow()
	}
}

// compactNow types the order when nobody would be disturbed.
func (p *presence) compactNow() {
	if len(p.compacts) == 0 || p.compacting || p.session == nil || p.typing || p.underWay() || p.rec.State != iapeer.Ready || p.turn.running {
		return
	}
	p.compacting, p.compactDone = true, false
	p.arm(timerCompact, compactLimit)
	p.session.Act(house.Act{Kind: house.ActCompact})
}

// compactGrace is how long a program may still be busy with a compaction that it
// has recorded.
const compactGrace = 5 * time.Second

// compactRecorded waits for the session to be idle again.
func (p *presence) compactRecorded() {
	if p.compacting {
		p.compactDone = true
		p.arm(timerCompact, compactGrace)
	}
}

// compactEnded ends a compaction that is recorded, in an idle session.
func (p *presence) compactEnded() {
	if p.compacting && p.compactDone {
		p.compacted(nil)
	}
}

func (p *presence) compactOverdue() {
	if p.compactDone {
		p.compacted(nil)
		return
	}
	p.compacted(fmt.Errorf("no sign of the compaction within %s", compactLimit))
}

// compacted answers who asked.
func (p *presence) compacted(err error) {
	waiting := p.compacts
	p.compacts, p.compacting = nil, false
	p.disarm(timerCompact)
	for _, c := range waiting {
		if err != nil {
			c.Reply(p.outcome(c, "failed", err.Error()), &iapeer.PeerError{Op: "compact", Peer: p.id.Name, Err: err})
			continue
		}
		c.Reply(p.outcome(c, "compacted", ""), nil)
	}
	p.state(mailArrived{})
}
