package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/actors/presence"
)

// peer owns the presences of one peer: one child per runtime it is used on.
type peer struct {
	h        *house.House
	name     iapeer.Name
	records  []iapeer.Presence // durable, read at start
	children map[iapeer.Runtime]*actor.PID
	removing bool
	leaving  bool // its children end with it
}

// Receive implements actor.Actor.
func (p *peer) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		p.children = nil
		for _, rec := range p.records {
			p.child(c, rec.Identity.Runtime)
		}
		for _, status := range p.h.View.Of(p.name) { // after a restart
			p.child(c, status.Identity.Runtime)
		}
		p.wakeWaiting(c)
	case *actor.Stopping, *actor.Restarting:
		p.leaving = true
	case *actor.Terminated:
		for rt, pid := range p.children {
			if pid.Equal(m.Who) {
				delete(p.children, rt)
			}
		}
		p.leave(c)
	case house.PeerMessage:
		defer house.AnswerPanic(m)
		p.h.Inspect("peer", m)
		if p.leaving {
			house.Decline(m)
			return
		}
		p.pass(c, m)
	}
}

// pass hands a message to the presence that it is for.
func (p *peer) pass(c actor.Context, m house.PeerMessage) {
	switch m := m.(type) {
	case house.Deliver:
		c.Send(p.child(c, m.Message.To.Runtime), m)
	case house.Stamp:
		c.Send(p.child(c, m.Message.From.Runtime), m)
	case house.Command:
		p.command(c, m)
	case house.WakeMail:
		c.Send(p.child(c, m.To.Runtime), m)
	case house.Withdraw:
		c.Send(p.child(c, m.To.Runtime), m)
	case house.Refresh:
		for _, pid := range p.children {
			c.Send(pid, m)
		}
	case house.Relay:
		c.Send(p.child(c, m.To.Runtime), m.Message)
	case house.MakeRoom: // goes straight to a presence
	case house.Removed:
		p.removing = true
		for _, pid := range p.children {
			c.Send(pid, m)
		}
		p.leave(c)
	}
}

// wakeWaiting spawns the presences that have mail. A message may have been
// accepted and never handed on: by a daemon that was killed, or by an actor that
// failed.
func (p *peer) wakeWaiting(c actor.Context) {
	counter, ok := p.h.Mailbox.(house.Counter)
	if !ok {
		return
	}
	rec, _ := p.h.Peers.Peer(p.name)
	for _, rt := range append([]iapeer.Runtime{rec.DefaultRuntime}, rec.Runtimes...) {
		if counter.OpenFor(iapeer.Identity{Runtime: rt, Name: p.name}) > 0 {
			p.child(c, rt)
		}
	}
}

// leave stops the peer of a removed record once its presences are gone: stopped
// with it, they would not end their sessions.
func (p *peer) leave(c actor.Context) {
	if p.removing && len(p.children) == 0 {
		c.Stop(c.Self())
	}
}

// child returns the presence on rt, spawning it when it is not there.
func (p *peer) child(c actor.Context, rt iapeer.Runtime) *actor.PID {
	if pid, ok := p.children[rt]; ok {
		return pid
	}
	id := iapeer.Identity{Runtime: rt, Name: p.name}
	rec := iapeer.Presence{Identity: id, State: iapeer.Asleep, Cause: "never woken"}
	for _, r := range p.records {
		if r.Identity.Runtime == rt {
			rec = r
		}
	}
	pid, err := c.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return presence.New(p.h, rec) }), string(rt))
	if err != nil && !errors.Is(err, actor.ErrNameExists) {
		p.h.Log.Error("cannot spawn presence", zap.Stringer("identity", id), zap.Error(err))
	}
	if p.children == nil { // most peers of a large registry are never used
		p.children = make(map[iapeer.Runtime]*actor.PID)
	}
	p.children[rt] = pid
	return pid
}

// command picks the runtime a verb is for: the one named, else the only live
// one, else the default.
func (p *peer) command(c actor.Context, m house.Command) {
	rec, ok := p.h.Peers.Peer(p.name)
	if !ok {
		m.Reply(iapeer.Outcome{}, &iapeer.PeerError{Op: string(m.Order.Verb), Peer: p.name, Err: iapeer.ErrUnknownPeer})
		return
	}
	rt := m.Order.Runtime
	if rt == "" {
		rt = p.liveRuntime(rec)
	}
	if !rec.Declares(rt) {
		m.Reply(iapeer.Outcome{}, &iapeer.PeerError{Op: string(m.Order.Verb), Peer: p.name, Err: iapeer.ErrNotDeclared})
		return
	}
	m.Order.Runtime = rt
	c.Send(p.child(c, rt), m)
}

// liveRuntime is the default runtime when it is live or nothing is, else the
// only other live one.
func (p *peer) liveRuntime(rec iapeer.Peer) iapeer.Runtime {
	var live []iapeer.Runtime
	for rt := range p.children {
		if _, ok := p.h.View.Live(iapeer.Identity{Runtime: rt, Name: p.name}); ok {
			if rt == rec.DefaultRuntime {
				return rt
			}
			live = append(live, rt)
		}
	}
	if len(live) == 1 {
		return live[0]
	}
	return rec.DefaultRuntime
}
