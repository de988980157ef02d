package main

import (
	"context"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// beginFlags say how a session is to begin.
type beginFlags struct {
	Fresh  bool `help:"In a fresh session." xor:"begin"`
	Resume bool `help:"In the last conversation, or not at all." xor:"begin"`
}

// wakeCmd implements "iapeer wake".
type wakeCmd struct {
	peerArgs
	beginFlags
	Topic  string `help:"Resume the conversation about this, if it is remembered." placeholder:"text"`
	Anyway bool   `help:"Although a session started by hand works in its folder."`
}

// Help implements kong.HelpProvider.
func (*wakeCmd) Help() string {
	return `Begins a session without a message and returns when it is ready. It also tries
at once what rests after crashes or a quota; what is stopped needs iapeer start.

Examples:
  iapeer wake web --topic login
  iapeer wake docs codex --fresh`
}

// Run wakes.
func (c *wakeCmd) Run(ctx context.Context, w *world) error {
	return c.command(ctx, w, iapeer.VerbWake, client.CommandRequest{Topic: c.Topic, Anyway: c.Anyway, Fresh: c.Fresh, Resume: c.Resume})
}
