package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
)

// Verified is what `iapeer verify --json` prints. The first four members are
// those of older programs.
type Verified struct {
	Peers     []VerifiedPeer   `json:"peers"`     // those with something to tell
	Errors    int              `json:"errors"`    // that are not mended
	Drift     int              `json:"drift"`     // records that differ from their profile and were not mended
	Reconcile []string         `json:"reconcile"` // peers of which something was mended
	Checked   int              `json:"checked"`   // peers looked at
	Warnings  int              `json:"warnings"`
	Findings  []iapeer.Finding `json:"findings"`
}

// A VerifiedPeer is one peer of [Verified].
type VerifiedPeer struct {
	Personality string           `json:"personality"`
	Issues      []iapeer.Finding `json:"issues,omitempty"`
	Drift       []string         `json:"drift,omitempty"`
}

// Verify sums a report up.
func Verify(r iapeer.OnboardingReport) Verified {
	v := Verified{Peers: []VerifiedPeer{}, Reconcile: []string{}, Checked: r.Checked, Findings: r.Findings}
	if v.Findings == nil {
		v.Findings = []iapeer.Finding{}
	}
	for _, f := range r.Findings {
		v.add(f)
	}
	return v
}

func (v *Verified) add(f iapeer.Finding) {
	i := slices.IndexFunc(v.Peers, func(p VerifiedPeer) bool { return p.Personality == f.Peer })
	if i < 0 {
		i = len(v.Peers)
		v.Peers = append(v.Peers, VerifiedPeer{Personality: f.Peer})
	}
	if f.Severity == "drift" {
		v.Peers[i].Drift = append(v.Peers[i].Drift, strings.Split(f.Field, ", ")...)
	} else {
		v.Peers[i].Issues = append(v.Peers[i].Issues, f)
	}
	switch {
	case f.Fixed:
		if !slices.Contains(v.Reconcile, f.Peer) {
			v.Reconcile = append(v.Reconcile, f.Peer)
		}
	case f.Severity == "error":
		v.Errors++
	case f.Severity == "drift":
		v.Drift++
	default:
		v.Warnings++
	}
}

// Text writes the findings, worst first, each with its way out, and the totals.
func (v Verified) Text(s Style) string {
	list := slices.Clone(v.Findings)
	rank := func(f iapeer.Finding) int { return slices.Index([]string{"error", "drift", "warn"}, f.Severity) }
	slices.SortStableFunc(list, func(a, b iapeer.Finding) int { return rank(a) - rank(b) })
	width := 0
	for _, f := range list {
		width = max(width, len(f.Peer))
	}
	var b strings.Builder
	for _, f := range list {
		what := strings.TrimSpace(Line(f.Field, 80) + " " + Line(f.Message, 300))
		fmt.Fprintf(&b, "%s %s  %s %s\n", s.mark(f), pad(f.Peer, s.Name(f.Peer), width), s.path(f.File), what)
		way := "fix: " + f.Fix
		if f.Fixed {
			way = "mended"
		}
		fmt.Fprintf(&b, "  %*s  %s\n", width, "", s.Dim(Line(way, 300)))
	}
	b.WriteString(v.totals() + "\n")
	return b.String()
}

// mark is the sign in front of a finding.
func (s Style) mark(f iapeer.Finding) string {
	switch {
	case f.Fixed:
		return s.paint(green, "✓")
	case f.Severity == "warn":
		return s.paint(yellow, "!")
	default:
		return s.paint(red, "✗")
	}
}

func (v Verified) totals() string {
	parts := []string{plural(v.Checked, "peer", "peers")}
	for _, c := range []struct {
		n         int
		one, many string
	}{{v.Errors, "error", "errors"}, {v.Drift, "record differs from its profile", "records differ from their profiles"},
		{v.Warnings, "warning", "warnings"}, {len(v.Reconcile), "peer mended", "peers mended"}} {
		if c.n > 0 {
			parts = append(parts, plural(c.n, c.one, c.many))
		}
	}
	if len(parts) == 1 {
		parts = append(parts, "all as it should be")
	}
	return strings.Join(parts, " · ")
}
