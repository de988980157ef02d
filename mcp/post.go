package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"

	"github.com/iapeer/iapeer/gate"
	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"go.uber.org/zap"
)

// A frame is a tools/call as it arrives, decoded once.
type frame struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  mcpgo.MCPMethod `json:"method"`
	Params  struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
		Meta      json.RawMessage `json:"_meta"`
	} `json:"params"`
}

// buffers holds the bodies of requests and answers between their uses.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooled keeps one large message from pinning its memory.
const maxPooled = 64 << 10

func release(b *bytes.Buffer) {
	if b.Cap() <= maxPooled {
		b.Reset()
		buffers.Put(b)
	}
}

// post answers a tools/call on the short path and leaves the rest to mcp-go.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	in := buffers.Get().(*bytes.Buffer)
	defer release(in)
	if _, err := in.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody)); err != nil {
		s.tooLarge(w, err)
		return
	}
	var f frame
	if json.Unmarshal(in.Bytes(), &f) != nil || !f.short(r.Header) {
		r.Body = io.NopCloser(bytes.NewReader(in.Bytes()))
		s.stream.ServeHTTP(w, r)
		return
	}
	m := readMeta(f.Params.Meta)
	if !plain(r.Header, m.Version, f.Params.Name) {
		r.Body = io.NopCloser(bytes.NewReader(in.Bytes()))
		s.stream.ServeHTTP(w, r)
		return
	}
	c := &Call{Tool: f.Params.Name, Arguments: f.Params.Arguments, named: r.Header.Get(gate.IdentityHeader) != ""}
	c.identify(r.Context(), m, r.Header)
	answer := s.mcp.HandleMessage(context.WithValue(r.Context(), callKey{}, c), f.slim())
	s.answer(w, statusOf(answer, m.Version), answer)
}

// statusOf is 400 for the errors that the current protocol version maps onto
// it; only a malformed request makes one here, before the tool runs.
func statusOf(m mcpgo.JSONRPCMessage, version string) int {
	if e, ok := m.(mcpgo.JSONRPCError); ok && mcpgo.IsModernProtocol(version) && e.Error.Code != mcpgo.INTERNAL_ERROR {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// short reports whether the frame is a tools/call that asks for an answer.
func (f *frame) short(h http.Header) bool {
	if f.Version != mcpgo.JSONRPC_VERSION || f.Method != mcpgo.MethodToolsCall || len(f.ID) == 0 || string(f.ID) == "null" {
		return false
	}
	t := h.Get("Content-Type")
	if t == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(t)
	return err == nil && t == "application/json"
}

// plain reports whether the protocol version is one that we serve and the
// headers say what the body says; otherwise mcp-go explains what is wrong.
func plain(h http.Header, version, tool string) bool {
	stated := h.Get(mcpgo.HeaderProtocolVersion)
	if stated != "" && !mcpgo.IsValidProtocolVersion(stated) {
		return false
	}
	if !mcpgo.IsModernProtocol(stated) && !mcpgo.IsModernProtocol(version) {
		return true
	}
	if stated != version || h.Get(mcpgo.HeaderLastEventID) != "" {
		return false
	}
	params, err := json.Marshal(map[string]string{"name": tool})
	return err == nil && mcpgo.ValidateStandardHeaders(h.Get, version, mcpgo.MethodToolsCall, params) == nil
}

// slim returns the call without its arguments, which mcp-go would decode four
// more times. The tool's name stands for every tool: the real one is in the
// [Call], so that an unknown one is a result that the model can read.
func (f *frame) slim() json.RawMessage {
	b := make([]byte, 0, 128+len(f.ID)+len(f.Params.Meta))
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = append(b, f.ID...)
	b = append(b, `,"method":"tools/call","params":{"name":"`+sendToPeerName+`"`...)
	if len(f.Params.Meta) > 0 {
		b = append(b, `,"_meta":`...)
		b = append(b, f.Params.Meta...)
	}
	return append(b, `}}`...)
}

// answer writes a JSON-RPC message in one piece.
func (s *Server) answer(w http.ResponseWriter, status int, m mcpgo.JSONRPCMessage) {
	out := buffers.Get().(*bytes.Buffer)
	defer release(out)
	if err := json.NewEncoder(out).Encode(m); err != nil {
		s.log.Error("encode answer", zap.Error(err))
		out.Reset()
		out.WriteString(`{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"internal error"}}`)
		status = http.StatusInternalServerError
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the client may be gone; there is nobody to tell
}

func (s *Server) tooLarge(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		http.Error(w, "the request is larger than "+strconv.Itoa(MaxBody)+" bytes: attach a file instead", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "the request's body ended early: "+err.Error(), http.StatusBadRequest)
}
