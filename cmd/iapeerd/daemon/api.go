package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/why"
	"github.com/iapeer/iapeer/gate"
	"github.com/iapeer/iapeer/supervisor"
)

// api is what the fleet's endpoints and the tool ask of the daemon.
type api struct{ d *Daemon }

var (
	_ fleet.Sender   = api{}
	_ fleet.Fleet    = api{}
	_ fleet.Messages = api{}
	_ fleet.Events   = api{}
	_ fleet.Hooks    = api{}
	_ fleet.Notices  = api{}
	_ fleet.Screens  = api{}

	_ fleet.Explainer = api{}
)

// Send accepts a draft. A wait ends early, with what is known, when the daemon
// begins to stop.
func (a api) Send(ctx context.Context, d iapeer.Draft) (iapeer.SendResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.d.stopping, cancel)()
	if d.Caller == a.d.person() {
		if err := a.d.ensurePerson(ctx); err != nil {
			return iapeer.SendResult{}, err
		}
	}
	if err := a.copyAttachments(ctx, &d); err != nil {
		return iapeer.SendResult{}, err
	}
	return a.d.system.Send(ctx, d)
}

// Resolve implements [fleet.Sender].
func (a api) Resolve(ctx context.Context, caller iapeer.Caller, from string) (iapeer.Identity, error) {
	id, err := a.identity(ctx, caller, from)
	if err != nil {
		return id, err
	}
	if id == caller.Identity {
		return id, nil
	}
	if id == a.d.person() {
		if err := a.d.ensurePerson(ctx); err != nil {
			return id, err
		}
	}
	c, err := gate.Speaking(ctx, id)
	return c.Identity, err
}

// identity reads a sender as a person or a package writes it.
func (a api) identity(_ context.Context, caller iapeer.Caller, from string) (iapeer.Identity, error) {
	switch {
	case from == "" && caller.Identity != iapeer.Identity{}:
		return caller.Identity, nil
	case from == "":
		return a.d.person(), nil
	}
	if id, err := iapeer.ParseIdentity(from); err == nil {
		if _, ok := (peers{a.d.reg}).Peer(id.Name); ok {
			return id, nil
		}
	}
	name, err := iapeer.ParseName(from)
	if err != nil {
		return iapeer.Identity{}, &iapeer.FieldError{Field: "from", Value: from, Reason: "is neither a peer's name nor <runtime>-<name>"}
	}
	p, ok := (peers{a.d.reg}).Peer(name)
	if !ok {
		return iapeer.Identity{}, &iapeer.FieldError{Field: "from", Value: from, Reason: iapeer.ErrUnknownPeer.Error()}
	}
	return p.Identity(""), nil
}

// Snapshot implements [fleet.Fleet].
func (a api) Snapshot(context.Context) ([]iapeer.PeerStatus, error) {
	if a.d.unix == nil { // no daemon: nobody has looked at the profiles yet
		if _, err := a.d.reg.Reindex(); err != nil {
			a.d.log.Warn("reindex", zap.Error(err))
		}
	}
	var out []iapeer.PeerStatus
	for _, p := range a.d.reg.Peers() {
		out = append(out, a.status(p))
	}
	for _, bad := range a.d.reg.Problems() {
		out = append(out, iapeer.PeerStatus{Peer: iapeer.Peer{Name: bad.Name}, Problem: bad.String()})
	}
	slices.SortFunc(out, func(x, y iapeer.PeerStatus) int { return strings.Compare(string(x.Name), string(y.Name)) })
	return out, nil
}

// status joins the registry's record with what the presences show. A declared
// runtime that was never used is asleep.
func (a api) status(p iapeer.Peer) iapeer.PeerStatus {
	s := iapeer.PeerStatus{Peer: p, Presences: a.d.system.View().Of(p.Name)}
	for _, rt := range p.Runtimes {
		id := p.Identity(rt)
		if !slices.ContainsFunc(s.Presences, func(x iapeer.PresenceStatus) bool { return x.Identity == id }) {
			s.Presences = append(s.Presences, iapeer.PresenceStatus{Identity: id, State: iapeer.Asleep, Cause: "never woken"})
		}
	}
	for i := range s.Presences {
		st := &s.Presences[i]
		st.Open = a.d.box.OpenFor(st.Identity)
		s.Waiting += st.Open
		row, _ := a.d.system.View().Row(st.Identity)
		st.Stopped, st.Rest, st.RestUntil = row.Record.Stopped, row.Record.Rest, row.Record.RestUntil
	}
	return s
}

