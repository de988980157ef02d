package presence

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// restAfterRefusal is the rest after a start that cannot work as things are;
// new mail does not shorten it, a person does.
const restAfterRefusal = 5 * time.Minute

// wakeForMail starts a session when a message waits and nothing speaks against
// it.
func (p *presence) wakeForMail() {
	if p.loading || p.settling || len(p.mail) == 0 {
		return
	}
	p.wakeBy(p.mail[0])
}

// wakeBy wakes the presence for a message. What a person writes without a topic
// continues the last conversation, unless they want a fresh one.
func (p *presence) wakeBy(m iapeer.Message) {
	p.person = p.h.Sessions.Traits(m.From.Runtime).Inbox || m.FromNature == iapeer.Natural
	mode := house.StartNatural
	if m.Fresh {
		mode = house.StartFresh
	}
	p.wake(mode, m.Topic, false)
}

// wake launches a session of the next generation.
func (p *presence) wake(mode house.StartMode, topic string, anyway bool) {
	p.rec.Generation++
	p.rec.Rest, p.rec.RestUntil = "", time.Time{}
	p.turn, p.attached, p.adopted = turn{}, 0, false
	p.served, p.replied, p.leaving = false, false, ""
	p.become(iapeer.Waking, p.waking, "launching "+string(p.id.Runtime))
	p.arm(timerState, p.h.Config.BootDeadline)
	s := p.start(mode, topic)
	s.Anyway = anyway
	if p.marks.none() && !p.underWay() {
		s.Settled = p.rec.Generation - 1
	}
	// a host whose generation no record knows could not be adopted: the record
	// is durable before the host exists
	tell := p.outside()
	p.h.Board.PutPresence(p.rec, func() { tell(recorded{launch: s}) })
}

// connect takes a host that is up: what it was asked to write before is
// reconciled before anything is offered.
func (p *presence) connect(s house.Started) {
	p.launching = false
	p.session, p.socket, p.hostPID, p.adopted = s.Session, s.Socket, s.HostPID, s.Adopted
	p.began, p.person = s.Start, false
	p.served = s.Adopted // whoever woke it gave it a task
	p.rec.Parked, p.rec.FreshNext, p.rec.ResumeNext = false, false, false
	if s.SessionID != "" {
		p.rec.SessionID = s.SessionID
	}
	for _, k := range s.Known {
		p.reconcile(k)
	}
	for _, f := range p.inOrder() {
		if f.known && !f.written {
			p.ask(f) // it is told again, or when it is written
		}
	}
	switch {
	case p.traits.Exec || p.traits.WriteIsEvidence:
		p.settleKnown()
		p.ready0(s.Cause)
	case s.Adopted:
		p.become(iapeer.Waking, p.waking, "adopted, asking what it does")
		p.arm(timerState, p.h.Config.BootDeadline)
		p.due = true // an idle session that shows no trace never had it
		p.look()
	default:
		p.become(iapeer.Waking, p.waking, s.Cause)
		p.arm(timerState, p.h.Config.BootDeadline)
	}
}

// reconcile takes an adopted host's memory of one message.
func (p *presence) reconcile(k house.Known) {
	f := p.flightFor(k.ID)
	if f == nil || !k.Begun {
		return
	}
	if k.Attempt >= f.attempt {
		f.attempt = k.Attempt
	}
	f.written, f.known = k.Written, true
}

// startFailed handles a session that did not come up.
func (p *presence) startFailed(f house.StartFailed) {
	p.launching = false
	if f.ByHand {
		p.become(iapeer.ByHand, p.byHand, f.Err.Error())
		p.h.Notify(house.Notice{Identity: p.id, Kind: "by-hand", Summary: string(p.id.Name) + ": " + f.Err.Error(), Content: f.Remedy})
		p.answerWaiters(f.Err)
		return
	}
	if f.Alive {
		p.findAgain()
		return
	}
	why := p.tellFailure(f)
	if f.Cleanly {
		p.rest(iapeer.RestRefused, restAfterRefusal, why)
		return
	}
	p.recordDeath(why)
}

// findAgain looks for the host that stands in the way: one that a daemon before
// us launched, and that was slow to come up.
func (p *presence) findAgain() {
	p.state, p.adopting, p.found = p.finding, true, nil
	p.project()
	p.h.Sessions.Adopt(p.start(house.StartResume, ""), p.report(&p.line))
}

// tellFailure tells everybody who waits for the start that it failed, and
// returns why.
func (p *presence) tellFailure(f house.StartFailed) string {
	why := f.Err.Error()
	if f.Remedy != "" {
		why += "; " + f.Remedy
	}
	p.h.Notify(house.Notice{Identity: p.id, Kind: "start-failed", Summary: string(p.id.Name) + " did not start: " + f.Err.Error(), Content: f.Remedy + "\n" + f.Screen})
	p.tellSenders(f, why)
	p.answerWaiters(errors.New(why))
	return why
}

