package main

import (
	"context"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// verifyCmd implements "iapeer verify".
type verifyCmd struct {
	Peer string `arg:"" optional:"" help:"Only this peer."`
	Fix  bool   `help:"Mend what can be mended without losing anything."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*verifyCmd) Help() string {
	return `Compares profiles, the registry, folders, papers (.mcp.json) and what sessions
left. Each finding names the file, the field and the way out.

Example:
  iapeer verify --fix

Exit codes: 0 nothing that keeps a peer from working, 1 errors, or drift that was
not mended.`
}

// Run looks, and mends.
func (c *verifyCmd) Run(ctx context.Context, w *world) error {
	report, err := w.mine().Onboard(ctx, iapeer.Onboarding{Verb: "verify", Name: c.Peer, Fix: c.Fix, Env: w.passed()})
	if err != nil {
		return err
	}
	v := render.Verify(report)
	if c.JSON {
		err = w.json(v)
	} else {
		w.printf("%s", v.Text(w.style()))
	}
	if err == nil && (v.Errors > 0 || v.Drift > 0) {
		return &exitError{code: exitFailed}
	}
	return err
}
