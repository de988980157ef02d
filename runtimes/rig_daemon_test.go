package runtimes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// relay posts standard input to where the session reports.
func relay() int {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("TEST_HOOKS"), bytes.NewReader(body))
	if err != nil {
		return 1
	}
	req.Header.Set("X-IAPeer-Identity", os.Getenv("PEER_IDENTITY"))
	req.Header.Set("Authorization", "Bearer "+os.Getenv("IAPEER_BEARER"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 1
	}
	resp.Body.Close()
	return 0
}

// daemon answers hooks and the MCP calls that a session makes at its start.
func (r *rig) daemon(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	if strings.HasPrefix(req.URL.Path, "/hooks/v1") {
		events, err := r.a.Hook("", body)
		if err != nil {
			r.t.Errorf("hook: %v in %s", err, body)
		}
		r.update(func() {
			r.heads = append(r.heads, req.Header.Clone())
			r.events = append(r.events, events...)
		})
		return
	}
	var call struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params struct {
			Arguments json.RawMessage `json:"arguments"`
		} `json:"params"`
	}
	if req.Method != http.MethodPost || json.Unmarshal(body, &call) != nil {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var result string
	switch call.Method {
	case "initialize":
		result = `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"iapeer","version":"1"}}`
	case "tools/list":
		result = `{"tools":[{"name":"send_to_peer","description":"send","inputSchema":{"type":"object","properties":{"personality":{"type":"string"},"message":{"type":"string"}}}}]}`
	case "tools/call":
		r.update(func() { r.calls = append(r.calls, mcpCall{head: req.Header.Clone(), args: call.Params.Arguments}) })
		result = `{"content":[{"type":"text","text":"accepted"}]}`
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case call.ID == nil:
		w.WriteHeader(http.StatusAccepted)
	case result == "":
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, call.ID)
	default:
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, call.ID, result)
	}
}
