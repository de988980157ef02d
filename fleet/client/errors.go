package client

import (
	"errors"

	"github.com/iapeer/iapeer"
)

// An Error is a refusal by the daemon. It matches, with errors.Is, the error of
// the root package that its Code names.
type Error struct {
	Status  int    `json:"-"`               // HTTP status
	Message string `json:"error"`           // one line for a person
	Code    string `json:"code,omitempty"`  // one of the codes below, "" for others
	Field   string `json:"field,omitempty"` // of a bad request
	ID      string `json:"id,omitempty"`    // of an unexpected failure, to be found in the daemon's log
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error {
	for _, c := range codes {
		if c.code == e.Code {
			return c.err
		}
	}
	return nil
}

// codes are the refusals that a caller may branch on. A code, once given, is
// kept for good.
var codes = []struct {
	code   string
	status int
	err    error
}{
	{"bad-name", 400, iapeer.ErrBadName},
	{"bad-runtime", 400, iapeer.ErrBadRuntime},
	{"bad-identity", 400, iapeer.ErrBadIdentity},
	{"bad-nature", 400, iapeer.ErrBadNature},
	{"bad-request", 400, iapeer.ErrBadDraft},
	{"unknown-peer", 404, iapeer.ErrUnknownPeer},
	{"unknown-message", 404, iapeer.ErrUnknownID},
	{"not-declared", 502, iapeer.ErrNotDeclared},
	{"self-send", 502, iapeer.ErrSelfSend},
	{"stopped", 502, iapeer.ErrStopped},
	{"backlog-full", 502, iapeer.ErrBacklogFull},
	{"bad-change", 409, iapeer.ErrBadChange},
	{"not-proven", 403, iapeer.ErrNotProven},
	{"shutting-down", 503, iapeer.ErrShuttingDown},
}

// Refusal returns err as the fleet API writes it: with its code, and the HTTP
// status of a request that fails for it. Errors without a code are 502: the
// daemon understood and could not do it.
func Refusal(err error) *Error {
	e := &Error{Status: 502, Message: err.Error()}
	var wire *Error
	if errors.As(err, &wire) {
		return wire
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			e.Code, e.Status = c.code, c.status
			break
		}
	}
	var field *iapeer.FieldError
	if errors.As(err, &field) {
		e.Field = field.Field
	}
	return e
}
