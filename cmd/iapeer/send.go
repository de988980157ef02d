package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// maxText bounds what is read of a message, in bytes; the daemon's own limit is
// in characters and answers with the count.
const maxText = 1 << 20

// messageFlags say what to send and as whom; send and ask share them.
type messageFlags struct {
	Message     string   `help:"The text, instead of arguments."`
	MessageFile string   `help:"Read the text from a file; - is standard input." placeholder:"file"`
	From        string   `help:"Send as this identity, <runtime>-<name>." placeholder:"identity"`
	Runtime     string   `help:"Runtime of the recipient; default: its default." placeholder:"runtime"`
	Topic       string   `help:"What it is about; one topic is one conversation of the recipient."`
	Attachment  []string `help:"A file to hand over; may be repeated." sep:"none" placeholder:"path"`
	Fresh       bool     `help:"Wake the peer in a fresh session, not in the last conversation."`
	Anyway      bool     `help:"Although a session started by hand works in that folder."`
}

// sendCmd implements "iapeer send".
type sendCmd struct {
	To   string   `arg:"" name:"peer" help:"Whom to send to."`
	Text []string `arg:"" optional:"" help:"The message; - reads standard input."`
	messageFlags
	Wait    string `help:"Wait until it is accepted, seen or answered; default: seen." enum:",accepted,seen,answered" default:"" placeholder:"state"`
	Timeout string `help:"Wait at most this long, such as 30s or 5m." placeholder:"time"`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*sendCmd) Help() string {
	return `The message is on disk when this returns, and called seen only when the
recipient's own runtime took it into a turn. Progress goes to standard error.

Examples:
  iapeer send web "The login test fails on CI, please look"
  git diff | iapeer send review - --topic login
  iapeer send web "ship it?" --wait answered --timeout 10m

Exit codes: 0 it got as far as --wait says, 3 not yet (kept, with its id),
1 refused or failed, 2 usage. A program that calls this without a terminal and
without --wait gets 0 for a kept message too.`
}

// Run sends.
func (c *sendCmd) Run(ctx context.Context, w *world) error {
	return c.send(ctx, w, func(r client.SendReply, goal iapeer.State) {
		switch {
		case w.outTTY:
			w.printf("%s", render.Receipt(w.style(), r))
		default:
			w.printf("%s", render.Delivered(r))
			w.note("%s", strings.TrimRight(render.Receipt(w.errStyle(), r), "\n"))
		}
		if goal == iapeer.Answered && r.Result.Answer != "" {
			w.printf("\n%s\n", render.Safe(r.Result.Answer))
		}
	})
}

// send sends, waits, and lets show print the outcome.
func (c *sendCmd) send(ctx context.Context, w *world, show func(client.SendReply, iapeer.State)) error {
	req, err := c.request(w)
	if err != nil {
		return err
	}
	wait, explicit, err := c.patience()
	if err != nil {
		return err
	}
	who, err := w.speaker(c.From)
	if err != nil {
		return err
	}
	fleet := w.fleet(who)
	goal, deadline := c.goal(w), w.now().Add(wait)
	reply, err := dispatch(ctx, w, fleet, req, wait)
	if err != nil {
		return c.refused(w, err)
	}
	if explicit && !settled(reply.Result.State, goal) {
		w.keepWaiting(ctx, fleet, &reply, goal, deadline)
	}
	if line := fleet.Mismatch(); line != "" {
		w.note("%s", line)
	}
	if c.JSON {
		if err := w.json(compat{OK: true, SendReply: reply, SendResult: reply.Result}); err != nil {
			return err
		}
	} else {
		show(reply, goal)
	}
	return outcome(reply.Result.State, goal)
}

// goal is the state that counts as success. A program that calls without a
// terminal and does not say asks for acceptance: runtime packages take every
// other exit code for a loss and send again.
func (c *sendCmd) goal(w *world) iapeer.State {
	switch {
	case c.Wait != "":
		return iapeer.State(c.Wait)
	case w.interactive():
		return iapeer.Seen
	default:
		return iapeer.Accepted
	}
}

// compat is the JSON line of a send: the result at the top, as the tool gives
// it, and who sent it.
type compat struct {
	OK bool `json:"ok"`
	client.SendReply
	iapeer.SendResult
}

// refused prints what programs look for, then lets the caller fail.
func (c *sendCmd) refused(w *world, err error) error {
	if c.JSON {
		return errors.Join(w.json(map[string]any{"ok": false, "err": err.Error()}), &exitError{code: exitFailed, text: err.Error()})
	}
	return err
}

// request composes the message.
func (c *sendCmd) request(w *world) (client.SendRequest, error) {
	text, err := c.text(w)
	if err != nil {
		return client.SendRequest{}, err
	}
	req := client.SendRequest{
		Personality: c.To, Message: text, Runtime: c.Runtime, Topic: c.Topic, Fresh: c.Fresh, Anyway: c.Anyway, For: c.Wait, Path: "cli",
	}
	for _, a := range c.Attachment {
		if !filepath.IsAbs(a) {
			a = filepath.Join(w.cwd, a)
		}
		if st, err := os.Stat(a); err != nil || !st.Mode().IsRegular() {
			return client.SendRequest{}, usagef("--attachment %s is no file that can be handed over", a)
		}
		req.Attachments = append(req.Attachments, a)
	}
	return req, nil
}

