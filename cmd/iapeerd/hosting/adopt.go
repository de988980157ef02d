package hosting

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session"
)

// lockedLimit is how long adoption waits for a host that holds its lock and
// does not listen yet.
const lockedLimit = 10 * time.Second

// lockedCheck is the pause between two looks at such a host.
const lockedCheck = 50 * time.Millisecond

// adopt connects to the host that lives for the identity.
func (s *Sessions) adopt(order house.Launch, report func(house.Report)) error {
	a, err := s.adapter(order.Identity.Runtime)
	if err != nil {
		return err
	}
	found, err := s.waitListening(order.Identity)
	if err != nil {
		return err
	}
	if found.State == session.Killed {
		s.reap(order.Identity)
	}
	if found.State != session.Alive || found.Spec == nil {
		return errNoHost
	}
	if found.Spec.Generation != order.Generation {
		// the record of its launch was lost; nobody can tell what it was asked
		_ = session.KillHost(found.Files.PID())
		session.WaitUnlocked(found.Files, askLimit)
		return fmt.Errorf("%w: the host of generation %d is not of ours, which is %d", errNoHost, found.Spec.Generation, order.Generation)
	}
	ctx, cancel := context.WithTimeout(s.Life, askLimit)
	defer cancel()
	conn, err := session.Dial(ctx, found.Socket)
	if err != nil {
		return err
	}
	l := newLive(s, a, order, conn, report)
	l.cwd, l.env, l.accepted = found.Spec.Cwd, found.Spec.Env, true
	_, l.token, _ = strings.Cut(found.Spec.Mark, "=")
	l.greeted.Store(true) // its composer was drawn long ago
	known, err := l.known(ctx)
	if err != nil {
		_ = conn.Close()
		return err
	}
	s.add(l)
	report(house.Started{
		Session: l, SessionID: l.sessionID, Resumed: true, Adopted: true, Cause: "adopted", HostPID: l.hostPID, Socket: found.Socket, Known: known,
	})
	l.catchUp(ctx)
	go l.listen()
	return nil
}

// waitListening waits for a host that is locked but not yet listening.
func (s *Sessions) waitListening(id iapeer.Identity) (session.Found, error) {
	deadline := time.Now().Add(lockedLimit)
	for {
		found, err := s.scan(id)
		if err != nil || found.State != session.Locked || time.Now().After(deadline) {
			return found, err
		}
		select {
		case <-time.After(lockedCheck):
		case <-s.Life.Done():
			return found, s.Life.Err()
		}
	}
}

// known asks the host what it was asked to write.
func (l *live) known(ctx context.Context) ([]house.Known, error) {
	offers, err := l.conn.Ask(ctx)
	if err != nil {
		return nil, err
	}
	var out []house.Known
	for _, o := range offers {
		out = append(out, house.Known{
			ID: o.ID, Attempt: o.Attempt, Written: o.State == session.Written, Begun: o.State != session.NotBegun && o.State != session.Unknown,
		})
	}
	return out, nil
}

// catchUp tells what happened while no daemon listened: outcomes, hooks, the
// turn in the record, and what the session does now.
func (l *live) catchUp(ctx context.Context) {
	for _, id := range l.conn.Facts().Outcomes {
		if o, err := l.conn.Outcome(ctx, id); err == nil {
			l.say(execDone(o))
		}
	}
	if l.adapter.Kind != runtimes.TUI {
		return
	}
	l.replay()
	l.mu.Lock()
	err := l.s.read(l.adapter, l.env, l.cwd, l.sessionID, &l.reading)
	turn := l.reading.Turn
	l.mu.Unlock()
	if err == nil && len(turn.IDs) > 0 {
		l.report(known(turn))
	}
	facts := l.conn.Facts()
	l.signal(runtimes.SignalTitle, facts.Title)
	l.signal(runtimes.SignalStatus, facts.Status)
	l.settled()
}

// Examine implements [house.Sessions].
func (s *Sessions) Examine(order house.Launch, ids []iapeer.MessageID, report func(house.Report)) {
	go func() { report(s.examine(order, ids, report)) }()
}

