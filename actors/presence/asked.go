package presence

import (
	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

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
