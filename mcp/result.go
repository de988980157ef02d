package mcp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"go.uber.org/zap"
)

// An outcome is a tool's result, encoded twice: as text that models read, and
// as structured content for programs.
type outcome struct {
	text       string
	structured json.RawMessage // nil for a refusal
}

// encode returns the outcome of a call.
func encode(result any, err error) (outcome, error) {
	if err != nil {
		return outcome{text: err.Error()}, nil
	}
	var compact, pretty bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(result); err != nil {
		return outcome{}, err
	}
	raw := bytes.TrimRight(compact.Bytes(), "\n")
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		return outcome{}, err
	}
	return outcome{text: pretty.String(), structured: raw}, nil
}

// result is the outcome as mcp-go writes it.
func (o outcome) result() *mcpgo.CallToolResult {
	if o.structured == nil {
		return mcpgo.NewToolResultError(o.text)
	}
	return &mcpgo.CallToolResult{Content: []mcpgo.Content{mcpgo.NewTextContent(o.text)}, RawStructuredContent: o.structured}
}

// answer writes what mcp-go made of a call on the short path. When the tool
// ran, its outcome is written directly: mcp-go's own encoding would copy it
// five times.
func (s *Server) answer(w http.ResponseWriter, f *frame, c *Call, m mcpgo.JSONRPCMessage) {
	out := buffers.Get().(*bytes.Buffer)
	defer release(out)
	status := http.StatusOK
	if _, ok := m.(mcpgo.JSONRPCResponse); ok && c.ran {
		s.writeOutcome(out, f, c.outcome)
	} else {
		status = s.writeMessage(out, f, m)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the client may be gone; there is nobody to tell
}

// writeOutcome writes what mcp-go would write, with the members in its order.
func (s *Server) writeOutcome(out *bytes.Buffer, f *frame, o outcome) {
	out.WriteString(`{"jsonrpc":"2.0","id":`)
	out.WriteString(f.id)
	out.WriteString(`,"result":{`)
	if f.modern() {
		out.WriteString(s.serverInfo)
	}
	out.WriteString(`"content":[{"type":"text","text":`)
	text, _ := json.Marshal(o.text) // a string always has an encoding
	out.Write(text)
	out.WriteString(`}]`)
	if o.structured == nil {
		out.WriteString(`,"isError":true`)
	}
	if f.modern() {
		out.WriteString(`,"resultType":"` + string(mcpgo.ResultTypeComplete) + `"`)
	}
	if o.structured != nil {
		out.WriteString(`,"structuredContent":`)
		out.Write(o.structured)
	}
	out.WriteString("}}\n")
}

// serverInfo is the _meta of every modern result.
func serverInfo(name, version string) string {
	info, _ := json.Marshal(map[string]any{mcpgo.MetaKeyServerInfo: map[string]string{"name": name, "version": version}}) // strings only
	return `"_meta":` + string(info) + `,`
}

// writeMessage writes an error of the protocol and returns its HTTP status.
func (s *Server) writeMessage(out *bytes.Buffer, f *frame, m mcpgo.JSONRPCMessage) int {
	if err := json.NewEncoder(out).Encode(m); err != nil || m == nil {
		s.log.Error("encode answer", zap.Error(err))
		out.Reset()
		out.WriteString(`{"jsonrpc":"2.0","id":` + f.id + `,"error":{"code":-32603,"message":"internal error"}}`)
		return http.StatusInternalServerError
	}
	e, ok := m.(mcpgo.JSONRPCError)
	if ok && f.modern() && e.Error.Code != mcpgo.INTERNAL_ERROR {
		return http.StatusBadRequest // the request was malformed: the tool did not run
	}
	return http.StatusOK
}