// overdue gives up a start that takes too long. A session that was alive before
// the daemon is never ended for its silence: it is asked again.
func (p *presence) overdue() {
	if p.asking != nil {
		p.seekAdmission(*p.asking)
		return
	}
	if p.adopted && p.session != nil {
		p.arm(timerState, p.h.Config.BootDeadline)
		p.looking = true
		p.session.Lookup(p.unproven())
		return
	}
	p.abandon(house.StartFailed{Err: fmt.Errorf("not ready after %s", p.h.Config.BootDeadline), Remedy: "look at it: iapeer screen " + string(p.id.Name)})
}

// abandon gives up a start that cannot go on: its session is ended, and the
// presence rests when that is done.
func (p *presence) abandon(f house.StartFailed) {
	why := p.tellFailure(f)
	p.rec.Rest, p.rec.RestUntil = iapeer.RestRefused, p.h.Now().Add(restAfterRefusal)
	p.end(why)
}

// tellSenders lets each sender of waiting mail know once that the start
// failed. The mail stays accepted.
func (p *presence) tellSenders(f house.StartFailed, why string) {
	text := why
	if s := strings.TrimSpace(f.Screen); s != "" {
		text += "\nThe last lines of its screen:\n" + s
	}
	for _, m := range p.mail {
		if m.From == iapeer.SystemIdentity() {
			continue
		}
		p.h.Tell(m.From, fmt.Sprintf("start:%s:%s", m.ID, f.Err), fmt.Sprintf("%s could not be started, so %s waits (it is not lost): %s", p.id, m.ID, text), m.ID, nil)
	}
}

// died handles a session that ended without being told to.
func (p *presence) died(e iapeer.SessionExited) {
	why := "the session ended: " + exitWords(e)
	p.cutTurn(why)
	p.disconnect()
	p.settleDead(why)
	p.answerWaiters(errors.New(why))
	if e.Code == 0 && e.Signal == "" {
		p.leftOnPurpose(why)
		return
	}
	p.recordDeath(why)
}

// ended handles a session that ended as it was told to.
func (p *presence) ended(e iapeer.SessionExited) {
	p.cutTurn("the session was ended: " + exitWords(e))
	p.disconnect()
	p.settleDead("the session was ended")
	p.settleDown(p.rec.Cause)
}

func (p *presence) disconnect() {
	if p.session != nil {
		p.session.Act(house.Act{Kind: house.ActRelease})
	}
	p.session, p.socket, p.hostPID, p.attached, p.launching, p.began = nil, "", 0, 0, false, ""
	p.looking, p.again, p.due, p.paused, p.typing, p.typingTold = false, false, false, false, false, false
	p.leaving = ""
	if len(p.compacts) > 0 {
		p.compacted(errors.New("the session ended"))
	}
	p.disarm(timerHold)
	p.disarm(timerReap)
	p.disarm(timerEvidence)
	p.disarm(timerSettle)
	p.disarm(timerStuck)
}

func exitWords(e iapeer.SessionExited) string {
	switch {
	case e.Err != "":
		return e.Err
	case e.Signal != "":
		return "killed by " + e.Signal
	default:
		return fmt.Sprintf("exit %d", e.Code)
	}
}

// suspects lists mail that the dead session may have been given although the
// mailbox does not say so: where the write is the proof, a daemon that is killed
// loses its last marks. For others the offer is on disk first; what a conversation
// shows is believed all the same.
func (p *presence) suspects() (ids []iapeer.MessageID) {
	if p.traits.Exec {
		return nil
	}
	switch p.rec.State {
	case iapeer.Asleep, iapeer.Stopped, iapeer.Resting, iapeer.ByHand:
		return nil // no session lived
	case iapeer.Waking:
		if p.traits.WriteIsEvidence {
			return nil
		}
	case iapeer.Ready, iapeer.Busy, iapeer.Waiting, iapeer.Parking:
	}
	for _, m := range p.mail {
		ids = append(ids, m.ID)
	}
	return ids
}

// settleDead asks the dead session's records about what was under way, and
// about suspects. Nothing is offered until they have answered.
func (p *presence) settleDead(why string, suspects ...iapeer.MessageID) {
	for _, f := range p.inOrder() {
		if f.recording {
			p.untried(f, "the session ended before it was asked to take it")
		}
	}
	ids := append(p.unproven(), suspects...)
	if len(ids) == 0 {
		return
	}
	p.settling = true
	p.h.Log.Debug(why)
	p.h.Sessions.Examine(p.start(house.StartResume, ""), ids, p.report(&p.dead))
}

// settleKnown settles what an adopted exec or router host remembers: what it
// wrote whole is evidence for a router, what it never began returns.
func (p *presence) settleKnown() {
	var marks []iapeer.Mark
	for _, f := range p.inOrder() {
		switch id := f.msg.ID; {
		case f.written && p.traits.WriteIsEvidence:
			marks = append(marks, iapeer.Mark{ID: id, Change: iapeer.ChangeSee, Evidence: p.evidence("write", "written whole before the restart")})
			p.land(id)
		case !f.known && f.state != iapeer.Unknown:
			p.putBack(f, "the host never began it")
		}
	}
	p.mark(marks, nil)
}
