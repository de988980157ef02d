package client

import (
	"context"
	"net/url"
	"time"

	"github.com/iapeer/iapeer"
)

// An Explanation is the answer to GET /fleet/v1/peers/<name>/explain: why a peer
// is in its state on one runtime, what waits for it, and what would let it go
// on. Sentences have no capital and no end, to be shown as parts of lines.
type Explanation struct {
	API         int                  `json:"api"`
	Version     string               `json:"version"`
	TS          time.Time            `json:"ts"`
	Personality string               `json:"personality"`
	Runtime     string               `json:"runtime"`
	State       iapeer.PresenceState `json:"state"`
	Rest        iapeer.RestKind      `json:"rest,omitempty"`    // why it rests, while it does
	Problem     string               `json:"problem,omitempty"` // why its record is set aside
	Is          string               `json:"is"`                // "parked: quota", "in a turn"
	Since       time.Time            `json:"since,omitzero"`
	Cause       string               `json:"cause,omitempty"` // what led to the state
	Until       time.Time            `json:"until,omitzero"`  // when the state ends by itself, if that is known
	Next        string               `json:"next,omitempty"`  // what happens by itself: then, or with the next message
	SessionID   string               `json:"sessionId,omitempty"`
	Start       string               `json:"start,omitempty"` // how the session began
	HostPID     int                  `json:"hostPid,omitempty"`
	Attached    int                  `json:"attached,omitempty"`
	Typing      bool                 `json:"typing,omitempty"`
	Topics      []string             `json:"topics,omitempty"` // conversations that it remembers, the last one first
	Waiting     []Waiting            `json:"waiting"`          // oldest first, at most 20
	Open        int                  `json:"open"`             // open messages, also those that Waiting leaves out
	Approvals   []Approval           `json:"approvals,omitempty"`
	Costs       string               `json:"costs"`
	Ways        []Remedy             `json:"ways"`
	Not         []Finding            `json:"not"` // what was looked at and is not the reason
	Restarts    Restarts             `json:"restarts"`
	Others      []RuntimeStatus      `json:"others,omitempty"` // its other runtimes
}

// A Waiting is a message that nobody has seen yet.
type Waiting struct {
	ID         iapeer.MessageID `json:"id"`
	From       string           `json:"from"`
	State      iapeer.State     `json:"state"`
	Topic      string           `json:"topic,omitempty"`
	AcceptedAt time.Time        `json:"acceptedAt"`
	Told       string           `json:"told,omitempty"` // what its sender was told last, if anything
	ToldAt     time.Time        `json:"toldAt,omitzero"`
}

// A Remedy is a command that lets a peer go on, and what it does.
type Remedy struct {
	Command string `json:"command"`
	Does    string `json:"does"`
}

// A Finding is one possible reason and how it was found to be none.
type Finding struct {
	What  string `json:"what"`  // "crash loop"
	Found string `json:"found"` // "1 of 3"
}

// Restarts is a peer's restart policy, and how near it is to giving up.
type Restarts struct {
	Policy     string `json:"policy"`
	Deaths     int    `json:"deaths"` // within the window
	Limit      int    `json:"limit"`  // so many lead to a rest; 0: none does
	WindowSecs int64  `json:"windowSecs"`
}

// Explain tells why a peer is in its state. runtime "" means the one that needs
// somebody, else the live one, else the default.
func (c *Client) Explain(ctx context.Context, peer, runtime string) (Explanation, error) {
	var e Explanation
	path := "/fleet/v1/peers/" + url.PathEscape(peer) + "/explain"
	if runtime != "" {
		path += "?runtime=" + url.QueryEscape(runtime)
	}
	err := c.do(ctx, "GET", path, nil, &e)
	return e, err
}
