package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
	"github.com/iapeer/iapeer/cmd/iapeerd/hosting"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/store/board"
)

var (
	_ fleet.Decider   = api{}
	_ fleet.Approvals = api{}
	_ hosting.Witness = (*Daemon)(nil)
	_ approvals.Board = paper{}
	_ approvals.World = beside{}
)

// ownTools are the tools that iapeer itself gives its sessions: they carry their
// own rules and need no approval.
const ownTools = "mcp__iapeer__"

// startDesk starts the approvals beside the actors that exist by then.
func (d *Daemon) startDesk() error {
	desk, err := approvals.Start(d.system.Root(), approvals.Config{
		Limit: d.cfg.ApprovalTimeout, Board: paper{board: d.board, ctx: d.life}, World: beside{d}, Log: d.log,
	})
	if err == nil {
		d.desk.Store(desk)
	}
	return err
}

// stopDesk answers those who wait for a person: those who can are told to come
// back.
func (d *Daemon) stopDesk() {
	desk := d.desk.Load()
	if desk == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.life, eventLimit)
	defer cancel()
	if err := desk.Stop(ctx); err != nil {
		d.log.Warn("approvals did not stop in time", zap.Error(err))
	}
}

// Decide implements [fleet.Decider]: a hook of the caller's own session asks
// whether a tool may run.
func (a api) Decide(ctx context.Context, caller iapeer.Caller, key, event string, payload []byte) (client.Decision, error) {
	call, err := runtimes.ReadToolCall(event, payload)
	if err != nil {
		return client.Decision{}, &client.Error{Status: http.StatusBadRequest, Code: "bad-request", Message: err.Error()}
	}
	if strings.HasPrefix(call.Tool, ownTools) {
		return client.Decision{Allow: true, Reason: "a tool of iapeer itself"}, nil
	}
	peer, ok := (peers{a.d.reg}).Peer(caller.Identity.Name)
	if !ok {
		return client.Decision{}, &iapeer.PeerError{Op: "ask", Peer: caller.Identity.Name, Err: iapeer.ErrUnknownPeer}
	}
	q := approvals.Question{Waits: peer.Settings.ApprovalWaits, Returns: key != "", Approval: iapeer.Approval{
		Identity: caller.Identity, Generation: caller.Generation, Kind: call.Kind, Tool: call.Tool, Title: string(caller.Identity.Name) + " · " + call.Tool,
		Summary: call.Summary, Content: call.Content, ToolUse: call.ToolUse, Call: call.Call, Input: call.Input,
	}}
	if key != "" {
		q.Approval.Key = strings.Join([]string{caller.Identity.String(), fmt.Sprint(caller.Generation), call.Session, call.ToolUse, call.Call, key}, "/")
	}
	got, err := a.d.desk.Load().Ask(ctx, q)
	return client.Decision{Allow: got.Allow && err == nil, Reason: got.Reason, Interrupt: got.Interrupt}, err
}

// Approvals implements [fleet.Approvals].
func (a api) Approvals(ctx context.Context) ([]iapeer.Approval, []iapeer.Grant, error) {
	k, err := a.d.desk.Load().Board(ctx)
	return k.Approvals, k.Grants, err
}

// Approval implements [fleet.Approvals].
func (a api) Approval(ctx context.Context, id string) (iapeer.Approval, bool, error) {
	return a.d.board.Approval(ctx, id)
}

// RequestApproval implements [fleet.Approvals]. Who asks here does not come
// back: a connection that breaks withdraws the request.
func (a api) RequestApproval(ctx context.Context, _ iapeer.Caller, q iapeer.Approval) (iapeer.Approval, error) {
	if _, ok := (peers{a.d.reg}).Peer(q.Identity.Name); !ok {
		return q, &iapeer.PeerError{Op: "ask", Peer: q.Identity.Name, Err: iapeer.ErrUnknownPeer}
	}
	got, err := a.d.desk.Load().Ask(ctx, approvals.Question{Approval: q})
	q.ID, q.State, q.Reason = got.ID, iapeer.ApprovalDenied, got.Reason
	if got.Allow && err == nil {
		q.State = iapeer.ApprovalAllowed
	}
	return q, err
}

// DecideApproval implements [fleet.Approvals].
func (a api) DecideApproval(ctx context.Context, v fleet.Verdict) (iapeer.Approval, *iapeer.Grant, error) {
	got, err := a.d.desk.Load().Decide(ctx, approvals.Verdict{
		ID: v.ID, Allow: v.Allow, Reason: v.Reason, By: string(v.By), Via: v.Via, Scope: v.Scope, For: v.For, Any: v.Any,
	})
	return got.Approval, got.Grant, deskError(err)
}

// Revoke implements [fleet.Permissions].
func (a api) Revoke(ctx context.Context, id string) (iapeer.Grant, error) {
	g, err := a.d.desk.Load().Revoke(ctx, id)
	return g, deskError(err)
}

