package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestMiddlewareRunsInOrder(t *testing.T) {
	var mu sync.Mutex
	var steps []string
	note := func(s string) { mu.Lock(); steps = append(steps, s); mu.Unlock() }
	around := func(name string) Middleware {
		return func(next Handler) Handler {
			return func(ctx context.Context, c *Call) (any, error) {
				note(name + " before " + c.Tool)
				result, err := next(ctx, c)
				note(fmt.Sprintf("%s after %v", name, err == nil))
				return result, err
			}
		}
	}
	d := start(t, func(c *Config) {
		c.Use = []Middleware{around("a"), around("b")}
		c.Observe = func(a iapeer.Attempt) { note("observed " + string(a.Draft.To)) }
	})
	d.post(t, "/mcp", callBody(`{"personality":"boris","message":"hi"}`, ""), asAnna...)
	want := []string{"a before send_to_peer", "b before send_to_peer", "b after true", "a after true", "observed boris"}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

func TestLargeRequests(t *testing.T) {
	d := start(t, nil)
	pad := func(n int) string {
		return callBody(`{"personality":"boris","message":"`+strings.Repeat("x", n)+`"}`, "")
	}
	if status, a, raw := d.post(t, "/mcp", pad(maxShort), asAnna...); status != http.StatusOK || !strings.Contains(a.text(), "message exceeds 16000") {
		t.Errorf("beyond the short path: %d %.200s", status, raw)
	}
	if status, _, raw := d.post(t, "/mcp", pad(MaxBody), asAnna...); status != http.StatusRequestEntityTooLarge {
		t.Errorf("beyond the limit: %d %.200s", status, raw)
	}
	if status, _, raw := d.post(t, "/mcp", strings.Repeat("[", MaxBody-1), asAnna...); status != http.StatusBadRequest {
		t.Errorf("deeply nested: %d %.200s", status, raw)
	}
}

// Answers must not be mixed up between callers that use the same request ids.
func TestManyCallersAtOnce(t *testing.T) {
	d := start(t, nil)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 10 {
				name := fmt.Sprintf("peer-%d-%d", i, j)
				_, a, raw := d.post(t, []string{"/mcp", "/streamable"}[j%2], callBody(`{"personality":"`+name+`","message":"hi"}`, ""), asAnna...)
				var r iapeer.SendResult
				if err := json.Unmarshal(a.Result.StructuredContent, &r); err != nil || string(r.DeliveredTo.Personality) != name {
					t.Errorf("%s: %v %s", name, err, raw)
				}
			}
		})
	}
	wg.Wait()
	if n := len(d.shelf.drafts()); n != 320 {
		t.Errorf("%d messages, want 320", n)
	}
}
