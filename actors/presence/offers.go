package presence

import (
	"fmt"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// flight is a message between its offer and its proof.
type flight struct {
	msg       iapeer.Message
	state     iapeer.State // Offered, Taken or Unknown
	attempt   int
	recording bool      // the offer is on its way to disk: the host knows nothing of it yet
	written   bool      // whole, the host says
	known     bool      // an adopted host remembers it
	lostIn    string    // unknown: the conversation whose record can prove its absence, "" for none
	absent    int       // idle looks in a row that showed no trace of it being read
	asked     bool      // the host has not told yet what became of the offer
	fromIdle  bool      // taken while no turn ran: the next sign of the turn proves it seen
	turnID    string    // of the prompt that carried it, "" if not told
	enters    int       // further Enters pressed
	at        time.Time // of the offer
}

// MaxEnters is how often Enter is pressed again on a message that stands in the
// composer.
const MaxEnters = 3

// maxEvidenceWait caps the growing pause between looks at the record.
const maxEvidenceWait = time.Minute

func newFlight(m iapeer.Message) *flight {
	return &flight{msg: m, state: m.State, attempt: m.Attempts, written: m.State == iapeer.Taken}
}

// evidence is what this session shows now.
func (p *presence) evidence(source, detail string) iapeer.Evidence {
	session := p.rec.SessionID
	if session == "" && p.hostPID > 0 {
		session = fmt.Sprintf("host:%d", p.hostPID)
	}
	return iapeer.Evidence{Source: source, Detail: detail, Session: session, At: p.h.Now()}
}

// complete fills what the source of an evidence left open.
func (p *presence) complete(e iapeer.Evidence) iapeer.Evidence {
	if e.Session == "" {
		e.Session = p.rec.SessionID
	}
	if e.At.IsZero() {
		e.At = p.h.Now()
	}
	return e
}

// flightFor returns the flight of a message that is open here. A message that
// still stands in the mail becomes a flight: its offer was made before a
// restart that lost the mark.
func (p *presence) flightFor(id iapeer.MessageID) *flight {
	if f := p.flights[id]; f != nil {
		return f
	}
	for i, m := range p.mail {
		if m.ID == id {
			p.mail = append(p.mail[:i], p.mail[i+1:]...)
			f := newFlight(m)
			f.state = iapeer.Offered
			p.flights[id] = f
			return f
		}
	}
	return nil
}

// pump offers the next message when one may be offered: at most one is
// unproven, except where the write itself is the proof.
func (p *presence) pump() {
	for p.mayOffer() {
		m := p.mail[0]
		p.mail = p.mail[1:]
		if now := p.h.Now(); now.After(m.ExpiresAt) {
			p.expire(m, now)
			continue
		}
		p.offer(m)
		if !p.traits.WriteIsEvidence {
			return
		}
	}
}

func (p *presence) mayOffer() bool {
	if len(p.mail) == 0 || p.loading || p.paused || p.served && p.ephemeral() {
		return false
	}
	return p.takes() && (p.traits.WriteIsEvidence || !p.underWay())
}

// takes reports whether the session can take a message now.
func (p *presence) takes() bool {
	if p.session == nil || p.settling || p.typing || p.leaving != "" || p.compacting {
		return false
	}
	if p.traits.WriteIsEvidence {
		return p.rec.State == iapeer.Ready
	}
	switch p.rec.State {
	case iapeer.Ready:
		return !p.turn.running || p.traits.TakesWhileBusy
	case iapeer.Busy:
		return p.traits.TakesWhileBusy
	case iapeer.Asleep, iapeer.Waking, iapeer.Waiting, iapeer.Parking, iapeer.Stopped, iapeer.Resting, iapeer.ByHand:
	}
	return false
}

// underWay reports whether a message is between its offer and its proof. An
// unknown one is a person's to settle, and waited for by nobody.
func (p *presence) underWay() bool {
	for _, f := range p.flights {
		if f.state != iapeer.Unknown {
			return true
		}
	}
	return false
}

func (p *presence) offer(m iapeer.Message) {
	f := newFlight(m)
	f.attempt, f.state, f.written, f.at = m.Attempts+1, iapeer.Offered, false, time.Now()
	p.flights[m.ID] = f
	p.served = true
	p.disarm(timerState)
	how := fmt.Sprintf("attempt %d", f.attempt)
	mark := iapeer.Mark{ID: m.ID, Change: iapeer.ChangeOffer, Evidence: p.evidence("host", how)}
	if p.traits.WriteIsEvidence {
		p.owe(mark)
		p.ask(f)
		return
	}
	f.recording = true
	tell, n := p.outside(), noted{id: m.ID, attempt: f.attempt, generation: p.rec.Generation}
	p.mark([]iapeer.Mark{mark}, func(done []house.Marked) {
		n.refused = done[0].Err != nil
		tell(n)
	})
}

// noted tells that an offer is on disk, or refused there.
type noted struct {
	id         iapeer.MessageID
	attempt    int
	generation int64
	refused    bool
}

func (noted) presenceMessage() {}

// noted lets the host write a message whose offer is on disk. Should daemon and
// host die from then on, the message is unknown; it is not run again.
func (p *presence) noted(n noted) {
	f := p.flights[n.id]
	switch {
	case f == nil || !f.recording || f.attempt != n.attempt || n.generation != p.rec.Generation:
	case n.refused: // it has come to another end meanwhile
		p.land(n.id)
		p.reload()
	case !p.takes():
		p.untried(f, "the session could not take it any more")
		p.pump()
	default:
		f.recording = false
		p.ask(f)
	}
}

// untried returns a message to the mail that the host was not asked to write.
func (p *presence) untried(f *flight, why string) {
	f.attempt--
	p.putBack(f, why)
}

// ask lets the host write the message of a flight, or tell what became of it
// when it was asked before.
func (p *presence) ask(f *flight) {
	f.asked = true
	p.session.Offer(f.msg, f.attempt)
}

// offered takes the host's word about an offer.
func (p *presence) offered(o house.Offered) {
	f := p.flights[o.ID]
	if f == nil || f.attempt != o.Attempt {
		return
	}
	f.asked = false
	switch {
	case o.Written && p.traits.WriteIsEvidence:
		p.see(f, p.evidence("write", o.Detail))
		p.pump()
		p.armIdle()
	case o.Written && p.traits.Exec:
		f.written = true
		p.state(moving{})
	case o.Written:
		f.written = true
		p.arm(timerEvidence, p.h.Config.Evidence)
	case !o.Begun && o.Typing:
		p.untried(f, o.Detail)
		p.yield()
	case !o.Begun:
		p.untried(f, o.Detail)
		p.paused = true // whatever kept it out still stands
		p.arm(timerEvidence, p.h.Config.Evidence)
	default:
		p.lose(f, p.evidence("host", o.Detail))
	}
}

// see records the proof that a turn consumed the message.
func (p *presence) see(f *flight, e iapeer.Evidence) {
	e = p.complete(e)
	p.land(f.msg.ID)
	p.rec.LastSeen = e.At
	p.noteTopic(f.msg.Topic)
	p.mark([]iapeer.Mark{{ID: f.msg.ID, Change: iapeer.ChangeSee, Evidence: e}}, nil)
}

// giveBack returns a message that was written and of which no trace can exist,
// or gives it up after maxOffers of that. What an earlier daemon tried is not
// counted: the store also counts offers that were never begun.
func (p *presence) giveBack(f *flight, why string) {
	id := f.msg.ID
	if p.tries[id]++; p.tries[id] < maxOffers {
		p.putBack(f, why)
		return
	}
	p.land(id)
	e := p.evidence("host", fmt.Sprintf("%d attempts left no trace in the session; the last: %s", maxOffers, why))
	p.h.Notify(house.Notice{Identity: p.id, Kind: "delivery-failed", Summary: fmt.Sprintf("%s could not be delivered to %s", id, p.id), Content: e.Detail})
	p.tellSender(f.msg, "failed", e.Detail, []iapeer.Mark{{ID: id, Change: iapeer.ChangeFail, Evidence: e}}, nil)
}

// putBack returns a message of which no byte was written, or none left a
// trace, to its place in the mail.
func (p *presence) putBack(f *flight, why string) {
	m := f.msg
	delete(p.flights, m.ID)
	m.State, m.Attempts = iapeer.Accepted, f.attempt
	at, _ := slices.BinarySearchFunc(p.mail, m, bySeq)
	p.mail = slices.Insert(p.mail, at, m)
	p.mark([]iapeer.Mark{{ID: m.ID, Change: iapeer.ChangeReturn, Evidence: p.evidence("host", why)}}, nil)
}

// land ends a flight for good.
func (p *presence) land(id iapeer.MessageID) {
	delete(p.flights, id)
	delete(p.tries, id)
}

// lose ends a message as unknown: it may have been seen, and nobody can tell.
// It stays with the presence, so that late evidence still settles it.
func (p *presence) lose(f *flight, e iapeer.Evidence) {
	if f.state == iapeer.Unknown {
		return
	}
	f.state = iapeer.Unknown
	if !p.traits.Exec && !p.traits.WriteIsEvidence {
		f.lostIn = p.rec.SessionID
	}
	id := f.msg.ID
	p.h.Notify(house.Notice{
		Identity: p.id, Kind: "unknown", Summary: fmt.Sprintf("%s to %s may or may not have been seen", id, p.id),
		Content: e.Detail + fmt.Sprintf("\nLook at the session and decide: iapeer msg resolve %s seen | iapeer msg retry %s", id, id),
	})
	p.tellSender(f.msg, "unknown", "the session died while it was being written; a person decides",
		[]iapeer.Mark{{ID: id, Change: iapeer.ChangeLose, Evidence: p.complete(e)}}, nil)
}
