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
	"github.com/tidwall/gjson"
)

// maxShort is the largest body on the short path, in bytes: above it is no
// message, and the reader of the short path has no limit of depth.
const maxShort = 256 << 10

// A frame is a tools/call as it arrives, read in one pass.
type frame struct {
	version   string
	method    string
	id        string // as written
	isCall    bool   // id is a string or a number
	tool      string
	arguments json.RawMessage
	meta      meta
}

// readFrame reads a request. It returns false for what is not one object of
// valid JSON; mcp-go explains what is wrong with it.
func readFrame(b []byte) (f frame, ok bool) {
	if len(b) > maxShort || !gjson.ValidBytes(b) {
		return f, false
	}
	gjson.ParseBytes(b).ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "jsonrpc":
			f.version = v.Str
		case "method":
			f.method = v.Str
		case "id":
			f.id, f.isCall = v.Raw, v.Type == gjson.String || v.Type == gjson.Number
		case "params":
			f.readParams(v)
		}
		return true
	})
	return f, true
}

func (f *frame) readParams(params gjson.Result) {
	params.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "name":
			f.tool = v.Str
		case "arguments":
			f.arguments = json.RawMessage(v.Raw)
		case "_meta":
			f.meta = readMeta(v)
		}
		return true
	})
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
	f, ok := readFrame(in.Bytes())
	if !ok || !f.short(r.Header) || !f.plain(r.Header) {
		r.Body = io.NopCloser(bytes.NewReader(in.Bytes()))
		s.stream.ServeHTTP(w, r)
		return
	}
	c := &Call{Tool: f.tool, Arguments: f.arguments, claimed: r.Header.Get(gate.IdentityHeader), short: true}
	c.identify(r.Context(), f.meta, r.Header)
	s.answer(w, &f, c, s.mcp.HandleMessage(context.WithValue(r.Context(), callKey{}, c), f.slim()))
}

// short reports whether the frame is a tools/call that asks for an answer.
func (f *frame) short(h http.Header) bool {
	if f.version != mcpgo.JSONRPC_VERSION || f.method != string(mcpgo.MethodToolsCall) || !f.isCall {
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
func (f *frame) plain(h http.Header) bool {
	stated := h.Get(mcpgo.HeaderProtocolVersion)
	if stated != "" && !mcpgo.IsValidProtocolVersion(stated) {
		return false
	}
	if !mcpgo.IsModernProtocol(stated) && !f.modern() {
		return true
	}
	if stated != f.meta.version || h.Get(mcpgo.HeaderLastEventID) != "" || !f.meta.capable {
		return false
	}
	params, err := json.Marshal(map[string]string{"name": f.tool})
	return err == nil && mcpgo.ValidateStandardHeaders(h.Get, stated, mcpgo.MethodToolsCall, params) == nil
}

// modern reports whether the body is of a protocol version without handshake.
func (f *frame) modern() bool { return mcpgo.IsModernProtocol(f.meta.version) }

// slim returns the call without its arguments and without what its _meta says
// beyond the protocol version: mcp-go would decode both four more times. The
// tool's name stands for every tool: the real one is in the [Call], so that an
// unknown one is a result that the model can read.
func (f *frame) slim() json.RawMessage {
	b := make([]byte, 0, 256+len(f.id))
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = append(b, f.id...)
	b = append(b, `,"method":"tools/call","params":{"name":"`+sendToPeerName+`"`...)
	if f.modern() {
		b = append(b, `,"_meta":{"`+mcpgo.MetaKeyProtocolVersion+`":"`...)
		b = append(b, f.meta.version...) // a known version, hence no quote in it
		b = append(b, `","`+mcpgo.MetaKeyClientCapabilities+`":{}}`...)
	}
	return append(b, `}}`...)
}

func (s *Server) tooLarge(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		http.Error(w, "the request is larger than "+strconv.Itoa(MaxBody)+" bytes: attach a file instead", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "the request's body ended early: "+err.Error(), http.StatusBadRequest)
}
