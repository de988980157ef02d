package actors

import (
	"testing"
	"time"
)

// A peer that is removed while its session is being launched leaves no session
// behind that nobody owns; nor does one whose session is up.
func TestRemovedPeerLeavesNoSession(t *testing.T) {
	for name, after := range map[string]time.Duration{"before its host is up": 2 * time.Second, "when it is idle": time.Minute} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
				t := w.tb
				w.script("claude-bob").boot = 20 * time.Second
				go w.send(draft("claude-ann", "claude-bob", "hello"))
				time.Sleep(after)
				if got := w.launched("claude-bob"); got != 1 {
					t.Fatalf("launched %d times, want 1", got)
				}
				w.mu.Lock()
				delete(w.peers, "bob")
				w.mu.Unlock()
				w.live().sys.Refresh("bob")
				time.Sleep(5 * time.Minute)
				if w.host("claude-bob") != nil {
					t.Error("the session of a removed peer lives")
				}
			})
		})
	}
}
