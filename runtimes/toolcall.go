package runtimes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
)

// The most that a person is shown of one tool's input, in runes. A command is
// shown whole: what is cut could not be judged.
const (
	maxFileContent = 8000
	maxEditContent = 3000
	maxOtherInput  = 6000
)

// A ToolCall is one call of a tool, as a hook that decides or reports tells it.
type ToolCall struct {
	Event   string
	Session string // the program's own id of the conversation
	ToolUse string // the program's own id of the call, "" where it gives none
	Tool    string
	Kind    string // "tool" or "plan"
	Summary string // one line
	Content string // what would run, for a person
	// Call is a hash of tool and input: the same call at another event has the
	// same one. Input is a hash of what makes two calls alike to a person: also
	// the folder, but not the words that the model adds.
	Call, Input string
}

// ReadToolCall reads the payload of PermissionRequest, PreToolUse, PostToolUse
// or PostToolUseFailure. Another event, or a payload without a tool, is an
// error: what cannot be read cannot be decided.
func ReadToolCall(event string, payload []byte) (ToolCall, error) {
	p, err := parseHook(event, payload)
	if err != nil {
		return ToolCall{}, err
	}
	switch p.Event {
	case "PermissionRequest", "PreToolUse", "PostToolUse", "PostToolUseFailure":
	default:
		return ToolCall{}, fmt.Errorf("hook %.40q is not about a tool", p.Event)
	}
	var own struct {
		Input   json.RawMessage `json:"tool_input"`
		ToolUse string          `json:"tool_use_id"`
		CWD     string          `json:"cwd"`
	}
	if err := json.Unmarshal(payload, &own); err != nil {
		return ToolCall{}, fmt.Errorf("hook %s: %w", p.Event, err)
	}
	if p.Tool == "" {
		return ToolCall{}, fmt.Errorf("hook %s: payload names no tool_name", p.Event)
	}
	c := ToolCall{Event: p.Event, Session: p.Session, ToolUse: own.ToolUse, Tool: p.Tool, Kind: "tool"}
	input, err := readInput(own.Input)
	if err != nil {
		return c, fmt.Errorf("hook %s: tool_input: %w", p.Event, err)
	}
	if p.Tool == "ExitPlanMode" {
		c.Kind = "plan"
	}
	c.Content = describe(p.Tool, input)
	c.Summary = summary(c.Content, p.Tool)
	c.Call = hash(p.Tool, input)
	c.Input = hash(p.Tool, own.CWD, alike(p.Tool, input))
	return c, nil
}

// readInput decodes any JSON value; numbers keep their digits.
func readInput(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// alike is a command's input without what does not change what it does.
func alike(tool string, input any) any {
	fields, ok := input.(map[string]any)
	if tool != "Bash" || !ok {
		return input
	}
	same := maps.Clone(fields)
	delete(same, "description")
	delete(same, "timeout")
	return same
}

// hash is of values in canonical JSON: keys sorted.
func hash(values ...any) string {
	b, _ := json.Marshal(values) // values that came from JSON always encode
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// describe writes a tool's input as a person reads it.
func describe(tool string, input any) string {
	fields, _ := input.(map[string]any)
	text := func(key string) string { s, _ := fields[key].(string); return s }
	path := text("file_path")
	switch {
	case tool == "Bash" && text("command") != "":
		return describeCommand(fields, text)
	case tool == "Write" && path != "":
		return path + "\n" + clip(text("content"), maxFileContent)
	case tool == "Edit" && path != "":
		return path + "\n--- old\n" + clip(text("old_string"), maxEditContent) + "\n+++ new\n" + clip(text("new_string"), maxEditContent) + rest(fields, "file_path", "old_string", "new_string")
	case tool == "ExitPlanMode" && text("plan") != "":
		return clip(text("plan"), maxFileContent)
	case tool == "apply_patch":
		for _, key := range []string{"input", "patch", "command"} {
			if s := text(key); s != "" {
				return clip(s, maxFileContent) + rest(fields, key)
			}
		}
	case tool == "MultiEdit" && path != "", tool == "NotebookEdit":
		return clip(pretty(input), maxOtherInput)
	}
	if input == nil {
		return tool
	}
	return tool + "\n" + clip(pretty(input), maxOtherInput)
}

// describeCommand shows a command, the model's word for it, and every other
// setting, since one of them may take it out of its sandbox.
func describeCommand(fields map[string]any, text func(string) string) string {
	s := text("command")
	if d := text("description"); d != "" {
		s += "\n# " + strings.ReplaceAll(d, "\n", "\n# ")
	}
	return s + rest(fields, "command", "description", "timeout")
}

// rest shows the fields that were not shown yet.
func rest(fields map[string]any, shown ...string) string {
	left := maps.Clone(fields)
	for _, k := range shown {
		delete(left, k)
	}
	if len(left) == 0 {
		return ""
	}
	return "\n" + clip(pretty(left), maxOtherInput)
}

func pretty(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // values that came from JSON always encode
	return strings.TrimRight(b.String(), "\n")
}

// clip cuts s and tells how much is gone.
func clip(s string, limit int) string {
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + fmt.Sprintf("\n… (%d characters more are not shown)", n-limit)
}

// summary is the first line of a content, with a word on what else there is.
func summary(content, tool string) string {
	first, more, _ := strings.Cut(strings.TrimSpace(content), "\n")
	if first = strings.TrimSpace(first); first == "" {
		first = tool
	}
	tail := ""
	if n := lines(more); n > 0 {
		tail = fmt.Sprintf(" … (+%d lines)", n)
	}
	if r := []rune(first); len(r)+utf8.RuneCountInString(tail) > iapeer.MaxApprovalSummary {
		if tail == "" {
			tail = " …"
		}
		first = string(r[:iapeer.MaxApprovalSummary-utf8.RuneCountInString(tail)])
	}
	return first + tail
}

// lines counts the lines of s that are not a remark on a command.
func lines(s string) (n int) {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "# ") {
			n++
		}
	}
	return n
}
