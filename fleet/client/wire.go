package client

import (
	"time"

	"github.com/iapeer/iapeer"
)

// API is the number of the fleet API that this package speaks.
const API = 1

// Headers of the fleet API.
const (
	HeaderIdentity = "X-IAPeer-Identity" // who asks: <runtime>-<name>
	HeaderKey      = "Idempotency-Key"   // a repeated send with the same key is the same send
	HeaderVersion  = "X-IAPeer-Version"  // of the daemon, in every reply
)

// A SendRequest is the body of POST /fleet/v1/send.
type SendRequest struct {
	Personality string   `json:"personality"`
	Message     string   `json:"message"`
	Runtime     string   `json:"runtime,omitempty"` // "" means the recipient's default
	Topic       string   `json:"topic,omitempty"`
	Attachments []string `json:"attachments,omitempty"` // absolute paths
	From        string   `json:"from,omitempty"`        // a name or an identity; "" means the caller, else the person
	InReplyTo   string   `json:"inReplyTo,omitempty"`   // message id
	Fresh       bool     `json:"fresh,omitempty"`       // a session that it wakes begins anew
	Anyway      bool     `json:"anyway,omitempty"`      // although a session started by hand holds the folder
	Wait        string   `json:"wait,omitempty"`        // Go duration; "" means 20s, "0s" returns once accepted
	For         string   `json:"for,omitempty"`         // "accepted", "seen" (default) or "answered"
	Path        string   `json:"path,omitempty"`        // the way it comes, for the delivery log; the program iapeer says "cli"

	// Key is the idempotency key, sent as a header; the client makes one when it
	// is empty.
	Key string `json:"-"`
}

// A SendReply is the answer to a send that was accepted.
type SendReply struct {
	From   string            `json:"from"`
	Result iapeer.SendResult `json:"result"`
}

// A Progress is one thing that happened to a message or to its recipient while
// its sender waits.
type Progress struct {
	At       time.Time        `json:"at"`
	Kind     string           `json:"kind"` // "message" or "presence"
	ID       iapeer.MessageID `json:"id,omitempty"`
	Identity string           `json:"identity,omitempty"`
	From     string           `json:"from,omitempty"` // presence: the state before
	State    string           `json:"state"`
	Cause    string           `json:"cause,omitempty"`
}

// A Message is a message as the fleet API shows it.
type Message struct {
	ID           iapeer.MessageID `json:"id"`
	Seq          int64            `json:"seq"`
	From         string           `json:"from"`
	To           string           `json:"to"`
	State        iapeer.State     `json:"state"`
	Topic        string           `json:"topic,omitempty"`
	Body         string           `json:"body"`
	Attachments  []string         `json:"attachments,omitempty"`
	Conversation string           `json:"conversation,omitempty"`
	Hops         int              `json:"hops,omitempty"`
	Proof        iapeer.Proof     `json:"proof,omitempty"`
	SentAt       time.Time        `json:"sentAt,omitzero"`
	AcceptedAt   time.Time        `json:"acceptedAt,omitzero"`
	ExpiresAt    time.Time        `json:"expiresAt,omitzero"`
	Attempts     int              `json:"attempts,omitempty"`
	TurnCut      bool             `json:"turnCut,omitempty"`
	Caused       iapeer.MessageID `json:"caused,omitempty"`
	Answer       string           `json:"answer,omitempty"`
	Steps        []iapeer.Step    `json:"steps,omitempty"` // only when one message was asked for
}

// WireMessage returns m as the fleet API shows it.
func WireMessage(m iapeer.Message, steps []iapeer.Step) Message {
	return Message{
		ID: m.ID, Seq: m.Seq, From: m.From.String(), To: m.To.String(), State: m.State, Topic: m.Topic,
		Body: m.Body, Attachments: m.Attachments, Conversation: string(m.Conversation), Hops: m.Hops,
		Proof: m.Proof, SentAt: m.SentAt, AcceptedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt,
		Attempts: m.Attempts, TurnCut: m.TurnCut, Caused: m.Caused, Answer: m.Answer, Steps: steps,
	}
}

