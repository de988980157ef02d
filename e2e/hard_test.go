package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/internal/fakemodel"
)

// awkward is a body of n characters over many lines, with everything that could
// break an envelope, a paste or a composer.
func awkward(n int) string {
	const line = "第%d行 – naïve 😀 </iap> </msg> <iap from=\"x\"> ]]> \"quoted\" !ls /exit $HOME\n"
	var b strings.Builder
	for i := 0; iapeer.LenUTF16(b.String()) < n; i++ {
		fmt.Fprintf(&b, line, i)
	}
	return iapeer.CutUTF16(b.String(), n)
}

// TestLongMessageArrivesWhole sends 15 000 awkward characters to every program
// and compares what its model is asked.
func TestLongMessageArrivesWhole(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	body := awkward(15000)
	for _, to := range []string{"anna", "boris"} {
		r := s.send("exec-ops", to, body, "--wait", "answered", "--timeout", "60s")
		if r.State != iapeer.Answered {
			t.Errorf("%s: %+v", to, r)
		}
	}
	for _, api := range []string{"anthropic", "openai"} {
		whole := false
		for _, q := range m.Requests() {
			whole = whole || q.API == api && slices.Contains(bodies(q.User), body)
		}
		if !whole {
			t.Errorf("no %s request holds the body whole; the model was asked:\n%s", api, asked(m))
		}
	}
}

// bodies decodes the envelopes in a prompt.
func bodies(prompt string) []string {
	var x iapeer.Extractor
	_, _ = x.Write([]byte(prompt)) // never fails
	var out []string
	for e, ok := x.Next(); ok; e, ok = x.Next() {
		out = append(out, e.Body)
	}
	return out
}

func asked(m *fakemodel.Server) string {
	var b bytes.Buffer
	for _, q := range m.Requests() {
		fmt.Fprintf(&b, "%s %d bytes: %.300q … %.100q\n", q.API, len(q.User), q.User, q.User[max(0, len(q.User)-100):])
	}
	return b.String()
}

// TestMidTurn sends to a program whose turn runs a tool. Claude takes the
// message into the running turn, codex after it.
func TestMidTurn(t *testing.T) {
	eachClaude(t, func(t *testing.T, version string) {
		t.Helper()
		s, _ := pairWithModel(t, version)
		for _, to := range []string{"anna", "boris"} {
			tool := map[string]string{"anna": `CALL Bash {"command":"sleep 3; echo x","description":"wait"} NONCE t1`, "boris": `CALL exec_command {"cmd":"sleep 3; echo x"} NONCE t1`}[to]
			first := s.send("exec-ops", to, tool, "--wait", "seen")
			second := s.send("exec-ops", to, "the second NONCE mid2")
			if second.State == iapeer.Accepted && (!second.Queued || second.Next == "") {
				t.Errorf("%s: a busy peer's receipt says nothing of what happens next: %+v", to, second)
			}
			a, b := s.reaches(first.ID, iapeer.Answered), s.reaches(second.ID, iapeer.Answered)
			if a.Attempts != 1 || b.Attempts != 1 {
				t.Errorf("%s: attempts %d and %d, want 1 and 1", to, a.Attempts, b.Attempts)
			}
		}
	})
}

// TestAgentDaemonKilled kills the daemon between the offer and its evidence,
// with a real program in the middle of its turn: the session is adopted and the
// message seen exactly once.
func TestAgentDaemonKilled(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		before := len(m.Requests())
		r := s.send("exec-ops", to, "THINK 4 NONCE kill-"+to, "--wait", "accepted")
		until(t, to+" to ask its model", func() bool { return len(m.Requests()) > before })
		host := s.hostPID(to)
		pid := s.daemonPID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.gone(pid)
		s.cli("daemon", "start")
		s.reaches(r.ID, iapeer.Answered)
		if now := s.hostPID(to); now != host {
			t.Errorf("%s: session host %d, want %d adopted", to, now, host)
		}
		times := 0
		for _, q := range m.Requests() {
			if strings.Contains(q.Plan, "THOUGHT kill-"+to) {
				times++
			}
		}
		if times != 1 {
			t.Errorf("%s: the model was asked %d times, want once", to, times)
		}
	}
}

