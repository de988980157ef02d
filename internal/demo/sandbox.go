package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session"
)

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// pollEvery is the pause between two looks at what gives no event: another
// process, or what the CLI prints.
const pollEvery = 20 * time.Millisecond

// A sandbox is a home folder with its own root and daemon.
type sandbox struct {
	home  string
	bin   string
	paths iapeer.Paths
	env   []string
}

// newSandbox makes a home folder. Its path is short, because sockets below it
// have room for about a hundred bytes.
func newSandbox(bin string) (*sandbox, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("/tmp", "iapeer-demo.")
	if err != nil {
		return nil, err
	}
	if home, err = filepath.EvalSymlinks(home); err != nil {
		return nil, err
	}
	s := &sandbox{home: home, bin: bin, paths: iapeer.Paths{Root: filepath.Join(home, ".iapeer"), Home: home}}
	path := bin + string(os.PathListSeparator) + os.Getenv("PATH")
	s.env = []string{
		"HOME=" + home, "IAPEER_ROOT=" + s.paths.Root, "USER=you", "LOGNAME=you", "SHELL=/bin/sh", "LANG=C.UTF-8",
		"NO_COLOR=1", "PATH=" + path, "TERM=xterm-256color", "IAPEER_ACCEPT_RISK=1",
	}
	return s, s.environment("PATH="+path, "HOME="+home, "IAPEER_ROOT="+s.paths.Root, "LANG=C.UTF-8")
}

// environment sets the base environment of sessions. None of them starts a
// daemon: the demo alone does.
func (s *sandbox) environment(env ...string) error {
	env = append(env, "IAPEER_NO_DAEMON=1")
	return s.write(filepath.Join(s.paths.State(), "environment"), strings.Join(env, "\n")+"\n")
}

func (s *sandbox) write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// iapeer runs the CLI as a program does, in a process group of its own.
func (s *sandbox) iapeer(ctx context.Context, args ...string) ([]byte, error) {
	return s.run(ctx, args, func(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} })
}

// you runs the CLI as the person at a terminal does, and returns what it wrote
// to standard output.
func (s *sandbox) you(ctx context.Context, args ...string) ([]byte, error) {
	ptmx, tty, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer ptmx.Close()
	defer tty.Close()
	return s.run(ctx, args, func(cmd *exec.Cmd) {
		cmd.Stdin = tty
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // its standard input is its terminal
	})
}

// run runs the CLI to its end even when the demo is interrupted: half a start
// of the daemon could not be undone.
func (s *sandbox) run(ctx context.Context, args []string, adjust func(*exec.Cmd)) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var out, errout bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "iapeer"), args...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = s.env, s.home, time.Second
	cmd.Stdout, cmd.Stderr = &out, &errout
	adjust(cmd)
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("iapeer %s: %w: %s%s", strings.Join(args, " "), err, out.String(), errout.String())
	}
	return out.Bytes(), nil
}

// daemonPID is the daemon that this root's clients find, 0 if there is none.
func (s *sandbox) daemonPID() int {
	var r struct{ PID int }
	b, err := os.ReadFile(s.paths.RouterFile())
	if err != nil || json.Unmarshal(b, &r) != nil {
		return 0
	}
	return r.PID
}

// explain prints what helps to find out why the demo failed.
func (s *sandbox) explain() {
	for _, name := range []string{"daemon.log", "daemon-stderr.log", "lifecycle.log", "delivery.log"} {
		if b, err := os.ReadFile(filepath.Join(s.paths.Logs(), name)); err == nil && len(b) > 0 {
			fmt.Fprintf(os.Stderr, "--- %s (end)\n%s", name, b[max(0, len(b)-4000):])
		}
	}
}

// close ends every session of this home and its daemon, by process id, and
// removes the folder.
func (s *sandbox) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.endDaemon(ctx)
	found, scanned := session.Scan(s.paths.Hosts())
	err = errors.Join(err, scanned)
	for _, f := range found {
		if f.State == session.Alive || f.State == session.Locked {
			err = errors.Join(err, session.KillHost(f.Files.PID()))
			if !session.WaitUnlocked(f.Files, 10*time.Second) {
				err = errors.Join(err, fmt.Errorf("a session host of %s did not end", s.home))
			}
		}
	}
	err = errors.Join(err, s.endDaemon(ctx)) // a session may have called for another one
	return errors.Join(err, os.RemoveAll(s.home))
}

func (s *sandbox) endDaemon(ctx context.Context) error {
	pid := s.daemonPID()
	if pid == 0 || gone(pid) {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	return until(ctx, "the daemon to end", func() bool { return gone(pid) })
}

// gone reports whether a process that is not our child has ended. One that
// nobody has reaped yet has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // on Linux only
	_, state, ok := strings.Cut(string(stat), ") ")
	return err == nil && ok && strings.HasPrefix(state, "Z")
}

// until waits until ok.
func until(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w", what, ctx.Err())
		}
	}
	return nil
}
