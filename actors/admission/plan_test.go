package admission

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"pgregory.net/rapid"
)

func who(i int) iapeer.Identity {
	return iapeer.Identity{Runtime: "claude", Name: iapeer.Name(fmt.Sprintf("p%d", i))}
}

func asking(n int) (list []Request) {
	for i := range n {
		list = append(list, Request{ID: who(100 + i), Generation: 1})
	}
	return list
}

func at(minute int) time.Time { return time.Unix(int64(minute)*60, 0) }

func TestPlan(t *testing.T) {
	idle := func(i, minute int) Session { return Session{ID: who(i), Idle: true, Used: at(minute)} }
	busy := func(i int) Session { return Session{ID: who(i)} }
	starting := func(i int) Session { return Session{ID: who(i), Starting: true} }
	leaving := func(i int) Session { return Session{ID: who(i), Idle: true, Leaving: true} }
	for _, tc := range []struct {
		name     string
		limits   Limits
		asking   int
		sessions []Session
		stalled  float64
		granted  int
		park     []iapeer.Identity
		why      string
	}{
		{name: "no bounds", asking: 9, granted: 9},
		{name: "starting at one time", limits: Limits{Starting: 2}, asking: 5, sessions: []Session{starting(1), busy(2)}, granted: 1, why: "2 of 2 sessions are starting"},
		{name: "live, nobody idle", limits: Limits{Live: 2}, asking: 1, sessions: []Session{busy(1), busy(2)}, why: "2 of 2 sessions are live"},
		{name: "live, the idlest makes room", limits: Limits{Live: 3}, asking: 1, sessions: []Session{idle(1, 5), idle(2, 3), busy(3)}, park: []iapeer.Identity{who(2)}, why: "3 of 3 sessions are live"},
		{name: "two make room for two", limits: Limits{Live: 3}, asking: 2, sessions: []Session{idle(1, 5), idle(2, 3), idle(3, 9)}, park: []iapeer.Identity{who(2), who(1)}, why: "3 of 3 sessions are live"},
		{name: "one is leaving already", limits: Limits{Live: 2}, asking: 1, sessions: []Session{leaving(1), idle(2, 1)}, why: "2 of 2 sessions are live"},
		{name: "room for one of two", limits: Limits{Live: 2}, asking: 2, sessions: []Session{idle(1, 1)}, granted: 1, park: []iapeer.Identity{who(1)}, why: "2 of 2 sessions are live"},
		{name: "memory is short", limits: Limits{Pressure: 0.2}, asking: 3, sessions: []Session{idle(1, 1), idle(2, 2)}, stalled: 0.5, park: []iapeer.Identity{who(1)}, why: "memory is short: tasks stall 50 % of the time"},
		{name: "memory is short and nothing lives", limits: Limits{Pressure: 0.2}, asking: 3, stalled: 0.5, granted: 1, why: "memory is short: tasks stall 50 % of the time"},
		{name: "too many live, by a lowered bound", limits: Limits{Live: 1}, asking: 1, sessions: []Session{idle(1, 1), idle(2, 2), busy(3)}, park: []iapeer.Identity{who(1)}, why: "3 of 1 sessions are live"},
		{name: "nobody asks", limits: Limits{Live: 1}, sessions: []Session{idle(1, 1), idle(2, 2)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.limits.Plan(asking(tc.asking), tc.sessions, tc.stalled)
			if got.Granted != tc.granted || got.Why != tc.why || !slices.Equal(got.Park, tc.park) {
				t.Errorf("Plan = %+v, want %d granted, parking %v, %q", got, tc.granted, tc.park, tc.why)
			}
		})
	}
}

// TestPlanKeepsItsBounds: whatever lives and asks, no bound is passed, nobody is
// parked who is not idle, and whoever waits is told why.
func TestPlanKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limits{Starting: rapid.IntRange(0, 4).Draw(t, "starting"), Live: rapid.IntRange(0, 6).Draw(t, "live")}
		var sessions []Session
		starting := 0
		for i := range rapid.IntRange(0, 8).Draw(t, "sessions") {
			s := Session{ID: who(i), Starting: rapid.Bool().Draw(t, "is starting"), Idle: rapid.Bool().Draw(t, "is idle"), Used: at(i)}
			if s.Starting {
				starting++
			}
			sessions = append(sessions, s)
		}
		n := rapid.IntRange(0, 8).Draw(t, "asking")
		v := l.Plan(asking(n), sessions, 0)
		if v.Granted > 0 && len(sessions)+v.Granted > 1 {
			if l.Live > 0 && len(sessions)+v.Granted > l.Live {
				t.Fatalf("%d live and %d granted, the bound is %d", len(sessions), v.Granted, l.Live)
			}
			if l.Starting > 0 && starting+v.Granted > l.Starting {
				t.Fatalf("%d starting and %d granted, the bound is %d", starting, v.Granted, l.Starting)
			}
		}
		if (v.Granted < n) != (v.Why != "") {
			t.Fatalf("%d of %d granted, and the reason is %q", v.Granted, n, v.Why)
		}
		for _, id := range v.Park {
			if i := slices.IndexFunc(sessions, func(s Session) bool { return s.ID == id }); !sessions[i].Idle || sessions[i].Starting {
				t.Fatalf("%+v was asked to park", sessions[i])
			}
		}
	})
}
