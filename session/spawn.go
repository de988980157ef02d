package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/iapeer/iapeer/session/host"
)

// startLimit is how long a host may take to come up.
const startLimit = 5 * time.Second

// Spawn starts a host for spec and connects to it. exe is the program and its
// leading arguments, such as iapeer and host; the path of the spec is appended.
// The host is detached: it is in a session of its own, inherits no descriptor
// but its log, and outlives the caller.
//
// The error is [ErrAlreadyRunning] when the identity has a live host, and
// otherwise begins with "pty host bringup failed"; then nothing is left behind.
func Spawn(ctx context.Context, exe []string, spec Spec) (*Conn, error) {
	if err := spec.Check(); err != nil {
		return nil, bringup(err)
	}
	f := spec.Files()
	if host.Locked(f.Lock()) {
		return nil, fmt.Errorf("%s: %w", spec.Identity, ErrAlreadyRunning)
	}
	if err := spec.Save(); err != nil {
		return nil, bringup(err)
	}
	if err := start(ctx, exe, f); err != nil {
		return nil, bringup(err)
	}
	c, err := Dial(ctx, f.Sock())
	if err != nil {
		return nil, bringup(err)
	}
	return c, nil
}

func bringup(err error) error { return fmt.Errorf("pty host bringup failed: %w", err) }

// start runs the host and waits until it says that it is up. A host that does
// not is killed before its files are removed: a slow one without its spec
// would come up as nobody.
func start(ctx context.Context, exe []string, f Files) error {
	cmd, ready, err := launch(exe, f)
	if err != nil {
		_ = os.Remove(f.Spec())
		return err
	}
	defer ready.Close()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	said, err := io.ReadAll(ready)
	if string(said) == host.Ready {
		go func() { _ = cmd.Wait() }() // only to leave no zombie
		return nil
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return failed(ctx, f, string(said), err)
}

// failed says why a host did not come up, and removes what it left.
func failed(ctx context.Context, f Files, said string, err error) error {
	if strings.HasSuffix(said, host.ErrLocked.Error()) {
		return ErrAlreadyRunning
	}
	if !host.Locked(f.Lock()) {
		for _, path := range []string{f.Spec(), f.Sock(), f.PID()} {
			_ = os.Remove(path)
		}
	}
	switch {
	case said != "":
		return errors.New(said)
	case ctx.Err() != nil:
		return fmt.Errorf("the host was not up after %v; its log is %s", startLimit, f.Log())
	case err != nil:
		return err
	}
	return fmt.Errorf("the host ended at once; its log is %s", f.Log())
}

// launch starts the process. The returned file ends when the host is up or
// dead.
func launch(exe []string, f Files) (*exec.Cmd, *os.File, error) {
	if len(exe) == 0 {
		return nil, nil, errors.New("no host program is given")
	}
	log, err := os.OpenFile(f.Log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	ready, theirs, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	const firstExtra = 3 // ExtraFiles begin here
	cmd := &exec.Cmd{
		Path: exe[0], Args: append(exe[:len(exe):len(exe)], f.Spec()),
		Dir: f.Dir, Stdout: log, Stderr: log, ExtraFiles: []*os.File{theirs},
		Env:         append(os.Environ(), host.ReadyEnv+"="+strconv.Itoa(firstExtra)),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		_ = ready.Close()
		return nil, nil, err
	}
	return cmd, ready, nil
}
