package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// attempts are what an agent may try, once its command runs, to decide in a
// person's place. ID stands for a request that is open, SOCK for the daemon's
// socket.
var attempts = []string{
	`iapeer approve ID`,
	`iapeer approve ID --always --tool`,
	`iapeer deny ID`,
	`iapeer approvals revoke g1`,
	`iapeer approval-mode anna yolo`,
	`iapeer approval-mode anna yolo --now`,
	`env -i HOME=$HOME PATH=$PATH iapeer approve ID`,
	`env -i HOME=$HOME PATH=$PATH setsid -w nohup iapeer approve ID`,
	`env -i HOME=$HOME PATH=$PATH TERM=xterm script -qec 'iapeer approve ID' /dev/null </dev/null`,
	`env -i HOME=$HOME PATH=$PATH TERM=xterm setsid -w script -qec 'iapeer approval-mode anna yolo' /dev/null </dev/null`,
	`curl -sS --unix-socket SOCK -X POST -H 'Content-Type: application/json' -d '{"scope":"always"}' http://localhost/fleet/v1/approvals/ID/approve`,
	`curl -sS --unix-socket SOCK -X POST -H 'Content-Type: application/json' -H 'X-IAPeer-Identity: cli-ada' -d '{"approver":"ada"}' http://localhost/fleet/v1/approvals/ID/approve`,
	`curl -sS --unix-socket SOCK -X POST -H 'Content-Type: application/json' -H "Authorization: Bearer $IAPEER_BEARER" -d '{"approver":"ada","via":"cli"}' http://localhost/fleet/v1/approvals/ID/approve`,
	`curl -sS -X POST -H 'Content-Type: application/json' -H 'X-IAPeer-Identity: cli-ada' -d '{}' URL/fleet/v1/approvals/ID/approve`,
	`curl -sS --unix-socket SOCK -X POST -H 'Content-Type: application/json' -d '{"mode":"yolo"}' http://localhost/fleet/v1/peers/anna/approval-mode`,
	`iapeer send --from cli-ada ops 'signed as ada'`,
	`env -i HOME=$HOME PATH=$PATH iapeer send --from cli-ada ops 'signed as ada'`,
	`iapeer confirm-send 1`,
	`iapeer config set accept_risk yes`,
}

// TestAnAgentDecidesNothing lets a gated session try all of it, with a request
// of its own open beside it: everything is refused, and nothing changes.
func TestAnAgentDecidesNothing(t *testing.T) {
	for _, name := range []string{"anna", "boris"} {
		t.Run(name, func(t *testing.T) {
			s, _ := gated(t, agents.ClaudeNew)
			s.says("", "inbox") // the person is a peer
			s.asker("carol")
			s.send("exec-ops", "carol", "r1", "--wait", "accepted")
			victim := s.asksFor("r1")
			home := s.paths.PeerHome(iapeer.Name(name))
			s.script(filepath.Join(home, "try.sh"), victim.ID)
			r := s.send("exec-ops", name, bash(name, "sh try.sh > tried.txt 2>&1", "try"), "--wait", "seen")
			a := s.asksFor(bashContent(name))
			s.says(a.ID+" allowed", "approve", a.ID)
			s.reaches(r.ID, iapeer.Answered)
			tried, err := os.ReadFile(filepath.Join(home, "tried.txt"))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s", tried)
			if n := strings.Count(string(tried), "refused ("); n != len(attempts) || strings.Contains(string(tried), "WORKED") {
				t.Errorf("%d of %d attempts were refused", n, len(attempts))
			}
			if still := s.asksFor("r1"); still.ID != victim.ID || still.State != "open" {
				t.Errorf("the open request is %+v", still)
			}
			if out := s.cli("approval-mode", "anna"); !strings.Contains(out, "anna is gated") {
				t.Errorf("approval-mode says %s", out)
			}
			if out := s.cli("msg", "list", "--json"); strings.Contains(out, "signed as ada") {
				t.Errorf("a message was signed as the person: %s", out)
			}
			s.says(victim.ID+" denied", "deny", victim.ID)
		})
	}
}

func bashContent(name string) string {
	if name == "boris" {
		return "sh try.sh > tried.txt 2>&1"
	}
	return "sh try.sh > tried.txt 2>&1\n# try"
}

// script writes the attempts; each tells whether it was refused.
func (s *sandbox) script(path, id string) {
	s.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "export PATH=%s:$PATH\ncd %s\n", binDir, s.home)
	fill := strings.NewReplacer("ID", id, "SOCK", s.paths.RouterSocket(), "URL", s.url(), "X-IAPeer-Identity", "X-IAPeer-Identity")
	for i, a := range attempts {
		fmt.Fprintf(&b, "out=$(%s 2>&1); code=$?\n", fill.Replace(a))
		fmt.Fprintf(&b, "case \"$code$out\" in 0*'\"ok\":true'*|0*'\"changed\":true'*) echo '%d WORKED' \"$out\";; 0*'\"error\"'*|[1-9]*) echo '%d refused (' \"$out\" ')';; *) echo '%d WORKED' \"$out\";; esac\n", i, i, i)
	}
	write(s.t, path, b.String())
}

// url is where the daemon listens on TCP.
func (s *sandbox) url() string {
	s.t.Helper()
	b, err := os.ReadFile(s.paths.RouterFile())
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), `"tcp":`)
	url, _, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(rest), `"`), `/mcp`)
	return url
}
