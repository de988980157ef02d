package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// decideLimit is how long a decision may take: longer than the daemon waits for
// a person, shorter than the runtime waits for its hook.
const decideLimit = 600 * time.Second

// decide asks the daemon whether a tool may run and prints the answer in the
// runtime's form. Whatever fails — the daemon, its answer, the time — prints
// deny. Input that cannot be understood ends with 2, which denies too.
func (c *hookCmd) decide(ctx context.Context, w *world) error {
	payload, err := io.ReadAll(io.LimitReader(w.in, maxHookPayload+1))
	switch {
	case err != nil || len(payload) > maxHookPayload || !json.Valid(payload):
		return &exitError{exitUsage, "denied: the payload on standard input cannot be read"}
	case c.Event != "PermissionRequest" && c.Event != "PreToolUse":
		return &exitError{exitUsage, "denied: " + c.Event + " is no event to decide about"}
	}
	d, err := c.ask(ctx, w, payload)
	if err != nil {
		d = client.Decision{Reason: "iapeer could not ask whether this may run, so it may not: " + err.Error()}
	}
	if d.Allow && c.Event == "PreToolUse" && iapeer.Runtime(c.Runtime) == iapeer.RuntimeCodex {
		return nil // codex takes an affirmative answer for a failed hook; silence lets the tool run
	}
	return json.NewEncoder(w.out).Encode(hookAnswer(c.Event, d))
}

func (c *hookCmd) ask(ctx context.Context, w *world, payload []byte) (client.Decision, error) {
	who := w.getenv("PEER_IDENTITY")
	if who == "" {
		return client.Decision{}, errors.New("PEER_IDENTITY is not set")
	}
	ctx, cancel := context.WithTimeout(ctx, decideLimit)
	defer cancel()
	return w.running(who).Decide(ctx, c.Runtime, c.Event, payload)
}

// hookAnswer is a decision in the form that claude and codex read.
func hookAnswer(event string, d client.Decision) any {
	word := "deny"
	if d.Allow {
		word = "allow"
	}
	out := map[string]any{"hookEventName": event}
	if event == "PermissionRequest" {
		decision := map[string]string{"behavior": word}
		if !d.Allow {
			decision["message"] = d.Reason
		}
		out["decision"] = decision
	} else {
		out["permissionDecision"], out["permissionDecisionReason"] = word, d.Reason
	}
	return map[string]any{"hookSpecificOutput": out}
}
