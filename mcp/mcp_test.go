package mcp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/gate"
)

func callBody(args string, meta string) string {
	if meta != "" {
		meta = `,"_meta":` + meta
	}
	return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"send_to_peer","arguments":` + args + meta + `}}`
}

var asAnna = []string{gate.IdentityHeader, "claude-anna"}

func TestSend(t *testing.T) {
	d := start(t, nil)
	for _, path := range []string{"/mcp", "/streamable"} {
		status, a, raw := d.post(t, path, callBody(`{"personality":"boris","message":"hi <iap> & ты","topic":"login","attachments":["/tmp/a"],"runtime":"codex"}`, ""), asAnna...)
		if status != http.StatusOK || a.Result.IsError || string(a.ID) != "7" {
			t.Fatalf("%s: status %d: %s", path, status, raw)
		}
		var fromText, structured iapeer.SendResult
		if err := json.Unmarshal([]byte(a.text()), &fromText); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(a.Result.StructuredContent, &structured); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fromText, structured); diff != "" {
			t.Errorf("%s: text and structured content differ: %s", path, diff)
		}
		if structured.ID != "m-0123456789" || !strings.HasPrefix(a.text(), "{\n  \"ok\": true,\n") {
			t.Errorf("%s: text %s", path, a.text())
		}
	}
	want := iapeer.Draft{
		Caller: iapeer.Identity{Runtime: "claude", Name: "anna"}, Proof: iapeer.ProofUID, To: "boris", Runtime: "codex",
		Body: "hi <iap> & ты", Topic: "login", Attachments: []string{"/tmp/a"}, Wait: DefaultWait, WaitFor: iapeer.Seen,
	}
	for _, got := range d.shelf.drafts() {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRefusedCallsSayWhy(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	many := `["/1"` + strings.Repeat(`,"/1"`, 20) + `]`
	for _, tc := range []struct{ name, args, want string }{
		{"empty", `{}`, "personality is missing"},
		{"null", `null`, "personality is missing"},
		{"list", `[]`, "arguments must be an object (got list)"},
		{"no message", `{"personality":"boris"}`, "message is missing"},
		{"bad name", `{"personality":"Boris!","message":"hi"}`, `personality "Boris!": a name is`},
		{"bad runtime", `{"personality":"boris","message":"hi","runtime":"co-dex"}`, `runtime "co-dex": a runtime is`},
		{"long message", `{"personality":"boris","message":"` + long(16001) + `"}`, "message exceeds 16000 char limit (got 16001)"},
		{"astral characters count twice", `{"personality":"boris","message":"` + strings.Repeat("😀", 8001) + `"}`, "message exceeds 16000 char limit (got 16002)"},
		{"long topic", `{"personality":"boris","message":"hi","topic":"` + long(201) + `"}`, "topic exceeds 200 char limit (got 201)"},
		{"topic before the rest", `{"topic":"` + long(201) + `"}`, "topic exceeds 200 char limit (got 201)"},
		{"many attachments", `{"personality":"boris","message":"hi","attachments":` + many + `}`, "attachments exceed 20 files (got 21)"},
		{"relative attachment", `{"personality":"boris","message":"hi","attachments":["/ok","a.txt"]}`, `attachment 2 "a.txt" is not an absolute path`},
		{"attachment with a line break", `{"personality":"boris","message":"hi","attachments":["/a\nb"]}`, `attachment 1 "/a\nb" has a line break`},
		{"wrong type", `{"personality":"boris","message":5}`, "message must be a string (got number)"},
		{"one attachment as a string", `{"personality":"boris","message":"hi","attachments":"/a"}`, "attachments must be a list of strings (got string)"},
		{"unknown argument", `{"to":"boris","message":"hi"}`, `unknown argument "to": send_to_peer takes personality`},
		{"unknown peer", `{"personality":"ghost","message":"hi"}`, "send ghost: not in the iapeer peers index"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := start(t, nil)
			for _, path := range []string{"/mcp", "/streamable"} {
				status, a, raw := d.post(t, path, callBody(tc.args, ""), asAnna...)
				if status != http.StatusOK || !a.Result.IsError || !strings.Contains(a.text(), tc.want) {
					t.Errorf("%s: status %d %s, want isError %q", path, status, raw, tc.want)
				}
			}
			if n := len(d.shelf.drafts()); n != 0 {
				t.Errorf("%d messages accepted", n)
			}
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	d := start(t, nil)
	args := fmt.Sprintf(`{"personality":"boris","message":%q,"topic":%q,"attachments":["/1"%s]}`,
		strings.Repeat("ж", 16000), strings.Repeat("t", 200), strings.Repeat(`,"/1"`, 19))
	if _, a, raw := d.post(t, "/mcp", callBody(args, ""), asAnna...); a.Result.IsError || len(d.shelf.drafts()) != 1 {
		t.Error(raw)
	}
}

func TestIdentityIsNeeded(t *testing.T) {
	d := start(t, nil)
	token, hash := gate.NewToken()
	d.tokens.Add(hash, gate.TokenFacts{Identity: iapeer.Identity{Runtime: "claude", Name: "anna"}, Generation: 4})
	for _, tc := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"missing", nil, "header X-IAPeer-Identity is missing"},
		{"missing, with a token", []string{"Authorization", "Bearer " + token}, "header X-IAPeer-Identity is missing: send <runtime>-<name> of the calling peer, such as claude-anna"},
		{"malformed", []string{gate.IdentityHeader, "anna"}, `header X-IAPeer-Identity "anna": write <runtime>-<name>`},
		{"unknown", []string{gate.IdentityHeader, "claude-ghost"}, `unknown caller "ghost"`},
	} {
		for _, path := range []string{"/mcp", "/streamable"} {
			status, a, raw := d.post(t, path, callBody(`{"personality":"boris","message":"hi"}`, ""), tc.headers...)
			if status != http.StatusOK || !a.Result.IsError || !strings.Contains(a.text(), tc.want) {
				t.Errorf("%s %s: status %d %s, want %q", tc.name, path, status, raw, tc.want)
			}
		}
	}
	status, a, raw := d.post(t, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if status != http.StatusOK || len(a.Result.Tools) != 1 {
		t.Errorf("tools/list without identity: status %d %s", status, raw)
	}
	if n := len(d.shelf.drafts()); n != 0 {
		t.Errorf("%d messages accepted", n)
	}
}

func TestUnknownTool(t *testing.T) {
	d := start(t, nil)
	_, a, raw := d.post(t, "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_online_peers"}}`, asAnna...)
	if !a.Result.IsError || a.text() != "unknown tool: list_online_peers" {
		t.Error(raw)
	}
}