// Known implements [fleet.Explainer].
func (a api) Known(ctx context.Context, id iapeer.Identity) (k why.Known, err error) {
	row, _ := a.d.system.View().Row(id)
	k = why.Known{Record: row.Record, Idle: a.d.cfg.Idle, Boot: a.d.cfg.BootDeadline}
	k.Queued = row.Status.State == iapeer.Waking && !row.Launching && row.Status.HostPID == 0
	peer, _ := (peers{a.d.reg}).Peer(id.Name)
	if _, err := os.Stat(peer.Dir()); err != nil {
		k.Folder = fmt.Errorf("the folder it works in cannot be used: %w", err)
	}
	k.Restarts = a.restarts(peer, row.Record.Deaths)
	if k.Open, err = a.d.box.Pending(ctx, id, explained); err != nil {
		return k, err
	}
	held, err := a.d.box.Messages(ctx, iapeer.MessageQuery{To: id.Name, State: iapeer.Held, Limit: explained})
	if err != nil {
		return k, err
	}
	k.Open = append(k.Open, slices.DeleteFunc(held, func(m iapeer.Message) bool { return m.To != id })...)
	slices.SortFunc(k.Open, func(x, y iapeer.Message) int { return cmp.Compare(x.Seq, y.Seq) })
	k.Told, err = a.told(ctx, k.Open)
	return k, err
}

// explained is how many waiting messages of a peer are looked at to explain it.
const explained = 50

// restarts tells how near a peer is to a rest: the limits of those that are woken
// on demand are the host's, the others have their own.
func (a api) restarts(p iapeer.Peer, deaths []time.Time) client.Restarts {
	policy, err := supervisor.Parse(cmp.Or(p.Settings.Restart, string(supervisor.OnDemand)))
	if err != nil || policy.Mode == supervisor.OnDemand {
		policy.Mode, policy.Intensity, policy.Window = supervisor.OnDemand, a.d.cfg.CrashLoopMax-1, a.d.cfg.CrashLoopWindow
	}
	r := client.Restarts{Policy: string(policy.Mode), WindowSecs: int64(policy.Window / time.Second)}
	if policy.Mode != supervisor.Never {
		r.Deaths, r.Limit = policy.Decide(deaths, a.d.wall()).Failures, policy.Intensity+1
	}
	return r
}

