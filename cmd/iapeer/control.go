package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// peerArgs are the arguments of a verb for one peer.
type peerArgs struct {
	Peer string `arg:"" help:"Which peer."`
	runtimeArg
	jsonFlag
}

// peersArgs are those of a verb that can also be for all peers.
type peersArgs struct {
	Peer string `arg:"" optional:"" help:"Which peer."`
	runtimeArg
	All bool `help:"All peers."`
	jsonFlag
}

// command carries out verb on one peer and prints what it did.
func (a peerArgs) command(ctx context.Context, w *world, verb iapeer.Verb) error {
	out, err := w.mine().Command(ctx, verb, a.Peer, client.CommandRequest{Runtime: a.Runtime})
	if err != nil {
		return err
	}
	if a.JSON {
		return w.json(out)
	}
	w.printf("%s\n", render.Outcome(w.style(), out))
	return nil
}

// command is that for one peer or for all; one that fails does not keep
// the others from it.
func (a peersArgs) command(ctx context.Context, w *world, verb iapeer.Verb) error {
	if !a.All && a.Peer == "" {
		return usagef("needs a peer, or --all — usage: iapeer %s <peer> [<runtime>]", verb)
	}
	if a.All && a.Peer != "" {
		return usagef("takes a peer or --all, not both")
	}
	if !a.All {
		return peerArgs{a.Peer, a.runtimeArg, a.jsonFlag}.command(ctx, w, verb)
	}
	snap, err := w.fleet("").Snapshot(ctx)
	if err != nil {
		return err
	}
	return a.each(ctx, w, verb, snap)
}

// each goes through all peers that have sessions: not the person, and not one
// that is set aside.
func (a peersArgs) each(ctx context.Context, w *world, verb iapeer.Verb, snap client.Snapshot) error {
	var failed []error
	all := []iapeer.Outcome{}
	for _, p := range snap.Peers {
		if p.Problem != "" || p.DefaultRuntime == string(iapeer.RuntimeCLI) {
			continue
		}
		out, err := w.mine().Command(ctx, verb, p.Personality, client.CommandRequest{})
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.Personality, err))
			continue
		}
		all = append(all, out)
		if !a.JSON {
			w.printf("%s\n", render.Outcome(w.style(), out))
		}
	}
	if a.JSON {
		failed = append(failed, w.json(all))
	}
	return errors.Join(failed...)
}

type stopCmd struct{ peersArgs }

// Help implements kong.HelpProvider.
func (*stopCmd) Help() string {
	return "Messages to a stopped peer are kept and wait for iapeer start.\n\nExample:\n  iapeer stop web"
}

// Run stops.
func (c *stopCmd) Run(ctx context.Context, w *world) error { return c.command(ctx, w, iapeer.VerbStop) }

type startCmd struct{ peersArgs }

// Help implements kong.HelpProvider.
func (*startCmd) Help() string {
	return "Also ends a rest after crashes or a quota.\n\nExample:\n  iapeer start web"
}

// Run starts.
func (c *startCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbStart)
}

type refreshCmd struct{ peersArgs }

// Help implements kong.HelpProvider.
func (*refreshCmd) Help() string { return "Example:\n  iapeer refresh --all" }

// Run arms a refresh.
func (c *refreshCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbRefresh)
}

type newCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*newCmd) Help() string {
	return "Returns when the fresh session is ready.\n\nExample:\n  iapeer new web"
}

// Run begins a fresh session.
func (c *newCmd) Run(ctx context.Context, w *world) error { return c.command(ctx, w, iapeer.VerbNew) }

type interruptCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*interruptCmd) Help() string { return "Example:\n  iapeer interrupt web" }

// Run interrupts.
func (c *interruptCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbInterrupt)
}

type adoptCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*adoptCmd) Help() string {
	return `Ends the session that you began by hand in the peer's folder and resumes the
same conversation under iapeer, so that mail reaches it.

Example:
  iapeer adopt notes`
}

// Run adopts.
func (c *adoptCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbAdopt)
}
