package actors

import (
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// rosterMessage is what the roster accepts besides what it passes on to a peer.
//
//sumtype:decl
type rosterMessage interface{ rosterMessage() }

// onboard is an order to make, change or remove a peer. Orders run one at a
// time, beside the actor.
type onboard struct {
	order iapeer.Onboarding
	reply func(iapeer.OnboardingReport, error)
}

// onboarded tells that an order is done.
type onboarded struct {
	report iapeer.OnboardingReport
	err    error
	reply  func(iapeer.OnboardingReport, error)
}

// expect gives the records that a peer begins with which is about to be
// registered: one that is renamed goes on with what it knew.
type expect struct {
	name    iapeer.Name
	records []iapeer.Presence
}

func (expect) rosterMessage()    {}
func (onboard) rosterMessage()   {}
func (onboarded) rosterMessage() {}

// AnswerPanic tells the sender of the order that it failed.
func (m onboard) AnswerPanic(reason any) {
	m.reply(iapeer.OnboardingReport{}, fmt.Errorf("internal error: %v; try again", reason))
}

// AnswerPanic passes the answer on: the order is done, whatever went wrong behind
// it.
func (m onboarded) AnswerPanic(any) { m.reply(m.report, m.err) }

// roster owns the peers: one child per registered peer, spawned when the
// registry names it.
type roster struct {
	h        *house.House
	children map[iapeer.Name]*actor.PID
	orders   []onboard // waiting; the first is running when busy
	busy     bool
	leaving  bool                              // its children end with it
	presence map[iapeer.Name][]iapeer.Presence // durable records at start, until their peer is spawned
}

// Receive implements actor.Actor.
func (r *roster) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		r.start(c)
	case *actor.Stopping, *actor.Restarting:
		r.leaving = true
		for i, o := range r.orders {
			if i > 0 || !r.busy { // the running one answers by itself
				o.reply(iapeer.OnboardingReport{}, errors.New("the daemon was interrupted; nothing was done, try again"))
			}
		}
	case *actor.Terminated:
		for name, pid := range r.children {
			if pid.Equal(m.Who) {
				delete(r.children, name)
				if !r.leaving {
					r.child(c, name) // it may be registered again since
				}
			}
		}
	case house.PeerMessage:
		defer house.AnswerPanic(m)
		r.h.Inspect("roster", m)
		if r.leaving {
			house.Decline(m)
			return
		}
		r.pass(c, m)
	case rosterMessage:
		defer house.AnswerPanic(m)
		r.h.Inspect("roster", m)
		r.handle(c, m)
	}
}

// start spawns every registered peer. Those with a durable presence adopt their
// sessions and read their mail.
func (r *roster) start(c actor.Context) {
	r.children = make(map[iapeer.Name]*actor.PID)
	r.presence = make(map[iapeer.Name][]iapeer.Presence)
	all, err := r.h.Board.Presences()
	if err != nil {
		r.h.Log.Error("cannot read presences", zap.Error(err))
	}
	for _, p := range all {
		r.presence[p.Identity.Name] = append(r.presence[p.Identity.Name], p)
	}
	for _, p := range r.h.Peers.Peers() {
		r.child(c, p.Name)
	}
}

// child returns the peer's actor, spawning it when it is not there. It is nil
// when the registry does not know the name.
func (r *roster) child(c actor.Context, name iapeer.Name) *actor.PID {
	if pid, ok := r.children[name]; ok {
		return pid
	}
	if _, ok := r.h.Peers.Peer(name); !ok {
		return nil
	}
	records := r.presence[name]
	delete(r.presence, name)
	pid, err := c.SpawnNamed(actor.PropsFromProducer(func() actor.Actor {
		return &peer{h: r.h, name: name, records: records}
	}, children(r.h)), string(name))
	if err != nil && !errors.Is(err, actor.ErrNameExists) {
		r.h.Log.Error("cannot spawn peer", zap.String("peer", string(name)), zap.Error(err))
		return nil
	}
	r.children[name] = pid
	return pid
}

func (r *roster) handle(c actor.Context, m rosterMessage) {
	switch m := m.(type) {
	case onboard:
		r.orders = append(r.orders, m)
		r.next(c)
	case onboarded:
		r.done(c, m)
	case expect:
		r.presence[m.name] = m.records
	}
}

// pass hands a message to the peer that it is for.
func (r *roster) pass(c actor.Context, m house.PeerMessage) {
	switch m := m.(type) {
	case house.Deliver:
		if pid := r.child(c, m.Message.To.Name); pid != nil {
			c.Send(pid, m)
		}
	case house.Stamp:
		if pid := r.child(c, m.Message.From.Name); pid != nil {
			c.Send(pid, m)
			return
		}
		m.Reply(house.Submitted{Err: fmt.Errorf("unknown caller %q: %w", m.Message.From, iapeer.ErrUnknownPeer)})
	case house.Command:
		if pid := r.child(c, m.Order.Peer); pid != nil {
			c.Send(pid, m)
			return
		}
		m.Reply(iapeer.Outcome{}, &iapeer.PeerError{Op: string(m.Order.Verb), Peer: m.Order.Peer, Err: iapeer.ErrUnknownPeer})
	case house.Refresh:
		r.refresh(c, m.Name)
	case house.WakeMail:
		if pid := r.child(c, m.To.Name); pid != nil {
			c.Send(pid, m)
		}
	case house.Withdraw:
		if pid := r.child(c, m.To.Name); pid != nil {
			c.Send(pid, m)
			return
		}
		// nobody can be offering what is for nobody
		r.h.Mark([]iapeer.Mark{m.Mark}, func(done []house.Marked) { m.Reply(done[0]) })
	case house.Relay:
		if pid := r.child(c, m.To.Name); pid != nil {
			c.Send(pid, m)
			return
		}
		c.Send(r.h.Presence(m.To), m.Message) // one that is removed still ends its session
	case house.MakeRoom: // goes straight to a presence
	case house.Removed: // the roster's own word to a peer
	}
}

// next runs the first waiting order beside the actor.
func (r *roster) next(c actor.Context) {
	if r.busy || len(r.orders) == 0 {
		return
	}
	r.busy = true
	order := r.orders[0]
	self, root, run := c.Self(), c.ActorSystem().Root, r.h.Onboarder.Onboard
	go func() {
		var done onboarded
		defer func() {
			if p := recover(); p != nil {
				done.err = fmt.Errorf("internal error in %s: %v", order.order.Verb, p)
			}
			done.reply = order.reply
			root.Send(self, done)
		}()
		done.report, done.err = run(order.order)
	}()
}

func (r *roster) done(c actor.Context, m onboarded) {
	r.busy = false
	if len(r.orders) > 0 {
		r.orders = r.orders[1:]
	}
	if m.err == nil && !m.report.DryRun {
		r.refresh(c, m.report.Name)
	}
	m.reply(m.report, m.err)
	r.next(c)
}

// refresh brings one child in line with the registry.
func (r *roster) refresh(c actor.Context, name iapeer.Name) {
	pid, had := r.children[name]
	if _, ok := r.h.Peers.Peer(name); ok {
		if had {
			c.Send(pid, house.Refresh{Name: name})
			return
		}
		r.child(c, name)
		return
	}
	if had {
		c.Send(pid, house.Removed{})
		delete(r.children, name)
		r.h.View.Drop(name)
	}
}