// told returns what the daemon wrote to the senders of messages, oldest first.
func (a api) told(ctx context.Context, open []iapeer.Message) (list []iapeer.Message, err error) {
	asked := map[iapeer.Name]bool{}
	for _, m := range open { // oldest first: what follows the first covers all
		if asked[m.From.Name] || m.From == iapeer.SystemIdentity() {
			continue
		}
		asked[m.From.Name] = true
		found, err := a.d.box.Messages(ctx, iapeer.MessageQuery{From: iapeer.SystemName, To: m.From.Name, After: m.Seq, Limit: explained})
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// Command implements [fleet.Fleet]. A session may wake another peer, and decides
// nothing else about it. A wait ends when the daemon begins to stop.
func (a api) Command(ctx context.Context, c iapeer.Command) (iapeer.Outcome, error) {
	if c.Caller.Session && c.Caller.Identity.Name != c.Peer && (c.Verb != iapeer.VerbWake || c.Fresh || c.Anyway) {
		return iapeer.Outcome{}, fmt.Errorf("%s %s: a session acts only for itself: %w", c.Verb, c.Peer, iapeer.ErrNotProven)
	}
	if _, err := a.d.reg.Refresh(c.Peer); err != nil {
		if inner := (*iapeer.PeerError)(nil); errors.As(err, &inner) {
			err = inner.Err
		}
		return iapeer.Outcome{}, &iapeer.PeerError{Op: string(c.Verb), Peer: c.Peer, Err: err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.d.stopping, func() { cancel(iapeer.ErrShuttingDown) })()
	out, err := a.d.system.Command(ctx, c)
	if errors.Is(context.Cause(ctx), iapeer.ErrShuttingDown) && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%s %s: %w; it was begun, see: iapeer explain %s", c.Verb, c.Peer, iapeer.ErrShuttingDown, c.Peer)
	}
	return out, err
}

// Onboard implements [fleet.Fleet]. A session, and a process under one, makes
// and removes nobody.
func (a api) Onboard(ctx context.Context, o iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	if o.Caller.Session {
		return iapeer.OnboardingReport{}, fmt.Errorf("%s: a session decides nothing; a person does this at a terminal outside it: %w", o.Verb, iapeer.ErrNotProven)
	}
	o.DaemonURL = a.d.url()
	report, err := a.d.system.Onboard(ctx, o)
	if err == nil && o.Verb == "remove" && !o.DryRun {
		// its mail will never be read: the senders are told instead of left waiting
		open, readErr := a.d.box.Open(ctx, report.Name)
		a.d.system.Fail(open, "the peer "+string(report.Name)+" was removed")
		err = readErr
	}
	return report, err
}

// Message implements [fleet.Messages].
func (a api) Message(ctx context.Context, prefix string) (iapeer.Message, []iapeer.Step, error) {
	return a.d.box.Message(ctx, prefix)
}

// Messages implements [fleet.Messages].
func (a api) Messages(ctx context.Context, q iapeer.MessageQuery) ([]iapeer.Message, error) {
	return a.d.box.Messages(ctx, q)
}

// Mark implements [fleet.Messages].
func (a api) Mark(ctx context.Context, id iapeer.MessageID, c iapeer.Change, e iapeer.Evidence) (iapeer.Message, error) {
	return a.d.system.Mark(ctx, iapeer.Mark{ID: id, Change: c, Evidence: e})
}

// Subscribe implements [fleet.Events].
func (a api) Subscribe(epoch int64, after uint64, replay int) ([]iapeer.Stamped, <-chan iapeer.Stamped, func()) {
	sub, kept, err := a.d.system.Subscribe(a.d.stopping, epoch, after, replay)
	if err != nil {
		closed := make(chan iapeer.Stamped)
		close(closed)
		return nil, closed, func() {}
	}
	return kept, sub.C, sub.Close
}

// Hook implements [fleet.Hooks].
func (a api) Hook(ctx context.Context, caller iapeer.Caller, rt iapeer.Runtime, event string, payload []byte) (int, []byte) {
	if rt != caller.Identity.Runtime {
		return 403, []byte(fmt.Sprintf(`{"error":"a session of %s reports for %s"}`, caller.Identity, rt))
	}
	return a.d.sessions.Hook(ctx, a.d.system.Hook, caller, event, payload)
}

// Notices implements [fleet.Notices].
func (a api) Notices(ctx context.Context) ([]iapeer.NoticeRaised, error) {
	list, err := a.d.board.Notices(ctx, a.d.wall())
	if err != nil {
		return nil, err
	}
	out := make([]iapeer.NoticeRaised, len(list))
	for i, n := range list {
		out[i] = iapeer.NoticeRaised{ID: n.ID, Peer: n.Peer, Runtime: n.Runtime, Kind: n.Kind, Summary: n.Summary, At: n.Last}
	}
	return out, nil
}

// Screen implements [fleet.Screens].
func (a api) Screen(ctx context.Context, id iapeer.Identity) (string, error) {
	if id.Runtime == "" {
		p, ok := (peers{a.d.reg}).Peer(id.Name)
		if !ok {
			return "", &iapeer.PeerError{Op: "screen", Peer: id.Name, Err: iapeer.ErrUnknownPeer}
		}
		id = p.Identity("")
		for _, s := range a.d.system.View().Of(id.Name) {
			if s.HostPID > 0 {
				id = s.Identity
			}
		}
	}
	_, socket, _ := a.d.system.View().Presence(id)
	return a.d.sessions.Screen(ctx, id, socket)
}

// settings shows and changes the configuration.
type settings struct{ d *Daemon }

var _ fleet.Config = settings{}

// Settings implements [fleet.Config].
func (s settings) Settings(context.Context) ([]client.Setting, error) { return s.d.settings() }

// Set implements [fleet.Config].
func (s settings) Set(_ context.Context, key, value string) error { return s.d.set(key, value) }

// Environment implements [fleet.Config].
func (s settings) Environment(ctx context.Context, refresh bool) ([]string, error) {
	return s.d.sessions.Environment(ctx, refresh)
}
