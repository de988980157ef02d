package main

import (
	"context"
	"strings"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// screenCmd implements "iapeer screen".
type screenCmd struct {
	Peer string `arg:"" help:"Whose terminal."`
	runtimeArg
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*screenCmd) Help() string { return "Example:\n  iapeer screen web" }

// Run prints the screen without its empty end.
func (c *screenCmd) Run(ctx context.Context, w *world) error {
	text, err := w.fleet("").Screen(ctx, c.Peer, c.Runtime)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(map[string]string{"peer": c.Peer, "screen": text})
	}
	w.printf("%s\n", strings.TrimRight(render.Safe(text), "\n "))
	return nil
}
