package fakemodel

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// anthropicRequest is what we read of POST /v1/messages.
type anthropicRequest struct {
	Model    string             `json:"model"`
	Stream   bool               `json:"stream"`
	System   json.RawMessage    `json:"system"`
	Messages []anthropicMessage `json:"messages"`
	Tools    []struct {
		Name string `json:"name"`
	} `json:"tools"`
	Output struct {
		Format json.RawMessage `json:"format"`
	} `json:"output_config"`
}

type anthropicMessage struct {
	Role    string `json:"role"`
	Content blocks `json:"content"`
}

// A block is one part of a message.
type block struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	Content blocks `json:"content"` // of a tool result
}

// blocks are a message's content, which may also be a plain string.
type blocks []block

// UnmarshalJSON implements json.Unmarshaler. Content of another shape is none.
func (b *blocks) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*b = blocks{{Type: "text", Text: s}}
		return nil
	}
	var list []block
	_ = json.Unmarshal(raw, &list)
	*b = list
	return nil
}

var (
	reminder  = regexp.MustCompile(`(?s)<system-reminder>.*?</system-reminder>`)
	titleWish = regexp.MustCompile(`(?i)generate a (concise|short).*title`)
)

// lastUser returns the last user text and the results of the calls it led to.
// Turns merged after an error come as several texts of one message; only the
// last counts, and only results behind it are its own.
func lastUser(messages []anthropicMessage) (text string, results []string) {
	at, from := 0, 0
	for i, m := range messages {
		for j, b := range m.Content {
			if m.Role != "user" || b.Type != "text" {
				continue
			}
			if t := strings.TrimSpace(reminder.ReplaceAllString(b.Text, "")); t != "" && t != "Tool loaded." {
				text, at, from = t, i, j
			}
		}
	}
	for i := at; i < len(messages); i++ {
		for j, b := range messages[i].Content {
			if messages[i].Role == "user" && b.Type == "tool_result" && (i > at || j > from) && !b.search() {
				results = append(results, b.Content.text())
			}
		}
	}
	return text, results
}

// search reports whether a result is that of the program's tool search.
func (b block) search() bool {
	for _, c := range b.Content {
		if c.Type == "tool_reference" {
			return true
		}
	}
	return false
}

func (b blocks) text() string {
	var parts []string
	for _, c := range b {
		if c.Type == "text" {
			parts = append(parts, c.Text)
		}
	}
	return strings.Join(parts, "\n")
}

// anthropic answers POST /v1/messages.
func (s *Server) anthropic(w http.ResponseWriter, r *http.Request, req Request) {
	var in anthropicRequest
	if err := json.Unmarshal(req.Body, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req.API, req.Model = "anthropic", in.Model
	req.User, req.Results = lastUser(in.Messages)
	for _, t := range in.Tools {
		req.Tools = append(req.Tools, t.Name)
	}
	p := planFor(req.User, req.Results)
	if in.Output.Format != nil || titleWish.Match(in.System[:min(len(in.System), 4000)]) {
		p = plan{text: `{"title":"Scripted session","branch":"scripted"}`}
	}
	p = anthropicTool(p, req.Tools)
	req.Plan = p.String()
	s.record(req)
	if p.fail != 0 {
		kind := "api_error"
		if p.fail == 529 {
			kind = "overloaded_error"
		}
		writeJSON(w, p.fail, map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": "scripted failure"}})
		return
	}
	answer := anthropicAnswer{id: newID("msg_"), model: in.Model, plan: p, in: len(req.Body) / 4}
	if !in.Stream {
		writeJSON(w, http.StatusOK, answer.whole())
		return
	}
	answer.stream(newStream(w, r))
}

// anthropicTool finds the tool of p among names, or has it searched for.
func anthropicTool(p plan, names []string) plan {
	if p.tool == "" {
		return p
	}
	if n, ok := matchTool(names, p.tool); ok {
		p.tool = n
		return p
	}
	if _, ok := matchTool(names, "ToolSearch"); ok {
		args, _ := json.Marshal(map[string]any{"query": "+" + p.tool, "max_results": 5})
		return plan{tool: "ToolSearch", args: args}
	}
	return plan{text: "NOTOOL " + p.tool + " among " + strings.Join(names, ",")}
}

// anthropicAnswer writes one answer.
type anthropicAnswer struct {
	id, model string
	plan      plan
	in        int
}

func (a anthropicAnswer) stop() string {
	if a.plan.tool != "" {
		return "tool_use"
	}
	return "end_turn"
}

func (a anthropicAnswer) usage() map[string]any {
	return map[string]any{"input_tokens": a.in, "output_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
}

func (a anthropicAnswer) message(content []any, stop any) map[string]any {
	return map[string]any{
		"id": a.id, "type": "message", "role": "assistant", "model": a.model,
		"content": content, "stop_reason": stop, "stop_sequence": nil, "usage": a.usage(),
	}
}

func (a anthropicAnswer) whole() map[string]any {
	block := map[string]any{"type": "text", "text": a.plan.text}
	if a.plan.tool != "" {
		block = map[string]any{"type": "tool_use", "id": newID("toolu_"), "name": a.plan.tool, "input": a.plan.args}
	}
	return a.message([]any{block}, a.stop())
}

func (a anthropicAnswer) stream(s stream) {
	s.event("message_start", map[string]any{"message": a.message([]any{}, nil)})
	s.event("ping", map[string]any{})
	if a.plan.think > 0 && !s.pause(a.plan.think) {
		return
	}
	block, kind := map[string]any{"type": "text", "text": ""}, "text_delta"
	if a.plan.tool != "" {
		block, kind = map[string]any{"type": "tool_use", "id": newID("toolu_"), "name": a.plan.tool, "input": map[string]any{}}, "input_json_delta"
	}
	s.event("content_block_start", map[string]any{"index": 0, "content_block": block})
	delta := func(field, text string) {
		s.event("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": kind, field: text}})
	}
	if a.plan.tool != "" {
		delta("partial_json", string(a.plan.args))
	} else {
		s.text(a.plan, func(t string) { delta("text", t) })
	}
	s.event("content_block_stop", map[string]any{"index": 0})
	s.event("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": a.stop(), "stop_sequence": nil}, "usage": map[string]any{"output_tokens": 12},
	})
	s.event("message_stop", map[string]any{})
}
