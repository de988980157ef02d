package runtimes_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

func typeName(v any) string { return reflect.TypeOf(v).String() }

// envelope is one message as a record holds it.
func envelope(id string) string {
	return fmt.Sprintf("<iap from=\"boris\" runtime=\"claude\" id=\"%s\">\nReply via send_to_peer.\n<msg>hi</msg>\n</iap>", id)
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}

const idA, idB = "m-aaaaaaaaaa", "m-bbbbbbbbbb"

// claudeUser and the others are lines as the programs write them.
func claudeUser(text string) string {
	return `{"type":"user","sessionId":"s","message":{"role":"user","content":` + quote(text) + `}}`
}
func claudeSays(text, stop string) string {
	return `{"type":"assistant","sessionId":"s","message":{"content":[{"type":"text","text":` + quote(text) + `}],"stop_reason":"` + stop + `"}}`
}

// timed gives a line a time, in seconds.
func timed(line string, at int) string {
	return fmt.Sprintf(`{"timestamp":"2026-01-02T03:04:%02d.000Z",%s`, at, line[1:])
}

func codexItem(text string) string {
	return `{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"UserMessage","content":[{"type":"text","text":` + quote(text) + `}]}}}`
}

func read(tb testing.TB, a runtimes.Adapter, lines ...string) runtimes.Reading {
	tb.Helper()
	var r runtimes.Reading
	if err := a.Read(strings.NewReader(strings.Join(lines, "\n")+"\n"), &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestRecords(t *testing.T) {
	claude, codex := runtimes.Claude(), runtimes.Codex()
	for _, tc := range []struct {
		name  string
		a     runtimes.Adapter
		lines []string
		taken []iapeer.MessageID
		seen  []iapeer.MessageID
		turn  runtimes.Turn
	}{
		{"idle prompt answered", claude, []string{claudeUser(envelope(idA)), claudeSays("ok", "end_turn")},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Text: "ok"}},
		{"first answer above its prompt", claude, []string{timed(claudeSays("ok", "end_turn"), 2), timed(claudeUser(envelope(idA)), 1)},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Text: "ok"}},
		{"queued while an answer came", claude, []string{timed(claudeUser(envelope(idA)), 1), timed(claudeSays("ok", "end_turn"), 3), timed(claudeUser(envelope(idB)), 2)},
			nil, []iapeer.MessageID{idA, idB}, runtimes.Turn{Open: true, IDs: []iapeer.MessageID{idB}}},
		{"times that are none", claude, []string{`{"timestamp":7,` + claudeSays("ok", "end_turn")[1:], `{"timestamp":"x",` + claudeUser(envelope(idA))[1:]},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{Open: true, IDs: []iapeer.MessageID{idA}}},
		{"queued only", claude, []string{`{"type":"queue-operation","operation":"enqueue","content":` + quote(envelope(idA)) + `}`},
			[]iapeer.MessageID{idA}, nil, runtimes.Turn{}},
		{"queued, then attached to a tool result", claude, []string{
			claudeUser(envelope(idA)), `{"type":"queue-operation","operation":"enqueue","content":` + quote(envelope(idB)) + `}`,
			`{"type":"attachment","attachment":{"type":"queued_command","prompt":` + quote(envelope(idB)) + `}}`, claudeSays("both", "end_turn")},
			nil, []iapeer.MessageID{idA, idB}, runtimes.Turn{IDs: []iapeer.MessageID{idA, idB}, Text: "both"}},
		{"queued and taken back", claude, []string{
			`{"type":"queue-operation","operation":"enqueue","content":` + quote(envelope(idA)) + `}`, `{"type":"queue-operation","operation":"remove"}`},
			[]iapeer.MessageID{idA}, nil, runtimes.Turn{}},
		{"interrupted", claude, []string{claudeUser(envelope(idA)), claudeUser("[Request interrupted by user]")},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Cut: "interrupted", Reason: "[Request interrupted by user]"}},
		{"cut by death, then the next turn", claude, []string{claudeUser(envelope(idA)), claudeSays("half", "tool_use"), claudeUser(envelope(idB))},
			nil, []iapeer.MessageID{idA, idB}, runtimes.Turn{Open: true, IDs: []iapeer.MessageID{idB}}},
		{"failed", claude, []string{claudeUser(envelope(idA)),
			`{"type":"assistant","isApiErrorMessage":true,"error":"rate_limit","message":{"content":[{"type":"text","text":"limit"}],"stop_reason":"stop_sequence"}}`},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Text: "limit", Cut: "rate_limit", Reason: "limit"}},
		{"quoted: proves nothing", claude, []string{
			`{"type":"user","isMeta":true,"message":{"content":` + quote(envelope(idA)) + `}}`,
			`{"type":"user","isCompactSummary":true,"message":{"content":` + quote(envelope(idA)) + `}}`,
			`{"type":"user","isSidechain":true,"message":{"content":` + quote(envelope(idA)) + `}}`,
			`{"type":"user","message":{"content":[{"type":"tool_result","content":` + quote(envelope(idA)) + `}]}}`,
			`{"type":"last-prompt","lastPrompt":` + quote(envelope(idA)) + `}`,
			`{"type":"api-request-blob","message":{"role":"user","content":` + quote(envelope(idA)) + `}}`,
			claudeUser("he said: id=\"" + idA + "\" <iap from=\"x\" runtime=\"claude\" id=\"" + idA + "\"> and never closed it")},
			nil, nil, runtimes.Turn{Open: true}},
		{"codex turn", codex, []string{
			`{"type":"event_msg","payload":{"type":"task_started"}}`,
			`{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":` + quote(envelope(idA)) + `}]}}`,
			codexItem(envelope(idA)), `{"type":"event_msg","payload":{"type":"task_complete","last_agent_message":"done"}}`},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Text: "done"}},
		{"codex aborted", codex, []string{codexItem(envelope(idA)), `{"type":"event_msg","payload":{"type":"turn_aborted","reason":"interrupted"}}`},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Cut: "interrupted", Reason: "interrupted"}},
		{"codex failed", codex, []string{codexItem(envelope(idA)),
			`{"type":"event_msg","payload":{"type":"task_complete","last_agent_message":null,"error":{"message":"no","codex_error_info":"other"}}}`},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Cut: "api_error", Reason: "no"}},
		{"codex usage limit", codex, []string{codexItem(envelope(idA)),
			`{"type":"event_msg","payload":{"type":"task_complete","error":{"message":"x","codex_error_info":"usage_limit_exceeded"}}}`},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Cut: "rate_limit", Reason: "x"}},
		{"codex quota", codex, []string{codexItem(envelope(idA)),
			`{"type":"event_msg","payload":{"type":"token_count","rate_limits":{"rate_limit_reached_type":"x","primary":{"used_percent":90,"resets_at":1795240000},"secondary":{"used_percent":100,"resets_at":1795250000}}}}`,
			`{"type":"event_msg","payload":{"type":"error","message":"You've hit your usage limit"}}`},
			nil, []iapeer.MessageID{idA}, runtimes.Turn{IDs: []iapeer.MessageID{idA}, Cut: "rate_limit", Reason: "You've hit your usage limit", Quota: time.Unix(1795250000, 0)}},
	} {
		got := read(t, tc.a, tc.lines...)
		var taken, seen []iapeer.MessageID
		for _, id := range []iapeer.MessageID{idA, idB} {
			if p, ok := got.Messages[id]; ok && p.Seen {
				seen = append(seen, id)
			} else if ok {
				taken = append(taken, id)
			}
		}
		if d := cmp.Diff([]any{tc.taken, tc.seen, tc.turn}, []any{taken, seen, got.Turn}); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

// TestReadPiecewise reads a growing record: wherever it is torn, no line is
// lost or read twice, and the result is that of one reading.
func TestReadPiecewise(t *testing.T) {
	a := runtimes.Claude()
	record := strings.Join([]string{claudeUser(envelope(idA)), "{broken", claudeSays("ok", "end_turn"), "", claudeUser(envelope(idB))}, "\n") + "\n"
	want := read(t, a, strings.TrimSuffix(record, "\n"))
	if want.Broken != 1 || len(want.Messages) != 2 || want.Offset != int64(len(record)) {
		t.Fatalf("whole reading: %+v", want)
	}
	for cut := range record {
		var r runtimes.Reading
		for _, end := range []int{cut, len(record)} {
			if err := a.Read(strings.NewReader(record[:end]), &r); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(want, r); d != "" {
			t.Fatalf("torn at %d (-want +got):\n%s", cut, d)
		}
	}
}

// TestReadLongLines reads lines longer than any buffer.
func TestReadLongLines(t *testing.T) {
	long := claudeUser(envelope(idA) + "\n" + strings.Repeat("x", 3<<20))
	got := read(t, runtimes.Claude(), claudeSays(strings.Repeat("y", 70<<10), "end_turn"), long, claudeUser(envelope(idB)))
	if !got.Messages[idA].Seen || !got.Messages[idB].Seen || got.Broken != 0 {
		t.Errorf("%d messages, %d broken", len(got.Messages), got.Broken)
	}
}

// TestReadSamples reads the captured records of all three programs.
func TestReadSamples(t *testing.T) {
	for _, tc := range []struct {
		file     string
		a        runtimes.Adapter
		compacts int
	}{
		{"claude-197.jsonl", runtimes.Claude(), 1}, {"claude-329.jsonl", runtimes.Claude(), 1}, {"codex-169.jsonl", runtimes.Codex(), 1},
	} {
		b, err := os.ReadFile("testdata/records/" + tc.file)
		if err != nil {
			t.Fatal(err)
		}
		var r runtimes.Reading
		if err := tc.a.Read(bytes.NewReader(b), &r); err != nil {
			t.Fatal(err)
		}
		if r.Broken != 0 || r.SessionID == "" || r.CWD == "" || r.Compacts != tc.compacts || len(r.Messages) != 0 {
			t.Errorf("%s: %d broken, session %q, cwd %q, %d compactions, %d messages", tc.file, r.Broken, r.SessionID, r.CWD, r.Compacts, len(r.Messages))
		}
	}
}

func TestReadingEvents(t *testing.T) {
	r := read(t, runtimes.Claude(), claudeUser(envelope(idA)), `{"type":"queue-operation","operation":"enqueue","content":`+quote(envelope(idB))+`}`)
	got := r.Events()
	want := []iapeer.SessionEvent{
		iapeer.PromptTaken{IDs: []iapeer.MessageID{idB}, Evidence: iapeer.Evidence{Source: "record", Detail: "queue-operation enqueue", Session: "s"}},
		iapeer.PromptConsumed{IDs: []iapeer.MessageID{idA}, Evidence: iapeer.Evidence{Source: "record", Detail: "user record", Session: "s"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

func TestTurnEvent(t *testing.T) {
	at := time.Unix(1795250000, 0)
	ev := iapeer.Evidence{Source: "record", Detail: "end of the turn", Session: "s"}
	for _, tc := range []struct {
		turn runtimes.Turn
		want iapeer.SessionEvent
	}{
		{runtimes.Turn{Open: true}, nil},
		{runtimes.Turn{Text: "done"}, iapeer.TurnEnded{Text: "done", Evidence: ev}},
		{runtimes.Turn{Cut: "rate_limit", Reason: "no", Quota: at}, iapeer.TurnFailed{Reason: "rate_limit", Text: "no", ResetsAt: at, Evidence: ev}},
	} {
		got, ok := tc.turn.Event("s")
		if d := cmp.Diff(tc.want, got); d != "" || ok != (tc.want != nil) {
			t.Errorf("%+v: %v (-want +got):\n%s", tc.turn, ok, d)
		}
	}
}

func TestFind(t *testing.T) {
	files := fstest.MapFS{
		"projects/-home-u-p-x/id1.jsonl":                           {},
		"projects/-other/id2.jsonl":                                {},
		"sessions/2026/11/21/rollout-2026-11-21T04-53-id3.jsonl":   {},
		"sessions/2026/11/21/rollout-2026-11-21T04-53-id345.jsonl": {},
	}
	for _, tc := range []struct {
		a        runtimes.Adapter
		cwd, id  string
		want     string
		wantNone bool
	}{
		{runtimes.Claude(), "/home/u/p.x", "id1", "projects/-home-u-p-x/id1.jsonl", false},
		{runtimes.Claude(), "/home/u/p.x", "id2", "projects/-other/id2.jsonl", false},
		{runtimes.Claude(), "/home/u/p.x", "id9", "", true},
		{runtimes.Claude(), "/home/u/p.x", "*", "", true},
		{runtimes.Claude(), "/home/u/p.x", "../-other/id2", "", true},
		{runtimes.Codex(), "/w", "id3", "sessions/2026/11/21/rollout-2026-11-21T04-53-id3.jsonl", false},
		{runtimes.Codex(), "/w", "", "", true},
	} {
		got, ok := tc.a.Records.Find(files, tc.cwd, tc.id)
		if got != tc.want || ok == tc.wantNone {
			t.Errorf("%s Find(%q, %q) = %q, %v; want %q", tc.a.Runtime, tc.cwd, tc.id, got, ok, tc.want)
		}
	}
}
