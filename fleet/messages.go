package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Bounds of a list of messages.
const (
	defaultLimit = 50
	maxLimit     = 1000
)

func (s *server) messages(r *http.Request) (any, error) {
	q, err := messageQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return s.list(r.Context(), q)
}

func (s *server) list(ctx context.Context, q iapeer.MessageQuery) (client.MessagesReply, error) {
	list, err := s.Messages.Messages(ctx, q)
	if err != nil {
		return client.MessagesReply{}, err
	}
	out := client.MessagesReply{Messages: []client.Message{}}
	for _, m := range list {
		out.Messages = append(out.Messages, client.WireMessage(m, nil))
	}
	return out, nil
}

// messageQuery reads peer, from, to, q, state, before, after and limit.
func messageQuery(v url.Values) (iapeer.MessageQuery, error) {
	q := iapeer.MessageQuery{Text: v.Get("q"), State: iapeer.State(v.Get("state")), Limit: defaultLimit}
	for key, name := range map[string]*iapeer.Name{"peer": &q.Peer, "from": &q.From, "to": &q.To} {
		if text := v.Get(key); text != "" {
			if err := name.UnmarshalText([]byte(text)); err != nil {
				return q, &iapeer.FieldError{Field: key, Value: text, Reason: iapeer.ErrBadName.Error()}
			}
		}
	}
	for key, n := range map[string]*int64{"before": &q.Before, "after": &q.After} {
		if text := v.Get(key); text != "" {
			var err error
			if *n, err = strconv.ParseInt(text, 10, 64); err != nil || *n < 0 {
				return q, &iapeer.FieldError{Field: key, Value: text, Reason: "is a sequence number"}
			}
		}
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return q, &iapeer.FieldError{Field: "limit", Value: text, Reason: fmt.Sprintf("is a number from 1 to %d", maxLimit)}
		}
		q.Limit = n
	}
	return q, nil
}

// message shows one message with its history. With wait and for it first waits
// until the message has got that far or can get no further.
func (s *server) message(r *http.Request) (any, error) {
	q := r.URL.Query()
	if !q.Has("wait") && !q.Has("for") {
		return s.one(r.Context(), r.PathValue("id"))
	}
	wait, goal, err := waiting(q.Get("wait"), q.Get("for"))
	if err != nil {
		return nil, err
	}
	return s.await(r.Context(), r.PathValue("id"), goal, wait)
}

func (s *server) one(ctx context.Context, id string) (client.MessageReply, error) {
	m, steps, err := s.Messages.Message(ctx, id)
	if err != nil {
		return client.MessageReply{}, err
	}
	return client.MessageReply{Message: client.WireMessage(m, steps)}, nil
}

// await returns the message once it has reached goal, has ended, the time is
// over or the daemon stops. It subscribes before it looks, so nothing is
// missed between the two, and looks again only when the message changed.
func (s *server) await(ctx context.Context, id string, goal iapeer.State, wait time.Duration) (client.MessageReply, error) {
	_, live, cancel := s.Events.Subscribe(0, 0, 0)
	defer cancel()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		m, err := s.one(ctx, id)
		if err != nil || client.Reached(m.Message.State, goal) || client.Ended(m.Message.State) {
			return m, err
		}
		if !s.changed(ctx, live, m.Message.ID, timer.C) {
			return m, nil
		}
	}
}

// changed reports whether the message changed before the time was over.
func (s *server) changed(ctx context.Context, live <-chan iapeer.Stamped, id iapeer.MessageID, over <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-s.Stopping:
			return false
		case <-over:
			return false
		case ev, ok := <-live:
			if !ok {
				return false
			}
			if e, ok := ev.Event.(iapeer.MessageChanged); ok && e.ID == id {
				return true
			}
		}
	}
}

// mark changes a message for a person: cancel, retry, or resolve with
// {"as":"seen"|"lost"}. A session may cancel what it sent itself.
func (s *server) mark(r *http.Request) (any, error) {
	m, _, err := s.Messages.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	change, err := changeOf(r)
	if err != nil {
		return nil, err
	}
	c := s.caller(r)
	own := change == iapeer.ChangeCancel && c.Identity.Name == m.From.Name
	if denied := mayUse(outside, c); denied != nil && !own {
		return nil, denied
	}
	m, err = s.Messages.Mark(r.Context(), m.ID, change, s.person(c, r.PathValue("change")))
	if err != nil {
		return nil, err
	}
	return client.MessageReply{Message: client.WireMessage(m, nil)}, nil
}

// changeOf reads which change a request asks for.
func changeOf(r *http.Request) (iapeer.Change, error) {
	var req client.ResolveRequest
	if err := decode(r, maxCommandBytes, &req); err != nil {
		return "", err
	}
	switch verb := r.PathValue("change"); verb {
	case "cancel":
		return iapeer.ChangeCancel, nil
	case "retry":
		return iapeer.ChangeRetry, nil
	case "resolve":
		switch req.As {
		case "seen":
			return iapeer.ChangeClear, nil
		case "lost":
			return iapeer.ChangeDrop, nil
		}
		return "", &iapeer.FieldError{Field: "as", Value: req.As, Reason: "is seen or lost"}
	default:
		return "", &client.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("unknown change %q; there are cancel, retry and resolve", verb)}
	}
}

// person is the evidence of a caller's own act.
func (s *server) person(c iapeer.Caller, detail string) iapeer.Evidence {
	return iapeer.Evidence{Source: "person", Detail: detail + " by " + or(c.Identity.String(), fmt.Sprintf("uid %d", c.UID)), At: now()}
}

// inbox lists what came to the caller, or to the person at this host.
func (s *server) inbox(r *http.Request) (any, error) {
	id, err := s.speaker(r, r.URL.Query().Get("for"))
	if err != nil {
		return nil, err
	}
	v := r.URL.Query()
	v.Set("to", string(id.Name))
	q, err := messageQuery(v)
	if err != nil {
		return nil, err
	}
	return s.list(r.Context(), q)
}

// inboxRead marks messages to the person as seen: they were shown. Those that
// are already further on, or not the person's, are left alone.
func (s *server) inboxRead(r *http.Request) (any, error) {
	var req client.ReadRequest
	if err := decode(r, maxCommandBytes, &req); err != nil {
		return nil, err
	}
	id, err := s.speaker(r, "")
	if err != nil {
		return nil, err
	}
	out := client.MessagesReply{Messages: []client.Message{}}
	for _, mid := range req.IDs {
		m, _, err := s.Messages.Message(r.Context(), string(mid))
		if err != nil || m.To.Name != id.Name || m.To.Runtime != iapeer.RuntimeCLI || m.State.Delivered() {
			continue
		}
		if m, err = s.Messages.Mark(r.Context(), m.ID, iapeer.ChangeSee, s.person(s.caller(r), "inbox read")); err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, client.WireMessage(m, nil))
	}
	return out, nil
}
