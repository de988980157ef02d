package mcp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/gate"
)

// FuzzPost holds the short path against mcp-go's own transport: whatever is
// sent, both answer the same. Only an unknown tool is told differently.
func FuzzPost(f *testing.F) {
	f.Add(callBody(`{"personality":"boris","message":"hi"}`, ""), "", "")
	f.Add(callBody(`{"personality":"boris","message":"\ud800 \u00e9 \\ \" 日本"}`, `{"claudecode/toolUseId":"t"}`), "2025-11-25", "")
	f.Add(callBody(`{"personality":"boris","message":"hi","attachments":["/a",null]}`, `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`), "2026-07-28", "send_to_peer")
	f.Add(callBody(`{"personality":"boris","message":"hi"}`, `{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`), "2026-07-28", "send_to_peer")
	f.Add(`{"jsonrpc":"2.0","id":"a","method":"tools/list"}`, "", "")
	f.Add(`{"jsonrpc":"2.0","id":{},"method":"tools/call","params":[]}`, "", "")
	f.Add(`[{"jsonrpc":"2.0","id":1,"method":"tools/call"}]`, "", "")
	f.Add(strings.Repeat("[", 1000), "", "")
	s := New(Config{Sender: forgetful{}, Version: "1.0.0"})
	caller := iapeer.Caller{Identity: iapeer.Identity{Runtime: "claude", Name: "anna"}, Proof: iapeer.ProofUID}
	f.Fuzz(func(t *testing.T, body, version, tool string) {
		if strings.Contains(body, "isten") { // subscriptions/listen answers when it is closed
			return
		}
		var got [2]any
		var codes [2]int
		for i, h := range []http.Handler{s, s.Streamable()} {
			r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
			r.Header = http.Header{"Content-Type": {"application/json"}, http.CanonicalHeaderKey(gate.IdentityHeader): {"claude-anna"}}
			if version != "" {
				r.Header["Mcp-Protocol-Version"] = []string{version}
				r.Header["Mcp-Method"], r.Header["Mcp-Name"] = []string{"tools/call"}, []string{tool}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r.WithContext(gate.WithCaller(r.Context(), caller)))
			codes[i] = w.Code
			if err := json.Unmarshal(w.Body.Bytes(), &got[i]); err != nil {
				got[i] = w.Body.String()
			}
			if strings.Contains(w.Body.String(), "unknown tool: ") {
				return
			}
		}
		if diff := cmp.Diff(got[1], got[0]); diff != "" || codes[0] != codes[1] {
			t.Errorf("status %d (streamable %d); -streamable +short:\n%s", codes[0], codes[1], diff)
		}
	})
}

func FuzzArguments(f *testing.F) {
	f.Add(`{"personality":"boris","message":"hi","topic":null,"attachments":["/a"]}`)
	f.Add(`{"personality":5}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) {
			return
		}
		var a sendArguments
		if a.decode(json.RawMessage(raw)) != nil || a.check() != nil {
			return
		}
		var want struct {
			Personality, Runtime, Message, Topic string
			Attachments                          []string
		}
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatalf("%q passed, and encoding/json says %v", raw, err)
		}
		if a.message != want.Message || a.personality != want.Personality || a.topic != want.Topic || a.runtime != want.Runtime || !cmp.Equal(a.attachments, want.Attachments) {
			t.Errorf("%q: got %+v, want %+v", raw, a, want)
		}
		if n := units(a.message); n != len(utf16.Encode([]rune(a.message))) {
			t.Errorf("units(%q) = %d", a.message, n)
		}
	})
}
