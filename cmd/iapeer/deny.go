package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/iapeer/iapeer/fleet/client"
)

// denyCmd implements "iapeer deny".
type denyCmd struct {
	ID     string   `arg:"" optional:"" help:"Which request; may be left out when only one waits."`
	Reason []string `arg:"" optional:"" help:"What the agent is told."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*denyCmd) Help() string {
	return `The agent is told the reason and goes on without the tool.

Example:
  iapeer deny a7 push to a branch instead`
}

var approvalID = regexp.MustCompile(`^a[0-9]+$`)

// Run denies. A first word that is no id belongs to the reason.
func (c *denyCmd) Run(ctx context.Context, w *world) error {
	id, words := c.ID, c.Reason
	if id != "" && !approvalID.MatchString(id) {
		id, words = "", append([]string{id}, words...)
	}
	return w.verdict(ctx, id, "deny", client.VerdictRequest{Via: "cli", Reason: strings.Join(words, " ")}, c.JSON)
}
