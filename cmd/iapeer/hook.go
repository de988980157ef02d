package main

import (
	"context"
	"io"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session"
)

// Bounds of a hook: a runtime waits for it, so it must cost nothing when the
// daemon is down, and it must end even when the daemon hangs.
const (
	maxHookPayload = 1 << 20
	hookDaemon     = 2 * time.Second // for the daemon
	hookHost       = time.Second     // then for the session's host
)

// hookCmd implements "iapeer hook".
type hookCmd struct {
	Runtime string `arg:"" help:"Which runtime reports."`
	Event   string `arg:"" help:"What happened, in the runtime's own word."`
	Decide  bool   `help:"Ask whether the tool may run and print the answer; whatever fails is a deny."`
}

// Help implements kong.HelpProvider.
func (*hookCmd) Help() string {
	return `Runtimes call it; the payload is read from standard input. It prints nothing and
always exits 0: a report must never hold up a turn. When the daemon is down the
session's host keeps the payload for it. With --decide it prints a decision, and
denies on every doubt.

Example:
  iapeer hook codex Stop < payload.json`
}

// Run reports. Every failure is silent: there is nobody to tell.
func (c *hookCmd) Run(ctx context.Context, w *world) error {
	if c.Decide {
		return c.decide(ctx, w)
	}
	payload, err := io.ReadAll(io.LimitReader(w.in, maxHookPayload+1))
	if err != nil || len(payload) > maxHookPayload {
		return nil
	}
	if c.report(ctx, w, payload) != nil {
		_ = c.leave(ctx, w, payload) // without a host the session is over
	}
	return nil
}

// report tells the daemon; a token is the proof of the session.
func (c *hookCmd) report(ctx context.Context, w *world, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, hookDaemon)
	defer cancel()
	return w.running(w.getenv("PEER_IDENTITY")).Hook(ctx, c.Runtime, c.Event, payload)
}

// leave hands the payload to the session's host.
func (c *hookCmd) leave(ctx context.Context, w *world, payload []byte) error {
	id, err := iapeer.ParseIdentity(w.getenv("PEER_IDENTITY"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, hookHost)
	defer cancel()
	host, err := session.Control(ctx, session.Files{Dir: w.paths().Hosts(), ID: id}.Sock())
	if err != nil {
		return err
	}
	defer func() { _ = host.Close() }()
	return host.Hook(ctx, payload)
}
