package gate

import (
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/iapeer/iapeer"
)

// atTerminal runs the caller in the foreground of a fresh terminal and returns
// its one answer.
func atTerminal(t *testing.T, env []string, script ...any) answer {
	t.Helper()
	cmd := caller(t, "/proc/self/exe", script...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = nil
	screen, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	out, _ := io.ReadAll(screen) // ends with EIO when the terminal hangs up
	_ = cmd.Wait()
	return answersOf(t, out)[0]
}

func TestAPersonsProof(t *testing.T) {
	for _, tc := range []struct {
		name    string
		network string
		env     []string
		header  []any
		under   bool
		want    iapeer.Identity
		proof   iapeer.Proof
		err     string
	}{
		{name: "at a terminal", network: "unix", want: me, proof: iapeer.ProofPerson},
		{name: "by name", network: "unix", header: []any{IdentityHeader + "=cli-me"}, want: me, proof: iapeer.ProofPerson},
		{name: "as another person", network: "unix", header: []any{IdentityHeader + "=telegram-nina"}, want: nina, proof: iapeer.ProofPerson},
		{name: "as an agent without a session", network: "unix", header: []any{IdentityHeader + "=claude-anna"}, want: anna, proof: iapeer.ProofUID},
		{name: "over TCP", network: "tcp", proof: iapeer.ProofUID, err: "is missing"},
		{name: "by name over TCP", network: "tcp", header: []any{IdentityHeader + "=cli-me"}, proof: iapeer.ProofUID, err: "is a person"},
		{name: "an agent's shell", network: "unix", env: []string{"CLAUDECODE=1"}, proof: iapeer.ProofUID, err: "is missing"},
		{name: "inside a session", network: "unix", under: true, header: []any{IdentityHeader + "=cli-me"}, err: "acts only as that session"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, mark := range agentMarks { // the person who runs the tests may be an agent
				for _, v := range os.Environ() {
					if strings.HasPrefix(v, mark) && tc.proof == iapeer.ProofPerson {
						t.Skipf("SKIPPED: the tests run inside an agent program (%s)", mark)
					}
				}
			}
			w := newWorld()
			if tc.under {
				w.under[os.Getpid()] = Session{Identity: anna, Generation: 1}
			}
			addr, sock := serve(t, configOf(w, nil), echo)
			at := sock
			if tc.network == "tcp" {
				at = addr
			}
			got := atTerminal(t, tc.env, append([]any{"stay", tc.network, at, 1}, tc.header...)...).told(t)
			if got.Caller.Identity != tc.want || got.Caller.Proof != tc.proof || got.Caller.Session != tc.under || !strings.Contains(got.Err, tc.err) || (tc.err == "") != (got.Err == "") {
				t.Errorf("got %+v, want %+v", got, tc)
			}
			if may := tc.proof == iapeer.ProofPerson; got.Caller.MayDecide() != may {
				t.Errorf("MayDecide = %v, want %v", got.Caller.MayDecide(), may)
			}
		})
	}
}

func TestAPersonNeedsATerminal(t *testing.T) {
	_, sock := serve(t, configOf(newWorld(), nil), echo)
	cmd := caller(t, "/proc/self/exe", "stay", "unix", sock, 1)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := answersOf(t, out)[0].told(t); got.Caller.Proof != iapeer.ProofUID || got.Caller.Identity != (iapeer.Identity{}) {
		t.Errorf("got %+v", got)
	}
}

// A child that left its parents and its terminal carries the session's token
// in its environment still.
func TestAnOrphanOfASession(t *testing.T) {
	var tokens Table
	token, hash := NewToken()
	tokens.Add(hash, TokenFacts{Identity: boris, Generation: 5})
	_, sock := serve(t, configOf(newWorld(), &tokens), echo)
	cmd := caller(t, "/proc/self/exe", "stay", "unix", sock, 1, IdentityHeader+"=claude-anna")
	cmd.Env = append(cmd.Env, "IAPEER_BEARER="+token)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := answersOf(t, out)[0].told(t)
	if !got.Caller.Session || got.Caller.Generation != 5 || got.Caller.Identity != (iapeer.Identity{}) || !strings.Contains(got.Err, "inside the session of claude-boris") {
		t.Errorf("got %+v", got)
	}
}

func TestParseStat(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want process
		ok   bool
	}{
		{"7 (sh) S 3 7 5 34816 7 4194304 0", process{parent: 3, group: 7, session: 5, terminal: true, foreground: true}, true},
		{"7 (a) b) S) S 3 7 5 0 -1 0", process{parent: 3, group: 7, session: 5}, true},
		{"7 (sh) S 3 7 5 34816 8 0", process{parent: 3, group: 7, session: 5, terminal: true}, true},
		{"7 (sh) S 3 7", process{}, false},
		{"7 sh S 3 7 5 0 -1", process{}, false},
		{"7 (sh) S x 7 5 0 -1", process{}, false},
		{"", process{}, false},
	} {
		got, err := parseStat([]byte(tc.in))
		if got != tc.want || (err == nil) != tc.ok {
			t.Errorf("parseStat(%q) = %+v, %v", tc.in, got, err)
		}
	}
}

// BenchmarkStanding is the price of a request over TCP without a token, once a
// connection: the search for the process behind a socket.
func BenchmarkStanding(b *testing.B) {
	g := New(configOf(newWorld(), nil))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	b.ReportAllocs()
	for b.Loop() {
		if !examine(in).standing(g).known {
			b.Fatal("not found")
		}
	}
}
