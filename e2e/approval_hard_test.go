package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/internal/agents"
)

// asker makes an exec peer whose command asks for a person's word, as the hook
// of an agent program does, and keeps the answer.
func (s *sandbox) asker(name string) (answer func(round string) string) {
	s.t.Helper()
	script := filepath.Join(s.home, name+".sh")
	write(s.t, script, `round=$(sed -n 's/.*CDATA.\(r[0-9]*\).*/\1/p')
printf '{"hook_event_name":"PermissionRequest","session_id":"s","tool_name":"Bash","tool_input":{"command":"%s"}}' "$round" |
	`+filepath.Join(binDir, "iapeer")+` hook --decide exec PermissionRequest > "$round.part"; mv "$round.part" "$round.json"
`)
	s.cli("create", name, "--runtime", "exec", "--", "sh", script)
	home := s.paths.PeerHome(iapeer.Name(name))
	return func(round string) string {
		s.t.Helper()
		var text []byte
		until(s.t, "the hook to answer "+round, func() bool {
			var err error
			text, err = os.ReadFile(filepath.Join(home, round+".json"))
			return err == nil
		})
		return string(text)
	}
}

// asksFor waits until a request for a command is open.
func (s *sandbox) asksFor(command string) client.Approval {
	s.t.Helper()
	var found client.Approval
	until(s.t, command+" to be asked", func() bool {
		out, err := s.try("approvals", "--json")
		var list []client.Approval
		if err != nil || json.Unmarshal([]byte(out), &list) != nil {
			return false
		}
		for _, a := range list {
			if a.Content == command {
				found = a
				return true
			}
		}
		return false
	})
	return found
}

func (s *sandbox) killDaemon() {
	s.t.Helper()
	pid := s.daemonPID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	s.gone(pid)
}

// TestDaemonKilledAroundDecisions kills the daemon before, during and after a
// person's word. The hook always answers; it says allow only when a person did,
// and says what the person was told is recorded.
func TestDaemonKilledAroundDecisions(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	answer := s.asker("bob")
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for i := range rounds {
		round, allow := fmt.Sprintf("r%d", i), i%3 != 2
		s.send("exec-ops", "bob", round, "--wait", "accepted")
		a := s.asksFor(round)
		verb, want := "deny", `"behavior":"deny"`
		if allow {
			verb, want = "approve", `"behavior":"allow"`
		}
		recorded := s.killAround(i, verb, a.ID)
		got := answer(round)
		if recorded && !strings.Contains(got, want) {
			t.Errorf("%s: the person was told that %s is recorded, the hook says %s", round, verb, got)
		}
		if !allow && strings.Contains(got, "allow") || !strings.Contains(got, "behavior") {
			t.Errorf("%s: nobody allowed it, the hook says %s", round, got)
		}
	}
}

// killAround lets a person decide while the daemon dies, at a moment that the
// round chooses, and reports whether the person was told that it is recorded.
func (s *sandbox) killAround(round int, verb, id string) (recorded bool) {
	s.t.Helper()
	if round%4 == 0 { // before: the next daemon finds the request
		s.killDaemon()
		s.cli("daemon", "start")
	}
	p := s.person(s.home, verb, id)
	switch round % 4 {
	case 1: // during
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		s.killDaemon()
	case 2: // after: the word is on disk, and may not have been heard
		p.sees(id + " ")
		s.killDaemon()
	}
	recorded = p.ends() == 0
	s.cli("daemon", "start")
	if !recorded {
		p := s.person(s.home, verb, id)
		recorded = p.ends() == 0 // refused when it was recorded after all
		s.t.Logf("round %d: %s again: %v %q", round, verb, recorded, p.text())
	}
	return recorded
}

