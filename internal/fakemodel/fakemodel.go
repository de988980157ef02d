// Package fakemodel is a model server whose answers are scripted by what it is
// asked: it lets the real agent programs run in tests and in the demo without
// an account and without the network. It speaks Anthropic Messages and OpenAI
// Responses, streamed and whole.
//
// The last user text of a request is the script. If it holds envelopes, the
// body of the last one is; otherwise the whole text.
//
//	CALL <tool> {json}   one tool call; <tool> is matched as a suffix of the offered names
//	SLOW <seconds>       a text streamed over that long
//	THINK <seconds>      silence for that long, then a text
//	FAIL <status>        an HTTP error
//	anything else        ECHO <word after NONCE, or the end of the text>
//
// Several CALLs are answered one a turn, in their order; after the last result
// the answer is DONE, the nonce and the head of the result. Tools that a
// program hides behind a search of its own are searched for first.
//
// It serves tests only. Every request is kept in memory.
package fakemodel

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Request is one call of a model.
type Request struct {
	API     string // "anthropic" or "openai"
	Path    string
	Model   string
	User    string   // last user text
	Tools   []string // offered names
	Results []string // of the tool calls that answer User
	Plan    string   // what was answered: "text ECHO …", "tool send_to_peer", "fail 529"
	Header  http.Header
	Body    []byte
}

// A Server answers model calls. It is an [http.Handler]; take it from [New].
// Safe for concurrent use.
type Server struct {
	mu       sync.Mutex
	requests []Request
	changed  chan struct{} // closed and replaced whenever requests grows
}

// New returns a server without requests.
func New() *Server { return &Server{changed: make(chan struct{})} }

// Start serves on a free loopback port until the test ends and returns the
// server and its base URL.
func Start(tb testing.TB) (*Server, string) {
	tb.Helper()
	s := New()
	h := httptest.NewServer(s)
	tb.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return s, h.URL
}

// Requests returns all calls so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Wait returns the first call, past or coming, that match accepts.
func (s *Server) Wait(ctx context.Context, match func(Request) bool) (Request, error) {
	for from := 0; ; {
		s.mu.Lock()
		seen, changed := s.requests[from:], s.changed
		s.mu.Unlock()
		for _, r := range seen {
			if match(r) {
				return r, nil
			}
		}
		from += len(seen)
		select {
		case <-changed:
		case <-ctx.Done():
			return Request{}, fmt.Errorf("no such call among %d: %w", from, ctx.Err())
		}
	}
}

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	close(s.changed)
	s.changed = make(chan struct{})
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req := Request{Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/messages"):
		s.anthropic(w, r, req)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/responses"):
		s.responses(w, r, req)
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		writeJSON(w, http.StatusOK, map[string]any{"input_tokens": len(body) / 4})
	case strings.HasSuffix(r.URL.Path, "/responses/compact"):
		writeJSON(w, http.StatusOK, map[string]any{"output": []any{}})
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusOK)
	default:
		writeJSON(w, http.StatusNotFound, map[string]any{
			"type": "error", "error": map[string]any{"type": "not_found_error", "message": "no " + r.URL.Path},
		})
	}
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

// A stream writes server-sent events.
type stream struct {
	ctx context.Context
	w   http.ResponseWriter
}

func newStream(w http.ResponseWriter, r *http.Request) stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return stream{ctx: r.Context(), w: w}
}

func (s stream) event(kind string, data map[string]any) {
	data["type"] = kind
	b, _ := json.Marshal(data) // maps of plain values
	fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, b)
	if f, ok := s.w.(http.Flusher); ok {
		f.Flush()
	}
}

// pause waits, and reports false when the client has gone.
func (s stream) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// tick is the pace of a slow text.
const tick = 250 * time.Millisecond

// text streams a plan's text through write, and returns all of it. It ends
// early when the client has gone.
func (s stream) text(p plan, write func(string)) string {
	all := ""
	for i := 0; i < int(p.slow/tick); i++ {
		word := fmt.Sprintf("tick%d ", i)
		write(word)
		all += word
		if !s.pause(tick) {
			return all
		}
	}
	write(p.text)
	return all + p.text
}
