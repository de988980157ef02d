package fleet_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/board"
)

// desk is the real desk on a real board, as the daemon plugs them together.
type desk struct {
	*approvals.Desk
	*board.Board
}

func (d desk) Load() (approvals.Kept, error) {
	k, err := d.Board.Desk(context.Background())
	return approvals.Kept{Approvals: k.Approvals, Grants: k.Grants, LastApproval: k.LastApproval, LastGrant: k.LastGrant}, err
}

func (d desk) Publish(iapeer.Event)                 {}
func (d desk) Waits(iapeer.Identity, int64, string) {}
func (d desk) Deferred(iapeer.Approval)             {}
func (d desk) Answered(iapeer.Approval)             {}

func (d desk) Approvals(ctx context.Context) ([]iapeer.Approval, []iapeer.Grant, error) {
	k, err := d.Desk.Board(ctx)
	return k.Approvals, k.Grants, err
}

func (d desk) Approval(ctx context.Context, id string) (iapeer.Approval, bool, error) {
	return d.Board.Approval(ctx, id)
}

func (d desk) RequestApproval(ctx context.Context, _ iapeer.Caller, a iapeer.Approval) (iapeer.Approval, error) {
	got, err := d.Ask(ctx, approvals.Question{Approval: a})
	a.ID, a.Reason, a.State = got.ID, got.Reason, iapeer.ApprovalDenied
	if got.Allow {
		a.State = iapeer.ApprovalAllowed
	}
	return a, err
}

func (d desk) DecideApproval(ctx context.Context, v fleet.Verdict) (iapeer.Approval, *iapeer.Grant, error) {
	got, err := d.Decide(ctx, approvals.Verdict{ID: v.ID, Allow: v.Allow, Reason: v.Reason, By: string(v.By), Via: v.Via, Scope: v.Scope, For: v.For, Any: v.Any})
	if errors.Is(err, approvals.ErrUnknown) {
		err = &client.Error{Status: http.StatusNotFound, Message: err.Error()}
	}
	return got.Approval, got.Grant, err
}

