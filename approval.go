package iapeer

import "time"

// An ApprovalState is where a request for a person's word stands.
type ApprovalState string

// The states of an approval. Only Allowed lets a tool run.
const (
	ApprovalOpen     ApprovalState = "open"      // somebody waits for a person
	ApprovalDeferred ApprovalState = "deferred"  // nobody answered in time; the peer was told to stop and is told the answer later
	ApprovalAllowed  ApprovalState = "allowed"   // by a person, or by a grant of one
	ApprovalDenied   ApprovalState = "denied"    // by a person
	ApprovalTimedOut ApprovalState = "timed out" // nobody answered: denied
	ApprovalGone     ApprovalState = "gone"      // who asked went away: denied
)

// Pending reports whether a person can still decide.
func (s ApprovalState) Pending() bool { return s == ApprovalOpen || s == ApprovalDeferred }

// Decision is the word of a state for those who only want to know whether the
// tool runs: "allow", "deny", or "" while nothing is decided.
func (s ApprovalState) Decision() string {
	switch s {
	case ApprovalAllowed:
		return "allow"
	case ApprovalDenied, ApprovalTimedOut, ApprovalGone:
		return "deny"
	case ApprovalOpen, ApprovalDeferred:
	}
	return ""
}

// MaxApprovalSummary is the longest summary of an approval, in runes.
const MaxApprovalSummary = 240

// An Approval is one request of a session to run a tool, which a person
// decides. What nobody decides is denied.
type Approval struct {
	ID        string    `json:"-"` // "a7"; never used twice on one host
	Identity  Identity  `json:"identity"`
	Kind      string    `json:"kind"` // "tool", "plan", "circuit-breaker", …
	Tool      string    `json:"tool"`
	Title     string    `json:"title"`
	Summary   string    `json:"summary"`             // one line, at most MaxApprovalSummary runes
	Content   string    `json:"content"`             // what would run, verbatim
	Approvers []Name    `json:"approvers,omitempty"` // who may decide; empty: any person of this host
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"` // when silence becomes a deny; zero once it was deferred

	State    ApprovalState `json:"state"`
	Reason   string        `json:"reason,omitempty"`
	By       string        `json:"by,omitempty"`  // who decided: a person's name, or "iapeer"
	Via      string        `json:"via,omitempty"` // over what: "cli", "terminal", "timeout", "grant g2", …; "" when not known
	Resolved time.Time     `json:"resolved,omitzero"`

	Generation int64  `json:"generation,omitempty"` // of the session that asks
	Key        string `json:"key,omitempty"`        // by which who asks finds it again
	ToolUse    string `json:"toolUse,omitempty"`    // the runtime's own id of the call, if it gives one
	Call       string `json:"call,omitempty"`       // hash of tool and input, to recognise the call
	Input      string `json:"input,omitempty"`      // hash of what a grant for this input holds for
}

// A GrantScope says how long a person's yes holds.
type GrantScope string

// The scopes of a yes.
const (
	GrantOnce    GrantScope = "once"    // the next such request; kept only for a request that was deferred
	GrantSession GrantScope = "session" // while the session that asked lives
	GrantTimed   GrantScope = "for"     // until a moment
	GrantAlways  GrantScope = "always"  // until it is revoked
)

// A Grant is a person's yes that holds for later requests: of one identity,
// for one tool, with one input or with any.
type Grant struct {
	ID         string     `json:"-"` // "g3"
	Identity   Identity   `json:"identity"`
	Tool       string     `json:"tool"`
	Input      string     `json:"input,omitempty"` // hash of the one input it holds for; "" means any input
	Summary    string     `json:"summary"`         // of the request it was given for
	Scope      GrantScope `json:"scope"`
	Generation int64      `json:"generation,omitempty"` // of the session, for GrantSession
	Until      time.Time  `json:"until,omitzero"`       // for GrantTimed
	Approval   string     `json:"approval"`             // the request it was given for
	By         string     `json:"by"`
	Created    time.Time  `json:"created"`
	Used       int        `json:"used,omitempty"` // requests it let through
	Over       bool       `json:"-"`              // revoked, used up or run out: to be forgotten
}

// ApprovalRequested tells that a session waits for a person's word.
type ApprovalRequested struct{ Approval Approval }

// ApprovalResolved tells that an approval is over, or that nobody waits for it
// any more.
type ApprovalResolved struct{ Approval Approval }

func (ApprovalRequested) event() {}
func (ApprovalResolved) event()  {}

// Source implements [Event].
func (ApprovalRequested) Source() string { return "approvals" }

// Source implements [Event].
func (ApprovalResolved) Source() string { return "approvals" }

// Name implements [Event].
func (ApprovalRequested) Name() string { return "approval-request" }

// Name implements [Event].
func (ApprovalResolved) Name() string { return "approval-resolved" }

// Fields implements [Event].
func (e ApprovalRequested) Fields() []Field {
	a := e.Approval
	f := []Field{{"id", a.ID}, {"personality", string(a.Identity.Name)}, {"runtime", string(a.Identity.Runtime)},
		{"kind", a.Kind}, {"tool", a.Tool}, {"summary", a.Summary}, {"created", a.Created}}
	if !a.Expires.IsZero() {
		f = append(f, Field{"expires", a.Expires})
	}
	if len(a.Approvers) > 0 {
		f = append(f, Field{"approvers", joinNames(a.Approvers)})
	}
	return f
}

// Fields implements [Event].
func (e ApprovalResolved) Fields() []Field {
	a := e.Approval
	return []Field{{"id", a.ID}, {"personality", string(a.Identity.Name)}, {"runtime", string(a.Identity.Runtime)},
		{"decision", a.State.Decision()}, {"reason", a.Reason}, {"by", a.By}, {"via", a.Via},
		{"latencyMs", a.Resolved.Sub(a.Created).Milliseconds()}}
}

// joinNames writes names for one field of an event.
func joinNames(names []Name) string {
	var s string
	for i, n := range names {
		if i > 0 {
			s += ","
		}
		s += string(n)
	}
	return s
}
