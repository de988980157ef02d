package main

import (
	"context"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// listCmd implements "iapeer list".
type listCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*listCmd) Help() string {
	return `● awake  ◌ waking  ○ asleep  ▲ needs you  ✕ stopped  ◇ started by hand  ✗ set aside

Example:
  iapeer list --json`
}

// Run lists the peers.
func (c *listCmd) Run(ctx context.Context, w *world) error {
	fleet := w.fleet("")
	snap, err := fleet.Snapshot(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(render.ListJSON(snap))
	}
	w.printf("%s", render.List(w.style(), snap))
	if line := fleet.Mismatch(); line != "" {
		w.note("%s", line)
	}
	return nil
}
