package iapeer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
)

func TestApprovalEvents(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	a := iapeer.Approval{
		ID: "a7", Identity: iapeer.Identity{Runtime: "claude", Name: "infra"}, Kind: "tool", Tool: "Bash", Summary: "git push",
		Content: "git push --force", Created: at, Expires: at.Add(5 * time.Minute), Approvers: []iapeer.Name{"ada", "bob"}, State: iapeer.ApprovalOpen,
	}
	keys := func(e iapeer.Event) (out []string) {
		for _, f := range e.Fields() {
			out = append(out, f.Key)
		}
		return out
	}
	if diff := cmp.Diff([]string{"id", "personality", "runtime", "kind", "tool", "summary", "created", "expires", "approvers"}, keys(iapeer.ApprovalRequested{Approval: a})); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	a.State, a.Reason, a.By, a.Via, a.Resolved = iapeer.ApprovalTimedOut, "approval timed out (default-deny)", "iapeer", "timeout", at.Add(time.Second)
	e := iapeer.ApprovalResolved{Approval: a}
	if diff := cmp.Diff([]string{"id", "personality", "runtime", "decision", "reason", "by", "via", "latencyMs"}, keys(e)); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
	if f := e.Fields(); f[3].Value != "deny" || f[7].Value != int64(1000) {
		t.Errorf("decision, latency = %v, %v", f[3].Value, f[7].Value)
	}
}

func TestOnlyAllowedLetsATool(t *testing.T) {
	for s, want := range map[iapeer.ApprovalState]string{
		iapeer.ApprovalOpen: "", iapeer.ApprovalDeferred: "", iapeer.ApprovalAllowed: "allow",
		iapeer.ApprovalDenied: "deny", iapeer.ApprovalTimedOut: "deny", iapeer.ApprovalGone: "deny",
	} {
		if got := s.Decision(); got != want || s.Pending() != (want == "") {
			t.Errorf("%s: Decision = %q, Pending = %v", s, got, s.Pending())
		}
	}
}
