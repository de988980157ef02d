package presence

import (
	"fmt"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// ephemeral reports whether every message gets a session of its own. The mailbox
// is the queue: what waits is offered to the next session.
func (p *presence) ephemeral() bool {
	peer, _ := p.h.Peers.Peer(p.id.Name)
	return peer.Settings.Ephemeral && p.traits.Talks
}

// armReap begins the time after which a worker that is idle has done its task:
// soon when it has replied, or said that it is done; late when it has said
// nothing.
func (p *presence) armReap() {
	if !p.served || p.turn.running || !p.ephemeral() {
		return
	}
	if p.replied {
		p.arm(timerReap, p.h.Config.Quiet)
		return
	}
	p.arm(timerReap, p.h.Config.Unarmed)
}

// reap ends a worker. It is never resumed.
func (p *presence) reap() {
	switch {
	case p.session == nil || p.rec.State != iapeer.Ready:
	case p.attached > 0 || p.turn.background > 0 || p.underWay():
		p.armReap()
	case p.replied:
		p.end("ephemeral: its task is done")
	default:
		p.h.Notify(house.Notice{Identity: p.id, Kind: "ephemeral-unarmed", Summary: fmt.Sprintf("%s ended without a reply", p.id.Name), Content: "It was idle for " + p.h.Config.Unarmed.String() + " and neither wrote to anybody nor said that it is done (iapeer self-done)."})
		p.end(fmt.Sprintf("ephemeral: idle for %s without a reply", p.h.Config.Unarmed))
	}
}

// selfDone takes the word of a worker that it is done.
func (p *presence) selfDone(c house.Command) {
	if !p.ephemeral() {
		c.Reply(p.outcome(c, "inert", "this peer is not ephemeral: nothing ends"), nil)
		return
	}
	p.replied = true
	p.armReap()
	c.Reply(p.outcome(c, "armed", fmt.Sprintf("the session ends %s after its turn", p.h.Config.Quiet)), nil)
}
