package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// stopLimit bounds the wait for a daemon that was told to end: it promises to
// do so within five seconds.
const stopLimit = 10 * time.Second

// daemonCmd implements "iapeer daemon".
type daemonCmd struct {
	Run     daemonRunCmd     `cmd:"" default:"1" hidden:"" help:"Run in the foreground."`
	Start   daemonStartCmd   `cmd:"" help:"Start one in the background, if none runs."`
	Stop    daemonStopCmd    `cmd:"" help:"Stop it; sessions go on."`
	Restart daemonRestartCmd `cmd:"" help:"Stop it and start it anew; sessions go on."`
	Status  daemonStatusCmd  `cmd:"" help:"Whether it runs."`
}

// Help implements kong.HelpProvider.
func (*daemonCmd) Help() string {
	return `Without a verb it runs in the foreground until Ctrl-C. Any verb that needs a
daemon starts one. Sessions outlive it.

Example:
  iapeer daemon restart`
}

type daemonRunCmd struct{}

// Run becomes the daemon.
func (*daemonRunCmd) Run(w *world) error {
	bin, err := daemonBinary(w)
	if err != nil {
		return err
	}
	return fmt.Errorf("exec %s: %w", bin, syscall.Exec(bin, []string{"iapeerd", "run"}, daemonEnv(w.environ)))
}

type daemonStartCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*daemonStartCmd) Help() string { return "Example:\n  iapeer daemon start" }

// Run starts a daemon and returns when it answers.
func (c *daemonStartCmd) Run(ctx context.Context, w *world) error {
	v, err := w.running("").Version(ctx)
	if err == nil {
		return c.tell(w, v, "already runs")
	}
	if !errors.Is(err, iapeer.ErrNoDaemon) {
		return err
	}
	return c.start(ctx, w, "started")
}

func (f jsonFlag) start(ctx context.Context, w *world, did string) error {
	if err := w.start(ctx); err != nil {
		return err
	}
	v, err := w.running("").Version(ctx)
	if err != nil {
		return err
	}
	return f.tell(w, v, did)
}

func (f jsonFlag) tell(w *world, v client.Version, did string) error {
	if f.JSON {
		return w.json(v)
	}
	w.printf("daemon %s %s, pid %d\n", v.Version, did, v.PID)
	return nil
}

type daemonStopCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*daemonStopCmd) Help() string { return "Example:\n  iapeer daemon stop" }

// Run stops the daemon; none running is fine.
func (c *daemonStopCmd) Run(ctx context.Context, w *world) error {
	v, err := stopDaemon(ctx, w)
	if errors.Is(err, iapeer.ErrNoDaemon) {
		if c.JSON {
			return w.json(map[string]bool{"running": false})
		}
		w.printf("no daemon runs\n")
		return nil
	}
	if err != nil {
		return err
	}
	return c.tell(w, v, "stopped")
}

// stopDaemon asks the daemon to end and waits until its process is gone.
func stopDaemon(ctx context.Context, w *world) (client.Version, error) {
	v, err := w.running("").Version(ctx)
	if err != nil {
		return v, err
	}
	p, err := os.FindProcess(v.PID)
	if err != nil {
		return v, err
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return v, fmt.Errorf("stop pid %d: %w", v.PID, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- awaitLock(filepath.Join(w.paths().State(), "daemon.lock")) }()
	select {
	case err := <-ended:
		return v, err
	case <-ctx.Done():
		return v, ctx.Err()
	case <-time.After(stopLimit):
		return v, fmt.Errorf("pid %d did not end within %s; its log: %s", v.PID, stopLimit, w.logPath())
	}
}

// awaitLock waits until nobody holds the lock at path: the kernel releases it
// with the daemon, before whoever started that one has noticed its end.
func awaitLock(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX)
}

type daemonRestartCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*daemonRestartCmd) Help() string { return "Example:\n  iapeer daemon restart" }

// Run restarts; without a daemon it starts one.
func (c *daemonRestartCmd) Run(ctx context.Context, w *world) error {
	if _, err := stopDaemon(ctx, w); err != nil && !errors.Is(err, iapeer.ErrNoDaemon) {
		return err
	}
	return c.start(ctx, w, "restarted")
}

type daemonStatusCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*daemonStatusCmd) Help() string {
	return "Exit codes: 0 it runs, 1 it does not.\n\nExample:\n  iapeer daemon status"
}

// Run tells whether a daemon runs, and where it listens.
func (c *daemonStatusCmd) Run(ctx context.Context, w *world) error {
	v, err := w.running("").Version(ctx)
	if err != nil {
		return err
	}
	r, err := client.Find(w.getenv)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(struct {
			client.Version
			Sock string `json:"sock"`
			TCP  string `json:"tcp"`
		}{v, r.Sock, r.TCP})
	}
	w.printf("daemon %s, pid %d, up %s\n", v.Version, v.PID, render.Span(w.now().Sub(v.StartedAt)))
	w.printf("  socket  %s\n  tcp     %s\n  log     %s\n", w.style().Path(r.Sock), or(r.TCP, "none: the port was taken, see iapeer list"), w.style().Path(w.logPath()))
	return nil
}
