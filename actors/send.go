package actors

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

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
		d.Wait = s.h.cfg.Wait
	}
	id := iapeer.NewMessageID()
	waiting := d.Wait > 0 && d.WaitFor != iapeer.Accepted
	var fate chan progress
	if waiting {
		fate = make(chan progress, 1)
		s.h.root.Send(s.h.observers, await{id: id, until: d.WaitFor, reply: fate})
		defer s.h.root.Send(s.h.observers, forget{id: id})
	}
	sub, err := ask(ctx, func(reply func(submitted, error)) {
		s.h.root.Send(s.h.router, submit{draft: d, id: id, reply: func(r submitted) { reply(r, r.err) }})
	})
	if err != nil {
		return iapeer.SendResult{}, err
	}
	if sub.repeated {
		return s.repeated(ctx, sub.message, d)
	}
	p := progress{state: sub.message.State}
	if waiting && sub.message.ID == id {
		p = s.waitFor(ctx, fate, d.Wait, p)
	}
	return s.result(ctx, sub.message, p), nil
}

// waitFor waits for the end of the wait; on time-out it says what is known.
func (s *System) waitFor(ctx context.Context, fate <-chan progress, limit time.Duration, p progress) progress {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case p = <-fate:
	case <-t.C:
	case <-ctx.Done():
	}
	return p
}

// repeated answers a send that was made before: with the first one's receipt as
// it stands now.
func (s *System) repeated(ctx context.Context, m iapeer.Message, d iapeer.Draft) (iapeer.SendResult, error) {
	if d.WaitFor != iapeer.Accepted && m.State.Open() {
		fate := make(chan progress, 1)
		s.h.root.Send(s.h.observers, await{id: m.ID, until: d.WaitFor, reply: fate})
		defer s.h.root.Send(s.h.observers, forget{id: m.ID})
		if now, err := s.Message(ctx, m.ID); err == nil && !now.State.Open() {
			m = now
		} else {
			s.waitFor(ctx, fate, d.Wait, progress{})
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
		Woke: p.place.woke, TS: iapeer.WireTime(m.SentAt), Next: p.place.next,
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
		r.Queued, r.QueuedBy, r.QueueDepth = true, p.place.by, p.place.depth
		if r.Next == "" {
			status, _, _ := s.h.view.Presence(m.To)
			r.QueuedBy, r.Next = waitsFor(status.State, status.Cause)
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
