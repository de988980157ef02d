package iapeer

import "time"

// A PresenceState is what one peer's session on one runtime does now.
type PresenceState string

// The states of a presence.
const (
	Asleep  PresenceState = "asleep"  // no session; a message wakes it
	Waking  PresenceState = "waking"  // a session starts, or is being adopted
	Ready   PresenceState = "ready"   // idle, takes a message now
	Busy    PresenceState = "busy"    // a turn runs
	Waiting PresenceState = "waiting" // a dialog or permission prompt is up: nothing is offered
	Parking PresenceState = "parking" // the session is being ended
	Stopped PresenceState = "stopped" // a person stopped it; only a person starts it
	Resting PresenceState = "resting" // crash loop or quota; ends by itself or by a person
	ByHand  PresenceState = "by hand" // a session that iapeer did not start holds the folder
)

// TakesSoon reports whether a message can be expected to be taken without a
// person, or a time, that changes the state first.
func (s PresenceState) TakesSoon() bool {
	switch s {
	case Asleep, Waking, Ready, Busy, Waiting, Parking:
		return true
	case Stopped, Resting, ByHand:
		return false
	}
	return false
}

// A Presence is the durable record of a peer on one runtime: what must survive
// the daemon.
type Presence struct {
	Identity   Identity       `json:"-"`
	State      PresenceState  `json:"state"`
	Since      time.Time      `json:"since"`
	Cause      string         `json:"cause"`                // why it is in State
	Generation int64          `json:"generation"`           // launches counted; guards late reports
	SessionID  string         `json:"sessionId,omitempty"`  // the runtime's id of the current or last conversation
	Transcript string         `json:"transcript,omitempty"` // where the runtime records it
	Parked     bool           `json:"parked,omitempty"`     // the last session ended cleanly: it may be resumed
	FreshNext  bool           `json:"freshNext,omitempty"`  // the next natural wake is fresh
	ResumeNext bool           `json:"resumeNext,omitempty"` // it goes on with the last conversation, which waits for a person's word
	Stopped    bool           `json:"stopped,omitempty"`
	Rest       RestKind       `json:"rest,omitempty"` // what RestUntil is for
	RestUntil  time.Time      `json:"restUntil,omitzero"`
	Deaths     []time.Time    `json:"deaths,omitempty"`  // last 16
	Topics     []TopicSession `json:"topics,omitempty"`  // most recent last, at most 16
	LastSeen   time.Time      `json:"lastSeen,omitzero"` // last proven delivery
	Cut        []MessageID    `json:"cut,omitempty"`     // seen by a turn that did not end well, not yet named to the peer
}

// A RestKind says why a presence rests.
type RestKind string

// The kinds of rest.
const (
	RestBackOff   RestKind = "back-off"   // a pause after a death
	RestCrashLoop RestKind = "crash-loop" // too many deaths
	RestRefused   RestKind = "refused"    // a start that cannot work as things are
	RestQuota     RestKind = "quota"      // the account has nothing left until then
)

// A TopicSession remembers which conversation a topic belongs to.
type TopicSession struct {
	Topic     string `json:"topic"`
	SessionID string `json:"sessionId"`
}

// A PeerStatus is a peer as observers see it.
type PeerStatus struct {
	Peer
	Presences []PresenceStatus
	Waiting   int    // open messages
	Problem   string // why the record is quarantined, "" if it is not
}

// A PresenceStatus is one runtime of a peer as observers see it.
type PresenceStatus struct {
	Identity  Identity
	State     PresenceState
	Since     time.Time
	Cause     string
	SessionID string
	HostPID   int
	Start     string // how its session began, for people: "resumed 'login'"
	Attached  int    // interactive clients on its terminal
	Typing    bool   // a person's half-typed line keeps mail waiting
	Open      int    // open messages for this identity
	Stopped   bool   // a person stopped it, also while its session ends
	Rest      RestKind
	RestUntil time.Time // when Rest ends
}
