package main

import (
	"context"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// restartCmd implements "iapeer restart".
type restartCmd struct {
	peersArgs
	nowFlag
	Fresh bool `help:"In a fresh session, instead of the same conversation."`
}

// Help implements kong.HelpProvider.
func (*restartCmd) Help() string {
	return `Ends the session and begins it again with its conversation: after a change of
its settings, its program or its environment. A running turn ends first, unless
--now. Returns when the session is ready. --all is for who is awake.

Examples:
  iapeer restart web
  iapeer restart --all --fresh`
}

// Run restarts.
func (c *restartCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbRestart, client.CommandRequest{Now: c.Now, Fresh: c.Fresh})
}
