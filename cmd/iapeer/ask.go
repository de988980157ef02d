package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// askCmd implements "iapeer ask".
type askCmd struct {
	To   string   `arg:"" name:"peer" help:"Whom to ask."`
	Text []string `arg:"" optional:"" help:"The question; - reads standard input."`
	messageFlags
	Timeout string `help:"Wait at most this long for the answer." default:"10m" placeholder:"time"`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*askCmd) Help() string {
	return `Prints the answer alone on standard output: what the recipient sent back, or
the end of the turn that the question began. All else goes to standard error.

Example:
  iapeer ask web "Which port does the dev server use?"

Exit codes: 0 answered, 3 not yet (kept, with its id), 1 refused or failed, 2 usage.`
}

// Run asks.
func (c *askCmd) Run(ctx context.Context, w *world) error {
	s := sendCmd{To: c.To, Text: c.Text, messageFlags: c.messageFlags, Wait: string(iapeer.Answered), Timeout: c.Timeout, jsonFlag: c.jsonFlag}
	return s.send(ctx, w, func(r client.SendReply, _ iapeer.State) {
		if r.Result.State == iapeer.Answered {
			w.printf("%s\n", render.Safe(r.Result.Answer))
			c.settle(ctx, w, r)
			return
		}
		w.note("%s", render.Receipt(w.errStyle(), r))
	})
}

// settle marks as seen what answered a person's question: it was read here, and
// need not wait in the inbox. What cannot be marked stays there.
func (c *askCmd) settle(ctx context.Context, w *world, r client.SendReply) {
	if who, err := w.speaker(c.From); err != nil || who != "" {
		return
	}
	fleet, from := w.mine(), fmt.Sprintf("%s-%s", r.Result.DeliveredTo.Runtime, r.Result.DeliveredTo.Personality)
	list, err := fleet.Inbox(ctx, iapeer.MessageQuery{Limit: 20})
	if err != nil {
		return
	}
	answers := slices.DeleteFunc(list, func(m client.Message) bool {
		return m.Caused != r.Result.ID || m.From != from || m.Body != r.Result.Answer
	})
	_ = markRead(ctx, fleet, answers)
}
