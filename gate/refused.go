package gate

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/iapeer/iapeer"
)

// A RefusedError says why the gate does not let a request, or a claim of
// identity, through.
type RefusedError struct {
	Status  int    // HTTP status: 400, 401, 403, 413, 415 or 421
	Reason  string // one word for programs: "other-user", "host", "origin", "token", "identity", …
	Message string // what is wrong and the way out
	Err     error  // [iapeer.ErrNotProven] or another of the root's errors; may be nil
}

func (e *RefusedError) Error() string { return e.Message }
func (e *RefusedError) Unwrap() error { return e.Err }

func refuse(status int, reason, message string) error {
	return &RefusedError{Status: status, Reason: reason, Message: message, Err: iapeer.ErrNotProven}
}

func needToken(message string) error {
	return refuse(http.StatusUnauthorized, "token", message)
}

// unauthorized is the JSON-RPC error code of a refused token.
const unauthorized = -32001

type rpcRefusal struct {
	Version string   `json:"jsonrpc"`
	ID      any      `json:"id"`
	Error   rpcError `json:"error"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// WriteRefusal answers a refused request: a JSON-RPC error below /mcp, a plain
// {"error","reason"} object elsewhere. An error that is no [*RefusedError] is
// answered with 403.
func WriteRefusal(w http.ResponseWriter, r *http.Request, err error) {
	refused := &RefusedError{Status: http.StatusForbidden, Reason: "refused", Message: err.Error()}
	errors.As(err, &refused)
	detail := map[string]string{"error": refused.Message, "reason": refused.Reason}
	var body any = detail
	if isMCP(r.URL.Path) {
		e := rpcError{Code: unauthorized, Message: refused.Message, Data: detail}
		if refused.Status == http.StatusUnauthorized {
			e.Message = "unauthorized"
		}
		body = rpcRefusal{Version: "2.0", Error: e}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	if refused.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(refused.Status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone; there is nobody to tell
}

func isMCP(path string) bool   { return path == "/mcp" || strings.HasPrefix(path, "/mcp/") }
func isHooks(path string) bool { return path == "/hooks/v1" || strings.HasPrefix(path, "/hooks/v1/") }
