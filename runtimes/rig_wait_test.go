package runtimes_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/fakemodel"
	"github.com/iapeer/iapeer/runtimes"
)

// taken waits until a hook proves that the prompt with id was taken, and
// repeats a lost Enter.
func (r *rig) taken(id iapeer.MessageID) {
	r.t.Helper()
	nudge := time.AfterFunc(r.a.NudgeAfter, func() {
		r.mu.Lock()
		state := r.a.Screen(shown(r.screen))
		r.mu.Unlock()
		if state.Composing {
			r.t.Log("the Enter was lost and is typed again")
			_, _ = io.WriteString(r.pty, r.a.Nudge[0].Bytes)
		}
	})
	defer nudge.Stop()
	r.wait("taken "+string(id), func() bool { return r.took(id) })
}

// took reports, under the lock, whether a hook proved id taken.
func (r *rig) took(id iapeer.MessageID) bool {
	return slices.ContainsFunc(r.events, func(e iapeer.SessionEvent) bool {
		p, ok := e.(iapeer.PromptTaken)
		return ok && slices.Contains(p.IDs, id)
	})
}

// ended waits for a turn that ended with text.
func (r *rig) ended(text string) {
	r.t.Helper()
	r.wait("the end of a turn with "+text, func() bool {
		return slices.ContainsFunc(r.events, func(e iapeer.SessionEvent) bool {
			end, ok := e.(iapeer.TurnEnded)
			return ok && strings.Contains(end.Text, text)
		})
	})
}

// named waits for the id that the program gave its session.
func (r *rig) named() iapeer.SessionNamed {
	r.t.Helper()
	var name iapeer.SessionNamed
	r.wait("the session's id", func() bool {
		for _, e := range r.events {
			if n, ok := e.(iapeer.SessionNamed); ok && n.SessionID != "" {
				name = n
			}
		}
		return name.SessionID != ""
	})
	return name
}

// records reads the session's record until cond holds. Records are written a
// moment after the hooks.
func (r *rig) records(id string, cond func(runtimes.Reading) bool) runtimes.Reading {
	r.t.Helper()
	home := r.programHome()
	var reading runtimes.Reading
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if path, ok := r.a.Records.Find(os.DirFS(home), r.cwd, id); ok {
			f, err := os.Open(filepath.Join(home, path))
			if err != nil {
				r.t.Fatal(err)
			}
			err = r.a.Read(f, &reading)
			f.Close()
			if err != nil {
				r.t.Fatal(err)
			}
			if cond(reading) {
				return reading
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("records of %s: %+v", id, reading)
		}
	}
}

// request waits for a model call whose user text holds part and that more
// accepts. Programs call models for titles too.
func (r *rig) request(part string, more func(fakemodel.Request) bool) fakemodel.Request {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	req, err := r.model.Wait(ctx, func(q fakemodel.Request) bool { return strings.Contains(q.User, part) && more(q) })
	if err != nil {
		for _, q := range r.model.Requests() {
			r.t.Logf("call: %s tools %d %s", q.Plan, len(q.Tools), q.Path)
		}
		r.t.Fatalf("model call with %q: %v", part, err)
	}
	return req
}

// waitAtMost returns when cond, called under the lock after every change,
// holds, or after d, and says which.
func (r *rig) waitAtMost(d time.Duration, cond func() bool) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		r.mu.Lock()
		ok, changed := cond(), r.changed
		r.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-over.C:
			return false
		}
	}
}
