package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// launchCmd implements "iapeer launch" and "iapeer <runtime>".
type launchCmd struct {
	runtimeArg
	beginFlags
	Detached bool `help:"Do not attach."`
	Anyway   bool `help:"Although a session started by hand works in this folder."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*launchCmd) Help() string {
	return `A fresh session, in place of the one that lives. --resume goes on with the last
conversation instead, in the session that lives if there is one; iapeer attach
<peer> does so from any folder.

Examples:
  cd ~/src/web && iapeer claude
  iapeer claude --resume
  iapeer launch codex --detached`
}

// Run launches and attaches.
func (c *launchCmd) Run(ctx context.Context, w *world) error {
	p, err := readProfile(w.cwd)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("this folder is no peer, so %s cannot be launched here\nMake it one: iapeer init --runtime %s. Or did you mean a verb? iapeer help",
			or(c.Runtime, "a session"), or(c.Runtime, string(iapeer.RuntimeClaude)))
	}
	if err != nil {
		return err
	}
	fleet := w.mine()
	if answer := w.askRisk(); answer != "" {
		o := iapeer.Onboarding{Verb: "init", CWD: w.cwd, AcceptRisk: answer, Env: w.passed()}
		if _, err := fleet.Onboard(ctx, o); err != nil {
			return err
		}
	}
	verb := iapeer.VerbLaunch
	if c.Resume { // launch would end the session that lives
		verb = iapeer.VerbAttach
	}
	out, err := fleet.Command(ctx, verb, p.Personality, client.CommandRequest{Runtime: c.Runtime, Anyway: c.Anyway, Fresh: c.Fresh, Resume: c.Resume})
	if err != nil {
		return err
	}
	return c.sit(ctx, w, out)
}

// sit attaches a terminal, or tells the outcome where there is none.
func (c *launchCmd) sit(ctx context.Context, w *world, out iapeer.Outcome) error {
	switch {
	case c.JSON:
		return w.json(out)
	case c.Detached || !w.inTTY || !w.outTTY:
		w.printf("%s\n", render.Outcome(w.style(), out))
		return nil
	}
	return attach(ctx, w, out, false)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
