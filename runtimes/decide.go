package runtimes

import (
	"errors"
	"strings"

	"github.com/iapeer/iapeer"
)

// ErrNothingToResume refuses an explicit resume: a fresh session in its place
// would answer out of nothing.
var ErrNothingToResume = errors.New("nothing to resume")

// Facts are what the choice between a fresh session and a resumed one depends
// on.
type Facts struct {
	Presence       iapeer.Presence
	Ephemeral      bool // every task gets a session of its own
	Conversational bool // a person talks to the peer: its memory matters more than its topic
	// Recorded reports whether the program still has a record of a session.
	Recorded func(id string) bool
}

// A Want is what a start asks for.
type Want struct {
	Resume *bool  // nil leaves the choice to the facts
	Topic  string // of the message that wakes the peer
	Person bool   // a person wrote it: without a topic they mean what was talked of last
}

// Yes and No are values for [Want.Resume].
func Yes() *bool { b := true; return &b }

// No is the other value for [Want.Resume].
func No() *bool { b := false; return &b }

// A Decision is how a session starts, and why. ResumeID is "" for a fresh one.
// The spent marks are to be cleared in the presence's record with the launch.
type Decision struct {
	ResumeID   string
	Cause      string
	SpentPark  bool
	SpentFresh bool
}

// Fresh reports whether the session begins anew.
func (d Decision) Fresh() bool { return d.ResumeID == "" }

// Decide chooses between a fresh session and a resumed one; the first rule
// that matches wins. The error is [ErrNothingToResume], and only for an
// explicit resume.
func Decide(f Facts, w Want) (Decision, error) {
	p := f.Presence
	last := f.recorded(p.SessionID)
	switch {
	case w.Resume != nil && !*w.Resume:
		return Decision{Cause: "folder-launch", SpentPark: p.Parked}, nil
	case w.Resume != nil && last == "":
		return Decision{Cause: "attach-nothing-to-resume"}, ErrNothingToResume
	case w.Resume != nil:
		return Decision{ResumeID: last, Cause: "attach", SpentPark: p.Parked}, nil
	case p.FreshNext:
		return Decision{Cause: "soft-reload", SpentPark: p.Parked, SpentFresh: true}, nil
	case p.ResumeNext && last != "":
		return resume(last, "approval-deferred"), nil
	case f.Ephemeral:
		return Decision{Cause: "ephemeral-policy", SpentPark: p.Parked}, nil
	case !p.Parked && last != "":
		return Decision{Cause: "crash-or-self-close"}, nil
	case !p.Parked:
		return Decision{Cause: "first-wake"}, nil
	case f.Conversational:
		return resume(last, "idle-reaped-human"), nil
	case w.Topic == "" && w.Person:
		return resume(last, "idle-reaped-person"), nil
	case w.Topic == "":
		return Decision{Cause: "idle-reaped-no-topic", SpentPark: true}, nil
	}
	for i := len(p.Topics) - 1; i >= 0; i-- {
		if p.Topics[i].Topic == w.Topic {
			return resume(f.recorded(p.Topics[i].SessionID), "idle-reaped"), nil
		}
	}
	return Decision{Cause: "idle-reaped-new-topic", SpentPark: true}, nil
}

// causeWords are the causes for people.
var causeWords = map[string]string{
	"folder-launch":                "fresh (asked for)",
	"attach":                       "resumed",
	"soft-reload":                  "fresh (a refresh was asked for)",
	"approval-deferred":            "resumed (where it waited for a person's word)",
	"ephemeral-policy":             "fresh (every message has a session of its own)",
	"crash-or-self-close":          "fresh (the last session was not put to sleep)",
	"first-wake":                   "fresh (the first session)",
	"idle-reaped-human":            "resumed (what was talked of last)",
	"idle-reaped-human-no-resume":  "fresh (the last conversation has no record any more)",
	"idle-reaped-person":           "resumed (what was talked of last)",
	"idle-reaped-person-no-resume": "fresh (the last conversation has no record any more)",
	"idle-reaped-no-topic":         "fresh (the message names no topic)",
	"idle-reaped-new-topic":        "fresh (a new topic)",
	"idle-reaped-no-resume":        "fresh (the topic's conversation has no record any more)",
}

// Words says for people how a session starts that a message on topic wakes.
func (d Decision) Words(topic string) string {
	if d.Cause == "idle-reaped-resume" {
		return "resumed '" + topic + "'"
	}
	return causeWords[d.Cause]
}

// resume continues id, or begins anew when there is no record of it. The
// causes are those of older programs.
func resume(id, cause string) Decision {
	switch {
	case id == "":
		return Decision{Cause: cause + "-no-resume", SpentPark: true}
	case cause == "idle-reaped":
		cause += "-resume"
	}
	return Decision{ResumeID: id, Cause: cause, SpentPark: true}
}

// recorded is id, or "" if it is not known or has no record.
func (f Facts) recorded(id string) string {
	if id == "" || f.Recorded != nil && !f.Recorded(id) {
		return ""
	}
	return id
}

// FirstMessage composes what a session is told first: a fresh one the peer's
// initial prompt, a blank line and the task; a resumed one the task alone.
// Either may be empty. A blank before an initial prompt keeps its first sign from
// being a command of the program.
func FirstMessage(fresh bool, initial, task string) string {
	if initial != "" && strings.ContainsRune("/!#@&$", rune(initial[0])) {
		initial = " " + initial
	}
	switch {
	case !fresh || initial == "":
		return task
	case task == "":
		return initial
	}
	return initial + "\n\n" + task
}
