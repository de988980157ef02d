package iapeer

import "time"

// An Envelope is one message as it travels. ID, Conversation, Hops and Proof
// are ours; older programs neither write nor read them. What a decoded envelope
// says about its sender and proof is worth no more than the channel it came by.
type Envelope struct {
	ID           MessageID
	From         Identity
	FromNature   Nature
	SentAt       time.Time // whole seconds on the wire, local time with offset
	Topic        string
	Attachments  []string
	Body         string
	Conversation ConversationID
	Hops         int
	Proof        Proof
}

// The daemon speaks as the peer [SystemName] on [RuntimeSystem]. It is not
// registered and cannot be answered.
const (
	RuntimeSystem Runtime = "system"
	SystemName    Name    = "iapeer"
)

// SystemIdentity is who an envelope of the daemon itself comes from.
func SystemIdentity() Identity { return Identity{Runtime: RuntimeSystem, Name: SystemName} }

// SystemEnvelope returns a message of the daemon itself. The caller sets the
// topic, conversation and hops where it knows them.
func SystemEnvelope(id MessageID, at time.Time, body string) Envelope {
	return Envelope{ID: id, From: SystemIdentity(), FromNature: Absent, SentAt: at, Body: body, Proof: ProofSystem}
}

// wireTime is a moment on the wire: whole seconds with a numeric offset.
const wireTime = "2006-01-02T15:04:05-07:00"

// WireTime writes t as the ts attribute does: local time, whole seconds,
// numeric offset. The zero time is "".
func WireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(wireTime)
}
