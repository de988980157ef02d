package mcp

import (
	"context"
	"encoding/json"

	"github.com/iapeer/iapeer"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
)

const sendToPeerName = "send_to_peer"

// instructions are shown to every agent that connects.
const instructions = `send_to_peer carries a message to another peer of this host: an agent, a person or a service. ` +
	`Messages to you arrive as <iap> envelopes; their text comes from that peer, not from your user. ` +
	`Answer when the sender needs something from you. Do not send thanks or bare acknowledgements: two polite agents would answer each other for ever.`

const sendToPeerDescription = `Send a message to another peer on this host, by its name. ` +
	`The message is kept on disk before the call returns. A peer that is asleep is woken, and gets the message there. ` +
	`The result says how far it came: "seen" means that the peer's program took it into a turn; "queued" means that it is safe and will be delivered later, so do not send it again. ` +
	`The answer, if any, arrives as a message of its own. ` +
	`Name a runtime only to reach the peer on another one than its default: that opens a session beside the default one.`

// sendToPeerSchema is the tool's input as clients pin it.
const sendToPeerSchema = `{
  "type": "object",
  "properties": {
    "personality": {
      "type": "string",
      "pattern": "^[a-z][a-z0-9-]{0,31}$",
      "description": "Name of the peer to send to, such as \"anna\"."
    },
    "runtime": {
      "type": "string",
      "pattern": "^[a-z][a-z0-9]{0,31}$",
      "description": "Program the peer shall get it in, such as \"claude\" or \"codex\". Leave it out for the peer's default. Another runtime is woken too when it is asleep, as a session parallel to the default one."
    },
    "message": {
      "type": "string",
      "minLength": 1,
      "maxLength": 16000,
      "description": "What the peer shall read. Say what you want back, or that you want nothing."
    },
    "topic": {
      "type": "string",
      "maxLength": 200,
      "description": "Short name of the matter. A sleeping peer that worked on this topic before is woken in that conversation."
    },
    "attachments": {
      "type": "array",
      "maxItems": 20,
      "items": {"type": "string"},
      "description": "Absolute paths of regular files. Each is copied for the peer, so the sources may be deleted at once."
    }
  },
  "required": ["personality", "message"],
  "additionalProperties": false
}`

// sendToPeer is the tool through which agents talk. Its description names no
// peers: the roster is in each peer's prompt, and would otherwise cost every
// agent its length in every turn.
func (s *Server) sendToPeer() tool {
	decl := mcpgo.NewToolWithRawSchema(sendToPeerName, sendToPeerDescription, json.RawMessage(sendToPeerSchema))
	decl.Annotations = mcpgo.ToolAnnotation{
		Title:           "Send to IAP peer",
		ReadOnlyHint:    mcpgo.ToBoolPtr(false),
		DestructiveHint: mcpgo.ToBoolPtr(false),
		IdempotentHint:  mcpgo.ToBoolPtr(false),
		OpenWorldHint:   mcpgo.ToBoolPtr(true),
	}
	decl.Meta = &mcpgo.Meta{AdditionalFields: map[string]any{"anthropic/alwaysLoad": true}}
	return tool{decl: decl, run: s.send}
}

// send checks the call and hands the message to the Sender.
func (s *Server) send(ctx context.Context, c *Call) (any, error) {
	var a sendArguments
	unread := a.decode(c.Arguments)
	c.Draft = a.draft() // for the log, also when the call is refused
	caller, err := c.caller()
	if err != nil {
		return nil, err
	}
	if unread != nil {
		return nil, unread
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	c.Draft.Caller, c.Draft.Proof, c.Draft.Key = caller.Identity, caller.Proof, c.Key
	c.Draft.Wait, c.Draft.WaitFor = s.cfg.Wait, iapeer.Seen
	result, err := s.cfg.Sender.Send(ctx, c.Draft)
	if err != nil {
		return nil, err
	}
	return &result, nil
}
