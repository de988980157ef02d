package main

import (
	"context"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// sleepCmd implements "iapeer sleep".
type sleepCmd struct {
	peersArgs
	nowFlag
}

// Help implements kong.HelpProvider.
func (*sleepCmd) Help() string {
	return `Ends the session; the next message wakes it. What happens by itself after an
hour without work, now. A running turn ends first, unless --now. --all is for
who is awake; iapeer stop also keeps a peer down.

Examples:
  iapeer sleep web
  iapeer sleep --all`
}

// Run puts to sleep.
func (c *sleepCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbSleep, client.CommandRequest{Now: c.Now})
}
