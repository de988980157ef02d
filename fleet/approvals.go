package fleet

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Approvals is the desk at which sessions wait for a person's word.
type Approvals interface {
	// Approvals returns what waits and the grants that hold, oldest first.
	Approvals(context.Context) ([]iapeer.Approval, []iapeer.Grant, error)

	// Approval returns one approval, decided or not; false when there is none.
	Approval(ctx context.Context, id string) (iapeer.Approval, bool, error)

	// RequestApproval waits for a person's word on a; an end of ctx withdraws the
	// request. An error is a deny.
	RequestApproval(ctx context.Context, caller iapeer.Caller, a iapeer.Approval) (iapeer.Approval, error)

	// DecideApproval records a person's word and returns when it is on disk. The
	// caller's proof was checked.
	DecideApproval(context.Context, Verdict) (iapeer.Approval, *iapeer.Grant, error)
}

// Permissions changes what holds for later requests. The caller's proof was
// checked.
type Permissions interface {
	// Revoke ends a grant.
	Revoke(ctx context.Context, id string) (iapeer.Grant, error)

	// ApprovalMode changes a peer's mode, or tells it.
	ApprovalMode(ctx context.Context, peer iapeer.Name, m client.ModeRequest) (client.ModeReply, error)
}

// A Verdict is a person's word on an approval.
type Verdict struct {
	ID     string
	Allow  bool
	Reason string
	By     iapeer.Name // the person, as proven
	Via    string      // "" when the caller did not say
	Scope  iapeer.GrantScope
	For    time.Duration
	Any    bool // the yes holds for any input of the tool
}

func (s *server) approvals(r *http.Request) (any, error) {
	if s.Approvals == nil {
		return nil, absent("deciding")
	}
	list, err := s.approvalList(r.Context())
	if err != nil {
		return nil, err
	}
	return struct {
		Approvals []client.Approval `json:"approvals"`
	}{list}, nil
}

func (s *server) approvalList(ctx context.Context) ([]client.Approval, error) {
	pending, _, err := s.Approvals.Approvals(ctx)
	list := []client.Approval{}
	for _, a := range pending {
		list = append(list, client.WireApproval(a))
	}
	return list, err
}

func (s *server) approval(r *http.Request) (any, error) {
	if s.Approvals == nil {
		return nil, absent("deciding")
	}
	a, ok, err := s.Approvals.Approval(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, &client.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("unknown approval %q", r.PathValue("id"))}
	}
	return struct {
		Approval client.Approval `json:"approval"`
	}{client.WireApproval(a)}, nil
}

// approvalRequest waits for a person's word. A session asks for itself only.
func (s *server) approvalRequest(r *http.Request) (any, error) {
	if s.Approvals == nil {
		return nil, absent("deciding")
	}
	var q client.ApprovalRequest
	if err := decode(r, maxSendBytes, &q); err != nil {
		return nil, err
	}
	a, err := asked(q)
	if err != nil {
		return nil, err
	}
	caller := s.caller(r)
	if caller.Session && caller.Identity != a.Identity {
		return nil, &client.Error{Status: http.StatusForbidden, Code: "not-proven", Message: "a session asks only for itself"}
	}
	a.Generation = caller.Generation
	got, err := s.Approvals.RequestApproval(r.Context(), caller, a)
	if err != nil {
		return nil, err
	}
	reply := client.ApprovalReply{ID: got.ID, Decision: "deny", Reason: got.Reason}
	if got.State == iapeer.ApprovalAllowed {
		reply.Decision = "allow"
	}
	return reply, nil
}

// asked reads a request and fills in what it leaves out.
func asked(q client.ApprovalRequest) (iapeer.Approval, error) {
	if q.Tool == "" || q.Content == "" {
		return iapeer.Approval{}, badRequest("tool and content are required")
	}
	var a iapeer.Approval
	if err := a.Identity.UnmarshalText([]byte(or(q.Runtime, string(iapeer.RuntimeClaude)) + "-" + q.Personality)); err != nil {
		return a, err
	}
	for _, n := range q.Approvers {
		name, err := iapeer.ParseName(n)
		if err != nil {
			return a, err
		}
		a.Approvers = append(a.Approvers, name)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(q.Content), "\n")
	a.Kind, a.Tool, a.Content = or(q.Kind, "tool"), q.Tool, q.Content
	a.Summary = or(q.Summary, or(strings.TrimSpace(first), q.Tool))
	if runes := []rune(a.Summary); len(runes) > iapeer.MaxApprovalSummary {
		a.Summary = string(runes[:iapeer.MaxApprovalSummary])
	}
	a.Title = or(q.Title, q.Personality+" · "+q.Tool)
	return a, nil
}

