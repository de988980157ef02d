package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// terminal is the CLI in a terminal of its own, as a person has it.
type terminal struct {
	t   *testing.T
	cmd *exec.Cmd
	pty *os.File

	mu  sync.Mutex
	out strings.Builder
	end chan struct{}
}

// person runs the CLI in a terminal.
func (s *sandbox) person(dir string, args ...string) *terminal {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(binDir, "iapeer"), args...)
	cmd.Env, cmd.Dir = append(s.env, "TERM=xterm-256color"), dir
	return s.terminal(cmd)
}

// terminal starts a program in a terminal, which ends with the test.
func (s *sandbox) terminal(cmd *exec.Cmd) *terminal {
	s.t.Helper()
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		s.t.Fatal(err)
	}
	p := &terminal{t: s.t, cmd: cmd, pty: f, end: make(chan struct{})}
	go p.read()
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		f.Close()
		<-p.end
	})
	return p
}

func (p *terminal) read() {
	defer close(p.end)
	buf := make([]byte, 4096)
	for {
		n, err := p.pty.Read(buf)
		p.mu.Lock()
		p.out.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// sees waits until the terminal has shown something.
func (p *terminal) sees(what string) {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Logf("the terminal showed %q", p.text())
		}
	}()
	until(p.t, "the terminal to show "+what, func() bool { return strings.Contains(p.text(), what) })
}

func (p *terminal) types(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.pty, s); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the program's end and returns its exit code.
func (p *terminal) ends() int {
	p.t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case <-done:
		<-p.end // its last words
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("the program does not end; the terminal showed %q", p.text())
		return -1
	}
}

// TestPersonSendsAndReadsTheAnswer is the first thing a person does.
func TestPersonSendsAndReadsTheAnswer(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo forty-two")
	p := s.person(s.home, "send", "bob", "hi, are you there?")
	if code := p.ends(); code != 0 {
		t.Fatalf("send exits %d: %s", code, p.text())
	}
	if !strings.Contains(p.text(), "seen by bob") {
		t.Errorf("send shows %q, want that bob has seen it", p.text())
	}
	m := s.between("cli-ada", "exec-bob")
	if m.Proof != iapeer.ProofPerson {
		t.Errorf("proof = %q, want person", m.Proof)
	}
	s.between("exec-bob", "cli-ada")
	in := s.person(s.home, "inbox")
	in.sees("forty-two")
	if code := in.ends(); code != 0 {
		t.Errorf("inbox exits %d: %s", code, in.text())
	}
	ask := s.person(s.home, "ask", "bob", "again?")
	if code := ask.ends(); code != 0 || !strings.Contains(ask.text(), "forty-two") {
		t.Errorf("ask exits %d and shows %q", code, ask.text())
	}
}

// TestAttach shows a real session to a person, who leaves it with the detach
// key; it lives on.
func TestAttach(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	for _, name := range []string{"anna", "boris"} {
		p := s.person(s.home, "attach", name)
		p.sees("agents") // in the footer of both programs
		host := s.hostPID(name)
		p.types("hello NONCE typed-" + name)
		p.sees("typed-" + name)
		p.types("\r")
		p.sees("ECHO")
		p.types("\x1d")
		if code := p.ends(); code != 0 {
			t.Errorf("%s: attach exits %d", name, code)
		}
		if !strings.Contains(p.text(), "\x1b[?2004l") {
			t.Errorf("%s: the terminal is not restored", name)
		}
		if now := s.hostPID(name); now != host || syscall.Kill(now, 0) != nil {
			t.Errorf("%s: the session ended with the terminal", name)
		}
	}
}

// TestByHand leaves a folder to a session that a person started there: mail is
// held, and adopt resumes that conversation under a host.
func TestByHand(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	home := s.paths.PeerHome("anna")
	warm := s.send("exec-ops", "anna", "hello NONCE warm", "--wait", "answered")
	s.cli("stop", "anna")
	s.cli("start", "anna")
	until(t, "the session to end", func() bool {
		list, _ := filepath.Glob(filepath.Join(s.home, ".claude", "sessions", "*.json"))
		return len(list) == 0
	})
	hand := s.byHand(home, agents.Claude(t, agents.ClaudeNew), "--resume", warm.Evidence.Session)
	until(t, "the session by hand", func() bool {
		list, _ := filepath.Glob(filepath.Join(s.home, ".claude", "sessions", "*.json"))
		return len(list) == 1
	})
	r := s.send("exec-ops", "anna", "for anna NONCE held")
	if r.State != iapeer.Accepted || r.QueuedBy != "hand" {
		t.Errorf("receipt = %+v, want held for the session by hand", r)
	}
	if out := s.cli("list"); !strings.Contains(out, "by hand") {
		t.Errorf("list shows %s, want anna by hand", out)
	}
	s.cli("adopt", "anna")
	if hand.ends() == 0 {
		t.Log("the session by hand ended by itself")
	}
	got := s.reaches(r.ID, iapeer.Answered)
	for _, step := range got.Steps {
		if step.Change == iapeer.ChangeSee && step.Evidence.Session != warm.Evidence.Session {
			t.Errorf("adopted as %s, want the same conversation %s", step.Evidence.Session, warm.Evidence.Session)
		}
	}
}

