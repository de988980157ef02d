package fleet

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// How long a send waits for evidence, when the request does not say, and at
// most.
const (
	defaultWait = 20 * time.Second
	maxWait     = 10 * time.Minute
)

// send accepts a message. With progress it answers as a stream: what happens to
// the message and its recipient, then the result or the error.
func (s *server) send(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	draft, path, err := s.draft(r)
	tell := func(res *iapeer.SendResult, err error) { s.attempted(r, draft, path, began, res, err) }
	if err != nil {
		tell(nil, err)
		s.refuse(w, r, err)
		return
	}
	if wantsProgress(r) {
		s.sendStream(r.Context(), w, draft, tell)
		return
	}
	v, err := s.sendNow(r.Context(), draft, tell)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	reply(w, http.StatusOK, v)
}

// attempted tells of one send that is over.
func (s *server) attempted(r *http.Request, d iapeer.Draft, path string, began time.Time, res *iapeer.SendResult, err error) {
	if s.Attempted == nil {
		return
	}
	a := iapeer.Attempt{Caller: d.Caller, Proof: d.Proof, Draft: d, Len: len(d.Body), Result: res, Err: err, Elapsed: time.Since(began), Path: path}
	if a.Caller == (iapeer.Identity{}) {
		a.Caller = s.caller(r).Identity
	}
	if a.Caller == (iapeer.Identity{}) {
		a.Claimed = r.Header.Get(client.HeaderIdentity)
	}
	a.Draft.Body = ""
	s.Attempted(a)
}

// sendNow sends and lets tell know how it ended.
func (s *server) sendNow(ctx context.Context, d iapeer.Draft, tell func(*iapeer.SendResult, error)) (client.SendReply, error) {
	res, err := s.Sender.Send(ctx, d)
	if err != nil {
		tell(nil, err)
		return client.SendReply{}, notDone(err)
	}
	tell(&res, nil)
	return client.SendReply{From: d.Caller.String(), Result: res}, nil
}

// draft reads the request. Lengths and contents are the router's to judge; here
// only shapes are. What was read comes with the error too, and the way that the
// request says it came by.
func (s *server) draft(r *http.Request) (d iapeer.Draft, path string, err error) {
	var req client.SendRequest
	if err := decode(r, maxSendBytes, &req); err != nil {
		return d, "", err
	}
	d = iapeer.Draft{
		Body: req.Message, Topic: req.Topic, Attachments: req.Attachments, Fresh: req.Fresh, Anyway: req.Anyway,
		InReplyTo: iapeer.MessageID(req.InReplyTo), Key: r.Header.Get(client.HeaderKey),
	}
	path = knownPath(req.Path)
	if err := address(&d, req); err != nil {
		return d, path, err
	}
	if d.Wait, d.WaitFor, err = waiting(or(r.URL.Query().Get("wait"), req.Wait), or(r.URL.Query().Get("for"), req.For)); err != nil {
		return d, path, err
	}
	d.Proof = s.caller(r).Proof
	d.Caller, err = s.speaker(r, req.From)
	return d, path, err
}

// knownPath is the way that a request says it came by, if it is one that the
// delivery log knows.
func knownPath(path string) string {
	if path == "cli" {
		return path
	}
	return ""
}

// speaker returns the identity that the request speaks as: from, which the body
// names, else the one of its header or token, else the person. A claim in the
// header that does not hold is refused, never replaced by another identity; a
// session speaks as itself, whatever the body says.
func (s *server) speaker(r *http.Request, from string) (iapeer.Identity, error) {
	c, why := s.Caller(r.Context())
	switch {
	case why != nil && r.Header.Get(client.HeaderIdentity) != "":
		return iapeer.Identity{}, why
	case c.Session && from != "" && from != c.Identity.String() && from != string(c.Identity.Name):
		return iapeer.Identity{}, &client.Error{Status: http.StatusForbidden, Code: "not-proven", Field: "from",
			Message: "from " + from + ": a session sends only as itself, " + c.Identity.String()}
	case from == "" && c.Identity != (iapeer.Identity{}):
		return c.Identity, nil
	}
	id, err := s.Sender.Resolve(r.Context(), c, from)
	if err != nil {
		e := *refusal(err)
		if e.Status != http.StatusForbidden {
			e.Status = http.StatusBadRequest
		}
		e.Field = "from"
		return id, &e
	}
	return id, nil
}

