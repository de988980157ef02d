package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// TestWorkdirIdentity has two agents work in the home of a third, whose papers
// lie there: each speaks as itself, with its own proof, is gone with its own
// trust, and what lies in the folder stays as it was.
func TestWorkdirIdentity(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	web := filepath.Join(s.home, "src", "web")
	if err := os.MkdirAll(web, 0o755); err != nil {
		t.Fatal(err)
	}
	s.cli("init", web, "--runtime", "claude")
	before := s.snapshotOf(web)
	for name, rt := range map[string]string{"review": "claude", "audit": "codex"} {
		s.cli("create", name, "--workdir", web, "--runtime", rt)
		for _, other := range []string{"asks-", "hears-"} { // whoever asked is woken by the answer
			s.cli("create", other+name, "--runtime", "exec", "--", "true")
		}
	}
	for name, rt := range map[string]string{"review": "claude", "audit": "codex"} {
		r := s.send("exec-asks-"+name, name, call("hears-"+name, "PONG NONCE pong-"+name, "ping-"+name), "--wait", "answered", "--timeout", "60s")
		if r.State != iapeer.Answered {
			t.Fatalf("%s: %+v", name, r)
		}
		m := s.between(rt+"-"+name, "exec-hears-"+name)
		if m.Proof != iapeer.ProofSession {
			t.Errorf("%s speaks with proof %q, want session", name, m.Proof)
		}
	}
	if after := s.snapshotOf(web); after != before {
		t.Errorf("the folder was\n%s\nand is\n%s", before, after)
	}
	trusted, err := os.ReadFile(filepath.Join(s.home, ".claude.json"))
	if err != nil || !strings.Contains(string(trusted), web) {
		t.Errorf("claude was not told to trust the folder: %v", err)
	}
}

// TestRenameKeepsTheConversation renames agents that sleep: on the same topic
// each goes on with the conversation that it had under its old name.
func TestRenameKeepsTheConversation(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	for _, from := range []string{"anna", "boris"} {
		first := s.send("exec-ops", from, "remember NONCE first-"+from, "--topic", "work", "--wait", "answered")
		s.cli("rename", from, from+"-2", "--force")
		sender := "asks-" + from
		s.cli("create", sender, "--runtime", "exec", "--", "true")
		second := s.send("exec-"+sender, from+"-2", "again NONCE second-"+from, "--topic", "work", "--wait", "answered", "--timeout", "60s")
		if second.State != iapeer.Answered || second.Evidence == nil || second.Evidence.Session != first.Evidence.Session {
			t.Errorf("%s: %+v, want the conversation %s", from, second, first.Evidence.Session)
		}
		s.cli("remove", "ops")
		s.cli("create", "ops", "--runtime", "exec", "--", "true")
	}
}