// viaWord is how a way is named. Those of the daemon's own decisions are not
// for others to name.
var viaWord = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

var ownVia = map[string]bool{"terminal": true, "timeout": true, "requester": true, "daemon": true, "grant": true}

func (s *server) verdict(r *http.Request) (any, error) {
	if s.Approvals == nil {
		return nil, absent("deciding")
	}
	id, action := r.PathValue("id"), r.PathValue("action")
	if action != "approve" && action != "deny" {
		return nil, &client.Error{Status: http.StatusNotFound, Message: "an approval takes approve or deny, not " + action}
	}
	var q client.VerdictRequest
	if err := decode(r, maxCommandBytes, &q); err != nil {
		return nil, err
	}
	v, err := spoken(q, s.caller(r).Identity.Name)
	if err != nil {
		return nil, err
	}
	v.ID, v.Allow = id, action == "approve"
	a, g, err := s.Approvals.DecideApproval(r.Context(), v)
	if err != nil {
		return nil, err
	}
	shown := client.WireApproval(a)
	reply := client.VerdictReply{ID: a.ID, Action: action, OK: true, Approval: &shown}
	if g != nil {
		given := client.WireGrant(*g)
		reply.Grant = &given
	}
	return reply, nil
}

// spoken reads a person's word. Who speaks is who the gate has proven.
func spoken(q client.VerdictRequest, by iapeer.Name) (Verdict, error) {
	v := Verdict{Reason: q.Reason, By: by, Via: q.Via, Scope: iapeer.GrantScope(or(q.Scope, string(iapeer.GrantOnce))), Any: q.Tool}
	switch {
	case q.Approver != "" && q.Approver != string(by):
		return v, &client.Error{Status: http.StatusForbidden, Code: "not-proven", Message: fmt.Sprintf("you are %s and do not decide as %s", by, q.Approver)}
	case q.Via != "" && (!viaWord.MatchString(q.Via) || ownVia[q.Via]):
		return v, &iapeer.FieldError{Field: "via", Value: q.Via, Reason: "is a word of a-z, 0-9 and -, and none that the daemon uses itself"}
	}
	switch v.Scope {
	case iapeer.GrantOnce, iapeer.GrantSession, iapeer.GrantAlways:
		return v, nil
	case iapeer.GrantTimed:
		d, err := time.ParseDuration(q.For)
		if err != nil || d <= 0 {
			return v, &iapeer.FieldError{Field: "for", Value: q.For, Reason: "is a time such as 30m or 1h"}
		}
		v.For = d
		return v, nil
	}
	return v, &iapeer.FieldError{Field: "scope", Value: q.Scope, Reason: "is once, session, for or always"}
}

func (s *server) grants(r *http.Request) (any, error) {
	if s.Approvals == nil {
		return nil, absent("deciding")
	}
	_, grants, err := s.Approvals.Approvals(r.Context())
	list := []client.Grant{}
	for _, g := range grants {
		list = append(list, client.WireGrant(g))
	}
	return struct {
		Grants []client.Grant `json:"grants"`
	}{list}, err
}

func (s *server) revoke(r *http.Request) (any, error) {
	if s.Permissions == nil {
		return nil, absent("deciding")
	}
	g, err := s.Permissions.Revoke(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return struct {
		Grant client.Grant `json:"grant"`
	}{client.WireGrant(g)}, nil
}

// approvalMode tells a peer's mode to every caller, and changes it for a person.
func (s *server) approvalMode(r *http.Request) (any, error) {
	if s.Permissions == nil {
		return nil, absent("deciding")
	}
	var q client.ModeRequest
	if err := decode(r, maxCommandBytes, &q); err != nil {
		return nil, err
	}
	if q != (client.ModeRequest{}) {
		if err := mayUse(person, s.caller(r)); err != nil {
			return nil, err
		}
	}
	name, err := iapeer.ParseName(r.PathValue("peer"))
	if err != nil {
		return nil, unknownPeer(r.PathValue("peer"))
	}
	for _, f := range []struct{ field, value, may string }{{"mode", q.Mode, "gated yolo"}, {"onTimeout", q.OnTimeout, "deny wait"}} {
		if f.value != "" && !strings.Contains(" "+f.may+" ", " "+f.value+" ") {
			return nil, &iapeer.FieldError{Field: f.field, Value: f.value, Reason: "is one of " + f.may}
		}
	}
	return s.Permissions.ApprovalMode(r.Context(), name, q)
}
