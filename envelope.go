package iapeer

import "time"

// An Envelope is one message as it travels. ID, Conversation, Hops and Proof
// are ours; older programs neither write nor read them.
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
