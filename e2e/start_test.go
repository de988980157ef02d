package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// signTime is how soon after its sign a start that cannot work must have ended.
// The boot deadline is minutes.
const signTime = 30 * time.Second

// TestStartsThatCannotWork end within seconds of the sign: the sender learns
// cause and remedy, the message stays accepted, and a person's wake tries again.
func TestStartsThatCannotWork(t *testing.T) {
	for _, tc := range []struct {
		name  string
		broke func(t *testing.T, s *sandbox)
		to    string
		want  string // in what the sender is told
	}{
		{"root", func(t *testing.T, s *sandbox) {
			t.Helper()
			if os.Geteuid() != 0 {
				t.Skip("SKIPPED: not root")
			}
			s.unset("IS_SANDBOX=")
		}, "anna", "root"},
		{"not signed in", func(t *testing.T, s *sandbox) { t.Helper(); s.unset("ANTHROPIC_API_KEY=") }, "anna", "signed in"},
		{"codex not signed in", func(t *testing.T, s *sandbox) {
			t.Helper()
			if err := os.Remove(filepath.Join(s.home, ".codex", "config.toml")); err != nil {
				t.Fatal(err)
			}
		}, "boris", "logged in"},
		{"not onboarded", func(t *testing.T, s *sandbox) {
			t.Helper()
			if err := os.Remove(filepath.Join(s.home, ".claude.json")); err != nil {
				t.Fatal(err)
			}
		}, "anna", "set up"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := pairWithModel(t, agents.ClaudeNew)
			tc.broke(t, s)
			s.cli("daemon", "restart")
			began := time.Now()
			r := s.send("exec-ops", tc.to, "hello?", "--timeout", "60s")
			if r.State != iapeer.Accepted || r.Next == "" {
				t.Fatalf("receipt = %+v, want accepted, with what is wrong", r)
			}
			if took := time.Since(began); took > signTime {
				t.Errorf("the sender was told after %s", took)
			}
			t.Logf("next: %s", r.Next)
			if !strings.Contains(strings.ToLower(r.Next), tc.want) {
				t.Errorf("next = %q, want it to name %q", r.Next, tc.want)
			}
			if got := s.message(r.ID); got.State != iapeer.Accepted {
				t.Errorf("the message is %s, want accepted", got.State)
			}
		})
	}
}

// unset takes variables out of the base environment of sessions.
func (s *sandbox) unset(prefix string) {
	s.t.Helper()
	path := filepath.Join(s.paths.State(), "environment")
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	var kept []string
	for _, line := range strings.Split(string(b), "\n") {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	write(s.t, path, strings.Join(kept, "\n"))
}

// TestParkedWhenIdle ends an idle session and wakes it on the next message; a
// person who is attached keeps it alive.
func TestParkedWhenIdle(t *testing.T) {
	s := newSandbox(t)
	s.env = append(s.env, "IAPEER_IDLE_SECS=1")
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null") // no answer that would wake ops
	first := s.send("exec-ops", "bob", "one", "--wait", "answered")
	host := s.hostPID("bob")
	s.gone(host)
	until(t, "bob to be asleep", func() bool { return strings.Contains(s.cli("list", "--json"), `"asleep"`) })
	second := s.send("exec-ops", "bob", "two", "--wait", "answered")
	if first.State != iapeer.Answered || second.State != iapeer.Answered || !second.Woke {
		t.Errorf("receipts = %+v and %+v", first, second)
	}
}

// TestGatedUntilAccepted keeps a new peer gated while nobody accepted what
// bypass mode means.
func TestGatedUntilAccepted(t *testing.T) {
	claude := agents.Claude(t, agents.ClaudeNew)
	s := newSandbox(t)
	kept := s.env[:0]
	for _, e := range s.env {
		if !strings.HasPrefix(e, "IAPEER_ACCEPT_RISK") {
			kept = append(kept, e)
		}
	}
	s.env = append(kept, "IAPEER_CLAUDE_BIN="+claude)
	s.model()
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	if out := s.cli("create", "anna", "--runtime", "claude"); !strings.Contains(out, "asks") && !strings.Contains(out, "gated") {
		t.Errorf("create says nothing of the gate:\n%s", out)
	}
	r := s.send("exec-ops", "anna", "hello NONCE gated", "--wait", "answered")
	if r.State != iapeer.Answered {
		t.Fatalf("receipt = %+v", r)
	}
	if out := s.cli("screen", "anna"); strings.Contains(out, "bypass permissions on") {
		t.Errorf("the session bypasses permissions:\n%s", out)
	}
}
