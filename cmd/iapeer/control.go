package main

import (
	"context"
	"errors"

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

// nowFlag is that of the verbs that would wait for the end of a turn.
type nowFlag struct {
	Now bool `help:"Do not wait for the end of a running turn; it is cut."`
}

// command carries out verb on one peer and prints what it did.
func (a peerArgs) command(ctx context.Context, w *world, verb iapeer.Verb, req client.CommandRequest) error {
	req.Runtime = a.Runtime
	out, err := w.mine().Command(ctx, verb, a.Peer, req)
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
func (a peersArgs) command(ctx context.Context, w *world, verb iapeer.Verb, req client.CommandRequest) error {
	if !a.All && a.Peer == "" {
		return usagef("needs a peer, or --all — usage: iapeer %s <peer> [<runtime>]", verb)
	}
	if a.All && a.Peer != "" {
		return usagef("takes a peer or --all, not both")
	}
	if !a.All {
		return peerArgs{a.Peer, a.runtimeArg, a.jsonFlag}.command(ctx, w, verb, req)
	}
	snap, err := w.fleet("").Snapshot(ctx)
	if err != nil {
		return err
	}
	return a.each(ctx, w, verb, snap, req)
}

// each goes through all that the verb is for.
func (a peersArgs) each(ctx context.Context, w *world, verb iapeer.Verb, snap client.Snapshot, req client.CommandRequest) error {
	var failed []error
	all := []iapeer.Outcome{}
	for _, p := range snap.Peers {
		for _, rt := range meant(verb, p) {
			req.Runtime = rt
			out, err := w.mine().Command(ctx, verb, p.Personality, req)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			all = append(all, out)
			if !a.JSON {
				w.printf("%s\n", render.Outcome(w.style(), out))
			}
		}
	}
	switch {
	case a.JSON:
		failed = append(failed, w.json(all))
	case len(all)+len(failed) == 0:
		w.printf("%s\n", nobody[verb])
	}
	return errors.Join(failed...)
}

// nobody says that a verb for all has nobody to be for.
var nobody = map[iapeer.Verb]string{
	iapeer.VerbStop: "no peers registered", iapeer.VerbRefresh: "no peers registered",
	iapeer.VerbStart: "nobody is stopped or rests", iapeer.VerbSleep: "nobody is awake", iapeer.VerbRestart: "nobody is awake",
}

// meant are the runtimes of a peer that a verb for all is for: what sleeps is
// neither put to sleep nor restarted, and only who is down is started. The person
// has no session, and one that is set aside cannot be commanded.
func meant(verb iapeer.Verb, p client.Peer) (list []string) {
	if p.Problem != "" || p.DefaultRuntime == string(iapeer.RuntimeCLI) {
		return nil
	}
	for _, rt := range p.Runtimes {
		live := rt.Status == "live"
		switch verb {
		case iapeer.VerbSleep, iapeer.VerbRestart:
		case iapeer.VerbStart:
			live = rt.Stopped || rt.State == iapeer.Stopped || rt.State == iapeer.Resting
		default: // also for the session to come
			live = live || rt.Runtime == p.DefaultRuntime
		}
		if live {
			list = append(list, rt.Runtime)
		}
	}
	return list
}

type stopCmd struct {
	peersArgs
	nowFlag
}

// Help implements kong.HelpProvider.
func (*stopCmd) Help() string {
	return `A running turn ends first, unless --now. Messages to a stopped peer are kept
and wait for iapeer start; iapeer sleep ends a session that a message may wake.

Examples:
  iapeer stop web
  iapeer stop --all --now`
}

// Run stops.
func (c *stopCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbStop, client.CommandRequest{Now: c.Now})
}

type startCmd struct{ peersArgs }

// Help implements kong.HelpProvider.
func (*startCmd) Help() string {
	return `Lets a stopped peer work again; waiting mail wakes it at once. Also ends a rest
after crashes or a quota. iapeer wake begins a session without mail.

Examples:
  iapeer start web
  iapeer start --all`
}

// Run starts.
func (c *startCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbStart, client.CommandRequest{})
}

type refreshCmd struct{ peersArgs }

// Help implements kong.HelpProvider.
func (*refreshCmd) Help() string {
	return `A live session goes on and ends as it would have; the one after it is fresh.
iapeer new does it at once.

Example:
  iapeer refresh --all`
}

// Run arms a refresh.
func (c *refreshCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbRefresh, client.CommandRequest{})
}

type newCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*newCmd) Help() string {
	return `Cuts a running turn and returns when the fresh session is ready. iapeer refresh
waits for the next wake; iapeer restart keeps the conversation.

Example:
  iapeer new web`
}

// Run begins a fresh session.
func (c *newCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbNew, client.CommandRequest{})
}

type interruptCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*interruptCmd) Help() string {
	return `As Escape at its terminal: the session stays and takes the next message. The
messages of that turn are marked as cut.

Example:
  iapeer interrupt web`
}

// Run interrupts.
func (c *interruptCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbInterrupt, client.CommandRequest{})
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
	return c.command(ctx, w, iapeer.VerbAdopt, client.CommandRequest{})
}