// byHand starts an agent program as a person would, with the environment of the
// peers' sessions.
func (s *sandbox) byHand(dir, bin string, args ...string) *terminal {
	s.t.Helper()
	base, err := os.ReadFile(filepath.Join(s.paths.State(), "environment"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(bin, append([]string{"--dangerously-skip-permissions", "--settings", `{"skipDangerousModePermissionPrompt":true}`}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(append(strings.Split(strings.TrimSpace(string(base)), "\n"), s.env...), "TERM=xterm-256color", "DISABLE_AUTOUPDATER=1")
	return s.terminal(cmd)
}

// TestGuest commits, inits, runs a session, sends and removes in a repository:
// no tracked file and no line of git status changes.
func TestGuest(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	repo := filepath.Join(s.home, "src", "shop")
	write(t, filepath.Join(repo, "main.go"), "package main\n")
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = repo
		cmd.Env = append(s.env, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "first")
	check := func(when string) {
		if out := git("status", "--porcelain"); out != "" {
			t.Errorf("%s: git status shows %q", when, out)
		}
	}
	s.cli("init", repo, "--runtime", "claude")
	check("after init")
	r := s.send("exec-ops", "shop", "hello NONCE guest", "--wait", "answered")
	if r.State != iapeer.Answered {
		t.Errorf("receipt = %+v", r)
	}
	check("after a session")
	s.cli("stop", "shop")
	s.cli("remove", "shop")
	check("after remove")
	if _, err := os.Stat(filepath.Join(repo, ".mcp.json")); err == nil {
		t.Error(".mcp.json is still there after remove")
	}
}

// TestSecondDaemonIsRefused leaves the first one intact.
func TestSecondDaemonIsRefused(t *testing.T) {
	s := newSandbox(t)
	s.cli("daemon", "start")
	pid := s.daemonPID()
	cmd := exec.Command(filepath.Join(binDir, "iapeerd"))
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "already running") {
		t.Errorf("a second daemon ends with %v and says %q", err, out)
	}
	if s.daemonPID() != pid {
		t.Error("the first daemon is gone")
	}
	if code := s.code("status"); code != 0 {
		t.Errorf("status exits %d", code)
	}
}

// TestHandStartedSessionSends lets a session that iapeer did not start send:
// its project file names it, and a process of the same user may speak for a
// peer that has no supervised session.
func TestHandStartedSessionSends(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	s.cli("daemon", "start")
	hand := s.byHand(s.paths.PeerHome("anna"), agents.Claude(t, agents.ClaudeNew))
	hand.sees("agents")
	hand.types("\x1b[200~" + call("ops", "from the hand", "hand1") + "\x1b[201~")
	hand.sees("hand1")
	hand.types("\r")
	m := s.between("claude-anna", "exec-ops")
	if m.Proof != iapeer.ProofUID || m.Body != "from the hand" {
		t.Errorf("message = %+v, want it from the hand, proven by the user", m)
	}
}

// TestBareRuntime starts a fresh session in a peer's folder and shows it.
func TestBareRuntime(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	p := s.person(s.paths.PeerHome("boris"), "codex")
	p.sees("for agents")
	first := s.hostPID("boris")
	p.types("\x1d")
	if code := p.ends(); code != 0 {
		t.Errorf("exits %d: %q", code, p.text())
	}
	again := s.person(s.paths.PeerHome("boris"), "codex")
	again.sees("for agents")
	if now := s.hostPID("boris"); now == first {
		t.Errorf("the second start shows the first session, host %d", now)
	}
	again.types("\x1d")
	if code := again.ends(); code != 0 {
		t.Errorf("exits %d: %q", code, again.text())
	}
}
