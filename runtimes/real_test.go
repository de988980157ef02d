package runtimes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
	"github.com/iapeer/iapeer/internal/fakemodel"
	"github.com/iapeer/iapeer/runtimes"
)

// eachAgent runs f with every pinned program.
func eachAgent(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Run("claude-"+agents.ClaudeOld, func(t *testing.T) {
		f(t, newRig(t, runtimes.Claude(), agents.Claude(t, agents.ClaudeOld)))
	})
	t.Run("claude-"+agents.ClaudeNew, func(t *testing.T) {
		f(t, newRig(t, runtimes.Claude(), agents.Claude(t, agents.ClaudeNew)))
	})
	t.Run("codex-"+agents.CodexOnly, func(t *testing.T) {
		f(t, newRig(t, runtimes.Codex(), agents.Codex(t)))
	})
}

// TestRealMessage starts each program without a dialog, has an idle one take a
// message, and finds the proof in hooks and record; then the agent answers by
// our tool, under its own name.
func TestRealMessage(t *testing.T) {
	eachAgent(t, func(t *testing.T, r *rig) {
		r.start()
		r.ready()
		first := fromBoris("hello NONCE first1")
		r.paste(first)
		r.taken(first.ID)
		r.ended("ECHO first1")
		name := r.named()
		if r.a.FixesID && name.SessionID != r.launch.NewID {
			t.Errorf("session id = %s, want %s", name.SessionID, r.launch.NewID)
		}
		got := r.records(name.SessionID, func(x runtimes.Reading) bool { return x.Messages[first.ID].Seen && !x.Turn.Open })
		if got.Turn.Text != "ECHO first1" || got.Turn.Cut != "" || got.SessionID != name.SessionID {
			t.Errorf("record says %+v", got)
		}
		q := r.request("first1", func(q fakemodel.Request) bool { return bytes.Contains(q.Body, []byte("PROMPTMARK-7f3a")) })
		t.Logf("the composed prompt came in: %s", promptPlace(t, q.Body))
		second := fromBoris(`CALL send_to_peer {"personality":"boris","message":"hi"} NONCE second2`)
		r.paste(second)
		r.taken(second.ID)
		r.ended("DONE second2")
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.calls) != 1 {
			t.Fatalf("MCP calls: %d, want 1", len(r.calls))
		}
		heads := append(slices.Clone(r.heads), r.calls[0].head)
		for _, h := range heads {
			if h.Get("X-IAPeer-Identity") != r.launch.Identity.String() || h.Get("Authorization") != "Bearer secret-of-anna" {
				t.Errorf("a request came as %q with %q", h.Get("X-IAPeer-Identity"), h.Get("Authorization"))
			}
		}
		moved := slices.ContainsFunc(r.events, func(e iapeer.SessionEvent) bool { _, ok := e.(iapeer.TurnMoved); return ok })
		if !moved {
			t.Error("no TurnMoved")
		}
		for _, arg := range r.cmd.Args {
			if strings.Contains(arg, "secret-of-anna") {
				t.Errorf("the token stands in argv: %s", arg)
			}
		}
	})
}

// promptPlace names the part of a model request that holds the prompt.
func promptPlace(t *testing.T, body []byte) string {
	t.Helper()
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(body, &parts); err != nil {
		t.Fatal(err)
	}
	for name, part := range parts {
		if i := bytes.Index(part, []byte("PROMPTMARK-7f3a")); i >= 0 {
			return fmt.Sprintf("%s …%.200s…", name, part[max(0, i-180):])
		}
	}
	return "nowhere"
}
