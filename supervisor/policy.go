// Package supervisor decides what happens after a failure: restart after a
// wait, or give up. It restarts nothing itself.
//
// A [Policy] is arithmetic over the times of past failures: how many a window
// may hold, how long to wait before each restart, how long to rest after
// giving up. It keeps no state, reads no clock and starts nothing, so that the
// same failures always give the same decision, after a restart of the daemon
// too. [Strategy] lets a policy supervise the children of an actor.
//
// No policy restarts for ever without a pause: Intensity bounds the restarts
// of one window, and the zero Policy gives up at the first failure.
//
// To add a named policy, add its line to the table in this package.
package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Mode says which exits are followed by a restart at all.
type Mode string

// The modes. Each is also the name of a policy; see [Parse].
const (
	OnDemand  Mode = "on-demand"  // no restart; the next message wakes the peer
	Always    Mode = "always"     // after every exit
	OnFailure Mode = "on-failure" // after an exit that is a failure
	Never     Mode = "never"      // no restart; only a person starts the peer
)

// A Policy says how often, and after which waits, something is restarted. The
// zero value gives up at the first failure. Policies are values; all methods
// are safe for concurrent use.
type Policy struct {
	Mode      Mode
	Intensity int           // failures tolerated within Window; one more and the policy gives up
	Window    time.Duration // how long a failure counts
	First     time.Duration // wait before the first restart
	Limit     time.Duration // longest wait
	Jitter    float64       // part of the wait, 0 to 1, that chance may take off; see [Policy.Spread]
	Rest      time.Duration // rest after giving up; 0 rests until a person ends it
}

// ErrBadPolicy refuses a name that is no restart policy.
var ErrBadPolicy = errors.New("a restart policy is on-demand, always, on-failure or never")

// policies is every policy by name.
var policies = []Policy{
	{Mode: OnDemand, Intensity: 2, Window: 5 * time.Minute, First: time.Second, Limit: time.Minute, Jitter: 0.2, Rest: 15 * time.Minute},
	{Mode: Always, Intensity: 5, Window: 5 * time.Minute, First: time.Second, Limit: time.Minute, Jitter: 0.2, Rest: 10 * time.Minute},
	{Mode: OnFailure, Intensity: 5, Window: 5 * time.Minute, First: time.Second, Limit: time.Minute, Jitter: 0.2, Rest: 10 * time.Minute},
	{Mode: Never},
}

// Parse returns the policy called name, or [ErrBadPolicy].
func Parse(name string) (Policy, error) {
	i := slices.IndexFunc(policies, func(p Policy) bool { return string(p.Mode) == name })
	if i < 0 {
		return Policy{}, fmt.Errorf("restart %q: %w", name, ErrBadPolicy)
	}
	return policies[i], nil
}

// Names lists the names that [Parse] knows.
func Names() []string {
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = string(p.Mode)
	}
	return names
}

// String returns the policy's name and numbers, for people.
func (p Policy) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", p.Mode)
	if p.Intensity == 0 {
		b.WriteString("no restart")
		return b.String()
	}
	fmt.Fprintf(&b, "%d failures in %s, wait %s to %s", p.Intensity, p.Window, p.First, p.Limit)
	if p.Rest > 0 {
		fmt.Fprintf(&b, ", then rest %s", p.Rest)
	}
	return b.String()
}

// Restarts reports whether an exit is followed by a restart, as far as the
// mode decides; [Policy.Decide] tells when.
func (p Policy) Restarts(failed bool) bool {
	return p.Mode == Always || p.Mode == OnFailure && failed
}

// Delay returns how long to wait before restart n, n ≥ 1: First·2ⁿ⁻¹, capped
// at Limit. It never overflows.
func (p Policy) Delay(n int) time.Duration {
	d := p.First
	for ; n > 1 && d > 0 && d < p.Limit; n-- {
		if d *= 2; d < 0 {
			return p.Limit
		}
	}
	return min(d, p.Limit)
}

// Spread takes up to the part Jitter off d, so that what failed together does
// not come back together. r is a random number, 0 ≤ r < 1.
func (p Policy) Spread(d time.Duration, r float64) time.Duration {
	return d - time.Duration(float64(d)*p.Jitter*r)
}

// A Decision is what follows a failure.
type Decision struct {
	GiveUp   bool          // no restart: rest, and tell people
	After    time.Duration // wait before the restart, before [Policy.Spread]; the rest when giving up
	Failures int           // failures that count, the last one included
}

// Decide answers the failures so far, the last one included, in any order.
// Failures older than Window, or later than now, do not count.
func (p Policy) Decide(failures []time.Time, now time.Time) Decision {
	n := 0
	for _, at := range failures {
		if age := now.Sub(at); age >= 0 && age < p.Window {
			n++
		}
	}
	return p.decide(n)
}

// decide answers the n-th failure within one window.
func (p Policy) decide(n int) Decision {
	if n > p.Intensity || p.Intensity == 0 {
		return Decision{GiveUp: true, After: p.Rest, Failures: n}
	}
	return Decision{After: p.Delay(n), Failures: n}
}
