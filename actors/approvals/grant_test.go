package approvals_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
)

// grant asks for a command and has a person allow it with a scope.
func (r *rig) grant(command string, n int, v approvals.Verdict) approvals.Decided {
	r.t.Helper()
	a := r.ask(question(command, ""))
	v.ID, v.Allow = r.asked(n).ID, true
	got, err := r.decide(v)
	if err != nil {
		r.t.Fatal(err)
	}
	if ans, err := a.answer(); err != nil || !ans.Allow {
		r.t.Fatalf("answer %+v, %v", ans, err)
	}
	return got
}

// granted reports whether a question is let through without a person.
func (r *rig) granted(q approvals.Question) bool {
	r.t.Helper()
	before := r.requests()
	a := r.ask(q)
	if p := r.asked(before + 1); p.State == iapeer.ApprovalOpen {
		if _, err := r.decide(approvals.Verdict{ID: p.ID}); err != nil {
			r.t.Fatal(err)
		}
	}
	ans, err := a.answer()
	if err != nil {
		r.t.Fatal(err)
	}
	if ans.Allow && !strings.Contains(ans.Reason, "allowed by grant g") {
		r.t.Errorf("it does not name its grant: %+v", ans)
	}
	return ans.Allow
}

func TestGrantScopes(t *testing.T) {
	other := question("ls", "")
	other.Approval.Input = "input ls elsewhere"
	later := question("ls", "")
	later.Approval.Generation = 2
	boris := question("ls", "")
	boris.Approval.Identity = iapeer.Identity{Runtime: "claude", Name: "boris"}
	write := question("ls", "")
	write.Approval.Tool = "Write"
	for _, tc := range []struct {
		name string
		v    approvals.Verdict
		want map[string]bool
	}{
		{"once", approvals.Verdict{Scope: iapeer.GrantOnce}, map[string]bool{}},
		{"session", approvals.Verdict{Scope: iapeer.GrantSession}, map[string]bool{"same": true}},
		{"for an hour", approvals.Verdict{Scope: iapeer.GrantTimed, For: time.Hour}, map[string]bool{"same": true, "next session": true}},
		{"always", approvals.Verdict{Scope: iapeer.GrantAlways}, map[string]bool{"same": true, "next session": true, "tomorrow": true}},
		{"always, any", approvals.Verdict{Scope: iapeer.GrantAlways, Any: true}, map[string]bool{"same": true, "next session": true, "other input": true, "tomorrow": true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.grant("ls", 1, tc.v)
			for _, q := range []struct {
				name string
				q    approvals.Question
			}{{"same", question("ls", "")}, {"other input", other}, {"next session", later}, {"another peer", boris}, {"another tool", write}} {
				if got := r.granted(q.q); got != tc.want[q.name] {
					t.Errorf("%s: granted %v, want %v", q.name, got, tc.want[q.name])
				}
			}
			r.advance(24 * time.Hour)
			if got := r.granted(question("ls", "")); got != tc.want["tomorrow"] && tc.name != "session" {
				t.Errorf("tomorrow: granted %v, want %v", got, tc.want["tomorrow"])
			}
		})
	}
}

func TestGrantsSurviveARestartUntilRevoked(t *testing.T) {
	r := newRig(t)
	if got := r.grant("ls", 1, approvals.Verdict{Scope: iapeer.GrantAlways}); got.Grant == nil || got.Grant.ID != "g1" || got.Grant.Approval != "a1" || got.Grant.By != "ada" {
		t.Fatalf("grant %+v", got.Grant)
	}
	r.kill()
	r.start()
	if !r.granted(question("ls", "")) {
		t.Error("the grant did not survive the restart")
	}
	if g := r.list().Grants; len(g) != 1 || g[0].Used != 1 {
		t.Errorf("grants %+v", g)
	}
	if _, err := r.desk.Revoke(t.Context(), "g1"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.desk.Revoke(t.Context(), "g1"); !errors.Is(err, approvals.ErrUnknown) {
		t.Errorf("revoked twice: %v", err)
	}
	r.kill()
	r.start()
	if r.granted(question("ls", "")) {
		t.Error("the grant holds although it was revoked")
	}
}

func TestASessionsGrantEndsWithIt(t *testing.T) {
	r := newRig(t)
	r.grant("ls", 1, approvals.Verdict{Scope: iapeer.GrantSession})
	r.desk.Observe(anna, 1, approvals.Sign{Kind: approvals.SignExit})
	if g := r.list().Grants; len(g) != 0 {
		t.Errorf("grants %+v", g)
	}
}

// TestDeferring: nobody answers a peer that waits; it is told to stop, and a
// later yes lets it repeat that one request once.
func TestDeferring(t *testing.T) {
	r := newRig(t)
	q := question("ls", "k")
	q.Waits = true
	a := r.ask(q)
	r.asked(1)
	r.advance(5 * time.Minute)
	if ans, err := a.answer(); err != nil || ans.Allow || !ans.Interrupt || !strings.Contains(ans.Reason, "a1 stays open") {
		t.Errorf("answer %+v, %v", ans, err)
	}
	r.until("the peer to be put to sleep", func() bool { return len(r.deferred) == 1 })
	r.kill()
	r.advance(8 * time.Hour)
	r.start()
	if ans, err := r.ask(q).answer(); err != nil || ans.Allow || !ans.Interrupt {
		t.Errorf("who came back heard %+v, %v", ans, err)
	}
	got, err := r.decide(approvals.Verdict{Allow: true, Scope: iapeer.GrantSession})
	if err != nil || got.Grant == nil || got.Grant.Scope != iapeer.GrantOnce {
		t.Fatalf("Decide = %+v, %v", got, err)
	}
	r.until("the peer to be told", func() bool { return len(r.answered) == 1 && r.answered[0] == "a1 allow" })
	again := question("ls", "")
	again.Approval.Generation = 2
	if !r.granted(again) {
		t.Error("the repeated request was not let through")
	}
	if r.granted(again) {
		t.Error("it was let through twice")
	}
}

func TestADeferredRequestMayBeDenied(t *testing.T) {
	r := newRig(t)
	q := question("ls", "k")
	q.Waits = true
	a := r.ask(q)
	r.asked(1)
	r.advance(5 * time.Minute)
	if _, err := a.answer(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.decide(approvals.Verdict{Reason: "no"}); err != nil {
		t.Fatal(err)
	}
	r.until("the peer to be told", func() bool { return len(r.answered) == 1 && r.answered[0] == "a1 deny" })
}
