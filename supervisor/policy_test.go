package supervisor

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelay(t *testing.T) {
	p := Policy{First: time.Second, Limit: time.Minute}
	for n, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second,
		7: time.Minute, 8: time.Minute, math.MaxInt: time.Minute,
	} {
		if got := p.Delay(n); got != want {
			t.Errorf("Delay(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestDelayNeverOverflows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{
			First: time.Duration(rapid.Int64Min(0).Draw(t, "first")),
			Limit: time.Duration(rapid.Int64Min(0).Draw(t, "limit")),
		}
		n := rapid.IntMin(1).Draw(t, "n")
		if got := p.Delay(n); got < 0 || got > p.Limit {
			t.Fatalf("Delay(%d) of %+v = %v", n, p, got)
		}
	})
}

func TestSpread(t *testing.T) {
	p := Policy{Jitter: 0.5}
	for _, tc := range []struct {
		r    float64
		want time.Duration
	}{{0, 10 * time.Second}, {0.5, 7500 * time.Millisecond}, {1, 5 * time.Second}} {
		if got := p.Spread(10*time.Second, tc.r); got != tc.want {
			t.Errorf("Spread(10s, %v) = %v, want %v", tc.r, got, tc.want)
		}
	}
}

func TestDecide(t *testing.T) {
	p := Policy{Mode: Always, Intensity: 2, Window: time.Minute, First: time.Second, Limit: time.Minute, Rest: time.Hour}
	now := time.Unix(1_000_000, 0)
	ago := func(seconds ...int) []time.Time {
		var at []time.Time
		for _, s := range seconds {
			at = append(at, now.Add(-time.Duration(s)*time.Second))
		}
		return at
	}
	for _, tc := range []struct {
		name     string
		policy   Policy
		failures []time.Time
		want     Decision
	}{
		{"first", p, ago(0), Decision{After: time.Second, Failures: 1}},
		{"second", p, ago(3, 0), Decision{After: 2 * time.Second, Failures: 2}},
		{"third gives up", p, ago(9, 3, 0), Decision{GiveUp: true, After: time.Hour, Failures: 3}},
		{"any order", p, ago(0, 9, 3), Decision{GiveUp: true, After: time.Hour, Failures: 3}},
		{"old ones do not count", p, ago(600, 61, 60, 0), Decision{After: time.Second, Failures: 1}},
		{"later ones do not count", p, ago(-30, 0), Decision{After: time.Second, Failures: 1}},
		{"none", p, nil, Decision{After: time.Second}},
		{"zero policy", Policy{}, ago(0), Decision{GiveUp: true}},
	} {
		if got := tc.policy.Decide(tc.failures, now); got != tc.want {
			t.Errorf("%s: Decide = %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, name := range Names() {
		p, err := Parse(name)
		if err != nil || string(p.Mode) != name {
			t.Errorf("Parse(%q) = %v, %v", name, p, err)
		}
		if p.Intensity > 0 && (p.First <= 0 || p.Limit < p.First || p.Window <= 0) {
			t.Errorf("%s could spin: %+v", name, p)
		}
	}
	for _, name := range []string{"", "Always", "sometimes", "on demand"} {
		if _, err := Parse(name); !errors.Is(err, ErrBadPolicy) {
			t.Errorf("Parse(%q) = %v, want ErrBadPolicy", name, err)
		}
	}
	if want := []string{"on-demand", "always", "on-failure", "never"}; !slices.Equal(Names(), want) {
		t.Errorf("Names() = %q, want %q", Names(), want)
	}
}

func TestRestarts(t *testing.T) {
	for _, tc := range []struct {
		mode        Mode
		ok, failure bool
	}{{OnDemand, false, false}, {Always, true, true}, {OnFailure, false, true}, {Never, false, false}} {
		p, err := Parse(string(tc.mode))
		if err != nil {
			t.Fatal(err)
		}
		if p.Restarts(false) != tc.ok || p.Restarts(true) != tc.failure {
			t.Errorf("%s restarts after success %v, after failure %v", tc.mode, p.Restarts(false), p.Restarts(true))
		}
	}
}

func TestString(t *testing.T) {
	for name, want := range map[string]string{
		"always": "always: 5 failures in 5m0s, wait 1s to 1m0s, then rest 10m0s",
		"never":  "never: no restart",
	} {
		p, err := Parse(name)
		if err != nil || p.String() != want {
			t.Errorf("%s: %q, %v; want %q", name, p, err, want)
		}
	}
}