// TestApprovalSurvivesARestart restarts the daemon while two real programs wait.
func TestApprovalSurvivesARestart(t *testing.T) {
	s, _ := gated(t, agents.ClaudeNew)
	for _, name := range []string{"anna", "boris"} {
		r := s.send("exec-ops", name, bash(name, "echo one > made.txt", "one"), "--wait", "seen")
		a := s.asks(name)
		s.cli("daemon", "restart")
		if b := s.asks(name); b.ID != a.ID {
			t.Errorf("%s asks as %s, before the restart as %s", name, b.ID, a.ID)
		}
		s.says(a.ID+" allowed", "approve", a.ID)
		s.reaches(r.ID, iapeer.Answered)
		if b, _ := os.ReadFile(filepath.Join(s.paths.PeerHome(iapeer.Name(name)), "made.txt")); string(b) != "one\n" {
			t.Errorf("%s made %q", name, b)
		}
	}
}

// TestModeNow changes the mode of live sessions: they go on with their
// conversation, and ask from then on.
func TestModeNow(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	for _, name := range []string{"anna", "boris"} {
		warm := s.send("exec-ops", name, bash(name, "echo zero > made.txt", "zero"), "--wait", "answered")
		s.says("restarted", "approval-mode", name, "gated", "--now")
		r := s.send("exec-ops", name, bash(name, "echo one > made.txt", "one"), "--wait", "seen")
		if r.Evidence == nil || r.Evidence.Session != warm.Evidence.Session {
			t.Errorf("%s: %+v, want session %s", name, r.Evidence, warm.Evidence.Session)
		}
		a := s.asks(name)
		s.says(a.ID+" allowed", "approve", a.ID, "--session")
		s.reaches(r.ID, iapeer.Answered)
		again := s.send("exec-ops", name, bash(name, "echo one > made.txt", "two"), "--wait", "answered")
		if again.State != iapeer.Answered {
			t.Errorf("%s was not let through by its grant: %+v", name, again)
		}
	}
	if out := s.cli("approvals", "--grants"); strings.Count(out, "used 1 time") != 2 {
		t.Errorf("grants:\n%s", out)
	}
}

// TestNobodyAnswers lets the time run out: the model hears it, and the tool does
// not run.
func TestNobodyAnswers(t *testing.T) {
	s, m := gated(t, agents.ClaudeNew, "IAPEER_APPROVAL_TIMEOUT_MS=3000")
	for _, name := range []string{"anna", "boris"} {
		r := s.send("exec-ops", name, bash(name, "echo one > made.txt", "one"), "--wait", "seen")
		got := s.reaches(r.ID, iapeer.Answered)
		if !strings.Contains(got.Answer, "timed out") || !heard(m, "timed out") {
			t.Errorf("%s answers %q", name, got.Answer)
		}
		if _, err := os.Stat(filepath.Join(s.paths.PeerHome(iapeer.Name(name)), "made.txt")); err == nil {
			t.Errorf("%s ran", name)
		}
	}
}

// TestPutOff lets the time run out for peers that wait: they sleep, and are
// woken where they stopped when a person decides.
func TestPutOff(t *testing.T) {
	s, m := gated(t, agents.ClaudeNew, "IAPEER_APPROVAL_TIMEOUT_MS=3000")
	s.cli("create", "dev", "--runtime", "exec", "--", "true") // ops is told of the cut turn, and lives from then on
	for _, name := range []string{"anna", "boris"} {
		if name == "boris" {
			s.cli("stop", "ops", "--now")
			s.cli("start", "ops")
		}
		s.says("sleeps until", "approval-mode", name, "--on-timeout", "wait")
		made := filepath.Join(s.paths.PeerHome(iapeer.Name(name)), "made.txt")
		first := s.send("exec-ops", name, bash(name, "echo one > made.txt", "one"), "--wait", "seen")
		a := s.asks(name)
		until(t, name+" to sleep", func() bool {
			return s.state(name) == iapeer.Asleep
		})
		if b := s.asks(name); b.ID != a.ID || b.State != "deferred" {
			t.Errorf("%s: %+v, want it deferred", name, b)
		}
		if _, err := os.Stat(made); err == nil {
			t.Errorf("%s ran", name)
		}
		s.says(a.ID+" allowed", "approve", a.ID)
		until(t, name+" to be told", func() bool {
			for _, q := range m.Requests() {
				if strings.Contains(q.User, a.ID+" was allowed by ada") {
					return true
				}
			}
			return false
		})
		if got, want := s.seenIn(name, a.ID+" was allowed"), s.seenIn(name, string(first.ID)); got != want {
			t.Errorf("%s was told in session %s, and stopped in %s", name, got, want)
		}
		s.send("exec-dev", name, bash(name, "echo one > made.txt", "again"), "--wait", "answered") // the scripted model does not repeat by itself
		if b, _ := os.ReadFile(made); string(b) != "one\n" {
			t.Errorf("%s made %q after it was allowed", name, b)
		}
	}
}

