package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/internal/fakemodel"
)

// call is a message body that makes the scripted model call send_to_peer.
func call(to, message, nonce string) string {
	args, err := json.Marshal(map[string]string{"personality": to, "message": message})
	if err != nil {
		panic(err) // strings always encode
	}
	return fmt.Sprintf("CALL send_to_peer %s NONCE %s", args, nonce)
}

// pair makes a sandbox with a claude peer, a codex peer and a sender that never
// wakes, so that it can be spoken for from outside.
func pair(t *testing.T, claude string) *sandbox {
	t.Helper()
	s, _ := pairWithModel(t, claude)
	return s
}

// pairWithModel is pair, and the model that both ask.
func pairWithModel(t *testing.T, claude string) (*sandbox, *fakemodel.Server) {
	t.Helper()
	claudeBin, codexBin := agents.Claude(t, claude), agents.Codex(t)
	s := newSandbox(t)
	s.env = append(s.env, "IAPEER_CLAUDE_BIN="+claudeBin, "IAPEER_CODEX_BIN="+codexBin)
	m := s.model()
	s.cli("create", "anna", "--runtime", "claude")
	s.cli("create", "boris", "--runtime", "codex")
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	return s, m
}

// eachClaude runs f with both pinned versions of claude.
func eachClaude(t *testing.T, f func(t *testing.T, version string)) {
	t.Helper()
	for _, v := range []string{agents.ClaudeOld, agents.ClaudeNew} {
		t.Run(v, func(t *testing.T) { f(t, v) })
	}
}

// TestClaudeWakesCodex sends from inside a claude turn to a sleeping codex, and
// back from inside the codex turn.
func TestClaudeWakesCodex(t *testing.T) {
	eachClaude(t, func(t *testing.T, version string) {
		t.Helper()
		s := pair(t, version)
		r := s.send("exec-ops", "anna", call("boris", call("anna", "PONG NONCE pong1", "ping2"), "ping1"), "--wait", "answered")
		if r.State != iapeer.Answered || r.Answer == "" {
			t.Fatalf("ops → anna: %+v", r)
		}
		s.conversation(t, "claude-anna", "codex-boris", "codex-boris", "claude-anna")
	})
}

// TestCodexWakesClaude is the other way round.
func TestCodexWakesClaude(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	r := s.send("exec-ops", "boris", call("anna", call("boris", "PONG NONCE pong1", "ping2"), "ping1"), "--wait", "answered")
	if r.State != iapeer.Answered || r.Answer == "" {
		t.Fatalf("ops → boris: %+v", r)
	}
	s.conversation(t, "codex-boris", "claude-anna", "claude-anna", "codex-boris")
}

// conversation waits until the message from one to other was answered by one
// back, both with proof by the receiving runtime.
func (s *sandbox) conversation(t *testing.T, from, to, backFrom, backTo string) {
	t.Helper()
	for _, leg := range [][2]string{{from, to}, {backFrom, backTo}} {
		m := s.between(leg[0], leg[1])
		m = s.reaches(m.ID, iapeer.Answered)
		seen := false
		for _, step := range m.Steps {
			if step.Change == iapeer.ChangeSee {
				seen = step.Evidence.Source == "hook" || step.Evidence.Source == "record"
			}
		}
		if !seen {
			t.Errorf("%s → %s: no evidence of the runtime: %+v", leg[0], leg[1], m.Steps)
		}
		if m.Proof != iapeer.ProofSession {
			t.Errorf("%s → %s: proof %q, want session", leg[0], leg[1], m.Proof)
		}
	}
}
