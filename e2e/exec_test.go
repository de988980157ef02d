package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/iapeer/iapeer"
)

func asExit(err error, target **exec.ExitError) bool { return errors.As(err, target) }

// TestExecRoundTrip is the main job without any agent program: a sleeping peer
// is woken by a message, sees it, answers, and the answer arrives.
func TestExecRoundTrip(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ada", "--runtime", "exec", "--", "sh", "-c", "cat > got.txt")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo 42")
	r := s.send("exec-ada", "bob", "what is 6 x 7?", "--wait", "answered")
	if r.State != iapeer.Answered || r.Answer != "42" || !r.Woke {
		t.Errorf("receipt = %+v, want answered 42 by a peer that was woken", r)
	}
	if r.Evidence == nil || r.Evidence.Source != "exit" {
		t.Errorf("evidence = %+v, want an exit", r.Evidence)
	}
	got := filepath.Join(s.paths.PeerHome("ada"), "got.txt")
	until(t, "the answer to arrive", func() bool {
		b, _ := os.ReadFile(got)
		return strings.Contains(string(b), "<![CDATA[42]]>")
	})
	if m := s.message(r.ID); len(m.Steps) < 3 {
		t.Errorf("history = %+v, want accepted, offered, seen, answered", m.Steps)
	}
}

// TestExecFailureIsToldToTheSender runs a command that fails.
func TestExecFailureIsToldToTheSender(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ada", "--runtime", "exec", "--", "sh", "-c", "cat >> got.txt")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo broken pipe dream >&2; exit 3")
	r := s.send("exec-ada", "bob", "try")
	m := s.reaches(r.ID, iapeer.Failed)
	last := m.Steps[len(m.Steps)-1]
	if !strings.Contains(last.Evidence.Detail, "exit 3") || !strings.Contains(last.Evidence.Detail, "broken pipe dream") {
		t.Errorf("evidence = %+v, want exit 3 and the tail of standard error", last.Evidence)
	}
	until(t, "the sender to be told", func() bool {
		b, _ := os.ReadFile(filepath.Join(s.paths.PeerHome("ada"), "got.txt"))
		return strings.Contains(string(b), string(r.ID)+" to exec-bob failed")
	})
}

// TestDaemonKilled kills the daemon between accept and evidence: the session
// lives on, is adopted, and the message is seen exactly once.
func TestDaemonKilled(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ada", "--runtime", "exec", "--", "true")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo run >> runs.txt; while [ ! -e go ]; do sleep 0.02; done; echo done")
	home := s.paths.PeerHome("bob")
	r := s.send("exec-ada", "bob", "slow", "--wait", "accepted")
	until(t, "the command to run", func() bool { _, err := os.Stat(filepath.Join(home, "runs.txt")); return err == nil })
	pid := s.daemonPID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.gone(pid)
	s.cli("daemon", "start")
	write(t, filepath.Join(home, "go"), "")
	m := s.reaches(r.ID, iapeer.Answered)
	if m.Answer != "done" {
		t.Errorf("answer = %q, want done", m.Answer)
	}
	if b, _ := os.ReadFile(filepath.Join(home, "runs.txt")); string(b) != "run\n" {
		t.Errorf("runs = %q, want one", b)
	}
}

// TestOrderAcrossTheWake sends many messages to a sleeping peer.
func TestOrderAcrossTheWake(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ada", "--runtime", "exec", "--", "true")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "sed -n 's/.*CDATA.\\(n[0-9]*\\).*/\\1/p' >> got.txt")
	var last iapeer.MessageID
	want := ""
	for _, n := range []string{"n1", "n2", "n3", "n4", "n5"} {
		last = s.send("exec-ada", "bob", n, "--wait", "accepted").ID
		want += n + "\n"
	}
	s.reaches(last, iapeer.Answered)
	if b, _ := os.ReadFile(filepath.Join(s.paths.PeerHome("bob"), "got.txt")); string(b) != want {
		t.Errorf("order = %q, want %q", b, want)
	}
}

// TestRemoveTellsSenders removes a peer whose mail was never read: the message
// fails, and its sender learns it.
func TestRemoveTellsSenders(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ada", "--runtime", "exec", "--", "sh", "-c", "cat >> got.txt")
	s.cli("create", "bob", "--runtime", "exec", "--", "true")
	s.cli("stop", "bob")
	r := s.send("exec-ada", "bob", "hello?")
	if r.State != iapeer.Accepted || r.QueuedBy != "stopped" {
		t.Errorf("receipt = %+v, want accepted for a stopped peer", r)
	}
	s.cli("remove", "bob")
	s.reaches(r.ID, iapeer.Failed)
	until(t, "the sender to be told", func() bool {
		b, _ := os.ReadFile(filepath.Join(s.paths.PeerHome("ada"), "got.txt"))
		return strings.Contains(string(b), "the peer bob was removed")
	})
}

