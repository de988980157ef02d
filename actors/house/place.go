package house

import "github.com/iapeer/iapeer"

// Happening is what the observers are told by everybody else.
//
//sumtype:decl
type Happening interface{ happening() }

// Publish hands an event to every subscriber and to the replay ring.
type Publish struct{ Event iapeer.Event }

// Placed tells where a presence put a new message.
type Placed struct {
	ID    iapeer.MessageID
	To    iapeer.Identity
	Place Place
}

func (Publish) happening() {}
func (Placed) happening()  {}

// Raise asks the notices for a notice. A repeat within the board's window only
// counts.
type Raise struct{ Notice Notice }

// A Place is where a message stands when nobody has seen it yet: what it waits
// for, and what happens next.
type Place struct {
	State iapeer.PresenceState
	Wait  bool   // evidence is expected soon: a bounded wait is worth it
	By    string // QueuedBy: "wake", "start", "turn", "composer", "dialog", "stopped", "rest", "hand", "inbox", "loop"
	Next  string // one sentence
	Depth int    // messages before it, itself included
	Woke  bool
}

// WaitsFor says what a message waits for at a presence in state s.
func WaitsFor(s iapeer.PresenceState, cause string) (by, next string) {
	switch s {
	case iapeer.Stopped:
		return "stopped", "it is delivered when a person starts the peer again"
	case iapeer.Resting:
		return "rest", "it is delivered when the peer's rest ends: " + cause
	case iapeer.ByHand:
		return "hand", "a session started by hand holds the folder; it is delivered when that ends, or after 'iapeer adopt'"
	case iapeer.Waiting:
		return "dialog", "a dialog is open in the session (" + cause + "); it is delivered when that is answered"
	case iapeer.Busy:
		return "turn", "the peer is in a turn; it is delivered when that ends"
	case iapeer.Waking, iapeer.Asleep:
		return "wake", "the peer is being woken"
	case iapeer.Parking:
		return "wake", "the peer's session is ending; it is woken again at once"
	case iapeer.Ready:
		return "", "it is being delivered"
	}
	return "", ""
}
