package presence

import (
	"maps"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// look asks the session where the unproven messages stand; one look at a time.
func (p *presence) look() {
	ids := p.unproven()
	if p.session == nil || len(ids) == 0 && p.turn.end == nil && !p.turn.silent && !p.unsettled() {
		p.due = false
		p.pump()
		p.armIdle()
		return
	}
	if p.looking {
		p.again = true
		return
	}
	p.looking = true
	p.session.Lookup(ids)
}

// looked takes the answer of a look.
func (p *presence) looked(l house.Looked) {
	p.looking = false
	for id, e := range l.Taken {
		p.taken(id, e, "", false)
	}
	for id, e := range l.Seen {
		if f := p.flights[id]; f != nil {
			p.see(f, e)
			p.turn.add(f.msg)
			p.missedEnd(f, l.Turn)
		}
	}
	if p.again { // a look that began before the end of a turn, or an offer, proves nothing about it
		p.again = false
		p.look()
		return
	}
	p.silentEnd(l)
	if p.turn.end != nil {
		p.finishTurn()
	}
	if p.due && p.session != nil {
		p.conclude(l)
	}
	if p.rec.State == iapeer.Waking && l.Err == nil && l.Idle {
		p.sign(calm{})
		return
	}
	p.state(mailArrived{})
	p.armIdle()
}

// missedEnd settles a message that the record shows as consumed while no turn
// runs: its turn has ended already, and the end was told before the record
// showed what it had consumed.
func (p *presence) missedEnd(f *flight, t house.TurnKnown) {
	if p.turn.running || p.turn.end != nil || !p.quiet {
		return
	}
	switch {
	case p.lastEnd.at.After(f.at):
		end := p.lastEnd
		p.turn.end = &end
	case !t.Open && slices.Contains(t.IDs, f.msg.ID):
		p.turn.end = &turnEnd{text: t.Text, failed: t.Cut, resets: t.Resets, evidence: p.evidence("record", "the end of the turn")}
	}
}

// bury settles what was under way in a session that is dead, by its records,
// which are final: what they show began a turn that nobody ended, what they do
// not show never happened.
func (p *presence) bury(l house.Looked) {
	p.settling = false
	p.unearth(l)
	var began []cause
	for _, f := range p.inOrder() {
		id := f.msg.ID
		seen, isSeen := l.Seen[id]
		lost, isLost := l.Lost[id]
		switch {
		case isSeen:
			p.see(f, seen)
			began = append(began, cause{msg: f.msg})
		case l.Err != nil:
			p.lose(f, iapeer.Evidence{Source: "record", Detail: l.Err.Error()})
		case isLost:
			p.lose(f, lost)
		case f.state == iapeer.Unknown && !p.mayShow(f):
		default: // one that was unknown, too: its absence is proven now
			p.giveBack(f, "the record of the dead session does not show it")
		}
	}
	if !p.traits.WriteIsEvidence {
		p.cut(began, "the session ended before its turn did")
	}
	p.replay()
	p.state(mailArrived{})
}

// mayShow reports whether the record of this session would show an unknown
// message had it been seen. Another session's record proves nothing.
func (p *presence) mayShow(f *flight) bool { return f.lostIn != "" && f.lostIn == p.rec.SessionID }

// inOrder lists the flights in the order of acceptance.
func (p *presence) inOrder() []*flight {
	return slices.SortedFunc(maps.Values(p.flights), func(a, b *flight) int { return bySeq(a.msg, b.msg) })
}

// absentLooks is how many looks must have shown no trace before the one that
// proves absence: programs write their records behind the turn, by seconds when
// the machine is busy, and one that has queued a message may be between two
// turns.
func absentLooks(f *flight) int {
	if f.state == iapeer.Taken {
		return 2
	}
	return 1
}

// conclude decides about offers whose evidence is overdue: Enter again where
// the text stands in the composer, back to the mail where an idle session shows
// no trace, patience otherwise.
func (p *presence) conclude(l house.Looked) {
	p.due = false
	for _, f := range p.flights {
		if f.asked || f.recording || f.state == iapeer.Unknown && (!l.Idle || !p.mayShow(f)) || time.Since(f.at) < p.h.Config.Evidence {
			continue
		}
		switch {
		case l.Err != nil || !l.Idle:
			f.absent = 0
		case l.Composer && f.enters < MaxEnters:
			f.enters++
			p.session.Submit()
		case l.Composer:
			p.session.Act(house.Act{Kind: house.ActClear})
			f.enters = 0
		case f.absent < absentLooks(f):
			f.absent++
		default:
			p.giveBack(f, "an idle session with an empty composer shows no trace of it")
		}
	}
	if len(p.flights) > 0 {
		p.arm(timerEvidence, p.patience())
	}
}

// patience grows with the age of the oldest flight, so that a long turn is not
// looked at over and over.
func (p *presence) patience() time.Duration {
	now := p.h.Now()
	oldest := now
	for _, f := range p.flights {
		if f.msg.AcceptedAt.Before(oldest) {
			oldest = f.msg.AcceptedAt
		}
	}
	return min(max(p.h.Config.Evidence, now.Sub(oldest)/2), maxEvidenceWait)
}
