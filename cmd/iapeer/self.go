package main

import (
	"context"
	"fmt"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// selfFreshCmd implements "iapeer self-fresh".
type selfFreshCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*selfFreshCmd) Help() string {
	return `For an agent, inside its own session: when this turn has ended the session ends,
and the next message begins a fresh one. Write down first what must be kept.

Example:
  iapeer self-fresh`
}

// Run asks for a fresh session.
func (c *selfFreshCmd) Run(ctx context.Context, w *world) error {
	return c.own(ctx, w, iapeer.VerbSelfFresh)
}

// selfDoneCmd implements "iapeer self-done".
type selfDoneCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*selfDoneCmd) Help() string {
	return `For an ephemeral worker, inside its own session: its task is done although it
wrote to nobody. The session ends soon after this turn. For any other peer
nothing happens.

Example:
  iapeer self-done`
}

// Run tells that the task is done.
func (c *selfDoneCmd) Run(ctx context.Context, w *world) error {
	return c.own(ctx, w, iapeer.VerbSelfDone)
}

// own gives a verb to the session that this program runs in.
func (f jsonFlag) own(ctx context.Context, w *world, verb iapeer.Verb) error {
	claim := w.getenv("PEER_IDENTITY")
	if claim == "" {
		return fmt.Errorf("PEER_IDENTITY is not set: %s is for a session itself; from outside: iapeer refresh <peer>, iapeer sleep <peer>", verb)
	}
	id, err := iapeer.ParseIdentity(claim)
	if err != nil {
		return fmt.Errorf("PEER_IDENTITY: %w", err)
	}
	out, err := w.fleet(claim).Command(ctx, verb, string(id.Name), client.CommandRequest{Runtime: string(id.Runtime)})
	switch {
	case err != nil:
		return err
	case f.JSON:
		return w.json(out)
	}
	w.printf("%s\n", render.Outcome(w.style(), out))
	return nil
}
