package runtimes

import (
	"encoding/json"
	"io/fs"
	"strings"
	"time"
)

// codexFind returns the record of a thread; its name ends in the thread's id.
func codexFind(files fs.FS, _, id string) (string, bool) {
	if id == "" || strings.ContainsAny(id, `/\*?[`) {
		return "", false
	}
	found, _ := fs.Glob(files, "sessions/*/*/*/rollout-*-"+id+".jsonl")
	if len(found) == 0 {
		return "", false
	}
	return found[len(found)-1], true
}

// codexRecord is one line of a rollout, as far as we read it.
type codexRecord struct {
	Type    string `json:"type"`
	Payload struct {
		Type    string          `json:"type"`
		Role    string          `json:"role"`
		ID      string          `json:"id"`
		CWD     string          `json:"cwd"`
		Reason  string          `json:"reason"`
		Message json.RawMessage `json:"message"`
		Content json.RawMessage `json:"content"`
		Last    string          `json:"last_agent_message"`
		Error   *codexError     `json:"error"`
		Limits  *struct {
			Reached   *string      `json:"rate_limit_reached_type"`
			Primary   *codexWindow `json:"primary"`
			Secondary *codexWindow `json:"secondary"`
		} `json:"rate_limits"`
		Item struct {
			Type    string          `json:"type"`
			Content json.RawMessage `json:"content"`
		} `json:"item"`
	} `json:"payload"`
}

type codexWindow struct {
	Used   float64 `json:"used_percent"`
	Resets int64   `json:"resets_at"` // Unix seconds
}

// codexLine reads one line of a rollout. A user's item proves a message; it
// stands there only once a turn consumed it.
func codexLine(line []byte, r *Reading) error {
	var c codexRecord
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	p := c.Payload
	switch c.Type {
	case "session_meta":
		r.SessionID, r.CWD = p.ID, p.CWD
	case "compacted":
		r.Compacts++
	case "response_item":
		if p.Type == "message" && p.Role == "user" {
			codexUser(texts(p.Content), "response_item user", r)
		}
	case "event_msg":
		codexEvent(c, r)
	}
	return nil
}

func codexEvent(c codexRecord, r *Reading) {
	p := c.Payload
	switch p.Type {
	case "task_started":
		r.begin(nil)
	case "task_complete":
		if p.Last != "" {
			r.Turn.Text = p.Last
		}
		if p.Error != nil {
			r.end(p.Error.kind(), p.Error.Message)
		} else {
			r.end("", "")
		}
	case "turn_aborted":
		r.end("interrupted", p.Reason)
	case "error", "stream_error":
		if reason := plainString(p.Message); p.Type == "error" {
			r.end(failure("", reason), reason)
		}
	case "token_count":
		if l := p.Limits; l != nil && l.Reached != nil && *l.Reached != "" {
			r.Turn.Quota = quotaEnd(l.Primary, l.Secondary)
		}
	case "item_completed":
		switch p.Item.Type {
		case "UserMessage":
			codexUser(texts(p.Item.Content), "item UserMessage", r)
		case "AgentMessage":
			if text := texts(p.Item.Content); text != "" {
				r.Turn.Text = text
			}
		}
	}
}

// codexUser reads a user's words. Context that codex writes in the user's name
// holds no envelope at its head and proves nothing.
func codexUser(text, detail string, r *Reading) {
	if strings.HasPrefix(text, "<environment_context>") || strings.HasPrefix(text, "# AGENTS.md") {
		return
	}
	before := len(r.Turn.IDs)
	ids := r.prove(text, true, detail)
	for _, id := range ids { // the same message comes as item and as event
		known := false
		for _, have := range r.Turn.IDs {
			known = known || have == id
		}
		if !known {
			r.Turn.IDs = append(r.Turn.IDs, id)
		}
	}
	if len(r.Turn.IDs) > before {
		r.Turn.Open = true
	}
}

// quotaEnd is when the fuller window opens again; a tie goes to the first.
func quotaEnd(primary, secondary *codexWindow) time.Time {
	w := primary
	if w == nil || secondary != nil && secondary.Used > w.Used {
		w = secondary
	}
	if w == nil || w.Resets <= 0 {
		return time.Time{}
	}
	return time.Unix(w.Resets, 0)
}

// codexError is why a turn ended without an answer. codex fires no hook then.
type codexError struct {
	Message string          `json:"message"`
	Info    json.RawMessage `json:"codex_error_info"` // a word, or an object with one key
}

func (e codexError) kind() string {
	info := plainString(e.Info)
	if strings.Contains(string(e.Info), "usage_limit") {
		info = "rate_limit"
	}
	if info == "other" {
		info = ""
	}
	return failure(info, e.Message)
}

// plainString reads a value that is a string in most cases, else "".
func plainString(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}
