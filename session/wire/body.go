package wire

import (
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/screen"
)

// A Role says what a client wants to be.
type Role string

// The roles.
const (
	RoleAttach  Role = "attach"  // a person's terminal: data both ways
	RoleControl Role = "control" // requests and their replies
	RoleObserve Role = "observe" // requests, replies and events
)

// A Greeting is the client's first frame.
type Greeting struct {
	Min      int  `json:"min"` // oldest protocol it speaks
	Max      int  `json:"max"` // newest
	Role     Role `json:"role"`
	ReadOnly bool `json:"readOnly,omitempty"` // attach: neither types nor resizes
}

// Facts is the host's answer to a [Greeting]: who it is and where it stands.
// With Error set nothing else follows.
type Facts struct {
	Error      string             `json:"error,omitempty"`
	Protocol   int                `json:"protocol"`
	Version    string             `json:"version"` // of the program that is the host
	Identity   iapeer.Identity    `json:"identity"`
	Generation int64              `json:"generation"`
	Kind       Kind               `json:"kind"`
	Cols       int                `json:"cols"`
	Rows       int                `json:"rows"`
	Started    time.Time          `json:"started"`
	Host       Process            `json:"host"`
	Child      Process            `json:"child"` // zero for kind exec
	Title      string             `json:"title,omitempty"`
	Status     string             `json:"status,omitempty"` // last OSC 7501 payload
	Alt        bool               `json:"alt,omitempty"`
	Settled    bool               `json:"settled,omitempty"`
	Attached   int                `json:"attached,omitempty"`
	Hooks      int                `json:"hooks,omitempty"`    // payloads waiting for a replay
	Outcomes   []iapeer.MessageID `json:"outcomes,omitempty"` // kept until acknowledged
}

// A Process is a process that can be told from a later one with the same id.
type Process struct {
	PID   int    `json:"pid"`
	Token string `json:"token"` // of its start
}

// A Kind says what the host runs.
type Kind string

// The kinds.
const (
	TUI    Kind = "tui"    // a program for people, under a pty
	Router Kind = "router" // a program that reads envelopes, under a raw pty
	Exec   Kind = "exec"   // a command for each message, without a pty
)

// A Mode says how a message is written.
type Mode string

// The modes.
const (
	Paste Mode = "paste" // bracketed paste; no control characters but tab and line feed
	Raw   Mode = "raw"   // the bytes as they are
	Run   Mode = "exec"  // standard input of one run of the command
)

// An OfferHeader describes the message in an [Offer] frame. Attempt grows when
// the message is offered again after its absence was proven.
type OfferHeader struct {
	ID      iapeer.MessageID `json:"id"`
	Attempt int              `json:"attempt,omitempty"`
	Mode    Mode             `json:"mode"`
	Submit  bool             `json:"submit,omitempty"`  // a carriage return follows
	PauseMS int64            `json:"pauseMs,omitempty"` // that much later, or at an [EnterRequest]; 0: in the same write
}

// An OfferState is how far an offer came.
type OfferState string

// The states of an offer. Offers that the host does not know are Unknown.
const (
	NotBegun OfferState = "not begun" // no byte was written, and none will be
	Queued   OfferState = "queued"    // no byte was written yet
	Partial  OfferState = "partial"   // some bytes are written
	Written  OfferState = "written"   // all bytes are written
	Unknown  OfferState = "unknown"   // the host does not know the message
)

// An OfferResult tells how an offer ended, or stands.
type OfferResult struct {
	ID      iapeer.MessageID `json:"id"`
	Attempt int              `json:"attempt,omitempty"`
	State   OfferState       `json:"state"`
	Written int              `json:"n"`
	Size    int              `json:"m"`
	Reason  string           `json:"reason,omitempty"` // why it was not begun or not completed
	Repeat  bool             `json:"repeat,omitempty"` // the id was known; nothing was written for this request
	At      time.Time        `json:"at,omitzero"`
}

// KeysRequest asks for named keys.
type KeysRequest struct {
	Keys []string `json:"keys"`
}

// StopRequest asks the host to end its session.
type StopRequest struct {
	Cause string `json:"cause"`
	Grace int64  `json:"graceMs"` // 0 means the spec's
}

// EnterRequest ends the pause before the carriage return of an offer that is
// being written. It changes nothing at any other time.
type EnterRequest struct {
	ID iapeer.MessageID `json:"id"`
}

