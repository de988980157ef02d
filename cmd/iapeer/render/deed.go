package render

import (
	"strings"

	"github.com/iapeer/iapeer"
)

// Outcome writes what a command to a peer did, and what happens next.
func Outcome(s Style, o iapeer.Outcome) string {
	did, next := deed(o)
	text := s.who(o.Identity.String()) + "  " + did
	if next != "" {
		text += " · " + s.Dim(Line(next, 200))
	}
	return text
}

// deed says in words what was done, and what follows.
func deed(o iapeer.Outcome) (did, next string) {
	name := string(o.Identity.Name)
	switch o.Verb {
	case iapeer.VerbStop:
		if stays(o.State) {
			return "stops when its turn has ended", "at once: iapeer stop " + name + " --now"
		}
		return "stopped", "mail is kept; let it work again: iapeer start " + name
	case iapeer.VerbSleep:
		switch {
		case o.Action == "already":
			return "sleeps already", "the next message wakes it"
		case stays(o.State):
			return "sleeps when its turn has ended", "at once: iapeer sleep " + name + " --now"
		}
		return "put to sleep", "the next message wakes it"
	case iapeer.VerbStart:
		return started(o)
	case iapeer.VerbRefresh:
		if o.Action == "refresh-armed" && stays(o.State) {
			return "refresh armed", "this session goes on, the one after it is fresh; at once: iapeer new " + name
		}
	case iapeer.VerbSelfFresh:
		if o.Action == "refresh-armed" {
			return "this session ends with its turn", "the next message begins a fresh one"
		}
	case iapeer.VerbSelfDone:
		if o.Action == "inert" {
			return "nothing to end", "this peer is not ephemeral"
		}
	case iapeer.VerbInterrupt:
		return "its turn is ended", "the session takes the next message"
	case iapeer.VerbCompact:
		return "compacted", "the conversation goes on, shorter"
	case iapeer.VerbWake, iapeer.VerbNew, iapeer.VerbLaunch, iapeer.VerbAttach, iapeer.VerbRestart, iapeer.VerbAdopt:
	}
	return begun(o)
}

// stays reports whether the session is there still, and not about to end.
func stays(st iapeer.PresenceState) bool {
	return st == iapeer.Ready || st == iapeer.Busy || st == iapeer.Waiting || st == iapeer.Waking
}

func started(o iapeer.Outcome) (did, next string) {
	switch {
	case o.Action == "already":
		return "is awake already", ""
	case stays(o.State):
		return "may work again", "it wakes now for what waits"
	}
	return "may work again", "the next message wakes it; without one: iapeer wake " + string(o.Identity.Name)
}

// words are the actions that begin a session, and those that need no more than a
// word.
var words = map[string]string{
	"woke": "awake", "resumed": "awake in its last conversation", "fresh": "awake in a fresh session", "restarted": "restarted",
	"already": "is awake already", "skipped-non-agentic": "skipped", "armed": "done",
}

// begun says what became of a session that was to begin, and how it did.
func begun(o iapeer.Outcome) (did, next string) {
	did = words[o.Action]
	switch {
	case did == "":
		did = strings.ReplaceAll(Safe(o.Action), "-", " ")
	case o.State == iapeer.Busy && o.Action != "armed":
		did += ", in a turn"
	case o.State == iapeer.Waiting:
		return did + ", and waits for you", "iapeer explain " + string(o.Identity.Name)
	}
	if !stays(o.State) || o.Action == "armed" || o.Verb == "" {
		return did, o.Detail
	}
	if o.Detail != "" && o.Detail != "the session is ready" {
		did += " (" + Line(o.Detail, 100) + ")"
	}
	if o.Identity.Runtime.Agentic() {
		next = "sit down at it: iapeer attach " + string(o.Identity.Name)
	}
	return did, next
}
