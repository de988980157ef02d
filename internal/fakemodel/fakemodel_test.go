package fakemodel_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/fakemodel"
)

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}

// TestScript asks in both protocols, whole and streamed.
func TestScript(t *testing.T) {
	srv, url := fakemodel.Start(t)
	env := iapeer.Envelope{ID: iapeer.NewMessageID(), From: iapeer.Identity{Runtime: "claude", Name: "boris"}, SentAt: time.Now(), Body: "hello NONCE inner1"}
	for _, tc := range []struct {
		name, user string
		tools      string // names
		results    []string
		status     int
		want       string
	}{
		{"echo", "hello NONCE n1", "", nil, 200, "ECHO n1"},
		{"echo without a nonce", "hello you", "", nil, 200, "ECHO hello you"},
		{"inside an envelope", "The user sent: " + env.Agent(time.Now()), "", nil, 200, "ECHO inner1"},
		{"slow", "SLOW 0.5 NONCE s1", "", nil, 200, "SLOWDONE s1"},
		{"think", "THINK 0.1 NONCE t1", "", nil, 200, "THOUGHT t1"},
		{"fail", "FAIL 529", "", nil, 529, "scripted failure"},
		{"tool by suffix", `CALL send_to_peer {"a":"}"} NONCE c1`, "Bash mcp__iapeer__send_to_peer", nil, 200, "mcp__iapeer__send_to_peer"},
		{"second tool", `CALL Bash {"c":1} then CALL Read {"f":2}`, "Bash Read", []string{"one"}, 200, "Read"},
		{"after the tools", `CALL Bash {"c":1} NONCE d1`, "Bash", []string{"the result"}, 200, "DONE d1 :: the result"},
		{"no such tool", `CALL Nope {}`, "Bash", nil, 200, "NOTOOL Nope"},
	} {
		for _, stream := range []string{"false", "true"} {
			status, got := post(t, url+"/v1/messages", anthropicBody(tc.user, tc.tools, tc.results, stream))
			if status != tc.status || !strings.Contains(got, tc.want) {
				t.Errorf("%s, anthropic, stream %s: %d %s; want %d %q", tc.name, stream, status, got, tc.status, tc.want)
			}
			status, got = post(t, url+"/v1/responses", openaiBody(tc.user, tc.tools, tc.results, stream))
			want := strings.TrimPrefix(tc.want, "mcp__iapeer__")
			if status != tc.status || !strings.Contains(got, want) {
				t.Errorf("%s, openai, stream %s: %d %s; want %d %q", tc.name, stream, status, got, tc.status, want)
			}
		}
	}
	q, err := srv.Wait(t.Context(), func(r fakemodel.Request) bool { return r.API == "openai" && strings.Contains(r.User, "inner1") })
	if err != nil || q.Plan != "text ECHO inner1" {
		t.Errorf("recorded %+v, %v", q, err)
	}
}

func anthropicBody(user, tools string, results []string, stream string) string {
	var names []string
	for n := range strings.FieldsSeq(tools) {
		names = append(names, `{"name":`+quote(n)+`}`)
	}
	messages := `{"role":"user","content":[{"type":"text","text":"<system-reminder>x</system-reminder>"},{"type":"text","text":` + quote(user) + `}]}`
	for _, r := range results {
		messages += `,{"role":"assistant","content":[]},{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":` + quote(r) + `}]}]}`
	}
	return `{"model":"m","stream":` + stream + `,"tools":[` + strings.Join(names, ",") + `],"messages":[` + messages + `]}`
}

func openaiBody(user, tools string, results []string, stream string) string {
	var names []string
	for n := range strings.FieldsSeq(tools) {
		if space, f, ok := strings.Cut(n, "__send"); ok {
			names = append(names, `{"type":"namespace","name":`+quote(space)+`,"tools":[{"type":"function","name":"send`+f+`"}]}`)
			continue
		}
		names = append(names, `{"type":"function","name":`+quote(n)+`}`)
	}
	input := `{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>x"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":` + quote(user) + `}]}`
	for _, r := range results {
		input += `,{"type":"function_call","name":"x"},{"type":"function_call_output","output":` + quote(r) + `}`
	}
	return `{"model":"m","stream":` + stream + `,"tools":[` + strings.Join(names, ",") + `],"input":[` + input + `]}`
}

// TestToolSearch has a tool that is not listed searched for first, in both
// programs' ways.
func TestToolSearch(t *testing.T) {
	_, url := fakemodel.Start(t)
	if _, got := post(t, url+"/v1/messages", anthropicBody(`CALL send_to_peer {}`, "ToolSearch", nil, "false")); !strings.Contains(got, `"+send_to_peer"`) {
		t.Errorf("anthropic: %s", got)
	}
	body := strings.Replace(openaiBody(`CALL send_to_peer {}`, "", nil, "false"), `"tools":[]`, `"tools":[{"type":"tool_search"}]`, 1)
	if _, got := post(t, url+"/v1/responses", body); !strings.Contains(got, "tool_search_call") {
		t.Errorf("openai: %s", got)
	}
	found := strings.Replace(body, `"input":[`, `"input":[{"type":"tool_search_output","tools":[{"type":"namespace","name":"mcp__iapeer","tools":[{"type":"function","name":"send_to_peer"}]}]},`, 1)
	if _, got := post(t, url+"/v1/responses", found); !strings.Contains(got, `"namespace":"mcp__iapeer"`) {
		t.Errorf("openai, found: %s", got)
	}
}

func TestOtherPaths(t *testing.T) {
	_, url := fakemodel.Start(t)
	for path, want := range map[string]int{"/v1/messages/count_tokens": 200, "/v1/responses/compact": 200, "/nope": 404} {
		if status, body := post(t, url+path, "{}"); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, body, want)
		}
	}
	for _, path := range []string{"/v1/messages", "/v1/responses"} {
		if status, _ := post(t, url+path, "not json"); status != 400 {
			t.Errorf("%s with garbage: %d", path, status)
		}
	}
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte(anthropicBody(`CALL a {"b":1}`, "a", []string{"r"}, "false")))
	f.Add([]byte(openaiBody("FAIL 500", "a", nil, "true")))
	_, url := fakemodel.Start(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte("SLOW")) || bytes.Contains(body, []byte("THINK")) {
			t.Skip("waits on purpose")
		}
		for _, path := range []string{"/v1/messages", "/v1/responses"} {
			if status, _ := post(t, url+path, string(body)); status == 0 {
				t.Error("no answer")
			}
		}
	})
}