// TestRenameSendsMailOn renames a peer that has mail: the sender is told, and the
// message reaches the peer under its new name.
func TestRenameSendsMailOn(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "ada", "--runtime", "exec", "--", "sh", "-c", "cat >> got.txt")
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat > got.txt")
	s.cli("stop", "bob")
	r := s.send("exec-ada", "bob", "hello?")
	if code := s.code("rename", "bob", "rob"); code != 1 {
		t.Errorf("rename with open mail exits %d, want 1", code)
	}
	s.cli("rename", "bob", "rob", "--force")
	got := s.between("exec-ada", "exec-rob")
	if out := s.cli("status", "rob"); !strings.Contains(out, "stopped") || got.State != iapeer.Accepted {
		t.Errorf("what was stopped is %s, its mail %s", out, got.State)
	}
	s.cli("start", "rob")
	s.reaches(got.ID, iapeer.Answered)
	if b, _ := os.ReadFile(filepath.Join(s.paths.PeerHome("rob"), "got.txt")); !strings.Contains(string(b), "hello?") {
		t.Errorf("rob got %q", b)
	}
	s.reaches(r.ID, iapeer.Failed)
	until(t, "the sender to be told", func() bool {
		b, _ := os.ReadFile(filepath.Join(s.paths.PeerHome("ada"), "got.txt"))
		return strings.Contains(string(b), "bob is called rob now; the message goes on as "+string(got.ID))
	})
}

// TestRenameEndsTheSession renames a peer whose session is live.
func TestRenameEndsTheSession(t *testing.T) {
	s := newSandbox(t)
	for _, sender := range []string{"ada", "eve"} { // the answer wakes whoever asked
		s.cli("create", sender, "--runtime", "exec", "--", "true")
	}
	s.cli("create", "bob", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; echo done")
	s.reaches(s.send("exec-ada", "bob", "one").ID, iapeer.Answered)
	host := s.hostPID("bob")
	if _, err := s.try("rename", "bob", "rob"); err == nil || !strings.Contains(err.Error(), "its exec session is live; iapeer stop bob first, or --force ends it") {
		t.Errorf("rename of a live one = %v", err)
	}
	s.cli("rename", "bob", "rob", "--force")
	s.gone(host)
	s.cli("start", "rob")
	s.reaches(s.send("exec-eve", "rob", "two").ID, iapeer.Answered)
	list, _ := filepath.Glob(filepath.Join(s.paths.Hosts(), "exec-bob.*"))
	if len(list) > 0 {
		t.Errorf("the old name left %v", list)
	}
}

// TestACopyDoesNotSign speaks from a copy of a peer's folder, which carries its
// papers: nothing is signed as that peer, and from its own folder it is.
func TestACopyDoesNotSign(t *testing.T) {
	s := newSandbox(t)
	s.cli("create", "bob", "--runtime", "exec", "--", "true")
	home, twin := filepath.Join(s.home, "src", "web"), filepath.Join(s.home, "src", "web-copy")
	for _, dir := range []string{home, twin} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.cli("init", home, "--runtime", "claude")
	papers, err := os.ReadFile(filepath.Join(home, ".mcp.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(twin, ".mcp.json"), string(papers))
	from := func(dir string) (string, error) {
		cmd := exec.Command(filepath.Join(binDir, "iapeer"), "send", "--from", "claude-web", "--wait", "accepted", "bob", "hello")
		cmd.Env, cmd.Dir = s.env, dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := from(home); err != nil {
		t.Errorf("from its own folder: %v, %s", err, out)
	}
	out, err := from(twin)
	if err == nil || !strings.Contains(out, "this folder carries the papers of another peer, so nothing is signed as web from here") ||
		!strings.Contains(out, "iapeer create web-copy --workdir "+twin) {
		t.Errorf("from a copy: %v, %s", err, out)
	}
	s.cli("create", "web-copy", "--workdir", twin, "--runtime", "claude")
	if out, err := from(s.home); err != nil {
		t.Errorf("from elsewhere: %v, %s", err, out)
	}
}

// TestWorkdir runs two peers in one folder that is the home of neither: both
// work there, and iapeer writes nothing into it.
func TestWorkdir(t *testing.T) {
	s := newSandbox(t)
	work := filepath.Join(s.home, "src", "web")
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"review", "audit"} {
		s.cli("create", "asks-"+name, "--runtime", "exec", "--", "true") // the answer wakes whoever asked
		s.cli("create", name, "--workdir", work, "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; pwd; ls -A")
	}
	for _, name := range []string{"review", "audit"} {
		r := s.send("exec-asks-"+name, name, "where are you?", "--wait", "answered")
		if r.State != iapeer.Answered || r.Answer != work {
			t.Errorf("%s: %s, %q, want an empty folder %s", name, r.State, r.Answer, work)
		}
	}
	s.cli("remove", "review")
	if list, err := os.ReadDir(work); err != nil || len(list) > 0 {
		t.Errorf("the folder holds %v, %v", list, err)
	}
	if err := os.RemoveAll(work); err != nil {
		t.Fatal(err)
	}
	s.cli("stop", "audit")
	s.cli("start", "audit")
	s.cli("create", "ada", "--runtime", "exec", "--", "true")
	r := s.send("exec-ada", "audit", "and now?", "--wait", "accepted")
	until(t, "the peer to say why it does not start", func() bool {
		return strings.Contains(s.cli("status", "audit"), "the folder it works in does not exist")
	})
	s.reaches(r.ID, iapeer.Accepted)
}
