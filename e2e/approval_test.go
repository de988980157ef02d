package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/internal/fakemodel"
)

// gated is pairWithModel with both peers gated, as a person sets it.
func gated(t *testing.T, claude string, env ...string) (*sandbox, *fakemodel.Server) {
	t.Helper()
	claudeBin, codexBin := agents.Claude(t, claude), agents.Codex(t)
	s := newSandbox(t)
	s.env = append(s.env, append([]string{"IAPEER_CLAUDE_BIN=" + claudeBin, "IAPEER_CODEX_BIN=" + codexBin}, env...)...)
	m := s.model()
	s.cli("create", "anna", "--runtime", "claude")
	s.cli("create", "boris", "--runtime", "codex")
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	s.says("anna is gated", "approval-mode", "anna", "gated")
	s.says("boris is gated", "approval-mode", "boris", "gated")
	return s, m
}

// says runs the CLI as the person at a terminal.
func (s *sandbox) says(want string, args ...string) string {
	s.t.Helper()
	p := s.person(s.home, args...)
	if code := p.ends(); code != 0 || !strings.Contains(p.text(), want) {
		s.t.Fatalf("iapeer %s exits %d and shows %q, want %q", strings.Join(args, " "), code, p.text(), want)
	}
	return p.text()
}

// bash is a message that makes the scripted model run a command.
func bash(name, command, nonce string) string {
	if name == "boris" {
		return fmt.Sprintf(`CALL exec_command {"cmd":%q} NONCE %s`, command, nonce)
	}
	return fmt.Sprintf(`CALL Bash {"command":%q,"description":"try"} NONCE %s`, command, nonce)
}

// asks waits for the one request that is open and returns it.
func (s *sandbox) asks(name string) client.Approval {
	s.t.Helper()
	var list []client.Approval
	until(s.t, name+" to ask", func() bool {
		if err := json.Unmarshal([]byte(s.cli("approvals", "--json")), &list); err != nil {
			s.t.Fatal(err)
		}
		return len(list) > 0 && list[len(list)-1].Personality == name
	})
	return list[len(list)-1]
}

// TestApproval has a gated program ask a person, who allows one command and
// denies another; the model hears the reason.
func TestApproval(t *testing.T) {
	eachClaude(t, func(t *testing.T, version string) {
		t.Helper()
		approval(t, version)
	})
}

func approval(t *testing.T, claude string) {
	t.Helper()
	s, m := gated(t, claude)
	for _, name := range []string{"anna", "boris"} {
		made := filepath.Join(s.paths.PeerHome(iapeer.Name(name)), "made.txt")
		r := s.send("exec-ops", name, bash(name, "echo one > made.txt", "one"), "--wait", "seen")
		a := s.asks(name)
		if a.Tool != "Bash" || !strings.Contains(a.Content, "echo one > made.txt") || a.State != "open" {
			t.Errorf("%s asks %+v", name, a)
		}
		if out := s.cli("list"); !strings.Contains(out, "asks: Bash") || !strings.Contains(out, "iapeer approve "+a.ID) {
			t.Errorf("list shows\n%s", out)
		}
		until(t, name+" to wait", func() bool { return s.state(name) == iapeer.Waiting })
		if _, err := os.Stat(made); err == nil {
			t.Fatalf("%s ran before it was allowed", name)
		}
		s.says(a.ID+" allowed", "approve")
		s.reaches(r.ID, iapeer.Answered)
		if b, _ := os.ReadFile(made); string(b) != "one\n" {
			t.Errorf("%s made %q", name, b)
		}
		r = s.send("exec-ops", name, bash(name, "echo two > made.txt", "two"), "--wait", "seen")
		a = s.asks(name)
		s.says(a.ID+" denied", "deny", a.ID, "not", "on", "a", "friday-"+name)
		got := s.reaches(r.ID, iapeer.Answered)
		if !strings.Contains(got.Answer, "friday-"+name) || !heard(m, "friday-"+name) {
			t.Errorf("%s's model did not hear the reason: %q", name, got.Answer)
		}
		if b, _ := os.ReadFile(made); string(b) != "one\n" {
			t.Errorf("%s ran what was denied: %q", name, b)
		}
	}
}

// heard reports whether a tool's result that the model got has a text.
func heard(m *fakemodel.Server, text string) bool {
	for _, q := range m.Requests() {
		if strings.Contains(fmt.Sprint(q.Results), text) {
			return true
		}
	}
	return false
}