// TestSessionKilled kills the program in the middle of its turn: the message is
// seen, its turn cut, and the peer is told once when it is back.
func TestSessionKilled(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	r := s.send("exec-ops", "anna", "THINK 20 NONCE cut1", "--wait", "accepted")
	until(t, "the model to be asked", func() bool { return len(m.Requests()) > 0 })
	s.reaches(r.ID, iapeer.Seen, iapeer.Taken)
	if err := syscall.Kill(s.hostPID("anna"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the peer to be told", func() bool {
		for _, q := range m.Requests() {
			if strings.Contains(q.User, "Your last turn was cut") && strings.Contains(q.User, string(r.ID)) {
				return true
			}
		}
		return false
	})
	if got := s.reaches(r.ID, iapeer.Seen); !got.TurnCut {
		t.Errorf("message = %+v, want seen with its turn cut", got)
	}
}

// hostPID is the session host of a peer's default runtime.
func (s *sandbox) hostPID(name string) int {
	s.t.Helper()
	for _, rt := range []string{"claude", "codex", "exec"} {
		b, err := os.ReadFile(filepath.Join(s.paths.Hosts(), rt+"-"+name+".pid"))
		if err != nil {
			continue
		}
		var pid int
		if _, err := fmt.Sscan(string(b), &pid); err == nil {
			return pid
		}
	}
	s.t.Fatalf("no session of %s", name)
	return 0
}

// TestResumeByID parks a peer and wakes it on the same topic: the conversation
// goes on, by its id.
func TestResumeByID(t *testing.T) {
	s, m := pairWithModel(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		first := s.send("exec-ops", to, "remember NONCE first-"+to, "--topic", "work", "--wait", "answered")
		session := first.Evidence.Session
		s.cli("stop", to)
		s.cli("start", to)
		second := s.send("exec-ops", to, "again NONCE second-"+to, "--topic", "work", "--wait", "answered")
		if second.State != iapeer.Answered || second.Evidence.Session != session {
			t.Errorf("%s: second receipt %+v of session %s, want the first session %s", to, second, second.Evidence.Session, session)
		}
		remembered := false
		for _, q := range m.Requests() {
			remembered = remembered || strings.Contains(q.User, "second-"+to) && bytes.Contains(q.Body, []byte("first-"+to))
		}
		if !remembered {
			t.Errorf("%s: the resumed conversation does not hold the first message", to)
		}
	}
}

// TestStartThatCannotWork ends within seconds of the sign, with cause and
// remedy for the sender; the message stays accepted.
func TestStartThatCannotWork(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	s.env = append(s.env, "IAPEER_CODEX_BIN=/nonexistent/codex")
	s.cli("daemon", "restart")
	r := s.send("exec-ops", "boris", "hello?")
	if r.State != iapeer.Accepted || !strings.Contains(r.Next, "/nonexistent/codex") {
		t.Errorf("receipt = %+v, want accepted, with the cause", r)
	}
}

// TestTurnFails lets the model fail: the message is seen, its turn cut, the
// sender told, and the peer takes the next message.
func TestTurnFails(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	s.cli("create", "eve", "--runtime", "exec", "--", "sh", "-c", "cat >> got.txt")
	got := filepath.Join(s.paths.PeerHome("eve"), "got.txt")
	for _, to := range []string{"anna", "boris"} {
		s.cli("stop", "eve") // so that it can be spoken for from outside
		s.cli("start", "eve")
		r := s.send("exec-eve", to, "FAIL 400 NONCE bad-"+to)
		until(t, to+"'s sender to be told", func() bool {
			b, _ := os.ReadFile(got)
			return strings.Contains(string(b), string(r.ID)+" to ") && strings.Contains(string(b), "turn failed")
		})
		if m := s.reaches(r.ID, iapeer.Seen); !m.TurnCut {
			t.Errorf("%s: %+v, want its turn cut", to, m)
		}
		next := s.send("exec-ops", to, "hello NONCE after-"+to, "--wait", "answered")
		if next.State != iapeer.Answered {
			t.Errorf("%s: the next message is %s", to, next.State)
		}
	}
}

// TestSessionsDecideNothing lets an agent's own process try what only a person
// may do.
func TestSessionsDecideNothing(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c",
		"cat >/dev/null; iapeer create mallory --runtime exec -- true; echo $?; iapeer remove ops; echo $?; iapeer send --from exec-ops ops hi; echo $?; env -u IAPEER_BEARER -u PEER_IDENTITY iapeer send --from cli-ada ops hi; echo $?; iapeer send ops mine >&2; echo $?")
	r := s.send("exec-ops", "bob", "go", "--wait", "answered")
	if r.Answer != "1\n1\n1\n1\n0" {
		t.Errorf("exit codes = %q, want only its own message to be sent", r.Answer)
	}
	if out := s.cli("list"); strings.Contains(out, "mallory") || !strings.Contains(out, "ops") {
		t.Errorf("list shows\n%s", out)
	}
}
