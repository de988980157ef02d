package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/gate"
)

// Limits of request bodies, in bytes. A hook's payload carries a tool's output
// and is the runtime's to size.
const (
	maxCommandBytes = 64 << 10
	maxSendBytes    = 1 << 20
	maxHookBytes    = 8 << 20
)

// server holds what the handlers share. It has no state of its own.
type server struct {
	Deps
	pid int
}

// New returns the handler for /fleet/v1, /hooks/v1, /healthz and /version; any
// other path is 404 with the list of endpoints. It is safe for concurrent use
// and serves TCP and the unix socket alike.
func New(d Deps) http.Handler {
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	s := &server{Deps: d, pid: os.Getpid()}
	table := map[string]map[string]route{}
	for _, r := range s.routes() {
		if table[r.path] == nil {
			table[r.path] = map[string]route{}
		}
		table[r.path][r.method] = r
	}
	mux := http.NewServeMux()
	for path, methods := range table {
		mux.HandleFunc(path, s.dispatch(methods))
	}
	mux.HandleFunc("/", s.unknown)
	return s.guard(mux)
}

// guard names the daemon in every reply and turns a panic into a 500 whose id
// is in the log.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(client.HeaderVersion, s.Version)
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint // the value net/http documents, never wrapped
				panic(p)
			}
			s.fail(w, r, fmt.Errorf("panic: %v", p), zap.StackSkip("stack", 1))
		}()
		next.ServeHTTP(w, r)
	})
}

// fail answers 500 with an id, and logs the cause under that id.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error, fields ...zap.Field) {
	id := string(iapeer.NewMessageID())[2:]
	fields = append(fields, zap.String("id", id), zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
	s.Log.Error("request failed", fields...)
	reply(w, http.StatusInternalServerError, &client.Error{Message: "unexpected failure, see id " + id + " in the daemon's log", ID: id})
}

// dispatch chooses by method and checks access.
func (s *server) dispatch(methods map[string]route) http.HandlerFunc {
	var allow []string
	for m := range methods {
		allow = append(allow, m)
	}
	slices.Sort(allow)
	return func(w http.ResponseWriter, r *http.Request) {
		rt, ok := methods[r.Method]
		if !ok {
			w.Header().Set("Allow", strings.Join(allow, ", "))
			reply(w, http.StatusMethodNotAllowed, &client.Error{Message: fmt.Sprintf("%s takes %s, not %s", r.URL.Path, strings.Join(allow, " or "), r.Method)})
			return
		}
		if err := mayUse(rt.may, s.caller(r)); err != nil {
			reply(w, err.Status, err)
			return
		}
		rt.serve(w, r)
	}
}

// mayUse refuses a caller below the route's access.
func mayUse(a access, c iapeer.Caller) *client.Error {
	switch {
	case a == anyone:
		return nil
	case c.Proof == iapeer.ProofNone && !c.Session:
		return &client.Error{Status: http.StatusUnauthorized, Code: "not-proven", Message: "who calls is not proven; use the unix socket, or a token"}
	case a == outside && c.Session && c.Proof != iapeer.ProofPerson:
		return &client.Error{Status: http.StatusForbidden, Code: "not-proven", Message: "a session cannot decide this; a person does, from a terminal outside every session"}
	case a == person && !c.MayDecide():
		return &client.Error{Status: http.StatusForbidden, Code: "not-proven", Message: "only a person decides this: at an interactive terminal outside every session, or over that person's own router"}
	case a == session && (!c.Session || c.Identity == iapeer.Identity{}):
		return &client.Error{Status: http.StatusForbidden, Code: "not-proven", Message: "hooks need the session's own token in Authorization: Bearer"}
	}
	return nil
}

// caller returns who makes the request, whether or not it has an identity.
func (s *server) caller(r *http.Request) iapeer.Caller {
	c, _ := s.Caller(r.Context()) // the reason matters only to those who need an identity: see speaker
	return c
}

// unknown answers a path that is no endpoint.
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	var list []string
	for _, rt := range s.routes() {
		list = append(list, rt.method+" "+rt.path)
	}
	reply(w, http.StatusNotFound, struct {
		Error     string   `json:"error"`
		Endpoints []string `json:"endpoints"`
	}{"no such endpoint: " + r.URL.Path, list})
}

// json serves a handler that returns a value or an error.
func (s *server) json(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := h(r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		reply(w, http.StatusOK, v)
	}
}

// refuse answers err with the status that fits it.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody listens any more
	}
	e := refusal(err)
	reply(w, e.Status, e)
}

// refusal is client.Refusal that also knows the gate's refusals.
func refusal(err error) *client.Error {
	var refused *gate.RefusedError
	if errors.As(err, &refused) {
		return &client.Error{Status: refused.Status, Code: "not-proven", Message: refused.Message}
	}
	return client.Refusal(err)
}

// reply writes v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // a type of this package that JSON cannot carry
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the reader is gone: nobody to tell
}

// decode reads the body, a JSON object of at most limit bytes, into v. An empty
// body leaves v as it is. Unknown keys are ignored, for newer clients.
func decode(r *http.Request, limit int64, v any) error {
	b, err := readBody(r, limit)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return nil
	}
	if !strings.HasPrefix(text, "{") {
		return badRequest("the body must be a JSON object")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return badRequest("the body is not what this endpoint takes: " + err.Error())
	}
	return nil
}

// readBody reads at most limit bytes; more are 413.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, &client.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", limit)}
	}
	if err != nil {
		return nil, badRequest("the body ended early: " + err.Error())
	}
	return b, nil
}

func badRequest(text string) error {
	return &client.Error{Status: http.StatusBadRequest, Code: "bad-request", Message: text}
}

// absent refuses an endpoint that this daemon has no means to serve.
func absent(what string) error {
	return &client.Error{Status: http.StatusNotImplemented, Message: what + " is not available in this daemon"}
}

// now stamps replies; whole milliseconds, UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
