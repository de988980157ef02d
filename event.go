package iapeer

import (
	"strings"
	"time"
)

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

	// What the runtime said of it, as far as it did.
	ErrorType string    // in its own word
	Model     string    // that it concerns
	ResetsAt  time.Time // when it ends by itself
	Session   string    // the runtime's own session id
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
	return []Field{{"personality", string(e.Identity.Name)}, {"runtime", string(e.Identity.Runtime)}, {"at", e.At}, {"failed", e.Failed}}
}

// Fields implements [Event].
func (e NoticeRaised) Fields() []Field {
	return []Field{{"id", e.ID}, {"personality", string(e.Peer)}, {"runtime", string(e.Runtime)},
		{"kind", e.Kind}, {"errorType", e.ErrorType}, {"model", e.Model}, {"summary", e.Summary},
		{"resets_at", e.ResetsAt}, {"session", e.Session}, {"at", e.At}}
}

// An Attempt is one try to send a message, also one that was refused: what the
// delivery log tells of it. It never carries the body.
type Attempt struct {
	Caller  Identity // zero when it is not proven
	Claimed string   // who the request says it is, when Caller is zero
	Proof   Proof
	Draft   Draft         // as far as the request could be read; Body is empty
	Len     int           // of the body, in bytes
	Result  *SendResult   // nil when nothing was accepted
	Err     error         // why not
	Elapsed time.Duration // waiting for evidence included
	Path    string        // "cli" for a send of the program iapeer, "" for one of the tool
}

// Bounds of what an [Attempt] tells of a request that may hold anything, in
// bytes.
const (
	maxToldName = 64
	maxToldText = 600
)

// Fields returns what the delivery log tells, in its order.
func (a Attempt) Fields() []Field {
	f := []Field{{"caller", a.Caller.told()}, {"claimed", clip(a.Claimed, maxToldName)}}
	to, rt := a.Draft.To, a.Draft.Runtime
	if a.Result != nil {
		to, rt = a.Result.DeliveredTo.Personality, a.Result.DeliveredTo.Runtime
	}
	f = append(f, Field{"to", clip(string(to), maxToldName)}, Field{"rt", clip(string(rt), maxToldName)}, Field{"ok", a.Err == nil && a.Result != nil && a.Result.OK})
	if r := a.Result; r != nil {
		f = append(f, r.fields()...)
	}
	f = append(f, Field{"ms", a.Elapsed.Milliseconds()}, Field{"len", a.Len})
	if n := len(a.Draft.Attachments); n > 0 {
		f = append(f, Field{"att", n})
	}
	f = append(f, Field{"topic", clip(a.Draft.Topic, maxToldText)})
	switch {
	case a.Err != nil:
		f = append(f, Field{"err", clip(a.Err.Error(), maxToldText)})
	case a.Result != nil && !a.Result.OK:
		f = append(f, Field{"err", clip(a.Result.Next, maxToldText)})
	}
	f = append(f, Field{"path", a.Path})
	if r := a.Result; r != nil {
		f = append(f, Field{"id", string(r.ID)}, Field{"state", string(r.State)})
		if r.Repeated {
			f = append(f, Field{"repeated", true})
		}
	}
	return f
}

// told is the identity in a log, "" for nobody's.
func (id Identity) told() string {
	if id == (Identity{}) {
		return ""
	}
	return id.String()
}

// fields tells how a message was delivered, or what it waits for.
func (r *SendResult) fields() []Field {
	var f []Field
	if r.Evidence != nil && r.State.Delivered() {
		f = append(f, Field{"via", r.Evidence.Source})
	}
	f = append(f, Field{"woke", r.Woke})
	if r.Queued {
		f = append(f, Field{"queued", true}, Field{"qkind", r.QueuedBy}, Field{"qd", r.QueueDepth})
	}
	return f
}

// clip bounds a text.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
