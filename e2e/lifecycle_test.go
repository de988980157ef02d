package e2e

import (
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// TestTypingIsNotMerged lets a person leave a half-typed line in a session:
// mail waits until it is gone, and is never sent together with it.
func TestTypingIsNotMerged(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		p := s.person(s.home, "attach", to)
		p.sees("agents")
		p.types("halfaline")
		p.sees("halfaline")
		r := s.send("exec-ops", to, "hello NONCE typing-"+to)
		if r.State != iapeer.Accepted || r.QueuedBy != "composer" {
			t.Errorf("%s: receipt %+v, want one that waits for the composer", to, r)
		}
		p.types("\x15")
		s.reaches(r.ID, iapeer.Answered)
		p.types("\x1d")
		p.ends()
	}
	for _, q := range m.Requests() {
		if strings.Contains(q.User, "halfaline") {
			t.Errorf("the model was asked %q", q.User)
		}
	}
}

// TestControlKeys compacts a conversation and interrupts a turn.
func TestControlKeys(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		s.send("exec-ops", to, "hello NONCE before-"+to, "--wait", "answered")
		if out := s.cli("compact", to); !strings.Contains(out, "compacted") {
			t.Errorf("%s: compact says %q", to, out)
		}
		r := s.send("exec-ops", to, "THINK 30 NONCE long-"+to, "--wait", "seen")
		if r.State != iapeer.Seen {
			t.Fatalf("%s: %+v", to, r)
		}
		s.cli("interrupt", to)
		until(t, to+" to be interrupted", func() bool { return s.message(r.ID).TurnCut })
		after := s.send("exec-ops", to, "hello NONCE after-"+to, "--wait", "answered")
		if after.State != iapeer.Answered {
			t.Errorf("%s: after the interrupt %+v", to, after)
		}
	}
}

// TestTwoThreads keeps two topics of one peer apart: each wakes its own
// conversation.
func TestTwoThreads(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		session := map[string]string{}
		for _, topic := range []string{"red", "blue", "red", "blue"} {
			r := s.send("exec-ops", to, "hello NONCE "+to+"-"+topic, "--topic", topic, "--wait", "answered")
			if r.Evidence == nil || r.Evidence.Session == "" {
				t.Fatalf("%s: %+v", to, r)
			}
			switch known := session[topic]; {
			case known == "":
				session[topic] = r.Evidence.Session
			case known != r.Evidence.Session:
				t.Errorf("%s: topic %s went to session %s, want %s", to, topic, r.Evidence.Session, known)
			}
			s.cli("sleep", to)
		}
		if session["red"] == session["blue"] {
			t.Errorf("%s: both topics share session %s", to, session["red"])
		}
	}
}
