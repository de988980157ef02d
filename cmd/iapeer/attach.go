package main

import (
	"context"
	"errors"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// attachCmd implements "iapeer attach".
type attachCmd struct {
	Peer string `arg:"" help:"Whose terminal."`
	runtimeArg
	ReadOnly bool `help:"Look only; keys do nothing but detach."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*attachCmd) Help() string {
	return `Ctrl-] leaves it; the session goes on. A sleeping peer is woken and resumes its
last conversation. With --json it only tells where the host listens.

Example:
  iapeer attach web`
}

// Run attaches.
func (c *attachCmd) Run(ctx context.Context, w *world) error {
	if !c.JSON && (!w.inTTY || !w.outTTY) {
		return usagef("needs a terminal; iapeer screen %s prints what it shows", c.Peer)
	}
	out, err := w.mine().Command(ctx, iapeer.VerbAttach, c.Peer, client.CommandRequest{Runtime: c.Runtime})
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(out)
	}
	w.note("attaching %s…", out.Identity)
	return attach(ctx, w, out, c.ReadOnly)
}

// attach puts the terminal in front of the session until either end leaves.
func attach(_ context.Context, _ *world, out iapeer.Outcome, _ bool) error {
	if out.Socket == "" {
		return errors.New("the daemon did not tell where the session's host listens")
	}
	return errors.New("attaching is not built into this version")
}
