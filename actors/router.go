package actors

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// routerMessage is what the router accepts.
//
//sumtype:decl
type routerMessage interface{ routerMessage() }

// submit asks for a draft to be accepted. Its form has been checked.
type submit struct {
	draft iapeer.Draft
	id    iapeer.MessageID
	reply func(house.Submitted)
}

func (submit) routerMessage() {}

// AnswerPanic tells the sender that nothing was accepted.
func (m submit) AnswerPanic(reason any) {
	m.reply(house.Submitted{Err: fmt.Errorf("internal error: %v; nothing was accepted, send again", reason)})
}

// router decides where a draft goes. It holds nobody's state.
type router struct{ h *house.House }

// Receive implements actor.Actor.
func (r *router) Receive(c actor.Context) {
	if m, ok := c.Message().(routerMessage); ok {
		defer house.AnswerPanic(m)
		r.h.Inspect("router", m)
		r.handle(m)
	}
}

func (r *router) handle(m routerMessage) {
	switch m := m.(type) {
	case submit:
		msg, err := r.address(m)
		if err != nil {
			m.reply(house.Submitted{Err: err})
			return
		}
		if m.draft.Proof == iapeer.ProofSession {
			// the caller's presence knows the cause of its turn
			r.h.Post(msg.From, house.Stamp{Message: msg, Reply: m.reply})
			return
		}
		if msg.Conversation == "" {
			msg.Conversation = iapeer.NewConversationID()
		}
		r.h.Accept(msg, m.reply)
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
	to, ok := r.h.Peers.Peer(d.To)
	if !ok {
		return iapeer.Message{}, fmt.Errorf("peer %q is %w; message NOT delivered", d.To, iapeer.ErrUnknownPeer)
	}
	if d.Runtime != "" && !to.Declares(d.Runtime) {
		return iapeer.Message{}, fmt.Errorf("peer %q: %s: %w (declared: %s); message NOT delivered", d.To, d.Runtime, iapeer.ErrNotDeclared, listed(to.Runtimes))
	}
	dest := to.Identity(d.Runtime)
	if dest == d.Caller {
		return iapeer.Message{}, fmt.Errorf("%w: %s; message NOT delivered", iapeer.ErrSelfSend, dest)
	}
	if !r.h.Sessions.Traits(dest.Runtime).Known {
		return iapeer.Message{}, fmt.Errorf("peer %q: runtime %q is not installed here; message NOT delivered", d.To, dest.Runtime)
	}
	now := r.h.Now()
	return iapeer.Message{
		Envelope: iapeer.Envelope{
			ID: m.id, From: d.Caller, FromNature: from.Nature, SentAt: now.Truncate(time.Second), Topic: d.Topic,
			Attachments: d.Attachments, Body: d.Body, Proof: d.Proof, Hops: 1,
		},
		To: dest, State: iapeer.Accepted, AcceptedAt: now, ExpiresAt: now.Add(r.h.Config.TTL), Key: d.Key, Caused: d.InReplyTo, Fresh: d.Fresh,
	}, nil
}

// caller resolves the sender against the registry alone.
func (r *router) caller(d iapeer.Draft) (iapeer.Peer, error) {
	p, ok := r.h.Peers.Peer(d.Caller.Name)
	if !ok {
		return p, fmt.Errorf("unknown caller %q: %w; register it with 'iapeer init' in its folder", d.Caller, iapeer.ErrUnknownPeer)
	}
	if !p.Declares(d.Caller.Runtime) {
		return p, fmt.Errorf("caller %q: %w (declared: %s)", d.Caller, iapeer.ErrNotDeclared, listed(p.Runtimes))
	}
	return p, nil
}

// Send accepts a draft and waits, as far as the draft asks for it and evidence
// can be expected soon, for its fate. The message is on disk when Send returns
// without an error, whatever ctx says meanwhile.
func (s *System) Send(ctx context.Context, d iapeer.Draft) (iapeer.SendResult, error) {
	if err := CheckDraft(d); err != nil {
		return iapeer.SendResult{}, err
	}
	if d.WaitFor == "" {
		d.WaitFor = iapeer.Seen
	}
	if d.Wait == 0 {
		d.Wait = s.h.Config.Wait
	}
	id := iapeer.NewMessageID()
	waiting := d.Wait > 0 && d.WaitFor != iapeer.Accepted && (d.WaitFor == iapeer.Answered || !s.toInbox(d))
	sub, p, err := s.submit(ctx, d, id, waiting)
	if err != nil {
		return iapeer.SendResult{}, err
	}
	if sub.Repeated {
		return s.repeated(ctx, sub.Message, d)
	}
	if sub.Held != "" {
		p.place = house.Place{By: "loop", Next: "it is held: " + sub.Held + ". A person decides: iapeer msg release " + string(sub.Message.ID), Depth: 1}
		return s.result(ctx, sub.Message, p), nil
	}
	if s.h.Sessions.Traits(sub.Message.To.Runtime).Inbox {
		p.place = s.inInbox(sub.Message.To)
	}
	if waiting && !p.done { // whoever was to tell us may have failed
		if now, err := s.Message(ctx, sub.Message.ID); err == nil {
			p.state = now.State
		}
	}
	return s.result(ctx, sub.Message, p), nil
}

// submit hands a draft to the router and returns what it says of it, and with
// waiting what became of the message within the time that the draft gives. What
// the router says is not waited for in between: who waits for the fate of a
// message is not woken for its acceptance.
func (s *System) submit(ctx context.Context, d iapeer.Draft, id iapeer.MessageID, waiting bool) (sub house.Submitted, p progress, err error) {
	said, end := make(chan house.Submitted, 1), make(chan struct{}, 1)
	var w *waiter
	if waiting {
		w = s.waits.await(id, d.WaitFor)
		defer s.waits.forget(w)
	}
	s.h.Root.Send(s.h.Router, submit{draft: d, id: id, reply: func(r house.Submitted) {
		select {
		case said <- r:
		default:
			return // only the first answer counts
		}
		if r.Err != nil || r.Repeated || r.Held != "" || r.Message.ID != id {
			end <- struct{}{} // nothing more will become of it
		}
	}})
	if waiting {
		p = w.wait(ctx, d.Wait, end)
	}
	select {
	case sub = <-said:
	case <-ctx.Done():
		select {
		case sub = <-said:
		default:
			return sub, p, ctx.Err()
		}
	}
	if p.state == "" {
		p.state = sub.Message.State
	}
	return sub, p, sub.Err
}

// toInbox reports whether a draft goes to a person's inbox, where no evidence is to
// be waited for.
func (s *System) toInbox(d iapeer.Draft) bool {
	to, ok := s.h.Peers.Peer(d.To)
	return ok && s.h.Sessions.Traits(to.Identity(d.Runtime).Runtime).Inbox
}

// inInbox says where a message to a person stands.
func (s *System) inInbox(to iapeer.Identity) house.Place {
	w := house.Place{State: iapeer.Ready, By: "inbox", Next: "it waits in the inbox of " + string(to.Name) + " (iapeer inbox)", Depth: 1}
	if counter, ok := s.h.Mailbox.(house.Counter); ok {
		w.Depth = counter.OpenFor(to)
	}
	return w
}

// repeated answers a send that was made before: with the first one's receipt as
// it stands now.
func (s *System) repeated(ctx context.Context, m iapeer.Message, d iapeer.Draft) (iapeer.SendResult, error) {
	if d.WaitFor != iapeer.Accepted && m.State.Open() {
		w := s.waits.await(m.ID, d.WaitFor)
		defer s.waits.forget(w)
		if now, err := s.Message(ctx, m.ID); err == nil && !now.State.Open() {
			m = now
		} else {
			w.wait(ctx, d.Wait, nil)
		}
	}
	if now, err := s.Message(ctx, m.ID); err == nil {
		m = now
	}
	r := s.result(ctx, m, progress{state: m.State})
	r.Repeated = true
	return r, nil
}

// result makes the sender's receipt.
func (s *System) result(ctx context.Context, m iapeer.Message, p progress) iapeer.SendResult {
	if p.state == "" {
		p.state = m.State
	}
	r := iapeer.SendResult{
		OK: true, DeliveredTo: iapeer.DeliveredTo{Personality: m.To.Name, Runtime: m.To.Runtime}, ID: m.ID, State: p.state,
		Woke: p.place.Woke, TS: iapeer.WireTime(m.SentAt), Next: p.place.Next,
	}
	if status, _, ok := s.h.View.Presence(m.To); ok && status.State != iapeer.Asleep {
		r.Session = status.Start
	}
	if p.evidence.Source != "" {
		e := p.evidence
		r.Evidence = &e
	}
	if p.state == iapeer.Answered {
		if now, err := s.Message(ctx, m.ID); err == nil {
			r.Answer = now.Answer
		}
	}
	switch {
	case p.state.Delivered():
		r.Next = ""
	case p.state == iapeer.Failed || p.state == iapeer.Expired || p.state == iapeer.Cancelled:
		r.OK, r.Next = false, string(p.state)+": "+p.evidence.Detail
	default:
		r.Queued, r.QueuedBy, r.QueueDepth = true, p.place.By, p.place.Depth
		if r.Next == "" {
			status, _, _ := s.h.View.Presence(m.To)
			r.QueuedBy, r.Next = house.WaitsFor(status.State, status.Cause)
		}
	}
	return r
}

// CheckDraft checks the form of a draft: limits and shapes, not whether the
// peers exist. Lengths are counted in UTF-16 units, as JavaScript counts. The
// error is an [iapeer.FieldError].
func CheckDraft(d iapeer.Draft) error {
	if n := iapeer.LenUTF16(d.Topic); n > iapeer.MaxTopicRunes {
		return &iapeer.FieldError{Field: "topic", Reason: limit("topic exceeds 200 char limit", n) + "; shorten it"}
	}
	if n := len(d.Attachments); n > iapeer.MaxAttachments {
		return &iapeer.FieldError{Field: "attachments", Reason: limit("at most 20 attachments", n)}
	}
	for _, a := range d.Attachments {
		if !filepath.IsAbs(a) || strings.ContainsAny(a, "\r\n") {
			return &iapeer.FieldError{Field: "attachments", Value: a, Reason: "must be an absolute path without line breaks"}
		}
	}
	if _, err := iapeer.ParseName(string(d.To)); err != nil {
		return &iapeer.FieldError{Field: "personality", Value: string(d.To), Reason: iapeer.ErrBadName.Error()}
	}
	if d.Runtime != "" {
		if _, err := iapeer.ParseRuntime(string(d.Runtime)); err != nil {
			return &iapeer.FieldError{Field: "runtime", Value: string(d.Runtime), Reason: iapeer.ErrBadRuntime.Error()}
		}
	}
	if strings.TrimSpace(d.Body) == "" {
		return &iapeer.FieldError{Field: "message", Reason: "is empty; say something"}
	}
	if n := iapeer.LenUTF16(d.Body); n > iapeer.MaxBodyRunes {
		return &iapeer.FieldError{Field: "message", Reason: limit("message exceeds 16000 char limit", n) + "; split it, or write a file and attach it"}
	}
	return nil
}

func limit(what string, got int) string { return fmt.Sprintf("%s (got %d)", what, got) }

// listed writes runtimes for a person.
func listed(list []iapeer.Runtime) string {
	names := make([]string, len(list))
	for i, rt := range list {
		names[i] = string(rt)
	}
	return strings.Join(names, ", ")
}
