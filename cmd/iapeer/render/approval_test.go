package render_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

func TestApprovals(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	s := render.Style{Now: now}
	a := client.Approval{
		ID: "a7", Personality: "infra", Runtime: "claude", Tool: "Bash", Summary: "git push", Content: "git push --force\n# \x1b[2Kpush", State: "open",
		CreatedMs: now.Add(-2 * time.Minute).UnixMilli(), ExpiresMs: now.Add(3 * time.Minute).UnixMilli(),
	}
	later := a
	later.ID, later.State, later.ExpiresMs = "a8", "deferred", 0
	want := `a7  infra (claude)  Bash  asked 2m ago, denied in 3m
    git push --force
    # �[2Kpush
  iapeer approve a7   or   iapeer deny a7 <reason>

a8  infra (claude)  Bash  asked 2m ago, the peer sleeps until you answer
    git push --force
    # �[2Kpush
  iapeer approve a8   or   iapeer deny a8 <reason>

`
	if diff := cmp.Diff(want, render.Approvals(s, []client.Approval{a, later})); diff != "" {
		t.Errorf("Approvals (-want +got):\n%s", diff)
	}
	if got := render.Approvals(s, nil); got != "nothing waits for your word\n" {
		t.Errorf("Approvals(nil) = %q", got)
	}
}

func TestGrantsAndVerdicts(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	s := render.Style{Now: now}
	g := client.Grant{ID: "g3", Personality: "infra", Runtime: "claude", Tool: "Bash", Summary: "make test", Scope: "for", UntilMs: now.Add(time.Hour).UnixMilli(), Approval: "a7", By: "ada", Used: 2}
	want := "g3  infra (claude)  Bash: make test  for 1h more, by ada for a7, used 2 times\ntake one back: iapeer approvals revoke g3\n"
	if diff := cmp.Diff(want, render.Grants(s, []client.Grant{g})); diff != "" {
		t.Errorf("Grants (-want +got):\n%s", diff)
	}
	a := client.Approval{ID: "a7", Personality: "infra", Tool: "Bash", Summary: "make test", Reason: "not now"}
	for _, tc := range []struct {
		r    client.VerdictReply
		want string
	}{
		{client.VerdictReply{ID: "a7", Action: "approve", Approval: &a}, "a7 allowed: infra Bash \"make test\"\n"},
		{client.VerdictReply{ID: "a7", Action: "approve", Approval: &a, Grant: &g}, "a7 allowed: infra Bash \"make test\"\ng3: the same again, for 1h more; take it back: iapeer approvals revoke g3\n"},
		{client.VerdictReply{ID: "a7", Action: "deny", Approval: &a}, "a7 denied: infra is told \"not now\"\n"},
	} {
		if got := render.Verdict(s, tc.r); got != tc.want {
			t.Errorf("Verdict(%s) = %q, want %q", tc.r.Action, got, tc.want)
		}
	}
}
