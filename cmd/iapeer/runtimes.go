package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

// runtimeOf are the arguments of the verbs about the runtimes of a peer.
type runtimeOf struct {
	Runtime string `arg:"" help:"claude or codex."`
	Peer    string `help:"Which peer." placeholder:"name"`
	All     bool   `help:"All agents; other peers are skipped."`
	Scope   string `help:"project also writes files that git tracks." enum:",project" default:"" placeholder:"scope"`
	DryRun  bool   `help:"Tell what would be done."`
	jsonFlag
}

// addRuntimeCmd implements "iapeer add-runtime".
type addRuntimeCmd struct{ runtimeOf }

// Help implements kong.HelpProvider.
func (*addRuntimeCmd) Help() string {
	return `The default runtime stays; iapeer default-runtime changes it.

Example:
  iapeer add-runtime codex --peer web`
}

// Run adds.
func (c *addRuntimeCmd) Run(ctx context.Context, w *world) error { return c.run(ctx, w, "add-runtime") }

// defaultRuntimeCmd implements "iapeer default-runtime".
type defaultRuntimeCmd struct{ runtimeOf }

// Help implements kong.HelpProvider.
func (*defaultRuntimeCmd) Help() string {
	return `It counts from the next wake; a live session goes on. The peer must have the
runtime: iapeer add-runtime.

Example:
  iapeer default-runtime codex --all`
}

// Run flips.
func (c *defaultRuntimeCmd) Run(ctx context.Context, w *world) error {
	return c.run(ctx, w, "default-runtime")
}

// run carries the verb out for one peer or for all.
func (c *runtimeOf) run(ctx context.Context, w *world, verb string) error {
	if c.All == (c.Peer != "") {
		return usagef("needs --peer NAME or --all — usage: iapeer %s <runtime> --peer <name> | --all", verb)
	}
	fleet := w.mine()
	if !c.All {
		report, err := fleet.Onboard(ctx, c.order(w, verb, c.Peer))
		switch {
		case err != nil:
			return err
		case c.JSON:
			return w.json(report)
		}
		w.printf("%s", render.Onboarded(w.style(), report))
		return nil
	}
	snap, err := fleet.Snapshot(ctx)
	if err != nil {
		return err
	}
	return c.each(ctx, w, fleet, verb, snap)
}

func (c *runtimeOf) order(w *world, verb, peer string) iapeer.Onboarding {
	return iapeer.Onboarding{Verb: verb, Name: peer, Runtime: c.Runtime, Scope: c.Scope, DryRun: c.DryRun, Env: w.passed()}
}

// A runtimeOutcome is what a verb did to one of all peers.
type runtimeOutcome struct {
	Personality string `json:"personality"`
	Action      string `json:"action"`
	Detail      string `json:"detail,omitempty"`
}

// each goes on after a peer that fails; only a failure is one, not a peer that
// has no use for the verb.
func (c *runtimeOf) each(ctx context.Context, w *world, fleet *client.Client, verb string, snap client.Snapshot) error {
	list, failed := []runtimeOutcome{}, 0
	for _, p := range snap.Peers {
		if p.Problem != "" {
			continue
		}
		out := runtimeOutcome{Personality: p.Personality, Action: "refused-undeclared-runtime", Detail: "iapeer add-runtime " + c.Runtime + " --peer " + p.Personality}
		agent := iapeer.Runtime(p.DefaultRuntime).Agentic()
		if verb == "add-runtime" || !agent || slices.ContainsFunc(p.Runtimes, func(rt client.RuntimeStatus) bool { return rt.Runtime == c.Runtime }) {
			report, err := fleet.Onboard(ctx, c.order(w, verb, p.Personality))
			out.Action, out.Detail = report.Action, ""
			if err != nil {
				out.Action, out.Detail = "failed", err.Error()
				failed++
			}
		}
		list = append(list, out)
		if !c.JSON && agent {
			w.printf("%s\n", render.Outcome(w.style(), iapeer.Outcome{Identity: iapeer.Identity{Runtime: iapeer.Runtime(c.Runtime), Name: iapeer.Name(p.Personality)}, Action: out.Action, Detail: out.Detail}))
		}
	}
	if c.JSON {
		if err := w.json(list); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &exitError{exitFailed, fmt.Sprintf("%d of %d failed; the others are done", failed, len(list))}
	}
	return nil
}
