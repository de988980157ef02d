package runtimes_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

// an envelope as a prompt holds it, with another one quoted in its body.
const prompt = `<iap from="boris" runtime="claude" ts="10:00:00" id="m-aaaaaaaaaa" proof="session">
Reply via send_to_peer.
<msg><![CDATA[see <iap from="x" runtime="claude" id="m-zzzzzzzzzz"> quoted </iap>]]></msg>
</iap>`

func payload(tb testing.TB, fields map[string]any) []byte {
	tb.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func hook(detail string) iapeer.Evidence {
	return iapeer.Evidence{Source: "hook", Detail: detail, Session: "s"}
}

func TestHook(t *testing.T) {
	named := iapeer.SessionNamed{SessionID: "s", Transcript: "/t"}
	ids := []iapeer.MessageID{"m-aaaaaaaaaa"}
	for _, tc := range []struct {
		name   string
		a      runtimes.Adapter
		fields map[string]any
		want   []iapeer.SessionEvent
	}{
		{"claude start", runtimes.Claude(), map[string]any{"hook_event_name": "SessionStart", "source": "clear"}, []iapeer.SessionEvent{named}},
		{"claude prompt", runtimes.Claude(), map[string]any{"hook_event_name": "UserPromptSubmit", "prompt": prompt, "prompt_id": "p"},
			[]iapeer.SessionEvent{named, iapeer.PromptTaken{IDs: ids, TurnID: "p", Evidence: hook("UserPromptSubmit")}}},
		{"claude prompt by hand", runtimes.Claude(), map[string]any{"hook_event_name": "UserPromptSubmit", "prompt": "id=\"m-aaaaaaaaaa\""},
			[]iapeer.SessionEvent{named, iapeer.PromptTaken{Evidence: hook("UserPromptSubmit")}}},
		{"claude tool", runtimes.Claude(), map[string]any{"hook_event_name": "PostToolUse", "prompt_id": "p"},
			[]iapeer.SessionEvent{iapeer.TurnMoved{TurnID: "p", Evidence: hook("PostToolUse")}}},
		{"claude tool of a subagent", runtimes.Claude(), map[string]any{"hook_event_name": "PostToolUse", "agent_id": "x"}, nil},
		{"claude end", runtimes.Claude(), map[string]any{"hook_event_name": "Stop", "prompt_id": "p", "last_assistant_message": "done", "background_tasks": []any{1, 2}},
			[]iapeer.SessionEvent{iapeer.TurnEnded{TurnID: "p", Text: "done", Background: 2, Evidence: hook("Stop")}}},
		{"claude quota", runtimes.Claude(), map[string]any{"hook_event_name": "StopFailure", "error": "unknown", "last_assistant_message": "Claude AI usage limit reached|1795240393"},
			[]iapeer.SessionEvent{iapeer.TurnFailed{Reason: "rate_limit", Text: "Claude AI usage limit reached|1795240393", ResetsAt: time.Unix(1795240393, 0), Evidence: hook("StopFailure")}}},
		{"claude failure", runtimes.Claude(), map[string]any{"hook_event_name": "StopFailure", "error": "unknown", "last_assistant_message": "API Error: 400"},
			[]iapeer.SessionEvent{iapeer.TurnFailed{Reason: "api_error", Text: "API Error: 400", Evidence: hook("StopFailure")}}},
		{"claude permission", runtimes.Claude(), map[string]any{"hook_event_name": "PermissionRequest", "tool_name": "Bash"},
			[]iapeer.SessionEvent{iapeer.SessionWaiting{For: "permission prompt: Bash", Evidence: hook("PermissionRequest")}}},
		{"claude idle", runtimes.Claude(), map[string]any{"hook_event_name": "Notification", "notification_type": "idle_prompt"},
			[]iapeer.SessionEvent{iapeer.SessionIdle{Evidence: hook("Notification")}}},
		{"claude unknown event", runtimes.Claude(), map[string]any{"hook_event_name": "TeammateIdle"}, nil},
		{"codex prompt", runtimes.Codex(), map[string]any{"hook_event_name": "UserPromptSubmit", "prompt": prompt, "turn_id": "t"},
			[]iapeer.SessionEvent{named, iapeer.PromptTaken{IDs: ids, TurnID: "t", Evidence: hook("UserPromptSubmit")}}},
		{"codex end", runtimes.Codex(), map[string]any{"hook_event_name": "Stop", "turn_id": "t", "last_assistant_message": "done"},
			[]iapeer.SessionEvent{iapeer.TurnEnded{TurnID: "t", Text: "done", Evidence: hook("Stop")}}},
	} {
		tc.fields["session_id"], tc.fields["transcript_path"] = "s", "/t"
		got, err := tc.a.Hook("", payload(t, tc.fields))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func TestHookErrors(t *testing.T) {
	for _, tc := range []struct{ event, payload, want string }{
		{"Stop", "not json", "no JSON object"},
		{"Stop", "[]", "no JSON object"},
		{"Stop", `{"hook_event_name":"PreToolUse"}`, "of event"},
		{"", `{}`, "hook_event_name"},
	} {
		if _, err := runtimes.Claude().Hook(tc.event, []byte(tc.payload)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Hook(%q, %s) = %v, want %q", tc.event, tc.payload, err, tc.want)
		}
	}
}

// TestHookOfEverySample reads every payload captured from both versions.
func TestHookOfEverySample(t *testing.T) {
	b, err := os.ReadFile("testdata/hooks/claude.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(b)) {
		var sample struct {
			Body json.RawMessage `json:"body"`
		}
		if err := json.Unmarshal([]byte(line), &sample); err != nil {
			t.Fatal(err)
		}
		events, err := runtimes.Claude().Hook("", sample.Body)
		if err != nil {
			t.Error(err)
		}
		for _, e := range events {
			count[strings.TrimPrefix(strings.TrimPrefix(typeName(e), "iapeer."), "*")]++
		}
	}
	for name, want := range map[string]int{"PromptTaken": 2, "TurnEnded": 2, "TurnFailed": 2, "TurnMoved": 10, "SessionWaiting": 4, "SessionIdle": 2, "SessionBusy": 2} {
		if count[name] != want {
			t.Errorf("%s: %d, want %d", name, count[name], want)
		}
	}
}

func TestSignal(t *testing.T) {
	for _, tc := range []struct {
		a           runtimes.Adapter
		kind, value string
		want        string
	}{
		{runtimes.Codex(), runtimes.SignalStatus, "state=idle:app=codex", "SessionIdle"},
		{runtimes.Codex(), runtimes.SignalStatus, "state=done:app=codex", "SessionIdle"},
		{runtimes.Codex(), runtimes.SignalStatus, "state=error:app=codex", "SessionIdle"},
		{runtimes.Codex(), runtimes.SignalStatus, "state=working:app=codex", "SessionBusy"},
		{runtimes.Codex(), runtimes.SignalStatus, "state=blocked:app=codex:kind=permission", "SessionWaiting"},
		{runtimes.Codex(), runtimes.SignalStatus, "state=idle:app=other", ""},
		{runtimes.Codex(), runtimes.SignalStatus, "state=dancing:app=codex", ""},
		{runtimes.Codex(), runtimes.SignalTitle, "⠋ proj", ""},
		{runtimes.Claude(), runtimes.SignalTitle, "◐ Claude Code", "SessionBusy"},
		{runtimes.Claude(), runtimes.SignalTitle, "⠂ my title", "SessionBusy"},
		{runtimes.Claude(), runtimes.SignalTitle, "✳ Claude Code", ""},
		{runtimes.Claude(), runtimes.SignalStatus, "state=idle:app=codex", ""},
	} {
		got := ""
		for _, e := range tc.a.Signal(tc.kind, tc.value) {
			got = strings.TrimPrefix(typeName(e), "iapeer.")
		}
		if got != tc.want {
			t.Errorf("%s %s %q = %q, want %q", tc.a.Runtime, tc.kind, tc.value, got, tc.want)
		}
	}
}

func TestStatus(t *testing.T) {
	rec := runtimes.Claude().Records
	s, err := rec.Status([]byte(`{"pid":7,"sessionId":"s","cwd":"/w","status":"waiting","waitingFor":"permission prompt","statusUpdatedAt":1795240393248,"messagingSocketPath":"/x.sock"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := runtimes.Status{PID: 7, SessionID: "s", CWD: "/w", State: "waiting", For: "permission prompt", Socket: "/x.sock", At: time.UnixMilli(1795240393248)}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("status (-want +got):\n%s", d)
	}
	for state, want := range map[string]string{"idle": "SessionIdle", "busy": "SessionBusy", "waiting": "SessionWaiting", "odd": "SessionNamed"} {
		s.State = state
		events := s.Events()
		if got := strings.TrimPrefix(typeName(events[len(events)-1]), "iapeer."); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
	}
	if rec.StatusPath(7) != "sessions/7.json" {
		t.Errorf("status path %s", rec.StatusPath(7))
	}
	files := fstest.MapFS{
		"sessions/7.json":    {Data: []byte(`{"sessionId":"s","cwd":"/w","status":"idle"}`)},
		"sessions/8.json":    {Data: []byte(`{"sess`)},
		"sessions/9.abc.key": {Data: []byte(`{}`)},
	}
	if got := rec.Sessions(files); len(got) != 1 || got[0].PID != 7 || got[0].CWD != "/w" {
		t.Errorf("sessions: %+v", got)
	}
	if _, err := rec.Status([]byte("{")); err == nil {
		t.Error("a torn status file was read")
	}
}
