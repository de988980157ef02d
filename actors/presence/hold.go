package presence

import (
	"fmt"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// composing takes the word whether text stands in the composer. What stands there
// while a person looks at the session, and is not what we wrote, is theirs, also
// after they left: nothing is offered until it is gone, because it would be sent
// with it.
func (p *presence) composing(occupied bool) {
	switch {
	case !occupied && p.typing:
		p.typing, p.typingTold = false, false
		p.disarm(timerHold)
		p.project()
		p.state(mailArrived{})
	case occupied && !p.typing && p.attached > 0 && !p.underWay():
		p.yield()
	}
}

// yield leaves the composer to the person who types. Senders who wait for a
// delivery learn that it takes longer.
func (p *presence) yield() {
	p.typing = true
	p.project()
	p.watchHold()
	for _, m := range p.mail {
		p.h.Root.Send(p.h.Observers, house.Placed{ID: m.ID, To: p.id, Place: p.place()})
	}
}

// watchHold begins the time after which people are told that a half-typed line
// keeps mail waiting.
func (p *presence) watchHold() {
	if p.typing && !p.typingTold && len(p.mail) > 0 && p.timers[timerHold] == nil {
		p.arm(timerHold, p.h.Config.Hold)
	}
}

// held tells the person and the senders. The mail goes on waiting: a line is never
// sent for somebody.
func (p *presence) held() {
	p.disarm(timerHold)
	if !p.typing || len(p.mail) == 0 {
		return
	}
	p.typingTold = true
	p.h.Notify(house.Notice{
		Identity: p.id, Kind: "composer", Summary: fmt.Sprintf("a half-typed line in %s keeps %d messages waiting", p.id.Name, len(p.mail)),
		Content: fmt.Sprintf("Send it or clear it: iapeer attach %s", p.id.Name),
	})
	for _, m := range p.mail {
		if m.From != iapeer.SystemIdentity() {
			p.h.Tell(m.From, "typing:"+string(m.ID), fmt.Sprintf("%s waits at %s, where a person is typing. It is not lost, do not send it again.", m.ID, p.id), m.ID, nil)
		}
	}
}

// asked tells what of the session waits for a person's word, and, when it was
// deferred, that the session is to sleep until then.
type asked struct {
	generation int64
	what       string // "" when nothing waits
	doze       string // why it is to sleep, "" if it is not
}

func (asked) presenceMessage() {}

// Ask tells a presence what waits for a person's word, "" for nothing any more.
// While something does, nothing is offered and the session is not parked. With
// doze, which says why, it is parked as soon as it is idle.
func Ask(h *house.House, id iapeer.Identity, generation int64, what, doze string) {
	h.Hand(id, asked{generation: generation, what: what, doze: doze})
}

func (p *presence) asked(m asked) {
	if m.generation != p.rec.Generation {
		return
	}
	was := p.awaited
	p.awaited = m.what
	if m.doze != "" {
		p.dozing = m.doze
		p.armIdle()
	}
	switch {
	case m.what != "":
		p.state(dialog{what: iapeer.SessionWaiting{For: m.what}})
	case was != "" && !p.turn.running && (p.quiet || p.traits.Exec):
		p.state(calm{})
	case was != "":
		p.state(moving{})
	}
}

// sign hands a sign of life to the state. While a person is asked a dialog may be
// up, whatever else moves: keys would answer it.
func (p *presence) sign(in input) {
	if p.awaited != "" {
		in = dialog{what: iapeer.SessionWaiting{For: p.awaited}}
	}
	p.state(in)
}
