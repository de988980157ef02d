package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/gate"
)

// A shelf is a Sender that keeps what it accepted, and by key.
type shelf struct {
	mu    sync.Mutex
	kept  []iapeer.Draft
	byKey map[string]iapeer.SendResult
}

func (s *shelf) Send(_ context.Context, d iapeer.Draft) (iapeer.SendResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch string(d.To) {
	case "ghost":
		return iapeer.SendResult{}, &iapeer.PeerError{Op: "send", Peer: d.To, Err: iapeer.ErrUnknownPeer}
	case "bomb":
		panic("boom")
	}
	if r, ok := s.byKey[d.Key]; ok && d.Key != "" {
		r.Repeated = true
		return r, nil
	}
	r := iapeer.SendResult{
		OK: true, DeliveredTo: iapeer.DeliveredTo{Personality: d.To, Runtime: "claude"}, Woke: true,
		TS: "2026-01-02T15:04:05+01:00", ID: "m-0123456789", State: iapeer.Seen,
		Evidence: &iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit", Session: "4f1c"},
	}
	s.kept = append(s.kept, d)
	if d.Key != "" {
		if s.byKey == nil {
			s.byKey = map[string]iapeer.SendResult{}
		}
		s.byKey[d.Key] = r
	}
	return r, nil
}

func (s *shelf) drafts() []iapeer.Draft {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]iapeer.Draft(nil), s.kept...)
}

// registry is a fixed set of peers without live sessions.
type registry struct{}

func (registry) Peer(n iapeer.Name) (iapeer.Peer, bool) {
	switch string(n) {
	case "anna", "boris":
		return iapeer.Peer{Name: n, Nature: iapeer.Artificial, DefaultRuntime: "claude", Runtimes: []iapeer.Runtime{"claude", "codex"}}, true
	}
	return iapeer.Peer{}, false
}
func (registry) Live(iapeer.Identity) (int64, bool) { return 0, false }
func (registry) Under(int) (gate.Session, bool)     { return gate.Session{}, false }

// A daemon is a real listener with the gate and the MCP server behind it.
type daemon struct {
	url    string
	shelf  *shelf
	server *Server
	tokens *gate.Table
}

func start(tb testing.TB, edit func(*Config)) *daemon {
	tb.Helper()
	d := &daemon{shelf: &shelf{}, tokens: &gate.Table{}}
	cfg := Config{Sender: d.shelf, Version: "1.0.0"}
	if edit != nil {
		edit(&cfg)
	}
	d.server = New(cfg)
	mux := http.NewServeMux()
	mux.Handle("/mcp", d.server)
	mux.Handle("/streamable", d.server.Streamable())
	g := gate.New(gate.Config{OwnUID: os.Getuid(), Peers: registry{}, Sessions: registry{}, Tokens: d.tokens})
	srv := g.Server(mux)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	tb.Cleanup(func() { _ = srv.Close() })
	d.url = "http://" + l.Addr().String()
	return d
}

// An rpcAnswer is a JSON-RPC answer as far as the tests look into it.
type rpcAnswer struct {
	ID     json.RawMessage `json:"id"`
	Result struct {
		Content           []struct{ Type, Text string } `json:"content"`
		StructuredContent json.RawMessage               `json:"structuredContent"`
		IsError           bool                          `json:"isError"`
		ResultType        string                        `json:"resultType"`
		Tools             []json.RawMessage             `json:"tools"`
	} `json:"result"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (a rpcAnswer) text() string {
	if len(a.Result.Content) != 1 {
		return ""
	}
	return a.Result.Content[0].Text
}

// post sends a body and returns the status and the answer.
func (d *daemon) post(tb testing.TB, path, body string, headers ...string) (int, rpcAnswer, string) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, d.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	var a rpcAnswer
	_ = json.Unmarshal(raw, &a)
	return resp.StatusCode, a, string(raw)
}
