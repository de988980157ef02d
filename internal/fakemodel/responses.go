package fakemodel

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// responsesRequest is what we read of POST /v1/responses.
type responsesRequest struct {
	Model  string          `json:"model"`
	Stream bool            `json:"stream"`
	Input  []inputItem     `json:"input"`
	Tools  []responsesTool `json:"tools"`
	Text   struct {
		Format struct {
			Type string `json:"type"`
		} `json:"format"`
	} `json:"text"`
}

type inputItem struct {
	Type    string          `json:"type"`
	Role    string          `json:"role"`
	Content inputTexts      `json:"content"`
	Output  json.RawMessage `json:"output"`
	Tools   []responsesTool `json:"tools"` // of a tool_search_output
}

// inputTexts is the text of a message, which is a string or a list of parts.
type inputTexts string

// UnmarshalJSON implements json.Unmarshaler. Content of another shape is "".
func (t *inputTexts) UnmarshalJSON(raw []byte) error {
	var b blocks
	_ = b.UnmarshalJSON(raw)
	var parts []string
	for _, c := range b {
		if c.Type == "input_text" || c.Type == "text" {
			parts = append(parts, c.Text)
		}
	}
	*t = inputTexts(strings.Join(parts, "\n"))
	return nil
}

// A responsesTool is a function, or a namespace of functions.
type responsesTool struct {
	Type  string          `json:"type"`
	Name  string          `json:"name"`
	Tools []responsesTool `json:"tools"`
}

// offered is one callable tool by its whole name.
type offered struct{ whole, name, namespace, kind string }

func flatten(tools []responsesTool) []offered {
	var out []offered
	for _, t := range tools {
		if t.Type != "namespace" {
			name := t.Name
			if name == "" {
				name = t.Type
			}
			out = append(out, offered{whole: name, name: name, kind: t.Type})
			continue
		}
		for _, f := range t.Tools {
			whole := strings.TrimSuffix(t.Name, "__") + "__" + f.Name
			out = append(out, offered{whole: whole, name: f.Name, namespace: t.Name, kind: f.Type})
		}
	}
	return out
}

// preamble is what codex writes in the user's name.
var preamble = regexp.MustCompile(`^\s*(<(environment_context|user_instructions|INSTRUCTIONS|subagent|turn_aborted|recommended)|# AGENTS\.md)`)

// lastInput returns the last user text, the results of the calls it led to and
// the tools that a search found.
func lastInput(items []inputItem) (text string, results []string, found []offered) {
	for _, it := range items {
		t := string(it.Content)
		switch {
		case (it.Type == "message" || it.Type == "") && it.Role == "user":
			if strings.TrimSpace(t) != "" && !preamble.MatchString(t) {
				text, results = t, nil
			}
		case strings.HasSuffix(it.Type, "tool_search_output"):
			found = append(found, flatten(it.Tools)...)
		case strings.HasSuffix(it.Type, "call_output"):
			results = append(results, outputText(it.Output))
		}
	}
	return text, results, found
}

func outputText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// responses answers POST /v1/responses.
func (s *Server) responses(w http.ResponseWriter, r *http.Request, req Request) {
	var in responsesRequest
	if err := json.Unmarshal(req.Body, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var found []offered
	req.API, req.Model = "openai", in.Model
	req.User, req.Results, found = lastInput(in.Input)
	tools := append(flatten(in.Tools), found...)
	for _, t := range tools {
		req.Tools = append(req.Tools, t.whole)
	}
	p := planFor(req.User, req.Results)
	if in.Text.Format.Type == "json_schema" {
		p = plan{text: `{"title":"Scripted session"}`}
	}
	item, p := responsesItem(p, tools, len(found) > 0)
	req.Plan = p.String()
	s.record(req)
	if p.fail != 0 {
		writeJSON(w, p.fail, map[string]any{"error": map[string]any{"message": "scripted failure", "type": "server_error", "code": nil}})
		return
	}
	answer := responsesAnswer{id: newID("resp_"), plan: p, item: item, in: len(req.Body) / 4}
	if !in.Stream {
		writeJSON(w, http.StatusOK, answer.whole("completed", []any{item}))
		return
	}
	answer.stream(newStream(w, r))
}

// responsesItem makes the item of an answer. A tool that is not offered is
// searched for once, where the program offers a search.
func responsesItem(p plan, tools []offered, searched bool) (map[string]any, plan) {
	if p.tool != "" {
		names := make([]string, len(tools))
		search := false
		for i, t := range tools {
			names[i] = t.whole
			search = search || t.kind == "tool_search"
		}
		n, ok := matchTool(names, p.tool)
		switch {
		case ok:
			return callItem(p, tools, n), p
		case search && !searched:
			return map[string]any{
				"type": "tool_search_call", "id": newID("ts_"), "call_id": newID("call_"), "execution": "client",
				"arguments": map[string]any{"query": p.tool, "limit": 8}, "status": "completed",
			}, p
		}
		p = plan{text: "NOTOOL " + p.tool + " among " + strings.Join(names, ",")}
	}
	return map[string]any{
		"type": "message", "id": newID("msg_"), "role": "assistant", "status": "completed",
		"content": []any{map[string]any{"type": "output_text", "text": p.text, "annotations": []any{}}},
	}, p
}

func callItem(p plan, tools []offered, whole string) map[string]any {
	item := map[string]any{"type": "function_call", "id": newID("fc_"), "call_id": newID("call_"), "arguments": string(p.args)}
	for _, t := range tools {
		if t.whole == whole {
			item["name"] = t.name
			if t.namespace != "" {
				item["namespace"] = t.namespace
			}
			break
		}
	}
	return item
}

// responsesAnswer writes one answer.
type responsesAnswer struct {
	id   string
	plan plan
	item map[string]any
	in   int
}

func (a responsesAnswer) whole(status string, output []any) map[string]any {
	r := map[string]any{"id": a.id, "object": "response", "status": status, "output": output}
	if status == "completed" {
		r["usage"] = map[string]any{
			"input_tokens": a.in, "input_tokens_details": map[string]any{"cached_tokens": 0},
			"output_tokens": 12, "output_tokens_details": map[string]any{"reasoning_tokens": 0}, "total_tokens": a.in + 12,
		}
	}
	return r
}

func (a responsesAnswer) stream(s stream) {
	s.event("response.created", map[string]any{"response": a.whole("in_progress", []any{})})
	if a.plan.think > 0 && !s.pause(a.plan.think) {
		return
	}
	item := a.item
	if item["type"] == "message" {
		begun := map[string]any{"type": "message", "id": item["id"], "role": "assistant", "content": []any{}, "status": "in_progress"}
		s.event("response.output_item.added", map[string]any{"output_index": 0, "item": begun})
		all := s.text(a.plan, func(t string) {
			s.event("response.output_text.delta", map[string]any{"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": t})
		})
		item["content"] = []any{map[string]any{"type": "output_text", "text": all, "annotations": []any{}}}
	} else {
		s.event("response.output_item.added", map[string]any{"output_index": 0, "item": item})
	}
	s.event("response.output_item.done", map[string]any{"output_index": 0, "item": item})
	s.event("response.completed", map[string]any{"response": a.whole("completed", []any{item})})
}

// newID returns a fresh id with the prefix that programs expect.
func newID(prefix string) string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}
