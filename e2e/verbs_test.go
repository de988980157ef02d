package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/internal/agents"
)

// explained returns what explain says of a peer.
func (s *sandbox) explained(name string) client.Explanation {
	s.t.Helper()
	var e client.Explanation
	if err := json.Unmarshal([]byte(s.cli("explain", "--json", name)), &e); err != nil {
		s.t.Fatal(err)
	}
	return e
}

// is waits until a peer has a state.
func (s *sandbox) is(name string, want iapeer.PresenceState) client.Explanation {
	s.t.Helper()
	var e client.Explanation
	until(s.t, name+" to be "+string(want), func() bool { e = s.explained(name); return e.State == want })
	return e
}

// TestVerbsWaitForTheTurn: stop and restart let a running turn end, and say that
// they do; a restart goes on with the conversation.
func TestVerbsWaitForTheTurn(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		r := s.send("exec-ops", to, "THINK 4 NONCE stop-"+to, "--wait", "seen")
		if out := s.cli("stop", to); !strings.Contains(out, "stops when its turn has ended · at once: iapeer stop "+to+" --now") {
			t.Errorf("%s: stop of a busy one says %q", to, out)
		}
		e := s.is(to, iapeer.Stopped)
		m := s.reaches(r.ID, iapeer.Answered)
		if m.TurnCut || e.Ways[0].Command != "iapeer start "+to {
			t.Errorf("%s: turn cut %v, ways %v", to, m.TurnCut, e.Ways)
		}
		s.cli("start", to)
		if out := s.cli("wake", to, "--resume"); !strings.Contains(out, "awake in its last conversation") {
			t.Errorf("%s: wake --resume says %q", to, out)
		}
		before := s.is(to, iapeer.Ready)
		if before.SessionID != m.Steps[len(m.Steps)-1].Evidence.Session {
			t.Errorf("%s: resumed %s, want the conversation of %+v", to, before.SessionID, m.Steps)
		}
		r = s.send("exec-ops", to, "THINK 4 NONCE restart-"+to, "--wait", "seen")
		if out := s.cli("restart", to); !strings.Contains(out, "restarted") {
			t.Errorf("%s: restart says %q", to, out)
		}
		after := s.is(to, iapeer.Ready)
		if m := s.reaches(r.ID, iapeer.Answered); m.TurnCut || after.SessionID != before.SessionID || after.HostPID == before.HostPID {
			t.Errorf("%s: restarted from %s, host %d, to %s, host %d; turn cut %v", to, before.SessionID, before.HostPID, after.SessionID, after.HostPID, m.TurnCut)
		}
	}
}

// TestSelfVerbs: a session asks for a fresh one in its place, by its own token;
// nobody asks so for it.
func TestSelfVerbs(t *testing.T) {
	s := pair(t, agents.ClaudeNew)
	for _, to := range []string{"anna", "boris"} {
		run := map[string]string{
			"anna":  `CALL Bash {"command":%q,"description":"ask"} NONCE self-anna`,
			"boris": `CALL exec_command {"cmd":%q} NONCE self-boris`,
		}[to]
		iap := filepath.Join(binDir, "iapeer")
		text := fmt.Sprintf(run, iap+" self-done; "+iap+" self-fresh")
		r := s.send("exec-ops", to, text, "--wait", "answered")
		for _, want := range []string{"nothing to end · this peer is not ephemeral", "this session ends with its turn · the next message begins a fresh one"} {
			if !strings.Contains(r.Answer, want) {
				t.Errorf("%s: answered %q, want %q", to, r.Answer, want)
			}
		}
		e := s.is(to, iapeer.Asleep)
		if !strings.Contains(e.Next, "in a fresh session: a refresh was asked for") {
			t.Errorf("%s: explained as %q", to, e.Next)
		}
		next := s.send("exec-ops", to, "hello NONCE next-"+to, "--wait", "answered")
		if next.Evidence == nil || r.Evidence == nil || next.Evidence.Session == r.Evidence.Session {
			t.Errorf("%s: the conversation goes on: %+v after %+v", to, next.Evidence, r.Evidence)
		}
	}
}

// TestCrashLoopIsExplained kills a peer's host again and again: it rests, says
// how often it died and until when, and goes on when a person says so.
func TestCrashLoopIsExplained(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null")
	for death := 1; death <= 3; death++ {
		s.send("exec-ops", "bob", "wake up", "--wait", "answered")
		host := s.is("bob", iapeer.Ready).HostPID
		if err := syscall.Kill(host, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		e := s.is("bob", iapeer.Resting)
		if e.Restarts.Deaths != death || e.Restarts.Limit != 3 || e.Until.IsZero() {
			t.Errorf("after %d deaths: %+v until %s", death, e.Restarts, e.Until)
		}
		if last := death == 3; (e.Rest == iapeer.RestCrashLoop) != last || (e.Rest == iapeer.RestBackOff) == last {
			t.Errorf("after %d deaths it rests for %q", death, e.Rest)
		}
	}
	r := s.send("exec-ops", "bob", "are you there?")
	text := s.cli("explain", "bob")
	for _, want := range []string{"bob (exec) is resting: crash loop, 3 deaths of 3\n", "then its mail wakes it\n", "  waiting   " + string(r.ID) + " from ops (exec)", "  iapeer start bob    forget the deaths and go on now\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("explain says %q, want %q", text, want)
		}
	}
	if list := s.cli("list"); !strings.HasPrefix(list, "NEEDS YOU\n") || !strings.Contains(list, "iapeer explain bob") {
		t.Errorf("list says %q", list)
	}
	s.cli("start", "bob")
	s.reaches(r.ID, iapeer.Answered)
}

// TestExplainAsks: a session that waits for a person's word is explained by what
// it asks, and a half-typed line by where it stands.
func TestExplainAsks(t *testing.T) {
	s, _ := gated(t, agents.ClaudeNew)
	r := s.send("exec-ops", "anna", bash("anna", "echo hi > made.txt", "ask"), "--wait", "seen")
	a := s.asks("anna")
	e := s.is("anna", iapeer.Waiting)
	if len(e.Approvals) != 1 || len(e.Ways) < 3 || e.Ways[0].Command != "iapeer approve "+a.ID || e.Ways[2].Command != "iapeer attach anna" {
		t.Errorf("explained by %+v, ways %+v", e.Approvals, e.Ways)
	}
	for _, n := range e.Not {
		if n.What == "approvals" {
			t.Errorf("said not to be the reason: %+v", n)
		}
	}
	s.says(a.ID+" allowed", "approve")
	s.reaches(r.ID, iapeer.Answered)
	s.is("anna", iapeer.Ready)

	p := s.person(s.home, "attach", "anna")
	p.sees("agents")
	p.types("halfaline")
	p.sees("halfaline")
	late := s.send("exec-ops", "anna", "hello NONCE late")
	e = s.explained("anna")
	if !e.Typing || !strings.Contains(e.Is, "a half-typed line keeps its mail waiting") || len(e.Waiting) != 1 || e.Waiting[0].ID != late.ID {
		t.Errorf("explained as %q, typing %v, waiting %+v", e.Is, e.Typing, e.Waiting)
	}
	if list := s.cli("list"); !strings.HasPrefix(list, "NEEDS YOU\n") || !strings.Contains(list, "a half-typed line keeps 1 message waiting") {
		t.Errorf("list says %q", list)
	}
	p.types("\x15\x1d")
	p.ends()
	s.reaches(late.ID, iapeer.Answered)
}
