package main

import (
	"context"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// statusCmd implements "iapeer status".
type statusCmd struct {
	Peer string `arg:"" optional:"" help:"One peer, with its last events."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*statusCmd) Help() string { return "Example:\n  iapeer status web" }

// Run prints the state of the daemon and the fleet, or of one peer.
func (c *statusCmd) Run(ctx context.Context, w *world) error {
	fleet := w.fleet("")
	if c.Peer != "" {
		p, err := fleet.Peer(ctx, c.Peer)
		if err != nil {
			return err
		}
		if c.JSON {
			return w.json(p)
		}
		w.printf("%s", render.Peer(w.style(), p))
		return nil
	}
	snap, err := fleet.Snapshot(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(snap)
	}
	w.printf("%s", render.Status(w.style(), snap))
	if line := fleet.Mismatch(); line != "" {
		w.note("%s", line)
	}
	return nil
}

// liveRuntimeCmd implements "iapeer live-runtime", which runtime packages call.
type liveRuntimeCmd struct {
	Peer string `arg:"" help:"Which peer."`
}

// Help implements kong.HelpProvider.
func (*liveRuntimeCmd) Help() string {
	return "Prints one word. Exit codes: 0 one is live, 1 none is.\n\nExample:\n  iapeer live-runtime web"
}

// Run prints the runtime that is live: the default if it is, else the one that
// moved last.
func (c *liveRuntimeCmd) Run(ctx context.Context, w *world) error {
	p, err := w.fleet("").Peer(ctx, c.Peer)
	if err != nil {
		return err
	}
	var best client.RuntimeStatus
	for _, rt := range p.Peer.Runtimes {
		if rt.Status == "live" && (best.Runtime == "" || rt.Since.After(best.Since) && best.Runtime != p.Peer.DefaultRuntime) {
			best = rt
		}
	}
	if best.Runtime == "" {
		return &exitError{code: exitFailed}
	}
	w.printf("%s\n", best.Runtime)
	return nil
}
