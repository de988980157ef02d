package main

import (
	"context"
	"errors"
	"os"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/session"
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
	return `Ctrl-] (setting detach_key) leaves it; the session goes on. A sleeping peer is woken and resumes its
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
func attach(ctx context.Context, w *world, out iapeer.Outcome, readOnly bool) error {
	in, ok1 := w.in.(*os.File)
	screen, ok2 := w.out.(*os.File)
	if out.Socket == "" || !ok1 || !ok2 {
		return errors.New("the daemon did not tell where the session's host listens")
	}
	end, err := session.Attach(ctx, out.Socket, in, screen, session.AttachOptions{
		Detach: w.detachKey(ctx), ReadOnly: readOnly, Name: out.Identity.String(),
	})
	if err != nil {
		return err
	}
	if end == session.Ended {
		w.note("session of %s ended", out.Identity)
		return nil
	}
	w.note("%s; %s goes on: iapeer attach %s", end, out.Identity, out.Identity.Name)
	return nil
}

// detachKey is the person's setting, "" when it cannot be learnt.
func (w *world) detachKey(ctx context.Context) string {
	if key := w.getenv("IAPEER_DETACH_KEY"); key != "" {
		return key
	}
	list, err := w.fleet("").Settings(ctx)
	if err != nil {
		return ""
	}
	for _, s := range list {
		if s.Key == "detach_key" {
			return s.Value
		}
	}
	return ""
}
