package main

import (
	"context"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// approvalsCmd implements "iapeer approvals".
type approvalsCmd struct {
	Show   approvalsShowCmd   `cmd:"" default:"withargs" help:"What waits for your word; with --grants, what you allowed for later."`
	Revoke approvalsRevokeCmd `cmd:"" help:"Take back a grant."`
}

// Help implements kong.HelpProvider.
func (*approvalsCmd) Help() string {
	return `Shows what would run, whole. What nobody answers is denied.

Example:
  iapeer approvals
  iapeer approvals --grants
  iapeer approvals revoke g3`
}

type approvalsShowCmd struct {
	Grants bool `help:"The grants that hold, instead of what waits."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*approvalsShowCmd) Help() string { return "Example:\n  iapeer approvals --grants" }

// Run shows.
func (c *approvalsShowCmd) Run(ctx context.Context, w *world) error {
	fleet := w.fleet("")
	if c.Grants {
		list, err := fleet.Grants(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return w.json(list)
		}
		w.printf("%s", render.Grants(w.style(), list))
		return nil
	}
	list, err := fleet.Approvals(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(list)
	}
	w.printf("%s", render.Approvals(w.style(), list))
	return nil
}

type approvalsRevokeCmd struct {
	Grant string `arg:"" help:"Which grant: g1, g2, …"`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*approvalsRevokeCmd) Help() string { return "Example:\n  iapeer approvals revoke g3" }

// Run revokes.
func (c *approvalsRevokeCmd) Run(ctx context.Context, w *world) error {
	g, err := w.mine().Revoke(ctx, c.Grant)
	if err != nil {
		return err
	}
	if c.JSON {
		return w.json(g)
	}
	w.printf("%s revoked: %s (%s) asks again before %s\n", g.ID, g.Personality, g.Runtime, render.Line(g.Tool, 40))
	return nil
}