// withDesk is a fleet with a desk, used by the person ada.
func withDesk(t *testing.T, limit time.Duration) (*client.Client, *fleettest.Memory) {
	t.Helper()
	db, err := store.Open(t.Context(), t.TempDir()+"/iapeer.db", zap.NewNop(), board.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	sys := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
	d := desk{Board: board.New(db)}
	if d.Desk, err = approvals.Start(sys.Root, approvals.Config{Limit: limit, Board: d, World: d, Log: zap.NewNop()}); err != nil {
		t.Fatal(err)
	}
	m := fleettest.New("web")
	m.Caller.Identity = iapeer.Identity{Runtime: iapeer.RuntimeCLI, Name: "ada"}
	deps := m.Deps()
	deps.Approvals = d
	c, err := client.Dial(serve(t, fleet.New(deps)))
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

var push = client.ApprovalRequest{Personality: "web", Tool: "Bash", Content: "git push --force\n# <b>push</b>"}

type outcome struct {
	client.ApprovalReply
	err error
}

func request(ctx context.Context, c *client.Client, q client.ApprovalRequest) <-chan outcome {
	end := make(chan outcome, 1)
	go func() {
		r, err := c.RequestApproval(ctx, q)
		end <- outcome{r, err}
	}()
	return end
}

// waiting returns what waits once there is something.
func waiting(t *testing.T, c *client.Client) client.Approval {
	t.Helper()
	for {
		list, err := c.Approvals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 {
			return list[0]
		}
		time.Sleep(time.Millisecond) // an endpoint has no event to wait for
	}
}

func TestApprovalsOverHTTP(t *testing.T) {
	c, _ := withDesk(t, time.Minute)
	for _, bad := range []client.ApprovalRequest{{Personality: "web", Tool: "Bash"}, {Personality: "web", Content: "x"}, {Personality: "W", Tool: "Bash", Content: "x"}} {
		var e *client.Error
		if _, err := c.RequestApproval(t.Context(), bad); !errors.As(err, &e) || e.Status != 400 {
			t.Errorf("%+v: %v, want 400", bad, err)
		}
	}
	end := request(t.Context(), c, push)
	a := waiting(t, c)
	if a.ID != "a1" || a.Content != push.Content || a.Runtime != "claude" || a.Kind != "tool" || a.Title != "web · Bash" || a.Summary != "git push --force" || a.State != "open" || a.ExpiresMs-a.CreatedMs != 60000 {
		t.Errorf("waiting %+v", a)
	}
	snap, err := c.Snapshot(t.Context())
	if err != nil || len(snap.Approvals) != 1 || snap.Approvals[0].ID != "a1" {
		t.Errorf("snapshot %+v, %v", snap.Approvals, err)
	}
	r, err := c.Verdict(t.Context(), "a1", "deny", client.VerdictRequest{Reason: "not now", Via: "telegram"})
	if err != nil || !r.OK || r.Action != "deny" || r.ID != "a1" {
		t.Errorf("verdict %+v, %v", r, err)
	}
	if o := <-end; o.err != nil || o.Decision != "deny" || o.Reason != "not now" || o.ID != "a1" {
		t.Errorf("asked: %+v", o)
	}
	var e *client.Error
	if _, err := c.Verdict(t.Context(), "a1", "approve", client.VerdictRequest{}); !errors.As(err, &e) || e.Status != 404 {
		t.Errorf("resolved twice: %v", err)
	}
	if got, err := c.Approval(t.Context(), "a1"); err != nil || got.Decision != "deny" || got.By != "ada" || got.Via != "telegram" {
		t.Errorf("afterwards %+v, %v", got, err)
	}
	if _, err := c.Approval(t.Context(), "a9"); !errors.As(err, &e) || e.Status != 404 {
		t.Errorf("unknown: %v", err)
	}
}

func TestApprovalScopesOverHTTP(t *testing.T) {
	c, _ := withDesk(t, time.Minute)
	end := request(t.Context(), c, push)
	waiting(t, c)
	r, err := c.Verdict(t.Context(), "a1", "approve", client.VerdictRequest{Approver: "ada", Scope: "for", For: "1h", Tool: true})
	if err != nil || r.Grant == nil || r.Grant.Scope != "for" || !r.Grant.AnyInput {
		t.Fatalf("verdict %+v, %v", r, err)
	}
	if o := <-end; o.Decision != "allow" {
		t.Errorf("asked: %+v", o)
	}
	if o := <-request(t.Context(), c, push); o.Decision != "allow" || !strings.Contains(o.Reason, "g1") {
		t.Errorf("asked again: %+v", o)
	}
	if g, err := c.Grants(t.Context()); err != nil || len(g) != 1 || g[0].Used != 1 {
		t.Errorf("grants %+v, %v", g, err)
	}
}

func TestApprovalTimeoutAndDisconnectDeny(t *testing.T) {
	c, _ := withDesk(t, 50*time.Millisecond)
	if o := <-request(t.Context(), c, push); o.err != nil || o.Decision != "deny" || !strings.Contains(o.Reason, "timed out") {
		t.Errorf("nobody answered: %+v", o)
	}
	c, _ = withDesk(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	end := request(ctx, c, push)
	waiting(t, c)
	cancel()
	if o := <-end; o.err == nil || o.Decision == "allow" {
		t.Errorf("withdrawn: %+v", o)
	}
	for {
		if a, err := c.Approval(t.Context(), "a1"); err == nil && a.State == "gone" && a.Reason == "requester disconnected" && a.Decision == "deny" {
			break
		}
	}
}

// TestWhoMayDecide holds every deciding route to a person's proof.
func TestWhoMayDecide(t *testing.T) {
	ada := iapeer.Identity{Runtime: iapeer.RuntimeCLI, Name: "ada"}
	web := iapeer.Identity{Runtime: iapeer.RuntimeExec, Name: "web"}
	for _, tc := range []struct {
		name   string
		caller iapeer.Caller
		req    client.VerdictRequest
		want   int // status; 404 means that it was let in
	}{
		{"a person", iapeer.Caller{Identity: ada, Proof: iapeer.ProofPerson}, client.VerdictRequest{}, 404},
		{"a process of the user", iapeer.Caller{Proof: iapeer.ProofUID, UID: 501}, client.VerdictRequest{}, 403},
		{"one that claims a peer", iapeer.Caller{Identity: web, Proof: iapeer.ProofUID}, client.VerdictRequest{}, 403},
		{"a session", iapeer.Caller{Identity: web, Proof: iapeer.ProofSession, Session: true}, client.VerdictRequest{}, 403},
		{"a process under a session", iapeer.Caller{Proof: iapeer.ProofNone, Session: true}, client.VerdictRequest{}, 403},
		{"a person's terminal under a session", iapeer.Caller{Identity: ada, Proof: iapeer.ProofPerson, Session: true}, client.VerdictRequest{}, 403},
		{"nobody", iapeer.Caller{}, client.VerdictRequest{}, 401},
		{"ada as bob", iapeer.Caller{Identity: ada, Proof: iapeer.ProofPerson}, client.VerdictRequest{Approver: "bob"}, 403},
		{"a way of the daemon's own", iapeer.Caller{Identity: ada, Proof: iapeer.ProofPerson}, client.VerdictRequest{Via: "terminal"}, 400},
		{"a scope that is none", iapeer.Caller{Identity: ada, Proof: iapeer.ProofPerson}, client.VerdictRequest{Scope: "forever"}, 400},
		{"a time that is none", iapeer.Caller{Identity: ada, Proof: iapeer.ProofPerson}, client.VerdictRequest{Scope: "for", For: "-1h"}, 400},
	} {
		c, m := withDesk(t, time.Minute)
		m.Caller = tc.caller
		var e *client.Error
		if _, err := c.Verdict(t.Context(), "a1", "approve", tc.req); !errors.As(err, &e) || e.Status != tc.want {
			t.Errorf("%s: %v, want status %d", tc.name, err, tc.want)
		}
		if tc.want == 403 && tc.req == (client.VerdictRequest{}) {
			if _, err := c.Revoke(t.Context(), "g1"); !errors.As(err, &e) || e.Status != 403 {
				t.Errorf("%s revokes: %v", tc.name, err)
			}
		}
	}
}

func TestASessionAsksOnlyForItself(t *testing.T) {
	c, m := withDesk(t, time.Minute)
	m.Caller = iapeer.Caller{Identity: iapeer.Identity{Runtime: "claude", Name: "other"}, Proof: iapeer.ProofSession, Session: true}
	var e *client.Error
	if _, err := c.RequestApproval(t.Context(), push); !errors.As(err, &e) || e.Status != 403 {
		t.Errorf("asked for another: %v", err)
	}
}