// AskRequest asks for the states of offers; without ids, of all.
type AskRequest struct {
	IDs []iapeer.MessageID `json:"ids"`
}

// AskReply answers an [AskRequest].
type AskReply struct {
	Offers []OfferResult `json:"offers"`
}

// AckRequest tells what the client has on disk: hook payloads up to a number,
// and outcomes.
type AckRequest struct {
	Hooks    uint64             `json:"hooks,omitempty"`
	Outcomes []iapeer.MessageID `json:"outcomes,omitempty"`
}

// A HookPayload is what a hook command handed over while no daemon answered.
type HookPayload struct {
	Seq  uint64    `json:"seq"`
	At   time.Time `json:"at"`
	Body []byte    `json:"body"`
}

// ReplayReply holds the payloads that were not acknowledged, oldest first.
// Dropped counts those that were lost because more came than are kept.
type ReplayReply struct {
	Hooks   []HookPayload `json:"hooks"`
	Dropped uint64        `json:"dropped,omitempty"`
}

// ScreenState is what the terminal shows.
type ScreenState struct {
	Cols      int          `json:"cols"`
	Rows      int          `json:"rows"`
	CursorX   int          `json:"x"` // from 0
	CursorY   int          `json:"y"`
	Cursor    bool         `json:"cursor"` // it is shown
	Alt       bool         `json:"alt"`
	AppCursor bool         `json:"appCursor"`
	Settled   bool         `json:"settled"`
	Title     string       `json:"title"`
	Status    string       `json:"status"`
	Lines     []screen.Row `json:"lines"`
	Bytes     uint64       `json:"bytes"` // output since the start: two equal values, two equal screens
}

// OutcomeRequest asks for a kept [Outcome].
type OutcomeRequest struct {
	ID iapeer.MessageID `json:"id"`
}

// Status is the front of every reply.
type Status struct {
	Error string `json:"error,omitempty"`
}

// An EventKind says what an [EventBody] tells.
type EventKind string

// The events.
const (
	EventTitle    EventKind = "title"
	EventStatus   EventKind = "status" // OSC 7501
	EventAlt      EventKind = "alt"
	EventSettled  EventKind = "settled" // no output for the settle time
	EventActive   EventKind = "active"  // the first output after settled
	EventDrawn    EventKind = "drawn"   // a pause behind output; told until the first offer is written
	EventAttached EventKind = "attached"
	EventStarted  EventKind = "exec started"
	EventOutcome  EventKind = "exec outcome"
	EventHook     EventKind = "hook" // a payload waits for a replay
	EventExit     EventKind = "exit" // the last event
)

// An EventBody is one event; the fields that its kind does not use are zero.
type EventBody struct {
	Kind     EventKind `json:"kind"`
	At       time.Time `json:"at"`
	Text     string    `json:"text,omitempty"` // title or status
	On       bool      `json:"on,omitempty"`   // alt
	Attached int       `json:"attached,omitempty"`
	Outcome  *Outcome  `json:"outcome,omitempty"` // with EventStarted: ID and PID only
	Exit     *Exit     `json:"exit,omitempty"`
}

// An Outcome is how one run of an exec command ended.
type Outcome struct {
	ID        iapeer.MessageID `json:"id"`
	PID       int              `json:"pid"`
	Code      int              `json:"code"` // -1 when a signal ended it or it did not start
	Signal    string           `json:"signal,omitempty"`
	Error     string           `json:"failure,omitempty"` // why it did not start
	Answer    string           `json:"answer"`
	Cut       bool             `json:"cut,omitempty"` // the answer was longer than is kept
	Stderr    string           `json:"stderr,omitempty"`
	ReadBytes int              `json:"readBytes"`
	Size      int              `json:"size"`
	StartedAt time.Time        `json:"startedAt"`
	At        time.Time        `json:"at"`
}

// Exit is the record of a session's end, written at that moment.
type Exit struct {
	Identity   iapeer.Identity `json:"identity"`
	Generation int64           `json:"generation"`
	Code       int             `json:"code"` // -1 when a signal ended it
	Signal     string          `json:"signal,omitempty"`
	Cause      string          `json:"cause,omitempty"` // "" when the program ended by itself
	Screen     []string        `json:"screen,omitempty"`
	Offers     []OfferResult   `json:"offers"`  // all that were not written, and the last that were
	Written    int             `json:"written"` // how many were written
	Host       Process         `json:"host"`
	Child      Process         `json:"child"`
	At         time.Time       `json:"at"`
}
