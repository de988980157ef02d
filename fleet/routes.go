package fleet

import "net/http"

// access says who may use a route.
type access int

const (
	// anyone whom the listener and the gate let in.
	anyone access = iota
	// user is a caller whose standing the gate has established: a process of
	// this user, or a session by its token.
	user
	// outside is a user that is not inside a session: a session acts only as
	// itself and decides nothing. A person's proof always suffices.
	outside
	// session is the token of a session, which speaks for that session only.
	session
	// person is a person's proof: what is decided here nobody decides for them.
	person
)

// A route is one line of the API.
type route struct {
	method string
	path   string // pattern of http.ServeMux, without the method
	may    access
	serve  http.HandlerFunc
}

// routes is the whole API.
func (s *server) routes() []route {
	return []route{
		{"GET", "/fleet/v1/snapshot", user, s.json(s.snapshot)},
		{"GET", "/fleet/v1/peers/{peer}", user, s.json(s.peer)},
		{"POST", "/fleet/v1/peers/{peer}/{verb}", user, s.json(s.command)},
		{"GET", "/fleet/v1/peers/{peer}/explain", user, s.json(s.explain)},
		{"GET", "/fleet/v1/peers/{peer}/screen", user, s.json(s.screen)},
		{"POST", "/fleet/v1/onboard", outside, s.json(s.onboard)},
		{"GET", "/fleet/v1/events", user, s.events},
		{"POST", "/fleet/v1/send", user, s.send},
		{"GET", "/fleet/v1/messages", user, s.json(s.messages)},
		{"GET", "/fleet/v1/messages/{id}", user, s.json(s.message)},
		{"POST", "/fleet/v1/messages/{id}/{change}", user, s.json(s.mark)},
		{"GET", "/fleet/v1/inbox", user, s.json(s.inbox)},
		{"POST", "/fleet/v1/inbox", outside, s.json(s.inboxRead)},
		{"GET", "/fleet/v1/notices", user, s.json(s.notices)},
		{"GET", "/fleet/v1/notices/{id}", user, s.json(s.notice)},
		{"GET", "/fleet/v1/approvals", user, s.json(s.approvals)},
		{"POST", "/fleet/v1/approvals", user, s.json(s.approvalRequest)},
		{"GET", "/fleet/v1/approvals/{id}", user, s.json(s.approval)},
		{"POST", "/fleet/v1/approvals/{id}/{action}", person, s.json(s.verdict)},
		{"GET", "/fleet/v1/grants", user, s.json(s.grants)},
		{"POST", "/fleet/v1/grants/{id}/revoke", person, s.json(s.revoke)},
		{"POST", "/fleet/v1/peers/{peer}/approval-mode", user, s.json(s.approvalMode)},
		{"GET", "/fleet/v1/config", user, s.json(s.config)},
		{"POST", "/fleet/v1/config", outside, s.json(s.configSet)},
		{"GET", "/fleet/v1/config/env", outside, s.json(s.configEnv)},
		{"POST", "/fleet/v1/config/env", outside, s.json(s.configEnvRefresh)},
		{"POST", "/hooks/v1/{runtime}/{event}", session, s.hook},
		{"GET", "/healthz", anyone, s.json(s.health)},
		{"GET", "/version", anyone, s.json(s.version)},
	}
}
