package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeerd/daemon"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/session"
	"github.com/iapeer/iapeer/session/host"
	"github.com/iapeer/iapeer/session/logfile"
)

// TestMain is the tests, or the host of a session that they started.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "host" {
		os.Exit(host.Run(os.Args[2]))
	}
	os.Exit(m.Run())
}

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// A world is a daemon in this process, with real hosts and commands.
type world struct {
	t     *testing.T
	paths iapeer.Paths
	fleet *client.Client
	tcp   string
	stop  func()
}

func start(t *testing.T) *world {
	t.Helper()
	home, err := os.MkdirTemp("/tmp", "iel") //nolint:usetesting // the path of t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": home, "SHELL": "/bin/sh", "PATH": os.Getenv("PATH"), "USER": "ada", "IAPEER_PORT": freePort(t), "IAPEER_ACCEPT_RISK": "1"}
	getenv := func(name string) string { return env[name] }
	w := &world{t: t, paths: iapeer.PathsFromEnv(getenv)}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Options{Getenv: getenv, Iapeer: exe, Log: zap.NewNop(), Ready: func() { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the daemon ended: %v", err)
	}
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(func() {
		w.stop()
		w.endHosts()
		os.RemoveAll(home)
	})
	if w.fleet, err = client.Dial(getenv); err != nil {
		t.Fatal(err)
	}
	r, err := client.Find(getenv)
	if err != nil {
		t.Fatal(err)
	}
	w.tcp = r.TCP
	return w
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func (w *world) endHosts() {
	found, _ := session.Scan(w.paths.Hosts())
	for _, f := range found {
		if f.State == session.Alive || f.State == session.Locked {
			_ = session.KillHost(f.Files.PID())
			session.WaitUnlocked(f.Files, patience)
		}
	}
}

func (w *world) create(name, script string) {
	w.t.Helper()
	_, err := w.fleet.Onboard(w.t.Context(), iapeer.Onboarding{Verb: "create", Name: name, Runtime: "exec", Exec: []string{"sh", "-c", script},
		Env: map[string]string{"HOME": w.paths.Home}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// send sends as the program iapeer does. Each sender sends once: it is woken by
// the answer, and speaks for itself from then on.
func (w *world) send(from, to, text string, goal iapeer.State) (iapeer.SendResult, error) {
	r, err := w.fleet.As(from, "").Send(w.t.Context(), client.SendRequest{
		Personality: to, Message: text, Topic: "probe topic", Wait: "20s", For: string(goal), Path: "cli",
	})
	return r.Result, err
}

// call calls the tool as caller.
func (w *world) call(caller, arguments string) string {
	w.t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"send_to_peer","arguments":` + arguments + `}}`
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.tcp, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if caller != "" {
		req.Header.Set(client.HeaderIdentity, caller)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// until waits for something that no event of the test's tells.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// show logs the logs.
func (w *world) show() {
	w.t.Helper()
	for _, name := range []string{"lifecycle.log", "delivery.log", "exits.log", "notices.log"} {
		b, _ := os.ReadFile(filepath.Join(w.paths.Logs(), name))
		w.t.Logf("%s\n%s", name, b)
	}
}

// A record is a line, by key.
type record map[string]string

// lines returns the lines of a log that say ev.
func (w *world) lines(name, ev string) (out []record) {
	b, err := os.ReadFile(filepath.Join(w.paths.Logs(), name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		pairs, ok := logfile.Parse(line)
		if !ok || len(pairs) < 2 || pairs[0].Key != "ts" || pairs[1].Key != "ev" {
			w.t.Fatalf("%s holds %q", name, line)
		}
		r := record{}
		for _, p := range pairs {
			r[p.Key] = p.Value
		}
		if r["ev"] == ev {
			out = append(out, r)
		}
	}
	return out
}

// has checks keys of a line; "*" is any value, "" none.
func (r record) has(t *testing.T, want record) {
	t.Helper()
	for key, value := range want {
		if got, ok := r[key]; got != value && (value != "*" || !ok) {
			t.Errorf("%s = %q, want %q, in %v", key, got, value, r)
		}
	}
}

const secret = "nobody but bob shall read this"

func TestDeliveryLogOfARealRun(t *testing.T) {
	w := start(t)
	for _, name := range []string{"ada", "ann", "amy"} {
		w.create(name, "cat >/dev/null")
	}
	w.create("bob", "cat >/dev/null; echo 42")
	w.create("eve", "cat >&2; exit 3") // its complaint is the message itself
	answered, err := w.send("exec-ada", "bob", secret, iapeer.Answered)
	if err != nil || answered.State != iapeer.Answered {
		t.Fatalf("send = %+v, %v, want answered", answered, err)
	}
	failed, err := w.send("exec-ann", "eve", secret, iapeer.Answered)
	if err != nil || failed.State != iapeer.Failed {
		t.Fatalf("send = %+v, %v, want failed", failed, err)
	}
	if _, err := w.send("exec-amy", "nobody", secret, iapeer.Seen); err == nil {
		t.Fatal("a send to nobody was accepted")
	}
	w.call("exec-amy", `{"personality":"bob","message":"hi","topic":"probe topic"}`)
	w.call("exec-ghost", `{"personality":"bob","message":"`+secret+`"}`)
	w.call("", `{"personality":"bob","message":"`+secret+`"}`)
	w.call("exec-amy", `{"personality":"bob"}`)
	w.stop()

	got := w.lines("delivery.log", "delivery")
	want := []record{
		{"caller": "exec-ada", "to": "bob", "rt": "exec", "ok": "true", "via": "exit", "woke": "true", "ms": "*", "len": fmt.Sprint(len(secret)),
			"topic": "probe topic", "path": "cli", "id": string(answered.ID), "state": "answered", "err": ""},
		{"to": "eve", "ok": "false", "path": "cli", "id": string(failed.ID), "state": "failed", "err": "*"}, // of which the log tells the exit code
		{"caller": "exec-amy", "to": "nobody", "ok": "false", "path": "cli", "id": "", "err": "*"},
		{"caller": "exec-amy", "to": "bob", "ok": "true", "len": "2", "topic": "probe topic", "path": "", "state": "*"},
		{"caller": "", "claimed": "exec-ghost", "to": "bob", "ok": "false", "len": fmt.Sprint(len(secret)), "path": "", "err": "*"},
		{"caller": "", "to": "bob", "ok": "false", "len": fmt.Sprint(len(secret)), "path": "", "err": "*"},
		{"to": "bob", "ok": "false", "len": "0", "err": "*"}, // its answer woke amy: only her session speaks for her now
	}
	if len(got) != len(want) {
		t.Fatalf("%d attempts, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		got[i].has(t, want[i])
	}
	var states []string
	for _, r := range w.lines("delivery.log", "receipt") {
		if r["id"] == string(answered.ID) {
			states = append(states, r["state"])
		}
	}
	if s := strings.Join(states, " "); !strings.HasPrefix(s, "accepted ") || !strings.HasSuffix(s, " answered") {
		t.Errorf("receipts of one message: %s", s)
	}
	w.neverTheBody()
}

// neverTheBody looks for the text of messages, and at modes, in all logs.
func (w *world) neverTheBody() {
	w.t.Helper()
	list, _ := filepath.Glob(filepath.Join(w.paths.Logs(), "*"))
	for _, path := range list {
		b, _ := os.ReadFile(path)
		if strings.Contains(string(b), secret) {
			w.t.Errorf("%s holds the text of a message", path)
		}
		if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
			w.t.Errorf("%s has mode %v", path, st.Mode())
		}
	}
	for _, dir := range []string{w.paths.Logs(), w.paths.PaneLogs()} {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
			w.t.Errorf("%s: %v, %v, want 0700", dir, st, err)
		}
	}
}

func TestLifecycleAndExitsOfARealRun(t *testing.T) {
	w := start(t)
	for _, name := range []string{"ada", "ann", "amy"} {
		w.create(name, "cat >/dev/null")
	}
	w.create("bob", "cat >/dev/null; echo 42")
	bob := iapeer.Identity{Runtime: "exec", Name: "bob"}
	if _, err := w.send("exec-ada", "bob", secret, iapeer.Answered); err != nil {
		t.Fatal(err)
	}
	// a host that is killed cannot tell; the daemon does, once
	p, err := host.ReadPID(session.Files{Dir: w.paths.Hosts(), ID: bob}.PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the end to be told", func() bool { return len(w.lines("exits.log", "session-exit")) > 0 })
	w.lines("exits.log", "session-exit")[0].has(t, record{"identity": "exec-bob", "cause": "host-killed", "host": "supervisor", "generation": "1", "pid": fmt.Sprint(p.PID)})
	until(t, "the presence to know", func() bool { return len(w.lines("lifecycle.log", "supervise")) > 0 })
	w.lines("lifecycle.log", "supervise")[0].has(t, record{"identity": "exec-bob", "action": "reaped-gone", "reason": "*"})
	// the next one need not wait for the pause after a death, and is stopped by a person
	if _, err := w.fleet.Command(t.Context(), iapeer.VerbStart, "bob", client.CommandRequest{}); err != nil {
		t.Fatal(err)
	}
	again, err := w.send("exec-ann", "bob", secret, iapeer.Answered)
	if err != nil || again.State != iapeer.Answered {
		w.show()
		t.Fatalf("send = %+v, %v, want answered", again, err)
	}
	if _, err := w.fleet.Command(t.Context(), iapeer.VerbStop, "bob", client.CommandRequest{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the host's word", func() bool { return len(w.lines("exits.log", "session-exit")) > 1 })
	if _, err := w.fleet.Command(t.Context(), iapeer.VerbStart, "bob", client.CommandRequest{}); err != nil {
		t.Fatal(err)
	}
	pane := filepath.Join(w.paths.PaneLogs(), bob.String()+".log")
	if _, err := os.Stat(pane); err != nil {
		t.Error(err)
	}
	if _, err := w.fleet.Onboard(t.Context(), iapeer.Onboarding{Verb: "remove", Name: "bob", Env: map[string]string{"HOME": w.paths.Home}}); err != nil {
		t.Fatal(err)
	}
	until(t, "the terminal log to go with the peer", func() bool { _, err := os.Stat(pane); return err != nil })
	w.stop()

	id := record{"personality": "bob", "runtime": "exec", "identity": "exec-bob"}
	wakes := slices.DeleteFunc(w.lines("lifecycle.log", "wake"), func(r record) bool { return r["personality"] != "bob" })
	if len(wakes) != 2 {
		t.Fatalf("%d wakes, want 2: %v", len(wakes), wakes)
	}
	for _, r := range wakes {
		r.has(t, id)
		r.has(t, record{"mode": "fresh", "cause": "natural", "reason": "*", "pid": "*"})
	}
	for ev, want := range map[string]record{
		"stopped": {"reason": "stopped by a person"}, "started": {"reason": "*"}, "peer-registered": {"personality": "ada"},
		"peer-removed": {"personality": "bob", "at": "*"}, "daemon-started": {"version": iapeer.Version}, "daemon-stopped": {"pid": fmt.Sprint(os.Getpid())},
	} {
		got := w.lines("lifecycle.log", ev)
		if len(got) == 0 {
			t.Errorf("lifecycle.log has no %s", ev)
			continue
		}
		got[0].has(t, want)
	}
	if n := len(w.lines("exits.log", "session-exit")); n != 2 {
		t.Errorf("%d ends in exits.log, want 2", n)
	}
	w.neverTheBody()
}
