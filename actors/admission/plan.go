// Package admission decides which session may start now: how many start at one
// time, how many live, and whether the machine has memory for one more. Who may
// not start yet waits in the order of asking; to make room, the session that has
// been idle longest is asked to park.
//
// [Plan] is the decision, pure; the actor around it keeps the queue and nothing
// else: what starts and lives is read from the sessions themselves each time, so
// that nothing is counted twice or forgotten when an actor restarts.
package admission

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
)

// Limits are the bounds of a host. A zero value of a field sets no bound.
type Limits struct {
	Starting int     // sessions that start at one time
	Live     int     // sessions alive, those that start included
	Pressure float64 // part of the time, 0 to 1, that tasks may stall for lack of memory
}

// A Session is one that starts or lives.
type Session struct {
	ID         iapeer.Identity
	Generation int64
	Starting   bool
	Idle       bool      // may be parked: nobody looks at it, nothing waits for it, nothing goes on in it
	Leaving    bool      // is being ended
	Used       time.Time // when it last had something to do
}

// A Request is a session that wants to start.
type Request struct {
	ID         iapeer.Identity
	Generation int64
}

// A Verdict answers the requests of one moment.
type Verdict struct {
	Granted int               // so many of the requests, from the first on, may start
	Park    []iapeer.Identity // sessions that are to make room
	Why     string            // what the rest waits for, "" when none waits
}

// Plan decides about the requests, the oldest first. stalled is the part of the
// time that tasks stall for lack of memory, 0 where that cannot be measured. One
// session may always start when nothing else lives: a host that has become too
// small must not stand still.
func (l Limits) Plan(requests []Request, sessions []Session, stalled float64) Verdict {
	starting, live, leaving := 0, len(sessions), 0
	for _, s := range sessions {
		if s.Starting {
			starting++
		}
		if s.Leaving {
			leaving++
		}
	}
	var v Verdict
	for range requests {
		if v.Why = l.refusal(starting, live, stalled); v.Why != "" {
			break
		}
		v.Granted++
		starting, live = starting+1, live+1
	}
	if waiting := len(requests) - v.Granted; waiting > 0 && l.full(live, stalled) {
		v.Park = idlest(sessions, min(waiting, l.excess(live, waiting))-leaving)
	}
	return v
}

// refusal says why one more session may not start now, "" when it may.
func (l Limits) refusal(starting, live int, stalled float64) string {
	switch {
	case live == 0:
		return ""
	case l.Starting > 0 && starting >= l.Starting:
		return fmt.Sprintf("%d of %d sessions are starting", starting, l.Starting)
	case l.Live > 0 && live >= l.Live:
		return fmt.Sprintf("%d of %d sessions are live", live, l.Live)
	case l.Pressure > 0 && stalled > l.Pressure:
		return fmt.Sprintf("memory is short: tasks stall %.0f %% of the time", 100*stalled)
	}
	return ""
}

// full reports whether room can be made only by ending a session.
func (l Limits) full(live int, stalled float64) bool {
	return l.Live > 0 && live >= l.Live || l.Pressure > 0 && stalled > l.Pressure
}

// excess is how many sessions are to end so that waiting more can start. Memory
// is freed one session at a time.
func (l Limits) excess(live, waiting int) int {
	if l.Live > 0 && live >= l.Live {
		return live - l.Live + waiting
	}
	return 1
}

// idlest returns the n sessions that have been idle longest.
func idlest(sessions []Session, n int) (ids []iapeer.Identity) {
	var idle []Session
	for _, s := range sessions {
		if s.Idle && !s.Leaving && !s.Starting {
			idle = append(idle, s)
		}
	}
	slices.SortFunc(idle, func(a, b Session) int {
		return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	for _, s := range idle[:max(0, min(n, len(idle)))] {
		ids = append(ids, s.ID)
	}
	return ids
}
