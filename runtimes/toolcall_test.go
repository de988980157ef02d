package runtimes_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

func TestToolCallContent(t *testing.T) {
	for _, tc := range []struct {
		name, tool, input      string
		kind, summary, content string
	}{
		{"command", "Bash", `{"command":"git push --force","description":"push"}`, "tool", "git push --force", "git push --force\n# push"},
		{"lines", "Bash", `{"command":"cd x\nrm -rf y\n"}`, "tool", "cd x … (+1 lines)", "cd x\nrm -rf y\n"},
		{"sandbox off", "Bash", `{"command":"ls","dangerouslyDisableSandbox":true,"timeout":5}`, "tool", "ls … (+3 lines)", "ls\n{\n  \"dangerouslyDisableSandbox\": true\n}"},
		{"write", "Write", `{"file_path":"/a/b","content":"x"}`, "tool", "/a/b … (+1 lines)", "/a/b\nx"},
		{"edit", "Edit", `{"file_path":"/a","old_string":"o","new_string":"n"}`, "tool", "/a … (+4 lines)", "/a\n--- old\no\n+++ new\nn"},
		{"plan", "ExitPlanMode", `{"plan":"1. do"}`, "plan", "1. do", "1. do"},
		{"patch", "apply_patch", `{"input":"*** Begin"}`, "tool", "*** Begin", "*** Begin"},
		{"codex patch", "apply_patch", `{"command":"*** Begin"}`, "tool", "*** Begin", "*** Begin"},
		{"other", "WebFetch", `{"url":"https://x/?a&b"}`, "tool", "WebFetch … (+3 lines)", "WebFetch\n{\n  \"url\": \"https://x/?a&b\"\n}"},
		{"nothing", "Tool", `null`, "tool", "Tool", "Tool"},
		{"strange", "Bash", `["x"]`, "tool", "Bash … (+3 lines)", "Bash\n[\n  \"x\"\n]"},
	} {
		payload := `{"hook_event_name":"PermissionRequest","session_id":"s","tool_name":"` + tc.tool + `","tool_input":` + tc.input + `}`
		got, err := runtimes.ReadToolCall("PermissionRequest", []byte(payload))
		if err != nil || got.Kind != tc.kind || got.Summary != tc.summary || got.Content != tc.content {
			t.Errorf("%s: %+v, %v, want %q %q %q", tc.name, got, err, tc.kind, tc.summary, tc.content)
		}
	}
}

func TestToolCallCuts(t *testing.T) {
	long := strings.Repeat("é", 9000)
	for tool, want := range map[string]string{
		"Write":        `{"file_path":"/f","content":"` + long + `"}`,
		"WebFetch":     `{"x":"` + long + `"}`,
		"NotebookEdit": `{"x":"` + long + `"}`,
	} {
		got, err := runtimes.ReadToolCall("", []byte(`{"hook_event_name":"PreToolUse","tool_name":"`+tool+`","tool_input":`+want+`}`))
		if err != nil || !strings.Contains(got.Content, "characters more are not shown)") || utf8.RuneCountInString(got.Content) > 8100 {
			t.Errorf("%s: %d runes, %v", tool, utf8.RuneCountInString(got.Content), err)
		}
	}
	got, err := runtimes.ReadToolCall("", []byte(`{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"`+long+`"}}`))
	if err != nil || got.Content != long || utf8.RuneCountInString(got.Summary) != iapeer.MaxApprovalSummary {
		t.Errorf("a command was cut: %d runes, summary %d, %v", utf8.RuneCountInString(got.Content), utf8.RuneCountInString(got.Summary), err)
	}
}

// TestToolCallHashes shows what is the same call, and what a grant holds for.
func TestToolCallHashes(t *testing.T) {
	read := func(event, cwd, input string) runtimes.ToolCall {
		t.Helper()
		c, err := runtimes.ReadToolCall(event, []byte(`{"hook_event_name":"`+event+`","cwd":"`+cwd+`","tool_name":"Bash","tool_input":`+input+`}`))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	base := read("PermissionRequest", "/a", `{"command":"x","description":"one"}`)
	for _, tc := range []struct {
		name        string
		c           runtimes.ToolCall
		call, input bool
	}{
		{"another event, keys turned", read("PostToolUse", "/a", `{"description":"one","command":"x"}`), true, true},
		{"another word for it", read("PreToolUse", "/a", `{"command":"x","description":"two"}`), false, true},
		{"another folder", read("PreToolUse", "/b", `{"command":"x","description":"one"}`), true, false},
		{"another command", read("PreToolUse", "/a", `{"command":"x;y","description":"one"}`), false, false},
		{"out of the sandbox", read("PreToolUse", "/a", `{"command":"x","description":"one","dangerouslyDisableSandbox":true}`), false, false},
	} {
		if (tc.c.Call == base.Call) != tc.call || (tc.c.Input == base.Input) != tc.input {
			t.Errorf("%s: same call %v, same input %v, want %v, %v", tc.name, tc.c.Call == base.Call, tc.c.Input == base.Input, tc.call, tc.input)
		}
	}
}

func TestToolCallRefuses(t *testing.T) {
	for _, tc := range []struct{ event, payload string }{
		{"PermissionRequest", `garbage`},
		{"PermissionRequest", `[]`},
		{"PermissionRequest", `{"hook_event_name":"PreToolUse","tool_name":"Bash"}`},
		{"Stop", `{"hook_event_name":"Stop","tool_name":"Bash"}`},
		{"", `{"tool_name":"Bash"}`},
		{"PreToolUse", `{"tool_input":{}}`},
		{"PreToolUse", `{"tool_name":7}`},
	} {
		if c, err := runtimes.ReadToolCall(tc.event, []byte(tc.payload)); err == nil {
			t.Errorf("ReadToolCall(%q, %s) = %+v, want an error", tc.event, tc.payload, c)
		}
	}
}

func FuzzReadToolCall(f *testing.F) {
	f.Add("PermissionRequest", []byte(`{"hook_event_name":"PermissionRequest","tool_name":"Bash","tool_input":{"command":"ls","n":1e999}}`))
	f.Add("", []byte(`{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"x","old_string":1}}`))
	f.Fuzz(func(t *testing.T, event string, payload []byte) {
		c, err := runtimes.ReadToolCall(event, payload)
		if err == nil && (c.Tool == "" || c.Call == "" || utf8.RuneCountInString(c.Summary) > iapeer.MaxApprovalSummary) {
			t.Errorf("%+v", c)
		}
	})
}