// examine reads what a dead session left: outcomes of exec runs, the host's
// last word on its offers, the runtime's record.
func (s *Sessions) examine(order house.Launch, ids []iapeer.MessageID, report func(house.Report)) house.Looked {
	out := house.Looked{
		Seen: map[iapeer.MessageID]iapeer.Evidence{}, Taken: map[iapeer.MessageID]iapeer.Evidence{}, Lost: map[iapeer.MessageID]iapeer.Evidence{},
	}
	a, err := s.adapter(order.Identity.Runtime)
	if err == nil {
		s.reap(order.Identity)
		if a.Records.Line != nil {
			out.Err = s.examineRecord(a, order, ids, &out)
			return out
		}
		var found session.Found
		if found, err = s.scan(order.Identity); err == nil {
			examineHost(a, found, order.Generation, ids, report, &out)
		}
	}
	out.Err = err
	return out
}

// examineRecord lets a dead session's record decide: it is final.
func (s *Sessions) examineRecord(a runtimes.Adapter, order house.Launch, ids []iapeer.MessageID, out *house.Looked) error {
	env, err := s.base(s.Life)
	if err != nil {
		return err
	}
	var r runtimes.Reading
	err = s.read(a, env, order.Peer.Dir(), order.Presence.SessionID, &r)
	prove(&r, ids, out)
	return err
}

// examineHost lets the host's exit record decide for runtimes that keep none of
// their own.
func examineHost(a runtimes.Adapter, found session.Found, generation int64, ids []iapeer.MessageID, report func(house.Report), out *house.Looked) {
	done := map[iapeer.MessageID]bool{}
	for _, p := range found.Outcomes {
		done[p.Outcome.ID] = true
		report(house.Said{Event: execDone(p.Outcome)})
	}
	offers, recorded := map[iapeer.MessageID]session.OfferResult{}, false
	for _, e := range found.Exits {
		recorded = recorded || e.Generation == generation
		for _, o := range e.Offers {
			offers[o.ID] = o
		}
	}
	for _, id := range ids {
		o, known := offers[id]
		switch {
		case done[id]:
		case known && o.State == session.Written && a.Kind == runtimes.Router:
			out.Seen[id] = iapeer.Evidence{Source: "write", Detail: "written whole before the end", At: o.At}
		case known && (o.State == session.Written || o.State == session.Partial):
			out.Lost[id] = iapeer.Evidence{Source: "exit", Detail: "the session ended while the message was being handled", At: time.Now()}
		case !known && !recorded:
			out.Lost[id] = iapeer.Evidence{Source: "exit", Detail: "the session host was killed without a last word", At: time.Now()}
		}
	}
}

// HookFunc hands events to the presence they belong to and returns once their
// evidence is on its way to disk.
type HookFunc func(ctx context.Context, id iapeer.Identity, generation int64, events []iapeer.SessionEvent) error

// Hook translates what a hook of a live session reports.
func (s *Sessions) Hook(ctx context.Context, deliver HookFunc, caller iapeer.Caller, event string, payload []byte) (int, []byte) {
	a, err := s.adapter(caller.Identity.Runtime)
	if err != nil || a.Hook == nil {
		return http.StatusNotFound, []byte(`{"error":"this runtime has no hooks"}`)
	}
	events, err := a.Hook(event, payload)
	if err != nil {
		s.Log.Warn("hook", iapeerField(caller.Identity), errField(err))
		return http.StatusBadRequest, []byte(`{"error":"the payload cannot be read"}`)
	}
	if l := s.get(caller.Identity); l != nil {
		l.heard(events)
	}
	if s.Witness != nil {
		s.Witness.Payload(caller.Identity, caller.Generation, payload)
		s.Witness.Heard(caller.Identity, caller.Generation, events)
	}
	if len(events) == 0 {
		return http.StatusOK, nil
	}
	if err := deliver(ctx, caller.Identity, caller.Generation, events); err != nil {
		return http.StatusServiceUnavailable, nil
	}
	return http.StatusOK, nil
}

// Screen returns the visible rows of a session as text.
func (s *Sessions) Screen(ctx context.Context, id iapeer.Identity, socket string) (string, error) {
	l := s.get(id)
	if l == nil || socket == "" {
		return "", fmt.Errorf("screen %s: %w", id, errNoHost)
	}
	raw, err := l.conn.Screen(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, row := range raw.Lines {
		b.WriteString(row.Text)
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}
