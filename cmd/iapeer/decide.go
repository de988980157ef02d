package main

import (
	"context"
	"crypto/rand"
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

// How long a hook waits for a daemon: that was not there at its first try, that
// had its question, and between two tries. A try that lasted long enough for an
// answer had reached one.
const (
	decideStart = 5 * time.Second
	decideAway  = 30 * time.Second
	decideRetry = 200 * time.Millisecond
	decideHeard = 50 * time.Millisecond
)

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
	return c.insist(ctx, w, who, payload)
}

// insist asks until there is an answer. A daemon that goes away may come back
// and know the question by its key; one that is not there at all, or stays away,
// ends the matter.
func (c *hookCmd) insist(ctx context.Context, w *world, who string, payload []byte) (client.Decision, error) {
	key, patience := rand.Text(), decideStart
	for {
		asked := time.Now()
		d, err := w.running(who).Decide(ctx, c.Runtime, c.Event, key, payload)
		switch {
		case err == nil || ctx.Err() != nil || !cameApart(err):
			return d, err
		case time.Since(asked) > decideHeard:
			patience = decideAway // it had the question, and went away
		}
		if patience -= decideRetry; patience <= 0 {
			return d, err
		}
		select {
		case <-time.After(decideRetry):
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
}

// cameApart reports whether an error is of the way to the daemon, or of a daemon
// that stops, and not the daemon's answer.
func cameApart(err error) bool {
	var refused *client.Error
	return !errors.As(err, &refused) || errors.Is(err, iapeer.ErrShuttingDown)
}

// hookAnswer is a decision in the form that claude and codex read.
func hookAnswer(event string, d client.Decision) any {
	word := "deny"
	if d.Allow {
		word = "allow"
	}
	out := map[string]any{"hookEventName": event}
	if event == "PermissionRequest" {
		decision := map[string]any{"behavior": word}
		out["decision"] = decision
		if !d.Allow {
			decision["message"] = d.Reason
		}
		if !d.Allow && d.Interrupt {
			decision["interrupt"] = true
		}
	} else {
		out["permissionDecision"], out["permissionDecisionReason"] = word, d.Reason
	}
	return map[string]any{"hookSpecificOutput": out}
}
