package main

import (
	"context"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// explainCmd implements "iapeer explain".
type explainCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*explainCmd) Help() string {
	return `When a peer does not answer, this says why: its state and what led to it, until
when, what waits and who was told, what it costs, which commands let it go on,
and what is not the reason. It changes nothing.

Examples:
  iapeer explain docs
  iapeer explain docs codex --json`
}

// Run explains.
func (c *explainCmd) Run(ctx context.Context, w *world) error {
	e, err := w.fleet("").Explain(ctx, c.Peer, c.Runtime)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(e)
	}
	w.printf("%s", render.Explanation(w.style(), e))
	return nil
}
