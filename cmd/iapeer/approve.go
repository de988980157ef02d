package main

import (
	"context"
	"strings"
	"time"

	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// approveCmd implements "iapeer approve".
type approveCmd struct {
	ID      string        `arg:"" optional:"" help:"Which request; may be left out when only one waits."`
	Once    bool          `xor:"scope" help:"This request only (default)."`
	Session bool          `xor:"scope" help:"The same again, while its session lives."`
	For     time.Duration `xor:"scope" help:"The same again, for so long: 30m, 1h."`
	Always  bool          `xor:"scope" help:"The same again, until you revoke it."`
	Tool    bool          `help:"With a longer scope: anything that tool is asked to do, not only the same."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*approveCmd) Help() string {
	return `The same is the same command in the same folder, to the letter.

Example:
  iapeer approve a7
  iapeer approve a7 --for 1h`
}

// Run approves.
func (c *approveCmd) Run(ctx context.Context, w *world) error {
	v := client.VerdictRequest{Via: "cli", Tool: c.Tool}
	switch {
	case c.Session:
		v.Scope = "session"
	case c.For > 0:
		v.Scope, v.For = "for", c.For.String()
	case c.Always:
		v.Scope = "always"
	case c.Tool:
		return usagef("--tool needs --session, --for or --always — usage: iapeer approve [<id>] --session --tool")
	}
	return w.verdict(ctx, c.ID, "approve", v, c.JSON)
}

// verdict records the person's word and prints what happens next.
func (w *world) verdict(ctx context.Context, id, action string, v client.VerdictRequest, asJSON bool) error {
	fleet := w.mine()
	if id == "" {
		list, err := fleet.Approvals(ctx)
		if err != nil {
			return err
		}
		if id, err = only(list, action); err != nil {
			return err
		}
	}
	r, err := fleet.Verdict(ctx, id, action, v)
	if err != nil {
		return err
	}
	if asJSON {
		return w.json(r)
	}
	w.printf("%s", render.Verdict(w.style(), r))
	return nil
}

// only returns the one request that waits.
func only(list []client.Approval, action string) (string, error) {
	switch len(list) {
	case 0:
		return "", &client.Error{Message: "nothing waits for your word"}
	case 1:
		return list[0].ID, nil
	}
	var ids []string
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	return "", usagef("%s needs an id, since more than one request waits: %s — usage: iapeer %s <id>", action, strings.Join(ids, ", "), action)
}
