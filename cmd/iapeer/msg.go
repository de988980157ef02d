package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// msgCmd implements "iapeer msg".
type msgCmd struct {
	Show    msgShowCmd    `cmd:"" help:"One message: where it stands, the proof, the answer."`
	List    msgListCmd    `cmd:"" help:"The last messages."`
	Search  msgSearchCmd  `cmd:"" help:"Messages whose text holds these words."`
	Wait    msgWaitCmd    `cmd:"" help:"Wait until a message is seen or answered."`
	Cancel  msgCancelCmd  `cmd:"" help:"Withdraw a message that was not offered yet."`
	Retry   msgRetryCmd   `cmd:"" help:"Try a failed, expired, held or unknown message again."`
	Resolve msgResolveCmd `cmd:"" help:"Say what became of a message whose state is unknown."`
}

// Help implements kong.HelpProvider.
func (*msgCmd) Help() string {
	return `Ids may be shortened to what is unique.

Example:
  iapeer msg show m-7k2q`
}

// idArg is the message that a verb is about.
type idArg struct {
	ID string `arg:"" help:"Id of the message, or its beginning."`
}

type msgShowCmd struct {
	idArg
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*msgShowCmd) Help() string { return "Example:\n  iapeer msg show m-7k2q" }

// Run shows one message.
func (c *msgShowCmd) Run(ctx context.Context, w *world) error {
	m, err := w.fleet("").Message(ctx, c.ID)
	if err != nil {
		return err
	}
	return showMessage(w, m, c.JSON)
}

func showMessage(w *world, m client.Message, asJSON bool) error {
	if asJSON {
		return w.json(m)
	}
	w.printf("%s", render.Message(w.style(), m))
	return nil
}

// listFlags select messages.
type listFlags struct {
	Peer  string `help:"Only from or to this peer." placeholder:"peer"`
	From  string `help:"Only from this peer." placeholder:"peer"`
	To    string `help:"Only to this peer." placeholder:"peer"`
	State string `help:"Only in this state: accepted, seen, failed, unknown …" placeholder:"state"`
	Limit int    `help:"At most so many." default:"20" placeholder:"n"`
	jsonFlag
}

func (f listFlags) query(text string) (iapeer.MessageQuery, error) {
	q := iapeer.MessageQuery{Text: text, State: iapeer.State(f.State), Limit: f.Limit}
	if f.State != "" && !slices.Contains(iapeer.States, q.State) {
		return q, usagef("--state %q is no state; there are %v", f.State, iapeer.States)
	}
	for flag, v := range map[string]struct {
		text string
		name *iapeer.Name
	}{"peer": {f.Peer, &q.Peer}, "from": {f.From, &q.From}, "to": {f.To, &q.To}} {
		if v.text == "" {
			continue
		}
		if err := v.name.UnmarshalText([]byte(v.text)); err != nil {
			return q, usagef("--%s: %v", flag, err)
		}
	}
	return q, nil
}

func (f listFlags) run(ctx context.Context, w *world, text string) error {
	q, err := f.query(text)
	if err != nil {
		return err
	}
	list, err := w.fleet("").Messages(ctx, q)
	if err != nil {
		return err
	}
	if f.JSON {
		return w.json(list)
	}
	w.printf("%s", render.Messages(w.style(), list))
	return nil
}

type msgListCmd struct{ listFlags }

// Help implements kong.HelpProvider.
func (*msgListCmd) Help() string { return "Example:\n  iapeer msg list --to web --state accepted" }

// Run lists, newest first.
func (c *msgListCmd) Run(ctx context.Context, w *world) error { return c.run(ctx, w, "") }

type msgSearchCmd struct {
	Words []string `arg:"" help:"Words that the text holds."`
	listFlags
}

// Help implements kong.HelpProvider.
func (*msgSearchCmd) Help() string { return "Example:\n  iapeer msg search login test --peer web" }

// Run searches, newest first.
func (c *msgSearchCmd) Run(ctx context.Context, w *world) error {
	return c.run(ctx, w, strings.Join(c.Words, " "))
}

type msgWaitCmd struct {
	idArg
	For     string        `help:"Wait for seen or answered." enum:"seen,answered" default:"answered" placeholder:"state"`
	Timeout time.Duration `help:"Wait at most this long." default:"10m" placeholder:"time"`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*msgWaitCmd) Help() string {
	return "Exit codes: 0 it got that far, 3 not yet, 1 it failed.\n\nExample:\n  iapeer msg wait m-7k2q --for seen --timeout 1m"
}

// Run waits.
func (c *msgWaitCmd) Run(ctx context.Context, w *world) error {
	goal := iapeer.State(c.For)
	m, err := w.await(ctx, w.fleet(""), c.ID, goal, w.now().Add(c.Timeout))
	if err != nil {
		return err
	}
	if err := showMessage(w, m, c.JSON); err != nil {
		return err
	}
	return outcome(m.State, goal)
}

type msgCancelCmd struct {
	idArg
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*msgCancelCmd) Help() string { return "Example:\n  iapeer msg cancel m-7k2q" }

// Run cancels.
func (c *msgCancelCmd) Run(ctx context.Context, w *world) error {
	return changed(w, c.JSON)(w.mine().Cancel(ctx, c.ID))
}

type msgRetryCmd struct {
	idArg
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*msgRetryCmd) Help() string { return "Example:\n  iapeer msg retry m-7k2q" }

// Run retries.
func (c *msgRetryCmd) Run(ctx context.Context, w *world) error {
	return changed(w, c.JSON)(w.mine().Retry(ctx, c.ID))
}

type msgResolveCmd struct {
	idArg
	As string `arg:"" enum:"seen,lost" help:"seen: the peer did see it; lost: it did not and need not."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*msgResolveCmd) Help() string { return "Example:\n  iapeer msg resolve m-7k2q seen" }

// Run resolves.
func (c *msgResolveCmd) Run(ctx context.Context, w *world) error {
	return changed(w, c.JSON)(w.mine().Resolve(ctx, c.ID, c.As == "seen"))
}

// mine is a client that speaks as this program's own peer or person, without a
// claim of anything else.
func (w *world) mine() *client.Client {
	who, err := w.speaker("")
	if err != nil {
		who = "" // an unreadable profile here does not stand in the way of a person
	}
	return w.fleet(who)
}

// changed prints the message after a change.
func changed(w *world, asJSON bool) func(client.Message, error) error {
	return func(m client.Message, err error) error {
		if err != nil {
			return err
		}
		if asJSON {
			return w.json(m)
		}
		w.printf("%s", render.Messages(w.style(), []client.Message{m}))
		return nil
	}
}
