package iapeer

import "time"

// An Event is what the fleet tells its observers. Source and Name are the keys
// src and ev of the log line and of the event stream; Fields are the rest, in
// their order.
//
//sumtype:decl
type Event interface {
	event()
	Source() string
	Name() string
	Fields() []Field
}

// A Field is one key and value of an [Event].
type Field struct {
	Key   string
	Value any // string, int, int64, bool, time.Time or time.Duration
}

// MessageChanged tells that a message was accepted or changed its state.
type MessageChanged struct {
	ID       MessageID
	From, To Identity
	State    State
	Change   Change
	Evidence Evidence
	Topic    string
	Len      int // of the body, in bytes; the body itself is never an event
}

// PresenceChanged tells that a presence went from one state to another, and
// why.
type PresenceChanged struct {
	Identity Identity
	From, To PresenceState
	Cause    string
	At       time.Time
}

// PeerChanged tells that a peer was registered, changed or removed.
type PeerChanged struct {
	Peer   Name
	Action string // "registered", "changed", "removed", "quarantined"
	Detail string
	At     time.Time
}

// TurnChanged tells that an agent began or ended a turn.
type TurnChanged struct {
	Identity Identity
	Ended    bool
	Failed   string
	At       time.Time
}

// NoticeRaised tells a person something they must know.
type NoticeRaised struct {
	ID      string
	Peer    Name
	Runtime Runtime
	Kind    string
	Summary string
	At      time.Time
}

func (MessageChanged) event()  {}
func (PresenceChanged) event() {}
func (PeerChanged) event()     {}
func (TurnChanged) event()     {}
func (NoticeRaised) event()    {}

// Source implements [Event].
func (MessageChanged) Source() string { return "delivery" }

// Source implements [Event].
func (PresenceChanged) Source() string { return "lifecycle" }

// Source implements [Event].
func (PeerChanged) Source() string { return "lifecycle" }

// Source implements [Event].
func (TurnChanged) Source() string { return "turns" }

// Source implements [Event].
func (NoticeRaised) Source() string { return "notices" }

// Name implements [Event].
func (MessageChanged) Name() string { return "delivery" }

// Name implements [Event].
func (PresenceChanged) Name() string { return "presence" }

// Name implements [Event].
func (e PeerChanged) Name() string { return "peer-" + e.Action }

// Name implements [Event].
func (e TurnChanged) Name() string {
	if e.Ended {
		return "turn-ended"
	}
	return "turn-started"
}

// Name implements [Event].
func (NoticeRaised) Name() string { return "notice-raised" }

// Fields implements [Event].
func (e MessageChanged) Fields() []Field {
	f := []Field{{"id", string(e.ID)}, {"caller", e.From.String()}, {"to", string(e.To.Name)}, {"rt", string(e.To.Runtime)},
		{"state", string(e.State)}, {"len", e.Len}}
	if e.Change != "" {
		f = append(f, Field{"change", string(e.Change)})
	}
	if e.Topic != "" {
		f = append(f, Field{"topic", e.Topic})
	}
	if e.Evidence.Source != "" {
		f = append(f, Field{"by", e.Evidence.Source}, Field{"proof", e.Evidence.Detail}, Field{"session", e.Evidence.Session})
	}
	return f
}

// Fields implements [Event].
func (e PresenceChanged) Fields() []Field {
	return []Field{{"personality", string(e.Identity.Name)}, {"runtime", string(e.Identity.Runtime)},
		{"identity", e.Identity.String()}, {"from", string(e.From)}, {"to", string(e.To)}, {"cause", e.Cause}, {"at", e.At}}
}

// Fields implements [Event].
func (e PeerChanged) Fields() []Field {
	return []Field{{"personality", string(e.Peer)}, {"detail", e.Detail}, {"at", e.At}}
}

// Fields implements [Event].
func (e TurnChanged) Fields() []Field {
	return []Field{{"personality", string(e.Identity.Name)}, {"runtime", string(e.Identity.Runtime)}, {"failed", e.Failed}, {"at", e.At}}
}

// Fields implements [Event].
func (e NoticeRaised) Fields() []Field {
	return []Field{{"id", e.ID}, {"personality", string(e.Peer)}, {"runtime", string(e.Runtime)},
		{"kind", e.Kind}, {"summary", e.Summary}, {"at", e.At}}
}
