package runtimes

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
)

// A Version is a program's version. The zero value means not known, and counts
// as the newest: a program that does not say is taken to be current.
type Version struct{ Major, Minor, Patch int }

var versionPattern = regexp.MustCompile(`(?:^|[^0-9.])(\d{1,6})\.(\d{1,6})\.(\d{1,6})`)

// ParseVersion finds the version in what a program prints for --version:
// "2.1.329 (Claude Code)", "codex-cli 0.169.0".
func ParseVersion(out string) (Version, error) {
	m := versionPattern.FindStringSubmatch(out)
	if m == nil {
		return Version{}, fmt.Errorf("version %.60q: no number of the form 1.2.3", out)
	}
	var v Version
	for i, p := range []*int{&v.Major, &v.Minor, &v.Patch} {
		*p, _ = strconv.Atoi(m[i+1]) // the pattern bounds the digits
	}
	return v, nil
}

// String returns "1.2.3".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Compare is negative when v is older than w, positive when it is newer.
func (v Version) Compare(w Version) int {
	return cmp.Or(v.rank()-w.rank(), v.Major-w.Major, v.Minor-w.Minor, v.Patch-w.Patch)
}

// rank puts the unknown version behind every known one.
func (v Version) rank() int {
	if v == (Version{}) {
		return 1
	}
	return 0
}

// AtLeast reports whether v is w or newer, or not known.
func (v Version) AtLeast(w Version) bool { return v.Compare(w) >= 0 }

// A Range is the versions from From to To, both included. A zero end is open.
type Range struct{ From, To Version }

// Holds reports whether v lies in r. An unknown version lies in no closed
// range.
func (r Range) Holds(v Version) bool {
	return v.Compare(r.From) >= 0 && (r.To == Version{} || v.Compare(r.To) <= 0) || r == Range{}
}