func TestRepeatedCallReturnsTheFirstReceipt(t *testing.T) {
	d := start(t, nil)
	token, hash := gate.NewToken()
	d.tokens.Add(hash, gate.TokenFacts{Identity: iapeer.Identity{Runtime: "claude", Name: "anna"}, Generation: 4})
	body := callBody(`{"personality":"boris","message":"hi"}`, `{"claudecode/toolUseId":"toolu_1","progressToken":3}`)
	for i := range 3 {
		path := []string{"/mcp", "/streamable", "/mcp"}[i]
		_, a, raw := d.post(t, path, body, append(asAnna, "Authorization", "Bearer "+token)...)
		var r iapeer.SendResult
		if err := json.Unmarshal(a.Result.StructuredContent, &r); err != nil || r.Repeated != (i > 0) {
			t.Errorf("call %d: %v %s", i, err, raw)
		}
	}
	d.post(t, "/mcp", body, asAnna...) // a weaker proof is another caller
	got := d.shelf.drafts()
	if len(got) != 2 || !strings.HasPrefix(got[0].Key, "session-4/tool/toolu_1:") || !strings.HasPrefix(got[1].Key, "uid/tool/toolu_1:") {
		t.Errorf("drafts %+v", got)
	}
}

func TestKeys(t *testing.T) {
	hi, ho := `{"personality":"boris","message":"hi"}`, `{"personality":"boris","message":"ho"}`
	for _, tc := range []struct {
		name    string
		meta    string
		args    string
		headers []string
		want    string // prefix
	}{
		{"none", "", hi, nil, ""},
		{"claude", `{"claudecode/toolUseId":"toolu_1"}`, hi, nil, "uid/tool/toolu_1:"},
		{"claude, the id again for other words", `{"claudecode/toolUseId":"toolu_1"}`, ho, nil, "uid/tool/toolu_1:"},
		{"codex", `{"callId":"call_1","threadId":"th","sessionId":"s","itemId":"i","progressToken":1}`, hi, nil, "uid/tool/th:call_1:"},
		{"header", "", hi, []string{IdempotencyHeader, "k1"}, "uid/key/k1"},
		{"the tool use before the header", `{"callId":"call_2","threadId":"th"}`, hi, []string{IdempotencyHeader, "k2"}, "uid/tool/th:call_2:"},
		{"a long one", "", hi, []string{IdempotencyHeader, strings.Repeat("k", 1000)}, "uid/key/"},
		{"of the wrong type", `{"claudecode/toolUseId":{"a":1}}`, hi, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := start(t, nil)
			d.post(t, "/mcp", callBody(tc.args, tc.meta), append(asAnna, tc.headers...)...)
			d.post(t, "/streamable", callBody(tc.args, tc.meta), append(asAnna, tc.headers...)...)
			got := d.shelf.drafts()
			if tc.want == "" {
				if len(got) != 2 || got[0].Key != "" {
					t.Errorf("drafts %+v", got)
				}
				return
			}
			if len(got) != 1 || !strings.HasPrefix(got[0].Key, tc.want) || len(got[0].Key) > 2*maxKey {
				t.Errorf("drafts %+v, want one with key %q", got, tc.want)
			}
		})
	}
}

