package actors

import (
	"sync"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
)

// TestClockSetBack: a pause counts from anew when the clock on the wall is set
// back behind its begin, and is over when it is set forward; so is a quota.
func TestClockSetBack(t *testing.T) {
	for _, jump := range []time.Duration{-6 * time.Hour, 6 * time.Hour} {
		off := time.Duration(0)
		var mu sync.Mutex
		inWorldOf(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
			w.cfg.Wall = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Round(0).Add(off)
			}
		}, func(w *world) {
			t := w.tb
			w.settings("bob", func(s *iapeer.Settings) { s.Restart = "on-failure" })
			w.send(draft("claude-ann", "claude-bob", "one"))
			time.Sleep(time.Minute)
			for range 4 { // the pauses grow
				w.host("claude-bob").die(iapeer.SessionExited{Code: 1}, true)
				time.Sleep(100 * time.Millisecond)
				w.wantPresence(t, "claude-bob", iapeer.Resting)
				mu.Lock()
				off += jump
				mu.Unlock()
				time.Sleep(3 * time.Minute)
				w.wantPresence(t, "claude-bob", iapeer.Ready)
			}
			r := w.send(draft("claude-ann", "claude-bob", "two"))
			time.Sleep(time.Minute)
			w.wantState(t, r.ID, iapeer.Answered)
		})
	}
}

// TestKeptDown: a peer that its policy keeps down says so, also to a daemon that
// was started since.
func TestKeptDown(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.settings("bob", func(s *iapeer.Settings) { s.Restart = "never" })
		w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		w.host("claude-bob").die(iapeer.SessionExited{Code: 1}, true)
		time.Sleep(time.Minute)
		w.wantCause(t, "claude-bob", "policy is never")
		w.live().kill(t)
		w.boot(t)
		time.Sleep(time.Minute)
		w.wantCause(t, "claude-bob", "policy is never")
		w.verb(iapeer.VerbStop, "claude-bob")
		w.wantCause(t, "claude-bob", "by a person")
	})
}
