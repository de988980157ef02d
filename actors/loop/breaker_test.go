package loop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
)

const talk = iapeer.ConversationID("c-1")

// chat sends hops from first to last, pause apart, and returns the hop that was
// stopped, 0 for none.
func chat(b *Breaker, first, last int, start time.Time, pause time.Duration) (stopped int, why string) {
	for h := first; h <= last; h++ {
		if why := b.Weigh(talk, h, start.Add(time.Duration(h)*pause)); why != "" {
			return h, why
		}
	}
	return 0, ""
}

func TestBreaker(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	limits := Limits{Pace: 30, Window: 10 * time.Minute, Height: 300}
	for _, tc := range []struct {
		name    string
		limits  Limits
		hops    int
		pause   time.Duration
		stopped int
		why     string
	}{
		{"two polite agents", limits, 1000, 10 * time.Second, 31, "30 times within 5m0s"},
		{"agents that work between their messages", limits, 300, 30 * time.Second, 0, ""},
		{"slow ones end at the height", limits, 1000, time.Hour, 301, "message 301 in a row"},
		{"no bounds", Limits{}, 100_000, time.Millisecond, 0, ""},
		{"pace alone", Limits{Pace: 3, Window: time.Minute}, 100, time.Second, 4, "3 times within 3s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stopped, why := chat(New(tc.limits), 1, tc.hops, start, tc.pause)
			if stopped != tc.stopped || !strings.Contains(why, tc.why) {
				t.Errorf("stopped at hop %d (%q), want %d (%q)", stopped, why, tc.stopped, tc.why)
			}
		})
	}
}

func TestFanOutIsNoLoop(t *testing.T) {
	b := New(Limits{Pace: 30, Window: 10 * time.Minute, Height: 300})
	now := time.Unix(1_000_000, 0)
	for i := range 10_000 { // one asks many, each answers
		for hop := 1; hop <= 4; hop++ {
			if why := b.Weigh(talk, hop, now); why != "" {
				t.Fatalf("message %d at hop %d was held: %s", i, hop, why)
			}
		}
	}
}

func TestAPersonBeginsAnew(t *testing.T) {
	b := New(Limits{Height: 10})
	now := time.Unix(1_000_000, 0)
	for range 5 {
		if stopped, why := chat(b, 1, 10, now, time.Second); stopped != 0 {
			t.Fatalf("held at hop %d: %s", stopped, why)
		}
	}
}

func TestReleaseLetsItGoOn(t *testing.T) {
	b := New(Limits{Pace: 5, Window: time.Minute, Height: 8})
	now := time.Unix(1_000_000, 0)
	stopped, _ := chat(b, 1, 100, now, time.Second)
	if stopped != 6 {
		t.Fatalf("held at hop %d, want 6", stopped)
	}
	if why := b.Weigh(talk, 6, now); why == "" {
		t.Error("a second message at the same hop was let through")
	}
	b.Release(talk, 6)
	if stopped, _ = chat(b, 7, 100, now, time.Second); stopped != 12 {
		t.Errorf("held again at hop %d, want 12", stopped)
	}
}

func TestHopsThatWereNotSeen(t *testing.T) {
	b := New(Limits{Pace: 5, Window: time.Minute})
	now := time.Unix(1_000_000, 0)
	if why := b.Weigh(talk, 400, now); why != "" { // after a restart of the daemon
		t.Fatalf("the first message seen was held: %s", why)
	}
	if stopped, _ := chat(b, 401, 500, now.Add(-400*time.Second), time.Second); stopped != 405 {
		t.Errorf("held at hop %d, want 405", stopped)
	}
}

func TestConversationsAreForgotten(t *testing.T) {
	b := New(Limits{Pace: 5, Window: time.Minute})
	now := time.Unix(1_000_000, 0)
	for i := range 3 * maxConversations {
		b.Weigh(iapeer.ConversationID(fmt.Sprint("c-", i)), 2, now.Add(time.Duration(i)*time.Second))
	}
	if len(b.climbs) > maxConversations {
		t.Errorf("%d conversations are kept, want at most %d", len(b.climbs), maxConversations)
	}
}
