package main

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/iapeer/iapeer/fleet/client"
)

func TestHookAnswer(t *testing.T) {
	for _, tc := range []struct {
		event string
		d     client.Decision
		want  string
	}{
		{"PermissionRequest", client.Decision{Allow: true, Reason: "ignored"}, `{"hookSpecificOutput":{"decision":{"behavior":"allow"},"hookEventName":"PermissionRequest"}}`},
		{"PermissionRequest", client.Decision{Reason: "no"}, `{"hookSpecificOutput":{"decision":{"behavior":"deny","message":"no"},"hookEventName":"PermissionRequest"}}`},
		{"PermissionRequest", client.Decision{Reason: "later", Interrupt: true}, `{"hookSpecificOutput":{"decision":{"behavior":"deny","interrupt":true,"message":"later"},"hookEventName":"PermissionRequest"}}`},
		{"PermissionRequest", client.Decision{}, `{"hookSpecificOutput":{"decision":{"behavior":"deny","message":""},"hookEventName":"PermissionRequest"}}`},
		{"PreToolUse", client.Decision{Allow: true, Reason: "g1"}, `{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow","permissionDecisionReason":"g1"}}`},
		{"PreToolUse", client.Decision{Reason: "no", Interrupt: true}, `{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"no"}}`},
	} {
		got, err := json.Marshal(hookAnswer(tc.event, tc.d))
		if err != nil || string(got) != tc.want {
			t.Errorf("hookAnswer(%s, %+v) = %s, %v, want %s", tc.event, tc.d, got, err, tc.want)
		}
	}
}

func TestOnlyOneNeedsNoID(t *testing.T) {
	one, two := client.Approval{ID: "a1"}, client.Approval{ID: "a2"}
	if _, err := only(nil, "approve"); err == nil || errors.As(err, new(*exitError)) {
		t.Errorf("none: %v", err)
	}
	if id, err := only([]client.Approval{one}, "approve"); id != "a1" || err != nil {
		t.Errorf("one: %q, %v", id, err)
	}
	var usage *exitError
	if _, err := only([]client.Approval{one, two}, "approve"); !errors.As(err, &usage) || usage.code != exitUsage {
		t.Errorf("two: %v", err)
	}
}
