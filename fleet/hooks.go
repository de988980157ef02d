package fleet

import (
	"net/http"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// maxEvent bounds the name of a hook's event, in bytes.
const maxEvent = 64

// hook hands a runtime's report to the daemon. The answer goes to the runtime
// as it is: an empty 200 says nothing to it.
func (s *server) hook(w http.ResponseWriter, r *http.Request) {
	if s.Hooks == nil {
		s.refuse(w, r, absent("hooks"))
		return
	}
	rt, err := iapeer.ParseRuntime(r.PathValue("runtime"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	event, caller := r.PathValue("event"), s.caller(r)
	if len(event) > maxEvent {
		s.refuse(w, r, badRequest("the event's name is too long"))
		return
	}
	if rt != caller.Identity.Runtime {
		s.refuse(w, r, &client.Error{Status: http.StatusForbidden, Code: "not-proven",
			Message: "this token is of " + caller.Identity.String() + ", not of a " + string(rt) + " session"})
		return
	}
	payload, err := readBody(r, maxHookBytes)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if r.URL.Query().Get("decide") == "1" {
		s.json(func(r *http.Request) (any, error) { return s.decide(r, caller, event, payload) })(w, r)
		return
	}
	status, body := s.Hooks.Hook(r.Context(), caller, rt, event, payload)
	if len(body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// decide answers a hook that asks.
func (s *server) decide(r *http.Request, c iapeer.Caller, event string, payload []byte) (any, error) {
	decider, ok := s.Hooks.(Decider)
	if !ok {
		return nil, absent("deciding")
	}
	d, err := decider.Decide(r.Context(), c, r.Header.Get(client.HeaderKey), event, payload)
	if err != nil {
		return nil, err
	}
	return struct {
		Decision client.Decision `json:"decision"`
	}{d}, nil
}
