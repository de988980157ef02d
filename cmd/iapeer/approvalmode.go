package main

import (
	"context"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// approvalModeCmd implements "iapeer approval-mode".
type approvalModeCmd struct {
	Peer      string `arg:"" help:"Which peer."`
	Mode      string `arg:"" optional:"" enum:"gated,yolo," default:"" help:"gated asks you before tools run, yolo does not."`
	OnTimeout string `enum:"deny,wait," default:"" help:"What happens when you do not answer in time: deny goes on without the tool, wait sleeps until you do."`
	Now       bool   `help:"Restart the live session, so that it holds at once; its conversation goes on."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*approvalModeCmd) Help() string {
	return `Without a mode it tells which one holds. A session keeps the mode it was started with.

Example:
  iapeer approval-mode infra gated --now`
}

// Run tells or sets the mode.
func (c *approvalModeCmd) Run(ctx context.Context, w *world) error {
	r, err := w.mine().ApprovalMode(ctx, c.Peer, client.ModeRequest{Mode: c.Mode, OnTimeout: c.OnTimeout, Now: c.Now})
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(r)
	}
	w.printf("%s", render.Mode(r, c.Mode != "" || c.OnTimeout != "" || c.Now))
	return nil
}
