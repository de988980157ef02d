package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// routerMessage is what the router accepts.
//
//sumtype:decl
type routerMessage interface{ routerMessage() }

// submit asks for a draft to be accepted. Its form has been checked.
type submit struct {
	draft iapeer.Draft
	id    iapeer.MessageID
	reply func(submitted)
}

// submitted answers [submit]: the message is on disk, or why not.
type submitted struct {
	message  iapeer.Message
	repeated bool
	err      error
}

func (submit) routerMessage() {}

// router decides where a draft goes. It holds nobody's state.
type router struct{ h *house }

// Receive implements actor.Actor.
func (r *router) Receive(c actor.Context) {
	if m, ok := c.Message().(routerMessage); ok {
		defer answerPanic(m)
		r.h.inspect("router", m)
		r.handle(m)
	}
}

// answerPanic lets the caller of a message that panics know at once; the panic
// goes on to the supervisor.
func answerPanic(m any) {
	r := recover()
	if r == nil {
		return
	}
	if s, ok := m.(submit); ok {
		s.reply(submitted{err: fmt.Errorf("internal error: %v; nothing was accepted, send again", r)})
	}
	panic(r)
}

func (r *router) handle(m routerMessage) {
	switch m := m.(type) {
	case submit:
		msg, err := r.address(m)
		if err != nil {
			m.reply(submitted{err: err})
			return
		}
		if m.draft.Proof == iapeer.ProofSession {
			// the caller's presence knows the cause of its turn
			r.h.root.Send(r.h.roster, stamp{message: msg, reply: m.reply})
			return
		}
		if msg.Conversation == "" {
			msg.Conversation = iapeer.NewConversationID()
		}
		r.h.accept(msg, m.reply)
	}
}

// address checks caller and recipient against the registry and makes the
// message.
func (r *router) address(m submit) (iapeer.Message, error) {
	d := m.draft
	from, err := r.caller(d)
	if err != nil {
		return iapeer.Message{}, err
	}
	to, ok := r.h.peers.Peer(d.To)
	if !ok {
		return iapeer.Message{}, fmt.Errorf("peer %q is %w; message NOT delivered", d.To, iapeer.ErrUnknownPeer)
	}
	if d.Runtime != "" && !to.Declares(d.Runtime) {
		return iapeer.Message{}, fmt.Errorf("peer %q: runtime %q %w (declared: %v); message NOT delivered", d.To, d.Runtime, iapeer.ErrNotDeclared, to.Runtimes)
	}
	dest := to.Identity(d.Runtime)
	if dest == d.Caller {
		return iapeer.Message{}, fmt.Errorf("%w: %s; message NOT delivered", iapeer.ErrSelfSend, dest)
	}
	if !r.h.sessions.Traits(dest.Runtime).Known {
		return iapeer.Message{}, fmt.Errorf("peer %q: runtime %q is not installed here; message NOT delivered", d.To, dest.Runtime)
	}
	now := time.Now()
	return iapeer.Message{
		Envelope: iapeer.Envelope{
			ID: m.id, From: d.Caller, FromNature: from.Nature, SentAt: now.Truncate(time.Second), Topic: d.Topic,
			Attachments: d.Attachments, Body: d.Body, Proof: d.Proof, Hops: 1,
		},
		To: dest, State: iapeer.Accepted, AcceptedAt: now, ExpiresAt: now.Add(r.h.cfg.TTL), Key: d.Key, Caused: d.InReplyTo,
	}, nil
}

// caller resolves the sender against the registry alone.
func (r *router) caller(d iapeer.Draft) (iapeer.Peer, error) {
	p, ok := r.h.peers.Peer(d.Caller.Name)
	if !ok {
		return p, fmt.Errorf("unknown caller %q: %w; register it with 'iapeer init' in its folder", d.Caller, iapeer.ErrUnknownPeer)
	}
	if !p.Declares(d.Caller.Runtime) {
		return p, fmt.Errorf("caller %q: runtime %w for caller (declared: %v)", d.Caller, iapeer.ErrNotDeclared, p.Runtimes)
	}
	return p, nil
}
