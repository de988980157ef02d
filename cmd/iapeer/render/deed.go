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
	switch string(o.Verb) + " " + o.Action {
	case "stop stopped":
		if stays(o.State) {
			return "stops when its turn has ended", "at once: iapeer stop " + name + " --now"
		}
		return "stopped", "mail is kept; let it work again: iapeer start " + name
	case "sleep already":
		return "sleeps already", "the next message wakes it"
	case "sleep parked":
		if stays(o.State) {
			return "sleeps when its turn has ended", "at once: iapeer sleep " + name + " --now"
		}
		return "put to sleep", "the next message wakes it"
	case "start started":
		if stays(o.State) {
			return "may work again", "it wakes now for what waits"
		}
		return "may work again", "the next message wakes it; without one: iapeer wake " + name
	case "refresh refresh-armed":
		if stays(o.State) {
			return "refresh armed", "this session goes on, the one after it is fresh; at once: iapeer new " + name
		}
	case "self-fresh refresh-armed":
		return "this session ends with its turn", "the next message begins a fresh one"
	case "self-done inert":
		return "nothing to end", "this peer is not ephemeral"
	case "interrupt interrupted":
		return "its turn is ended", "the session takes the next message"
	case "compact compacted":
		return "compacted", "the conversation goes on, shorter"
	}
	return begun(o)
}

// stays reports whether the session is there still, and not about to end.
func stays(st iapeer.PresenceState) bool {
	return st == iapeer.Ready || st == iapeer.Busy || st == iapeer.Waiting || st == iapeer.Waking
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
	if !stays(o.State) || o.Action == "armed" || o.Action == "skipped-non-agentic" || o.Verb == "" {
		return did, o.Detail
	}
	if strings.Contains(o.Detail, " ") && o.Detail != "the session is ready" { // else a word for the log
		did += " (" + Line(o.Detail, 100) + ")"
	}
	if o.Identity.Runtime.Agentic() {
		next = "sit down at it: iapeer attach " + string(o.Identity.Name)
	}
	return did, next
}