// text returns the message from exactly one of its sources.
func (c *sendCmd) text(w *world) (string, error) {
	given := 0
	for _, has := range []bool{len(c.Text) > 0, c.Message != "", c.MessageFile != ""} {
		if has {
			given++
		}
	}
	switch {
	case given == 0:
		return "", usagef("needs a message — usage: iapeer send <peer> <text>, or - for standard input")
	case given > 1:
		return "", usagef("takes the message once: as arguments, --message or --message-file")
	case c.MessageFile == "-", len(c.Text) == 1 && c.Text[0] == "-":
		return readText(w.in)
	case c.MessageFile != "":
		f, err := os.Open(c.MessageFile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return readText(f)
	case c.Message != "":
		return c.Message, nil
	}
	return strings.Join(c.Text, " "), nil
}

func readText(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxText {
		return "", fmt.Errorf("the message is longer than %d bytes: attach it as a file instead", maxText)
	}
	text := strings.TrimRight(string(b), "\n")
	if strings.TrimSpace(text) == "" {
		return "", usagef("the message is empty")
	}
	return text, nil
}

// patience is how long to wait, and whether the person said so. An answer takes
// a turn, so without a limit it is waited for much longer.
func (c *sendCmd) patience() (wait time.Duration, explicit bool, err error) {
	if c.Timeout != "" {
		d, err := time.ParseDuration(c.Timeout)
		if err != nil || d < 0 {
			return 0, false, usagef("--timeout %q is no duration, such as 30s or 5m", c.Timeout)
		}
		return d, true, nil
	}
	switch iapeer.State(c.Wait) {
	case iapeer.Accepted:
		return 0, false, nil
	case iapeer.Answered:
		return 10 * time.Minute, true, nil
	default:
		return 20 * time.Second, false, nil
	}
}

// How long a send is repeated when the daemon goes away under it, and how often.
const (
	repeatFor   = 5 * time.Second
	repeatEvery = 200 * time.Millisecond
)

// dispatch sends and shows progress to a person. When the daemon stops or dies
// meanwhile it sends again with the same key, so that a message that was already
// accepted is not sent twice. A daemon that has just started may not know the
// caller's session yet: its refusal is no answer to what went before.
func dispatch(ctx context.Context, w *world, fleet *client.Client, req client.SendRequest, wait time.Duration) (client.SendReply, error) {
	req.Wait, req.Key = wait.String(), rand.Text()
	unanswered := false
	for until := w.now().Add(repeatFor); ; {
		reply, err := watched(ctx, w, fleet, req)
		var refused *client.Error
		gone := err != nil && !errors.As(err, &refused) && !errors.Is(err, iapeer.ErrNoDaemon)
		unanswered = unanswered || gone
		again := gone || errors.Is(err, iapeer.ErrShuttingDown) || unanswered && errors.Is(err, iapeer.ErrNotProven)
		if !again || w.now().After(until) {
			return reply, doubtful(err, unanswered)
		}
		select {
		case <-ctx.Done():
			return reply, doubtful(ctx.Err(), unanswered)
		case <-time.After(repeatEvery):
		}
	}
}

// doubtful says of a failure that the message may have been accepted before it.
func doubtful(err error, unanswered bool) error {
	if err == nil || !unanswered {
		return err
	}
	return fmt.Errorf("%w\nThe daemon went away before it answered: the message may have been accepted all the same. Look before you send it again: iapeer msg list", err)
}

func watched(ctx context.Context, w *world, fleet *client.Client, req client.SendRequest) (client.SendReply, error) {
	if !w.errTTY {
		return fleet.Send(ctx, req)
	}
	start, last := w.now(), ""
	return fleet.SendWatched(ctx, req, func(p client.Progress) {
		if line := render.Progress(w.errStyle(), p, w.now().Sub(start)); line != "" && p.State != last {
			w.note("%s", line)
			last = p.State
		}
	})
}

// keepWaiting waits on, when the daemon answered early because the recipient is
// busy and the person said how long to wait.
func (w *world) keepWaiting(ctx context.Context, fleet *client.Client, r *client.SendReply, goal iapeer.State, deadline time.Time) {
	m, err := w.await(ctx, fleet, string(r.Result.ID), goal, deadline)
	if err != nil {
		return // the receipt stands as it was
	}
	r.Result.State, r.Result.Answer = m.State, m.Answer
	if m.State.Delivered() {
		r.Result.Queued, r.Result.Next = false, ""
	}
	if n := len(m.Steps); n > 0 {
		r.Result.Evidence = &m.Steps[n-1].Evidence
	}
}

func settled(s, goal iapeer.State) bool { return client.Reached(s, goal) || client.Ended(s) }

// outcome is the exit code of a message's state.
func outcome(s, goal iapeer.State) error {
	switch {
	case client.Reached(s, goal):
		return nil
	case s == iapeer.Failed || s == iapeer.Expired || s == iapeer.Cancelled || s == iapeer.Refused:
		return &exitError{code: exitFailed, text: "the message is " + string(s)}
	}
	return &exitError{code: exitNotYet}
}
