package main

import (
	"context"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
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
