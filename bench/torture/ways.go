package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os/exec"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// A way is how a message is handed to iapeer.
type way string

// The ways, over both listeners.
const (
	wayMCP   way = "mcp"     // tools/call over TCP
	waySock  way = "mcp-uds" // tools/call over the unix socket
	wayFleet way = "fleet"   // POST /fleet/v1/send over the unix socket
	wayCLI   way = "cli"     // iapeer send
)

// A receipt is what a sender was told of an accepted message.
type receipt struct {
	ID       iapeer.MessageID `json:"id"`
	Repeated bool             `json:"repeated"`
	Depth    int              `json:"queueDepth"`
}

// A verdict says what an attempt without a receipt means.
type verdict int

const (
	refused verdict = iota // nothing was accepted, and the reason stands
	token                  // nothing was accepted: the token is no longer right
	again                  // nobody knows: the same send must be repeated
)

// A sendError is an attempt without a receipt.
type sendError struct {
	verdict verdict
	reason  string
}

func (e *sendError) Error() string { return e.reason }

// retryable are the words with which a daemon says that it cannot tell, or not
// now.
var retryable = []string{"shutting down", "internal error", "daemon is stopping", "deadline", "context canceled"}

// judge reads a refusal.
func judge(status int, text string) error {
	v := refused
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden,
		strings.Contains(text, "Authorization") || strings.Contains(text, "is live") || strings.Contains(text, "live session"):
		v = token
	case status == http.StatusServiceUnavailable || status == http.StatusInternalServerError:
		v = again
	}
	for _, w := range retryable {
		if strings.Contains(text, w) {
			v = again
		}
	}
	return &sendError{v, strings.TrimSpace(text)}
}

// once makes one attempt of a send.
func (s *sender) once(ctx context.Context, m *send) (receipt, error) {
	switch m.Way {
	case wayCLI:
		return s.byCLI(ctx, m)
	case wayFleet:
		return s.byFleet(ctx, m)
	case wayMCP, waySock:
	}
	return s.byMCP(ctx, m)
}

// post makes one request and says when it is written: from then on only an
// answer tells what became of it.
func (s *sender) post(ctx context.Context, c *http.Client, path, key string, m *send, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		s.hub.tell(sign{kind: signWritten, peer: m.To, id: m.Nonce})
	}})
	// a body that cannot be read twice: the transport must not repeat by itself
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+path, io.MultiReader(bytes.NewReader(body)))
	if err != nil {
		return 0, nil, err
	}
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", "application/json")
	if path == "/mcp" {
		req.Header.Set("Accept", "application/json, text/event-stream")
	}
	req.Header.Set(client.HeaderIdentity, s.id.String())
	if key != "" {
		req.Header.Set(client.HeaderKey, key)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, nil, &sendError{again, err.Error()}
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, &sendError{again, err.Error()}
	}
	return res.StatusCode, reply, nil
}

// answerLimit bounds one attempt: whoever waits for evidence is answered long
// before.
const answerLimit = 30 * time.Second

func (s *sender) byFleet(ctx context.Context, m *send) (receipt, error) {
	body, err := json.Marshal(client.SendRequest{Personality: m.To, Message: m.body(), Wait: m.Wait.String()})
	if err != nil {
		return receipt{}, err
	}
	status, reply, err := s.post(ctx, s.sock, "/fleet/v1/send", m.Nonce, m, body)
	if err != nil {
		return receipt{}, err
	}
	if status != http.StatusOK {
		return receipt{}, judge(status, string(reply))
	}
	var r struct{ Result receipt }
	if err := json.Unmarshal(reply, &r); err != nil || r.Result.ID == "" {
		return receipt{}, &sendError{again, "unreadable answer: " + string(reply)}
	}
	return r.Result, nil
}

// byMCP calls the tool as an agent program does, with the id of its tool use.
func (s *sender) byMCP(ctx context.Context, m *send) (receipt, error) {
	body := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"send_to_peer","arguments":{"personality":%q,"message":%q},"_meta":{"claudecode/toolUseId":%q}}}`,
		m.N, m.To, m.body(), "toolu_"+m.Nonce)
	c := s.sock
	if m.Way == wayMCP {
		c = s.tcp
	}
	status, reply, err := s.post(ctx, c, "/mcp", "", m, body)
	if err != nil {
		return receipt{}, err
	}
	var r struct {
		Result struct {
			IsError           bool
			Content           []struct{ Text string }
			StructuredContent receipt
		}
		Error *struct{ Message string }
	}
	if status != http.StatusOK || json.Unmarshal(reply, &r) != nil || r.Error != nil {
		return receipt{}, judge(status, string(reply))
	}
	if r.Result.IsError || r.Result.StructuredContent.ID == "" {
		text := string(reply)
		if len(r.Result.Content) > 0 {
			text = r.Result.Content[0].Text
		}
		return receipt{}, judge(status, text)
	}
	return r.Result.StructuredContent, nil
}

// byCLI runs the thin client, which makes its own key and repeats by itself. It
// takes none of ours, so a run without an outcome cannot be repeated: its fate
// is read from the receipts afterwards.
func (s *sender) byCLI(ctx context.Context, m *send) (receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	var env []string
	if s.token != "" {
		env = append(env, "IAPEER_BEARER="+s.token)
	}
	out, err := s.house.cli(ctx, env, "send", "--from", s.id.String(), "--json", "--wait", "accepted", m.To, "--message", m.body())
	var r struct {
		receipt
		Err string
	}
	parsed := json.Unmarshal(out, &r)
	if parsed == nil && r.ID != "" {
		return r.receipt, nil
	}
	text := r.Err
	var exit *exec.ExitError
	if text == "" && errors.As(err, &exit) {
		text = string(exit.Stderr)
	}
	if parsed == nil && r.Err != "" {
		if e := judge(0, text); e.(*sendError).verdict == refused { //nolint:errorlint // judge makes nothing else
			return receipt{}, e
		}
	}
	return receipt{}, &sendError{again, fmt.Sprintf("iapeer send: %v: %s", err, text)}
}
