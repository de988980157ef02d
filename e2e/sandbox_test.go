package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/internal/fakemodel"
	"github.com/iapeer/iapeer/session"
)

// binDir holds the programs under test, built once.
var binDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "iapeer-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", raceFlag, "-o", dir, "../cmd/iapeer", "../cmd/iapeerd")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	binDir = dir
	return m.Run()
}

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// sandbox is a home folder with its own root and daemon.
type sandbox struct {
	t     *testing.T
	home  string
	paths iapeer.Paths
	env   []string
	bin   string // folder of the programs
}

// newSandbox makes a home folder. Its path is short, because sockets below it
// have room for about a hundred bytes. Tests with a sandbox run beside each other:
// most of their time goes in waiting for programs.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	t.Parallel()
	home, err := os.MkdirTemp("/tmp", "ie") //nolint:usetesting // the path of t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{t: t, home: home, paths: iapeer.Paths{Root: filepath.Join(home, ".iapeer"), Home: home}, bin: binDir}
	s.env = []string{
		"HOME=" + home, "USER=ada", "LOGNAME=ada", "SHELL=/bin/sh", "LANG=C.UTF-8", "NO_COLOR=1",
		"PATH=" + binDir + ":" + os.Getenv("PATH"), "IAPEER_ACCEPT_RISK=1",
		"GORACE=atexit_sleep_ms=0 halt_on_error=1", // a race ends the program, and with it the test
	}
	t.Cleanup(s.close)
	return s
}

// close ends the daemon and every session of this home, by pid, and removes it.
func (s *sandbox) close() {
	if s.t.Failed() {
		s.dump()
	}
	if pid := s.daemonPID(); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		s.gone(pid)
	}
	found, _ := session.Scan(s.paths.Hosts())
	for _, f := range found {
		if f.State == session.Alive || f.State == session.Locked {
			_ = session.KillHost(f.Files.PID())
			session.WaitUnlocked(f.Files, 10*time.Second)
		}
	}
	os.RemoveAll(s.home)
}

func (s *sandbox) dump() {
	for _, name := range []string{"logs/iapeer/daemon.log", "logs/iapeer/daemon-stderr.log"} {
		b, _ := os.ReadFile(filepath.Join(s.paths.Root, name))
		s.t.Logf("%s:\n%s", name, b)
	}
	if out, err := s.try("msg", "list"); err == nil {
		s.t.Logf("messages:\n%s", out)
	}
	if out, err := s.events(); err == nil {
		s.t.Logf("events:\n%s", out)
	}
	list, _ := filepath.Glob(filepath.Join(s.paths.PaneLogs(), "*.log"))
	for _, f := range list {
		b, _ := os.ReadFile(f)
		s.t.Logf("%s (end):\n%q", filepath.Base(f), b[max(0, len(b)-1500):])
	}
}

// gone waits until a process that is not our child has ended.
func (s *sandbox) gone(pid int) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("process %d to end", pid), func() bool { return syscall.Kill(pid, 0) != nil })
}

func (s *sandbox) daemonPID() int {
	b, err := os.ReadFile(s.paths.RouterFile())
	if err != nil {
		return 0
	}
	var r struct{ PID int }
	_ = json.Unmarshal(b, &r)
	return r.PID
}

// try runs the CLI and returns what it printed.
func (s *sandbox) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "iapeer"), args...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = s.env, s.home, time.Second
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("iapeer %s: %w: %s%s", strings.Join(args, " "), err, out.String(), errout.String())
	}
	return out.String(), err
}

// cli runs the CLI and fails the test when it fails.
func (s *sandbox) cli(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// code runs the CLI and returns its exit code.
func (s *sandbox) code(args ...string) int {
	s.t.Helper()
	_, err := s.try(args...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case asExit(err, &exit):
		return exit.ExitCode()
	}
	s.t.Fatal(err)
	return -1
}

// send sends and returns the receipt.
func (s *sandbox) send(from, to, text string, more ...string) iapeer.SendResult {
	s.t.Helper()
	out, err := s.try(append([]string{"send", "--from", from, "--json", to, "--message", text}, more...)...)
	var r client.SendReply
	if jsonErr := json.Unmarshal([]byte(out), &r); jsonErr != nil || r.Result.ID == "" {
		s.t.Fatalf("send: %v, %q", err, out)
	}
	return r.Result
}

// message returns a message as the CLI shows it.
func (s *sandbox) message(id iapeer.MessageID) client.Message {
	s.t.Helper()
	var m client.Message
	if err := json.Unmarshal([]byte(s.cli("msg", "show", "--json", string(id))), &m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// reaches waits until a message has a state.
func (s *sandbox) reaches(id iapeer.MessageID, states ...iapeer.State) client.Message {
	s.t.Helper()
	var m client.Message
	until(s.t, fmt.Sprintf("%s to be %v", id, states), func() bool {
		m = s.message(id)
		for _, want := range states {
			if m.State == want {
				return true
			}
		}
		return false
	})
	return m
}

// environment sets the base environment of sessions.
func (s *sandbox) environment(env ...string) {
	s.t.Helper()
	write(s.t, filepath.Join(s.paths.State(), "environment"), strings.Join(env, "\n")+"\n")
}

// model starts a scripted model and makes this home one in which claude and
// codex are signed in with it.
func (s *sandbox) model() *fakemodel.Server {
	s.t.Helper()
	const key = "sk-ant-scripted-model-0123456789"
	m, url := fakemodel.Start(s.t)
	write(s.t, filepath.Join(s.home, ".claude.json"), fmt.Sprintf(
		`{"hasCompletedOnboarding":true,"customApiKeyResponses":{"approved":[%q],"rejected":[]}}`, key[len(key)-20:]))
	write(s.t, filepath.Join(s.home, ".codex", "config.toml"), fmt.Sprintf(
		"model = \"fake-model\"\nmodel_provider = \"fake\"\n[model_providers.fake]\nname = \"fake\"\nbase_url = \"%s/v1\"\nenv_key = \"FAKE_KEY\"\nwire_api = \"responses\"\n", url))
	s.environment(
		"PATH="+os.Getenv("PATH"), "LANG=C.UTF-8", "IS_SANDBOX=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"ANTHROPIC_BASE_URL="+url, "ANTHROPIC_API_KEY="+key, "FAKE_KEY=k",
	)
	return m
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pollEvery is the pause between two looks at something that has no event a
// test could wait for: another process, or what the CLI prints.
const pollEvery = 30 * time.Millisecond

// until waits until ok, and fails the test when that takes too long.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// between waits for a message from one identity to another.
func (s *sandbox) between(from, to string) client.Message {
	s.t.Helper()
	var found client.Message
	until(s.t, "a message from "+from+" to "+to, func() bool {
		var list []client.Message
		if err := json.Unmarshal([]byte(s.cli("msg", "list", "--json")), &list); err != nil {
			s.t.Fatal(err)
		}
		for _, m := range list {
			if m.From == from && m.To == to {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// events returns what the daemon told its observers, a line each.
func (s *sandbox) events() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", s.paths.RouterSocket())
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/fleet/v1/events?replay=500", nil)
	if err != nil {
		return "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var out strings.Builder
	lines := bufio.NewScanner(res.Body)
	time.AfterFunc(time.Second, func() { res.Body.Close() })
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			out.WriteString(data + "\n")
		}
	}
	return out.String(), nil
}
