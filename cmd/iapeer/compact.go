package main

import (
	"context"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// compactCmd implements "iapeer compact".
type compactCmd struct{ peerArgs }

// Help implements kong.HelpProvider.
func (*compactCmd) Help() string {
	return `Has the agent program shorten the conversation, and returns when its record says
that it did: minutes, at most five. A running turn ends first; a peer that
sleeps is woken into its last conversation. Costs a model call.

Example:
  iapeer compact web`
}

// Run compacts.
func (c *compactCmd) Run(ctx context.Context, w *world) error {
	if w.errTTY && !c.JSON {
		w.note("compacting %s, up to five minutes…", c.Peer)
	}
	return c.command(ctx, w, iapeer.VerbCompact, client.CommandRequest{})
}
