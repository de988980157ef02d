package actors

import (
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// rosterMessage is what the roster accepts.
//
//sumtype:decl
type rosterMessage interface{ rosterMessage() }

// deliver hands an accepted message to its recipient.
type deliver struct{ message iapeer.Message }

// stamp lets the caller's presence set conversation and hops of a message that
// its session sends, and accept it.
type stamp struct {
	message iapeer.Message
	reply   func(submitted)
}

// command is a verb for one peer.
type command struct {
	order iapeer.Command
	reply func(iapeer.Outcome, error)
}

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

// refresh tells that the registry changed under a name.
type refresh struct{ name iapeer.Name }

// wakeMail tells a presence to read its mail again, after a person changed the
// state of a message.
type wakeMail struct{ to iapeer.Identity }

func (deliver) rosterMessage()   {}
func (stamp) rosterMessage()     {}
func (command) rosterMessage()   {}
func (onboard) rosterMessage()   {}
func (onboarded) rosterMessage() {}
func (refresh) rosterMessage()   {}
func (wakeMail) rosterMessage()  {}
func (withdraw) rosterMessage()  {}

// roster owns the peers: one child per registered peer, spawned when the
// registry names it.
type roster struct {
	h        *house
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
	case rosterMessage:
		defer answerPanic(m)
		r.h.inspect("roster", m)
		r.handle(c, m)
	}
}

// start spawns every registered peer. Those with a durable presence adopt their
// sessions and read their mail.
func (r *roster) start(c actor.Context) {
	r.children = make(map[iapeer.Name]*actor.PID)
	r.presence = make(map[iapeer.Name][]iapeer.Presence)
	all, err := r.h.board.Presences()
	if err != nil {
		r.h.log.Error("cannot read presences", zap.Error(err))
	}
	for _, p := range all {
		r.presence[p.Identity.Name] = append(r.presence[p.Identity.Name], p)
	}
	for _, p := range r.h.peers.Peers() {
		r.child(c, p.Name)
	}
}

// child returns the peer's actor, spawning it when it is not there. It is nil
// when the registry does not know the name.
func (r *roster) child(c actor.Context, name iapeer.Name) *actor.PID {
	if pid, ok := r.children[name]; ok {
		return pid
	}
	if _, ok := r.h.peers.Peer(name); !ok {
		return nil
	}
	records := r.presence[name]
	delete(r.presence, name)
	pid, err := c.SpawnNamed(actor.PropsFromProducer(func() actor.Actor {
		return &peer{h: r.h, name: name, records: records}
	}, actor.WithSupervisor(r.h.strategy())), string(name))
	if err != nil && !errors.Is(err, actor.ErrNameExists) {
		r.h.log.Error("cannot spawn peer", zap.String("peer", string(name)), zap.Error(err))
		return nil
	}
	r.children[name] = pid
	return pid
}

func (r *roster) handle(c actor.Context, m rosterMessage) {
	switch m := m.(type) {
	case deliver:
		if pid := r.child(c, m.message.To.Name); pid != nil {
			c.Send(pid, m)
		}
	case stamp:
		if pid := r.child(c, m.message.From.Name); pid != nil {
			c.Send(pid, m)
			return
		}
		m.reply(submitted{err: fmt.Errorf("unknown caller %q: %w", m.message.From, iapeer.ErrUnknownPeer)})
	case command:
		if pid := r.child(c, m.order.Peer); pid != nil {
			c.Send(pid, m)
			return
		}
		m.reply(iapeer.Outcome{}, &iapeer.PeerError{Op: string(m.order.Verb), Peer: m.order.Peer, Err: iapeer.ErrUnknownPeer})
	case onboard:
		r.orders = append(r.orders, m)
		r.next(c)
	case onboarded:
		r.done(c, m)
	case refresh:
		r.refresh(c, m.name)
	case wakeMail:
		if pid := r.child(c, m.to.Name); pid != nil {
			c.Send(pid, m)
		}
	case withdraw:
		if pid := r.child(c, m.to.Name); pid != nil {
			c.Send(pid, m)
			return
		}
		// nobody can be offering what is for nobody
		r.h.mark([]iapeer.Mark{m.mark}, func(done []Marked) { m.reply(done[0]) })
	}
}

// next runs the first waiting order beside the actor.
func (r *roster) next(c actor.Context) {
	if r.busy || len(r.orders) == 0 {
		return
	}
	r.busy = true
	order := r.orders[0]
	self, root, run := c.Self(), c.ActorSystem().Root, r.h.onboard.Onboard
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
	if _, ok := r.h.peers.Peer(name); ok {
		if had {
			c.Send(pid, refresh{name: name})
			return
		}
		r.child(c, name)
		return
	}
	if had {
		c.Send(pid, removed{})
		delete(r.children, name)
		r.h.view.drop(name)
	}
}
