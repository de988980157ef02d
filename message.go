package iapeer

import (
	"crypto/rand"
	"encoding/base32"
	"time"
)

// Limits of one message and of one recipient's backlog.
const (
	MaxBodyRunes     = 16000              // counted as UTF-16 units, as the TypeScript program did
	MaxTopicRunes    = 200                // a longer topic is refused
	MaxAttachments   = 20                 // paths per message
	DefaultTTL       = 7 * 24 * time.Hour // from acceptance, only while Accepted
	MaxOpenMessages  = 1000               // per recipient
	MaxOpenBytes     = 16 << 20           // per recipient
	MaxOpenPerSender = 100                // from one sender to one recipient
)

// A MessageID names one message for ever: "m-" and ten characters of Crockford
// base32 (50 random bits).
type MessageID string

// A ConversationID names a chain of messages that cause each other: "c-" and
// ten characters.
type ConversationID string

// crockford is base32 without I, L, O and U, in lower case.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// idChars is the length of the random part of an id.
const idChars = 10

func randomID(prefix string) string {
	var b [7]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return prefix + crockford.EncodeToString(b[:])[:idChars]
}

// NewMessageID returns a fresh random id.
func NewMessageID() MessageID { return MessageID(randomID("m-")) }

// NewConversationID returns a fresh random id.
func NewConversationID() ConversationID { return ConversationID(randomID("c-")) }

// A Proof says how the daemon knows who sent a message.
type Proof string

// The levels of proof, weakest first.
const (
	ProofNone    Proof = ""        // not known; messages of older programs
	ProofUID     Proof = "uid"     // a process of the same user, outside every session
	ProofSession Proof = "session" // the token of the sender's own live session
	ProofPerson  Proof = "person"  // an interactive terminal or console, or a natural peer's router
	ProofSystem  Proof = "system"  // the daemon itself
)

// A Draft is a message that asks to be accepted. Caller, CallerNature and
// Proof are set by the edge that authenticated the request, never by the
// request's body.
type Draft struct {
	Caller      Identity
	Proof       Proof
	To          Name
	Runtime     Runtime // "" means the recipient's default
	Body        string
	Topic       string
	Attachments []string // absolute paths
	Key         string   // idempotency key, unique within the caller; "" means none
	InReplyTo   MessageID
	Fresh       bool          // a session that this message wakes begins anew
	Anyway      bool          // deliver although a session started by hand holds the folder
	Wait        time.Duration // how long the caller wants to wait for evidence
	WaitFor     State         // Accepted, Seen (default) or Answered
}

// A Message is an accepted envelope with its place in the recipient's mailbox.
type Message struct {
	Envelope
	Seq        int64 // order of acceptance over all mailboxes; assigned by the store
	To         Identity
	Fresh      bool // a session that it wakes begins anew; not kept
	State      State
	AcceptedAt time.Time
	ExpiresAt  time.Time
	Attempts   int       // offers begun
	TurnCut    bool      // the turn that consumed it died, failed or hit a quota
	Caused     MessageID // the message whose turn sent this one, if known
	Key        string    // idempotency key, "" if none
	Answer     string    // text that answered it, when the runtime gave one
}

// Evidence is what proves a change: who said it, where, when.
type Evidence struct {
	Source  string    `json:"source"`            // "hook", "record", "exit", "host", "write", "person", "daemon"
	Detail  string    `json:"detail,omitempty"`  // "UserPromptSubmit", "exit 0", …
	Session string    `json:"session,omitempty"` // the runtime's own session id, or "host:<pid>"
	At      time.Time `json:"at,omitzero"`
}

// A Step is one line of a message's history, in the order it was recorded.
type Step struct {
	Change   Change   `json:"change"` // "" for the acceptance itself
	State    State    `json:"state"`  // the state after it
	Attempt  int      `json:"attempt,omitempty"`
	Evidence Evidence `json:"evidence"`
}

// A Mark is a change to be recorded for one message.
type Mark struct {
	ID       MessageID
	Change   Change
	Evidence Evidence
	TurnCut  bool   // with See and Answer: the turn did not end well
	Answer   string // with Answer: the text, if known
}

// SendResult is what a sender is told. It is the result of the tool
// send_to_peer and of POST /fleet/v1/send; the fields up to QueueDepth are
// those of older programs.
type SendResult struct {
	OK          bool        `json:"ok"`
	DeliveredTo DeliveredTo `json:"delivered_to"`
	Woke        bool        `json:"woke"`
	TS          string      `json:"ts"` // the envelope's own timestamp
	Queued      bool        `json:"queued,omitempty"`
	QueuedBy    string      `json:"queuedBy,omitempty"` // what it waits for: "ephemeral", "composer", "wake", "turn", "hand", "stopped", …
	QueueDepth  int         `json:"queueDepth,omitempty"`
	ID          MessageID   `json:"id"`
	State       State       `json:"state"`
	Evidence    *Evidence   `json:"evidence,omitempty"` // of State, when it is evidence
	Session     string      `json:"session,omitempty"`  // how the recipient's session began, for people: "resumed 'login'"
	Next        string      `json:"next,omitempty"`     // one sentence: what happens next
	Answer      string      `json:"answer,omitempty"`   // with WaitFor Answered
	Repeated    bool        `json:"repeated,omitempty"` // an earlier call with this key was accepted; this is its receipt
}

// DeliveredTo names the recipient of a [SendResult].
type DeliveredTo struct {
	Personality Name    `json:"personality"`
	Runtime     Runtime `json:"runtime"`
}