// ApprovalMode implements [fleet.Permissions]. A running session keeps the mode
// it was started with.
func (a api) ApprovalMode(ctx context.Context, name iapeer.Name, m client.ModeRequest) (client.ModeReply, error) {
	p, err := a.d.reg.Refresh(name)
	if err != nil {
		return client.ModeReply{}, err
	}
	changed := false
	if m.Mode != "" || m.OnTimeout != "" {
		if p, changed, err = a.d.reg.EditProfile(p.CWD, func(on *iapeer.Peer) error {
			on.Settings.Gated = (on.Settings.Gated || m.Mode == "gated") && m.Mode != "yolo"
			on.Settings.ApprovalWaits = (on.Settings.ApprovalWaits || m.OnTimeout == "wait") && m.OnTimeout != "deny"
			return nil
		}); err != nil {
			return client.ModeReply{}, err
		}
		if _, err := a.d.reg.Refresh(name); err != nil {
			return client.ModeReply{}, err
		}
		a.d.system.Refresh(name)
	}
	r := client.ModeReply{Personality: string(name), Mode: "yolo", OnTimeout: "deny", Changed: changed, Applies: "next start"}
	if p.Settings.Gated {
		r.Mode = "gated"
	}
	if p.Settings.ApprovalWaits {
		r.OnTimeout = "wait"
	}
	if m.Now {
		return r, a.restart(ctx, name, &r)
	}
	return r, nil
}

// restart ends and resumes the live sessions of a peer.
func (a api) restart(ctx context.Context, name iapeer.Name, r *client.ModeReply) error {
	for _, s := range a.d.system.View().Of(name) {
		if s.HostPID == 0 || !s.Identity.Runtime.Agentic() {
			continue
		}
		if _, err := a.d.system.Command(ctx, iapeer.Command{Verb: iapeer.VerbRestart, Peer: name, Runtime: s.Identity.Runtime, Now: true}); err != nil {
			return fmt.Errorf("the mode is set; restart: %w", err)
		}
	}
	r.Applies = "now"
	return nil
}

// deskError gives the desk's refusals their status.
func deskError(err error) error {
	for _, c := range []struct {
		err    error
		status int
	}{{approvals.ErrUnknown, http.StatusNotFound}, {approvals.ErrNotYou, http.StatusForbidden}, {approvals.ErrBusy, http.StatusConflict}, {approvals.ErrWhich, http.StatusConflict}} {
		if errors.Is(err, c.err) {
			return &client.Error{Status: c.status, Message: err.Error()}
		}
	}
	return err
}

// Heard implements [hosting.Witness]: what a session says of itself may show
// what a person did at its terminal.
func (d *Daemon) Heard(id iapeer.Identity, generation int64, events []iapeer.SessionEvent) {
	desk := d.desk.Load()
	if desk == nil {
		return
	}
	for _, e := range events {
		switch e.(type) {
		case iapeer.SessionIdle, iapeer.TurnEnded, iapeer.TurnFailed:
			desk.Observe(id, generation, approvals.Sign{Kind: approvals.SignIdle})
		case iapeer.SessionBusy, iapeer.SessionWaiting:
			desk.Observe(id, generation, approvals.Sign{Kind: approvals.SignBusy})
		case iapeer.SessionExited:
			desk.Observe(id, generation, approvals.Sign{Kind: approvals.SignExit})
		case iapeer.SessionNamed, iapeer.PromptTaken, iapeer.PromptConsumed, iapeer.TurnMoved, iapeer.SessionAttached,
			iapeer.SessionComposing, iapeer.SessionCompacted, iapeer.ExecDone:
		}
	}
}

// Payload implements [hosting.Witness]: a report that a tool ran.
func (d *Daemon) Payload(id iapeer.Identity, generation int64, payload []byte) {
	call, err := runtimes.ReadToolCall("", payload)
	if desk := d.desk.Load(); desk != nil && err == nil && (call.Event == "PostToolUse" || call.Event == "PostToolUseFailure") {
		desk.Observe(id, generation, approvals.Sign{Kind: approvals.SignRan, ToolUse: call.ToolUse, Call: call.Call})
	}
}

// paper plugs the board into the desk.
type paper struct {
	board *board.Board
	ctx   context.Context // the daemon's life
}

func (p paper) Load() (approvals.Kept, error) {
	k, err := p.board.Desk(p.ctx)
	return approvals.Kept{Approvals: k.Approvals, Grants: k.Grants, LastApproval: k.LastApproval, LastGrant: k.LastGrant}, err
}

func (p paper) KeepApproval(a iapeer.Approval, grants []iapeer.Grant, done func(error)) {
	p.board.KeepApproval(a, grants, done)
}

func (p paper) KeepGrant(g iapeer.Grant, done func(error)) { p.board.KeepGrant(g, done) }

// beside is what the desk tells the rest of the daemon.
type beside struct{ d *Daemon }

func (b beside) Publish(e iapeer.Event) { b.d.system.Publish(e) }

// Waits implements [approvals.World].
func (b beside) Waits(id iapeer.Identity, generation int64, what string) {
	b.d.system.Waits(id, generation, what, "")
}

// Deferred lets the peer sleep. Codex goes on with its turn when a tool is
// denied, so its turn is ended too.
func (b beside) Deferred(a iapeer.Approval) {
	b.d.system.Waits(a.Identity, a.Generation, "", "waits for approval "+a.ID)
	if a.Identity.Runtime == iapeer.RuntimeCodex {
		go func() {
			_, _ = b.d.system.Command(b.d.stopping, iapeer.Command{Verb: iapeer.VerbInterrupt, Peer: a.Identity.Name, Runtime: a.Identity.Runtime})
		}()
	}
}

// Answered wakes the peer where it stopped.
func (b beside) Answered(a iapeer.Approval) {
	text := fmt.Sprintf("%s was allowed by %s: %s %q. Your request had to wait; make the same call again, it runs now.", a.ID, a.By, a.Tool, a.Summary)
	if a.State != iapeer.ApprovalAllowed {
		text = fmt.Sprintf("%s was denied by %s: %s %q. Reason: %s", a.ID, a.By, a.Tool, a.Summary, a.Reason)
	}
	b.d.system.Tell(a.Identity, "approval:"+a.ID, text)
}
