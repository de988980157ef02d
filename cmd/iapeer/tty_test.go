package main

import (
	"bytes"
	"errors"
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
)

// A terminal runs iapeer as a person does: on a pty, in a root of its own.
type terminal struct {
	t   *testing.T
	env []string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	dir, err := os.MkdirTemp("", "iap") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "USER=ada", "TERM=xterm-256color", "GOCOVERDIR=" + dir, "GORACE=" + raceEnv,
		"IAPEER_ROOT=" + filepath.Join(dir, "root"), "IAPEER_DAEMON_SOCKET=" + filepath.Join(dir, "s"),
	}}
	t.Cleanup(func() {
		cmd := exec.Command("iapeer", "daemon", "stop")
		cmd.Env = term.env
		_ = cmd.Run() // none is fine
		_ = os.RemoveAll(dir)
	})
	return term
}

// A reply is what a person types when a question has come up for the nth time.
type reply struct {
	question string
	times    int
	text     string
}

// run types the answers, each when its question is on the screen, and returns
// all that was shown and the exit code.
func (m *terminal) run(answers []reply, args ...string) (shown string, code int) {
	m.t.Helper()
	cmd := exec.Command("iapeer", args...)
	cmd.Env, cmd.Dir = m.env, m.t.TempDir()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		m.t.Fatal(err)
	}
	defer tty.Close()
	limit := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	screen := &typist{tty: tty, answers: answers}
	if _, err := io.Copy(screen, tty); err != nil && !errors.Is(err, syscall.EIO) {
		m.t.Fatal(err)
	}
	_ = cmd.Wait() // the code says it
	return strings.ReplaceAll(screen.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

// A typist reads a screen and answers its questions.
type typist struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	tty     io.Writer
	answers []reply
}

func (y *typist) Write(b []byte) (int, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.buf.Write(b)
	for len(y.answers) > 0 && strings.Count(y.buf.String(), y.answers[0].question) >= y.answers[0].times {
		if _, err := io.WriteString(y.tty, y.answers[0].text); err != nil {
			return 0, err
		}
		y.answers = y.answers[1:]
	}
	return len(b), nil
}

func (y *typist) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.buf.String()
}

func TestTerminalShowsProgressAndReceipt(t *testing.T) {
	m := newTerminal(t)
	shown, code := m.run(nil, "send", "web", "hello")
	for _, want := range []string{"from \x1b[", "proof: hook UserPromptSubmit", "iapeer msg wait m-"} {
		if code != 0 || !strings.Contains(shown, want) {
			t.Errorf("code %d, the terminal lacks %q:\n%q", code, want, shown)
		}
	}
	if strings.Contains(shown, "delivered to") {
		t.Errorf("a person is not told what programs are:\n%s", shown)
	}
	shown, code = m.run(nil, "send", "sleepy", "hello", "--timeout", "10ms")
	if code != exitNotYet || !strings.Contains(shown, "accepted") {
		t.Errorf("not yet seen: code %d\n%s", code, shown)
	}
}

func TestTerminalAsksAboutTheRiskOnce(t *testing.T) {
	m := newTerminal(t)
	shown, code := m.run([]reply{{"May they act", 1, "what?\r"}, {"May they act", 2, "y\r"}}, "create", "joe", "--runtime", "claude")
	if code != 0 || strings.Count(shown, "May they act without asking?") != 2 || !strings.Contains(shown, " is ready") {
		t.Errorf("code %d\n%s", code, shown)
	}
	if shown, code = m.run(nil, "create", "eve", "--runtime", "exec"); code != 0 || strings.Contains(shown, "without asking?") {
		t.Errorf("an exec peer is not asked about: code %d\n%s", code, shown)
	}
	if shown, code = m.run(nil, "create", "eve", "--accept-risk"); code != 0 || strings.Contains(shown, "without asking?") {
		t.Errorf("a given answer is not asked for: code %d\n%s", code, shown)
	}
}

func TestNoColor(t *testing.T) {
	m := newTerminal(t)
	if shown, _ := m.run(nil, "list"); !strings.Contains(shown, "\x1b[") {
		t.Errorf("a terminal without colours:\n%q", shown)
	}
	m.env = append(m.env, "NO_COLOR=1")
	if shown, _ := m.run(nil, "list"); strings.Contains(shown, "\x1b[") {
		t.Errorf("NO_COLOR with colours:\n%q", shown)
	}
}