// address fills in whom the draft is for.
func address(d *iapeer.Draft, req client.SendRequest) error {
	d.To, d.Runtime = iapeer.Name(req.Personality), iapeer.Runtime(req.Runtime) // as written, also when it is refused
	if req.Personality == "" {
		return &iapeer.FieldError{Field: "personality", Reason: "is missing: the name of the peer to send to"}
	}
	if strings.TrimSpace(req.Message) == "" {
		return &iapeer.FieldError{Field: "message", Reason: "is empty: give the text to send"}
	}
	if _, err := iapeer.ParseName(req.Personality); err != nil {
		return err
	}
	if req.Runtime == "" {
		return nil
	}
	_, err := iapeer.ParseRuntime(req.Runtime)
	return err
}

// waiting reads how long to wait, and for what.
func waiting(wait, goal string) (time.Duration, iapeer.State, error) {
	d, state := defaultWait, iapeer.State(or(goal, string(iapeer.Seen)))
	switch state {
	case iapeer.Accepted, iapeer.Seen, iapeer.Answered:
	default:
		return 0, "", &iapeer.FieldError{Field: "for", Value: goal, Reason: "is accepted, seen or answered"}
	}
	if wait != "" {
		var err error
		if d, err = time.ParseDuration(wait); err != nil || d < 0 {
			return 0, "", &iapeer.FieldError{Field: "wait", Value: wait, Reason: "is a duration such as 20s or 5m"}
		}
	}
	if d == 0 {
		state = iapeer.Accepted // a draft without a wait means the router's default
	}
	return min(d, maxWait), state, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func wantsProgress(r *http.Request) bool {
	return r.URL.Query().Get("progress") == "1" || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// sendStream sends and tells what happens meanwhile.
func (s *server) sendStream(ctx context.Context, w http.ResponseWriter, d iapeer.Draft, tell func(*iapeer.SendResult, error)) {
	_, live, cancel := s.Events.Subscribe(0, 0, 0)
	defer cancel()
	out := newStream(w)
	defer out.done()
	type outcome struct {
		reply client.SendReply
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := s.sendNow(ctx, d, tell)
		done <- outcome{v, err}
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case o := <-done:
			if o.err != nil {
				_ = out.event("error", "", refusal(o.err))
				return
			}
			_ = out.event("result", "", o.reply)
			return
		case ev, ok := <-live:
			if !ok {
				live = nil
			} else if p, ok := progressOf(ev, d); ok {
				_ = out.event("progress", "", p)
			}
		case <-beat.C:
			_ = out.comment("hb")
		}
	}
}

// progressOf returns what an event says about a draft's message or its
// recipient. The id is not known before the send returns, so a message is
// recognised by its two ends.
func progressOf(s iapeer.Stamped, d iapeer.Draft) (client.Progress, bool) {
	switch e := s.Event.(type) {
	case iapeer.MessageChanged:
		if e.From == d.Caller && e.To.Name == d.To && e.Len == len(d.Body) {
			return client.Progress{At: s.At, Kind: "message", ID: e.ID, Identity: e.To.String(), State: string(e.State)}, true
		}
	case iapeer.PresenceChanged:
		if e.Identity.Name == d.To && (d.Runtime == "" || d.Runtime == e.Identity.Runtime) {
			return client.Progress{At: s.At, Kind: "presence", Identity: e.Identity.String(), From: string(e.From), State: string(e.To), Cause: e.Cause}, true
		}
	default:
	}
	return client.Progress{}, false
}
