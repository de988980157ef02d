package iapeer

import (
	"fmt"
	"slices"
	"strings"
)

// A Nature says what kind of being a peer is, its "intelligence" on the wire.
type Nature string

// The natures.
const (
	Artificial Nature = "artificial" // an agent
	Natural    Nature = "natural"    // a person
	Absent     Nature = "absent"     // a service without a mind
)

// ParseNature returns s as a Nature, or [ErrBadNature]. It also reads the words
// of older profiles: "human" is Natural, "scripted" is Absent. Who writes a
// profile keeps the old word until the nature changes.
func ParseNature(s string) (Nature, error) {
	switch s {
	case string(Artificial), string(Natural), string(Absent):
		return Nature(s), nil
	case "human":
		return Natural, nil
	case "scripted":
		return Absent, nil
	}
	return "", &ParseError{What: "intelligence", Value: s, Err: ErrBadNature}
}

// UnmarshalText implements encoding.TextUnmarshaler; it reads what
// [ParseNature] reads.
func (n *Nature) UnmarshalText(b []byte) error {
	v, err := ParseNature(string(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}

// AllowedNatures lists the natures a peer on rt may have, its default first. An
// exec peer may be Artificial because a command may be an agent.
func AllowedNatures(rt Runtime) []Nature {
	switch rt {
	case RuntimeTelegram, RuntimeCLI, "discord", "matrix", "email", "web", "voicetalk":
		return []Nature{Natural, Absent}
	case RuntimeNotifier, RuntimeSystem, "webhook", "api", "cron":
		return []Nature{Absent}
	case RuntimeExec:
		return []Nature{Absent, Artificial}
	default:
		return []Nature{Artificial}
	}
}

// DefaultNature is the nature of a peer on rt that was not given one.
func DefaultNature(rt Runtime) Nature { return AllowedNatures(rt)[0] }

// CheckNature returns a [*NatureError] when a peer on rt may not be n.
func CheckNature(rt Runtime, n Nature) error {
	if slices.Contains(AllowedNatures(rt), n) {
		return nil
	}
	return &NatureError{Nature: n, Runtime: rt}
}

// A NatureError says that a runtime cannot carry a nature, and which it can. It
// matches [ErrBadNature].
type NatureError struct {
	Nature  Nature
	Runtime Runtime
}

func (e *NatureError) Error() string {
	var allowed []string
	for _, n := range AllowedNatures(e.Runtime) {
		allowed = append(allowed, string(n))
	}
	return fmt.Sprintf("intelligence %q is not valid for runtime %q — allowed: %s",
		e.Nature, e.Runtime, strings.Join(allowed, ", "))
}
func (e *NatureError) Unwrap() error { return ErrBadNature }
