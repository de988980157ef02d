package render_test

import (
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// TestVerify: worst first, a way out for each, and only what is left counts.
func TestVerify(t *testing.T) {
	v := render.Verify(iapeer.OnboardingReport{Checked: 3, Findings: []iapeer.Finding{
		{Severity: "warn", Peer: "web", File: "/home/ada/web/.mcp.json", Field: "mcpServers.iapeer", Message: "is committed", Fix: "take it out"},
		{Severity: "drift", Peer: "web", File: "/r/peers-profiles.json", Field: "description, runtimes", Message: "differs", Fix: "iapeer verify --fix", Fixed: true},
		{Severity: "error", Peer: "api", File: "/home/ada/api", Message: "the peer's folder is not there\x1b[2J", Fix: "bring it back"},
	}})
	want := `✗ api  /home/ada/api the peer's folder is not there�[2J
       fix: bring it back
✓ web  /r/peers-profiles.json description, runtimes differs
       mended
! web  /home/ada/web/.mcp.json mcpServers.iapeer is committed
       fix: take it out
3 peers · 1 error · 1 warning · 1 peer mended
`
	if got := v.Text(render.Style{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if v.Errors != 1 || v.Drift != 0 || v.Warnings != 1 || len(v.Peers) != 2 || len(v.Reconcile) != 1 || len(v.Peers[0].Drift) != 2 {
		t.Errorf("sums = %+v", v)
	}
	if got := render.Verify(iapeer.OnboardingReport{Checked: 1}).Text(render.Style{}); got != "1 peer · all as it should be\n" {
		t.Errorf("nothing found: %q", got)
	}
}