func TestPanicIsContained(t *testing.T) {
	var attempts []iapeer.Attempt
	d := start(t, func(c *Config) { c.Observe = func(a iapeer.Attempt) { attempts = append(attempts, a) } })
	_, a, raw := d.post(t, "/mcp", callBody(`{"personality":"bomb","message":"hi","topic":"probe topic"}`, ""), asAnna...)
	if !a.Result.IsError || !strings.Contains(a.text(), "internal error") {
		t.Error(raw)
	}
	if len(attempts) != 1 || attempts[0].Len != 2 || attempts[0].Draft.Body != "" || attempts[0].Draft.Topic != "probe topic" || attempts[0].Err == nil {
		t.Errorf("attempts %+v", attempts)
	}
}

func TestObserveSeesRefusals(t *testing.T) {
	var attempts []iapeer.Attempt
	d := start(t, func(c *Config) { c.Observe = func(a iapeer.Attempt) { attempts = append(attempts, a) } })
	d.post(t, "/mcp", callBody(`{"personality":"Boris","message":"hi"}`, ""), asAnna...)
	d.post(t, "/mcp", callBody(`{"personality":"boris","message":"hi"}`, ""), asAnna...)
	if len(attempts) != 2 || attempts[0].Err == nil || attempts[0].Len != 2 || attempts[1].Result == nil || attempts[1].Caller.Name != "anna" {
		t.Errorf("attempts %+v", attempts)
	}
}

func TestVerbs(t *testing.T) {
	d := start(t, nil)
	for _, tc := range []struct {
		method, version string
		want            int
	}{
		{http.MethodGet, "", 405}, {http.MethodGet, "2026-07-28", 405},
		{http.MethodDelete, "2025-06-18", 200}, {http.MethodDelete, "", 200}, {http.MethodDelete, "2026-07-28", 405},
		{http.MethodPut, "", 405},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, d.url+"/mcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Mcp-Session-Id", "from-another-life")
		if tc.version != "" {
			r.Header.Set("Mcp-Protocol-Version", tc.version)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s %s = %d, want %d", tc.method, tc.version, resp.StatusCode, tc.want)
		}
	}
}
