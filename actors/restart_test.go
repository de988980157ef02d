package actors

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
)

// A daemon is killed at every point of a message's life; the next one goes on
// with the same mailbox, board, hosts and records. Nothing is lost, doubled or
// reordered, and no session dies.
func TestAdoptedSessionGoesOn(t *testing.T) {
	for _, to := range []string{"claude-bob", "codex-bob", "exec-bob", "telegram-bob"} {
		t.Run(to, func(t *testing.T) {
			for _, at := range killTimes() {
				t.Run(at.String(), func(t *testing.T) { killAt(t, to, at) })
			}
		})
	}
}

// killTimes are the moments of the first three messages' lives, dense where
// much happens: the launch, the offer, the turn's begin and end.
func killTimes() []time.Duration {
	var times []time.Duration
	for at := time.Duration(0); at < 70*time.Millisecond; at += 4 * time.Millisecond {
		times = append(times, at, at+time.Second)
	}
	for at := 1100 * time.Millisecond; at < 22*time.Second; at += 330 * time.Millisecond {
		times = append(times, at)
	}
	return times
}

func killAt(t *testing.T, to string, at time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "claude-ann", to)
		w.commit = func() time.Duration { return 2 * time.Millisecond }
		w.read = func() time.Duration { return time.Millisecond }
		w.boot(t)
		synctest.Wait()
		var want []string
		go func() {
			for i := range 6 {
				w.send(draft("claude-ann", to, fmt.Sprint(i)))
				time.Sleep(time.Second)
			}
		}()
		for i := range 6 {
			want = append(want, fmt.Sprint(i))
		}
		time.Sleep(at)
		before := w.host(to)
		w.live().kill(t)
		time.Sleep(700 * time.Millisecond)
		w.boot(t)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := w.bodies(to); !slices.Equal(got, want) {
			t.Errorf("consumed %q, want %q", got, want)
		}
		if before != nil && w.host(to) != before {
			t.Errorf("the session of generation %d did not outlive the daemon", before.generation)
		}
		w.wantAllDelivered(t)
		w.end(t)
	})
}

// wantAllDelivered checks every message on disk.
func (w *world) wantAllDelivered(tb testing.TB) {
	tb.Helper()
	for _, m := range w.all() {
		if !m.State.Delivered() && m.To.Runtime != iapeer.RuntimeCLI {
			_, steps := w.message(tb, m.ID)
			tb.Errorf("%s %s → %s %q is %s: %v", m.ID, m.From, m.To, m.Body, m.State, steps)
		}
	}
}
