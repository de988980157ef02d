package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The daemon tells through an inherited pipe how its start went: one line,
// "ready" once all listeners are up, else the reason why it ends. readyEnv
// names the pipe's descriptor.
const (
	readyEnv   = "IAPEER_READY_FD"
	readyFD    = 3 // the first of exec.Cmd.ExtraFiles
	startLimit = 30 * time.Second
)

// daemonBinary finds iapeerd: beside this program, else on PATH.
func daemonBinary(w *world) (string, error) {
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		beside := filepath.Join(filepath.Dir(self), "iapeerd")
		if st, err := os.Stat(beside); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	for _, dir := range filepath.SplitList(w.getenv("PATH")) {
		bin := filepath.Join(dir, "iapeerd")
		if st, err := os.Stat(bin); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return filepath.Abs(bin)
		}
	}
	return "", errors.New("iapeerd is neither beside iapeer nor on PATH: install both together (make build, make install)")
}

// keepEnv are the variables that a daemon starts with, besides LC_*, XDG_* and
// IAPEER_*: what a login gives, nothing of the terminal or the session that
// happened to start it.
var keepEnv = []string{
	"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "TZ", "TMPDIR", "SSH_AUTH_SOCK",
	"DBUS_SESSION_BUS_ADDRESS", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// dropEnv are variables with a kept prefix that belong to one session.
var dropEnv = []string{"IAPEER_BEARER", "IAPEER_NO_DAEMON", readyEnv}

// daemonEnv is the environment that a daemon starts with.
func daemonEnv(environ []string) []string {
	inSession := slices.ContainsFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, "PEER_IDENTITY=") })
	var out []string
	for _, kv := range environ {
		key, _, _ := strings.Cut(kv, "=")
		own := strings.HasPrefix(key, "LC_") || strings.HasPrefix(key, "XDG_") || strings.HasPrefix(key, "IAPEER_")
		if !own && !slices.Contains(keepEnv, key) || slices.Contains(dropEnv, key) {
			continue
		}
		if key == "IAPEER_BEARER_TOKEN" && inSession {
			continue // a router's session token, not the host's
		}
		out = append(out, kv)
	}
	return out
}

// start starts a daemon of its own session and returns once it is ready. When
// another one won the race, that one is as good.
func (w *world) start(ctx context.Context) error {
	for p := w.patience(); ; {
		if err := w.startNow(ctx); !isHeld(err) || !p.wait(ctx) {
			return err
		}
	}
}

// heldText is how iapeerd says that another process of its kind has the root:
// a daemon that starts or ends, or a command without a daemon. It has done
// nothing then.
const heldText = "a daemon is already running for this root"

// heldFor bounds the wait for a root that another process has; none of them
// keeps it for long without answering.
const (
	heldFor   = 10 * time.Second
	heldEvery = 25 * time.Millisecond
)

func isHeld(err error) bool { return err != nil && strings.Contains(err.Error(), heldText) }

// A patience bounds the tries for a root that is held.
type patience struct {
	now   func() time.Time
	until time.Time
}

func (w *world) patience() patience { return patience{w.now, w.now().Add(heldFor)} }

// wait reports whether to try again, after a pause.
func (p patience) wait(ctx context.Context) bool {
	if p.now().After(p.until) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(heldEvery):
		return true
	}
}

// startNow starts a daemon unless the root is held.
func (w *world) startNow(ctx context.Context) error {
	bin, err := daemonBinary(w)
	if err != nil {
		return err
	}
	log, err := w.daemonLog()
	if err != nil {
		return err
	}
	defer log.Close()
	r, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(bin, "run") //nolint:noctx // the daemon outlives this program
	cmd.Dir = w.paths().Root
	cmd.Env = append(daemonEnv(w.environ), fmt.Sprintf("%s=%d", readyEnv, readyFD))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{pw}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	pw.Close()
	if err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	said, err := readyLine(ctx, r)
	if err != nil || said != "ready" {
		return w.notStarted(ctx, said, err)
	}
	return cmd.Process.Release()
}

// readyLine waits for the daemon's word. An end without one means that it died.
func readyLine(ctx context.Context, r *os.File) (string, error) {
	_ = r.SetReadDeadline(time.Now().Add(startLimit)) // a pipe has deadlines where the system polls it
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now()) })
	defer stop()
	line, err := bufio.NewReader(io.LimitReader(r, 64<<10)).ReadString('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if line = strings.TrimSpace(line); line != "" || errors.Is(err, io.EOF) {
		return line, nil
	}
	return "", err
}

// notStarted explains, unless a daemon answers all the same.
func (w *world) notStarted(ctx context.Context, said string, err error) error {
	if w.answers(ctx) {
		return nil
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case said != "":
		return fmt.Errorf("the daemon did not start: %s", said)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the daemon was not ready within %s; its log: %s", startLimit, w.logPath())
	}
	return fmt.Errorf("the daemon ended while it started; its log: %s%s", w.logPath(), tail(w.logPath()))
}

func (w *world) logPath() string { return filepath.Join(w.paths().Logs(), "daemon-stderr.log") }

func (w *world) daemonLog() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(w.logPath()), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(w.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// tail returns the last lines of a log, indented.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	lines = lines[max(0, len(lines)-5):]
	return "\n  " + strings.Join(lines, "\n  ")
}
