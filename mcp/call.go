package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/gate"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"
)

// A Call is one call of a tool.
type Call struct {
	Tool      string
	Arguments json.RawMessage // as sent; nil when there were none
	Caller    iapeer.Caller   // as the gate established it
	Key       string          // idempotency key, unique within the caller; "" for none
	Draft     iapeer.Draft    // what the tool made of the arguments, so far as it came

	claimed   string // who the request says its caller is, "" when it names nobody
	callerErr error  // why Caller has no identity

	short   bool // it came by the short path, which writes outcome itself
	ran     bool
	outcome outcome
}

type callKey struct{}

// meta is what we read of a call's _meta. Each client has its own name for
// the id of the model's tool use, which stays the same when the client repeats
// a call whose answer it did not get.
type meta struct {
	version     string // of the protocol; "" in the versions with a handshake
	capable     bool   // the client's capabilities are there, as an object
	claudeTool  string
	codexThread string
	codexCall   string
}

// readMeta reads a _meta object. Fields of the wrong type are left out: mcp-go
// refuses those that the protocol needs.
func readMeta(object gjson.Result) (m meta) {
	object.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case mcpgo.MetaKeyProtocolVersion:
			m.version = v.Str
		case mcpgo.MetaKeyClientCapabilities:
			m.capable = v.IsObject()
		case "claudecode/toolUseId":
			m.claudeTool = v.Str
		case "threadId":
			m.codexThread = v.Str
		case "callId":
			m.codexCall = v.Str
		}
		return true
	})
	return m
}

// toolUse returns the client's own id of this call, "" when it gives none.
func (m meta) toolUse() string {
	switch {
	case m.claudeTool != "":
		return m.claudeTool
	case m.codexCall != "":
		return m.codexThread + ":" + m.codexCall
	}
	return ""
}

// IdempotencyHeader carries a caller's own key for a send that it may repeat.
const IdempotencyHeader = "Idempotency-Key"

// maxKey is the longest key kept as it is; longer ones are replaced by their
// hash.
const maxKey = 128

// identify fills in who calls, and under which key a repeated call is known.
func (c *Call) identify(ctx context.Context, m meta, h http.Header) {
	c.Caller, c.callerErr = gate.CallerFrom(ctx)
	if id := m.toolUse(); id != "" {
		c.Key = keyOf(c.Caller, "tool", id+":"+digest(c.Arguments))
	} else if key := h.Get(IdempotencyHeader); key != "" {
		c.Key = keyOf(c.Caller, "key", key)
	}
}

// digest tells contents apart: a model that gives an old id to a new call
// must not lose the new message.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// keyOf binds a client's id to the proof it came with, so that nobody who is
// let speak for the same identity by a weaker proof can be taken for it.
func keyOf(c iapeer.Caller, kind, id string) string {
	if len(id) > maxKey {
		id = digest([]byte(id))
	}
	if c.Proof == iapeer.ProofSession {
		return fmt.Sprintf("%s-%d/%s/%s", c.Proof, c.Generation, kind, id)
	}
	return fmt.Sprintf("%s/%s/%s", c.Proof, kind, id)
}

// caller returns the proven identity of the caller. A request must name it:
// there is no default, so that a forgotten setting is found at the first call.
func (c *Call) caller() (iapeer.Caller, error) {
	if c.callerErr != nil {
		return c.Caller, c.callerErr
	}
	if c.claimed == "" {
		return c.Caller, fmt.Errorf("header %s is missing: send <runtime>-<name> of the calling peer, such as %s", gate.IdentityHeader, c.Caller.Identity)
	}
	return c.Caller, nil
}
