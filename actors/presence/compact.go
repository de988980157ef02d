package presence

import (
	"errors"
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

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
	p.compacting = true
	p.arm(timerCompact, compactLimit)
	p.session.Act(house.Act{Kind: house.ActCompact})
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
