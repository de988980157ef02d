package runtimes

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"time"
)

// claudeFind returns the record of a conversation: in the folder named after
// cwd, or, since long names are cut there, in any folder.
func claudeFind(files fs.FS, cwd, id string) (string, bool) {
	if id == "" || strings.ContainsAny(id, `/\*?[`) {
		return "", false
	}
	own := path.Join("projects", claudeSlug(cwd), id+".jsonl")
	if _, err := fs.Stat(files, own); err == nil {
		return own, true
	}
	found, _ := fs.Glob(files, "projects/*/"+id+".jsonl")
	if len(found) == 0 {
		return "", false
	}
	return found[0], true
}

// claudeRecord is one line of a transcript, as far as we read it.
type claudeRecord struct {
	Type      string          `json:"type"`
	Subtype   string          `json:"subtype"`
	Session   string          `json:"sessionId"`
	Time      json.RawMessage `json:"timestamp"`
	CWD       string          `json:"cwd"`
	Sidechain bool            `json:"isSidechain"` // a subagent's
	Meta      bool            `json:"isMeta"`      // written by the program, not by the sender
	Summary   bool            `json:"isCompactSummary"`
	APIError  bool            `json:"isApiErrorMessage"`
	Error     string          `json:"error"`
	Operation string          `json:"operation"`
	Content   json.RawMessage `json:"content"`
	Compact   json.RawMessage `json:"compactMetadata"`
	Message   struct {
		Content json.RawMessage `json:"content"`
		Stop    string          `json:"stop_reason"`
	} `json:"message"`
	Attachment struct {
		Type   string          `json:"type"`
		Prompt json.RawMessage `json:"prompt"`
	} `json:"attachment"`
}

// at is the record's time, zero if it tells none that can be read.
func (c claudeRecord) at() (t time.Time) {
	_ = json.Unmarshal(c.Time, &t)
	return t
}

// claudeLine reads one line of a transcript. Only what the program itself
// marks as a user's words can prove a message: summaries, the program's own
// remarks, subagents and tool results may quote an envelope.
func claudeLine(line []byte, r *Reading) error {
	var c claudeRecord
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	if c.Sidechain {
		return nil
	}
	if c.Session != "" {
		r.SessionID = c.Session
	}
	if c.CWD != "" {
		r.CWD = c.CWD
	}
	switch c.Type {
	case "user":
		claudeUser(c, r)
	case "assistant":
		claudeAssistant(c, r)
	case "queue-operation":
		if c.Operation == "enqueue" {
			r.prove(texts(c.Content), false, "queue-operation enqueue")
		}
	case "attachment":
		if c.Attachment.Type == "queued_command" {
			r.join(r.prove(texts(c.Attachment.Prompt), true, "attachment queued_command"))
		}
	case "system":
		switch {
		case c.Subtype == "compact_boundary" || c.Compact != nil:
			r.Compacts++
		case c.Subtype == "turn_duration" && r.Turn.Open:
			r.end("", "")
		}
	}
	return nil
}

// claudeUser reads a user record: a prompt that a turn consumed, an interrupt,
// or tool results, which prove nothing.
func claudeUser(c claudeRecord, r *Reading) {
	text := texts(c.Message.Content)
	switch {
	case c.Meta || c.Summary || text == "":
	case strings.HasPrefix(text, "[Request interrupted by user"):
		r.end("interrupted", text)
	default:
		r.Prompts++
		ids := r.prove(text, true, "user record")
		if at := c.at(); r.Prompts == 1 && !at.IsZero() && at.Before(r.Spoke) { // 2.1.197 may write a quick first answer above its prompt
			r.Turn.IDs = ids
			return
		}
		r.begin(ids)
	}
}

// claudeAssistant reads the agent's words. Any stop reason but tool_use ends
// the turn.
func claudeAssistant(c claudeRecord, r *Reading) {
	if text := texts(c.Message.Content); text != "" {
		r.Turn.Text, r.Spoke = text, c.at()
	}
	switch {
	case c.APIError:
		r.end(failure(c.Error, r.Turn.Text), r.Turn.Text)
	case c.Message.Stop == "" || c.Message.Stop == "tool_use" || c.Message.Stop == "pause_turn":
		r.Turn.Open = true
	default:
		r.end("", "")
	}
}

// texts joins the text of a message's content: a string, or blocks of which
// only those of type text (input_text, output_text) count.
func texts(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s
	}
	var blocks []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	var parts []string
	for _, b := range blocks {
		switch b.Type {
		case "text", "Text", "input_text", "output_text":
			parts = append(parts, b.Text)
		}
	}
	return strings.Join(parts, "\n")
}
