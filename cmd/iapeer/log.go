package main

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// logCmd implements "iapeer log".
type logCmd struct {
	Peer   string `arg:"" optional:"" help:"Only this peer."`
	Follow bool   `short:"f" help:"Go on with what happens now: messages, turns, sessions, notices."`
	Limit  int    `short:"n" help:"Begin with so many messages." default:"20" placeholder:"n"`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*logCmd) Help() string {
	return `Examples:
  iapeer log web
  iapeer log -f`
}

// Run prints the last messages, oldest first, then follows.
func (c *logCmd) Run(ctx context.Context, w *world) error {
	q := iapeer.MessageQuery{Limit: c.Limit}
	if c.Peer != "" {
		if err := q.Peer.UnmarshalText([]byte(c.Peer)); err != nil {
			return usagef("%v", err)
		}
	}
	fleet := w.fleet("")
	list, err := fleet.Messages(ctx, q)
	if err != nil {
		return err
	}
	slices.Reverse(list)
	if c.Peer != "" && len(list) == 0 {
		if _, err := fleet.Peer(ctx, c.Peer); err != nil {
			return err // no messages because there is no such peer
		}
	}
	if c.JSON && !c.Follow {
		return w.json(list)
	}
	if !c.JSON {
		w.printf("%s", render.Messages(w.style(), list))
	}
	if !c.Follow {
		return nil
	}
	for e, err := range fleet.Events(ctx, 0) {
		switch {
		case err != nil:
			w.note("%v; connecting again", err)
		case c.Peer != "" && e.Peer() != c.Peer && e.Text("caller") != c.Peer:
		case c.JSON:
			if err := json.NewEncoder(w.out).Encode(e); err != nil {
				return err
			}
		default:
			w.printf("%s", render.Event(w.style(), e))
		}
	}
	return nil
}
