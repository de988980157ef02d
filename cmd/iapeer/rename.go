package main

import (
	"context"

	"github.com/iapeer/iapeer"
)

// renameCmd implements "iapeer rename".
type renameCmd struct {
	Old    string `arg:"" help:"What it is called."`
	New    string `arg:"" help:"What it is to be called."`
	Force  bool   `help:"End a live session, and send mail that was not offered yet on to the new name."`
	Scope  string `help:"project also writes files that git tracks." enum:",project" default:"" placeholder:"scope"`
	DryRun bool   `help:"Tell what would be done."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*renameCmd) Help() string {
	return `Profile, record, papers and conversations follow the name. A folder follows only
when iapeer made it (<root>/peers/<old>); one of yours keeps its name. Refused
while a session is live or mail is open.

Example:
  iapeer rename web site --dry-run`
}

// Run renames.
func (c *renameCmd) Run(ctx context.Context, w *world) error {
	o := iapeer.Onboarding{Verb: "rename", Name: c.Old, NewName: c.New, Scope: c.Scope, Force: c.Force, DryRun: c.DryRun, Env: w.passed()}
	return onboard(ctx, w, o, c.JSON)
}