// A Notice is something that a person must know.
type Notice struct {
	ID          string `json:"id"`
	Personality string `json:"personality,omitempty"`
	Runtime     string `json:"runtime,omitempty"`
	Kind        string `json:"kind"`
	Summary     string `json:"summary"`
	CreatedMs   int64  `json:"createdMs"`
}

// A Setting is one value of the configuration and where it comes from.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "default", "file", "env" or "flag", with the file's or variable's name
	Help   string `json:"help,omitempty"`
}

// A CommandRequest is the body of POST /fleet/v1/peers/<name>/<verb>.
type CommandRequest struct {
	Runtime string `json:"runtime,omitempty"`
	Topic   string `json:"topic,omitempty"`
	Anyway  bool   `json:"anyway,omitempty"` // although a session started by hand holds the folder
	Now     bool   `json:"now,omitempty"`    // stop, sleep, restart: do not wait for the end of the running turn
	Fresh   bool   `json:"fresh,omitempty"`  // wake, launch, restart: in a fresh session
	Resume  bool   `json:"resume,omitempty"` // wake, launch, attach: in the last conversation, or not at all
}

// A Version tells which daemon answers.
type Version struct {
	Version   string    `json:"version"`
	API       int       `json:"fleet"`
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"startedAt"`
}

// Reached reports whether a message in state s has got as far as goal:
// accepted, offered, taken, seen or answered.
func Reached(s, goal iapeer.State) bool {
	return rank(s) >= rank(goal) && rank(s) > 0
}

// Ended reports whether nothing more will happen to a message in state s by
// itself, short of being answered.
func Ended(s iapeer.State) bool {
	switch s {
	case iapeer.Failed, iapeer.Expired, iapeer.Cancelled, iapeer.Refused, iapeer.Answered:
		return true
	default:
		return false
	}
}

// rank orders the states of a message that is getting on. Waiting places rank
// as accepted; the other ends rank 0.
func rank(s iapeer.State) int {
	switch s {
	case iapeer.Accepted, iapeer.Held, iapeer.Unknown:
		return 1
	case iapeer.Offered:
		return 2
	case iapeer.Taken:
		return 3
	case iapeer.Seen:
		return 4
	case iapeer.Answered:
		return 5
	default:
		return 0
	}
}

// A ScreenReply is the answer to GET /fleet/v1/peers/<name>/screen.
type ScreenReply struct {
	Screen string `json:"screen"`
}

// A MessagesReply is the answer to GET /fleet/v1/messages and /inbox.
type MessagesReply struct {
	Messages []Message `json:"messages"`
}

// A MessageReply is the answer to GET /fleet/v1/messages/<id> and to a change of
// that message.
type MessageReply struct {
	Message Message `json:"message"`
}

// A ResolveRequest is the body of POST /fleet/v1/messages/<id>/resolve: what a
// person knows about a message whose state is unknown.
type ResolveRequest struct {
	As string `json:"as,omitempty"` // "seen" or "lost"
}

// A ReadRequest is the body of POST /fleet/v1/inbox: messages that were shown
// to the person.
type ReadRequest struct {
	IDs []iapeer.MessageID `json:"ids"`
}

// A SettingsReply is the answer to GET /fleet/v1/config.
type SettingsReply struct {
	Settings []Setting `json:"settings"`
}

// An EnvironmentReply is the answer to GET /fleet/v1/config/env.
type EnvironmentReply struct {
	Environment []string `json:"environment"` // KEY=VALUE, sorted
}

// A Decision answers a hook that asks whether a tool may run. Its zero value
// denies.
type Decision struct {
	Allow  bool   `json:"allow"`
	Reason string `json:"reason,omitempty"`

	Interrupt bool `json:"interrupt,omitempty"` // the turn is to end
}
