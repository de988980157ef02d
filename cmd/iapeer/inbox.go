package main

import (
	"context"
	"slices"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// inboxCmd implements "iapeer inbox".
type inboxCmd struct {
	All   bool `help:"Also what you have read."`
	Limit int  `help:"At most so many." default:"20" placeholder:"n"`
	Keep  bool `help:"Leave the shown messages unread."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*inboxCmd) Help() string {
	return `Answers to what you sent come here. What is shown counts as seen by you.

Example:
  iapeer inbox --all --limit 5`
}

// Run prints the inbox, oldest first, and marks as seen what it printed.
func (c *inboxCmd) Run(ctx context.Context, w *world) error {
	fleet := w.mine()
	list, err := fleet.Inbox(ctx, iapeer.MessageQuery{Limit: c.Limit})
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(m client.Message) bool { return !c.All && m.State.Delivered() })
	slices.Reverse(list)
	switch {
	case c.JSON:
		err = w.json(list)
	case len(list) == 0:
		w.printf("nothing new%s\n", map[bool]string{false: "; what you have read: iapeer inbox --all"}[c.All])
	default:
		w.printf("%s", render.Inbox(w.style(), list))
	}
	if err != nil || c.Keep {
		return err
	}
	return markRead(ctx, fleet, list)
}

func markRead(ctx context.Context, fleet *client.Client, list []client.Message) error {
	var ids []iapeer.MessageID
	for _, m := range list {
		if !m.State.Delivered() {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return fleet.MarkRead(ctx, ids...)
}