// seenIn returns the session in which a message was seen, found by its id or a
// part of its text.
func (s *sandbox) seenIn(name, what string) (session string) {
	s.t.Helper()
	until(s.t, what+" to be seen", func() bool {
		var list []client.Message
		if err := json.Unmarshal([]byte(s.cli("msg", "list", "--json")), &list); err != nil {
			s.t.Fatal(err)
		}
		for _, m := range list {
			if !strings.HasSuffix(m.To, "-"+name) || string(m.ID) != what && !strings.Contains(m.Body, what) {
				continue
			}
			for _, step := range s.message(m.ID).Steps {
				if step.Change == iapeer.ChangeSee {
					session = step.Evidence.Session
				}
			}
		}
		return session != ""
	})
	return session
}

// state is what a peer's first runtime does.
func (s *sandbox) state(name string) iapeer.PresenceState {
	s.t.Helper()
	var snap client.Snapshot
	if err := json.Unmarshal([]byte(s.cli("status", "--json")), &snap); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range snap.Peers {
		if p.Personality == name {
			return p.Runtimes[0].State
		}
	}
	return ""
}

// TestAtTheTerminal has a person answer at the session's own dialog.
func TestAtTheTerminal(t *testing.T) {
	s, _ := gated(t, agents.ClaudeNew)
	made := filepath.Join(s.paths.PeerHome("anna"), "made.txt")
	s.send("exec-ops", "anna", bash("anna", "echo one > made.txt", "one"), "--wait", "seen")
	a := s.asks("anna")
	p := s.person(s.home, "attach", "anna")
	p.sees("proceed")
	press := time.NewTicker(time.Second) // the first keys after a screen was drawn may be lost
	defer press.Stop()
	until(t, "the tool to run", func() bool {
		select {
		case <-press.C:
			p.types("\r")
		default:
		}
		_, err := os.Stat(made)
		return err == nil
	})
	s.decided(a.ID, "allowed", "terminal")
	s.send("exec-ops", "anna", bash("anna", "echo two > made.txt", "two"), "--wait", "seen")
	b := s.asks("anna")
	p.sees("echo two")
	until(t, "the second dialog", func() bool { return strings.Contains(s.cli("screen", "anna"), "proceed") })
	p.types("\x1b")
	s.decided(b.ID, "denied", "terminal")
	if b, _ := os.ReadFile(made); string(b) != "one\n" {
		t.Errorf("made %q", b)
	}
	p.types("\x1d")
	p.ends()
}

// decided waits for how an approval ended.
func (s *sandbox) decided(id, state, via string) {
	s.t.Helper()
	var line string
	until(s.t, id+" to be over", func() bool {
		var err error
		line = ""
		out, err := s.events()
		if err != nil {
			s.t.Fatal(err)
		}
		for l := range strings.Lines(out) {
			if strings.Contains(l, `"ev":"approval-resolved"`) && strings.Contains(l, `"id":"`+id+`"`) {
				line = l
			}
		}
		return line != ""
	})
	decision := map[string]string{"allowed": "allow", "denied": "deny"}[state]
	if !strings.Contains(line, `"via":"`+via+`"`) || !strings.Contains(line, `"decision":"`+decision+`"`) {
		s.t.Errorf("%s ended as %s, want %s via %s", id, line, decision, via)
	}
}
