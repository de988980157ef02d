package client

import (
	"context"
	"net/url"
	"time"

	"github.com/iapeer/iapeer"
)

// An Approval is a request for a person's word, as the fleet API shows it.
// Times are Unix milliseconds.
type Approval struct {
	ID          string   `json:"id"`
	Personality string   `json:"personality"`
	Runtime     string   `json:"runtime"`
	Kind        string   `json:"kind"`
	Tool        string   `json:"tool"`
	Title       string   `json:"title"`
	Summary     string   `json:"summary"` // one line
	Content     string   `json:"content"` // what would run, verbatim
	Approvers   []string `json:"approvers,omitempty"`
	CreatedMs   int64    `json:"createdMs"`
	ExpiresMs   int64    `json:"expiresMs,omitempty"` // when silence becomes a deny
	State       string   `json:"state"`               // "open", "deferred", "allowed", "denied", "timed out", "gone"
	Decision    string   `json:"decision,omitempty"`  // "allow" or "deny"
	Reason      string   `json:"reason,omitempty"`
	By          string   `json:"by,omitempty"`
	Via         string   `json:"via,omitempty"`
	ResolvedMs  int64    `json:"resolvedMs,omitempty"`
}

// A Grant is a person's yes that holds for later requests.
type Grant struct {
	ID          string `json:"id"`
	Personality string `json:"personality"`
	Runtime     string `json:"runtime"`
	Tool        string `json:"tool"`
	AnyInput    bool   `json:"anyInput"` // for every input of the tool, not only the one in Summary
	Summary     string `json:"summary"`
	Scope       string `json:"scope"` // "once", "session", "for" or "always"
	UntilMs     int64  `json:"untilMs,omitempty"`
	Approval    string `json:"approval"` // the request it was given for
	By          string `json:"by"`
	CreatedMs   int64  `json:"createdMs"`
	Used        int    `json:"used"` // requests it let through
}

// A VerdictRequest is a person's word on an approval.
type VerdictRequest struct {
	Approver string `json:"approver,omitempty"` // who decides; it must be who the daemon sees
	Via      string `json:"via,omitempty"`      // over what the word came: "cli", "telegram", …
	Reason   string `json:"reason,omitempty"`
	Scope    string `json:"scope,omitempty"` // of an approve: "once" (default), "session", "for", "always"
	For      string `json:"for,omitempty"`   // of the scope "for": a Go duration
	Tool     bool   `json:"tool,omitempty"`  // the yes holds for any input of the tool
}

// A VerdictReply tells that a verdict is on disk.
type VerdictReply struct {
	ID       string    `json:"id"`
	Action   string    `json:"action"` // "approve" or "deny"
	OK       bool      `json:"ok"`
	Approval *Approval `json:"approval,omitempty"`
	Grant    *Grant    `json:"grant,omitempty"` // what holds for later requests
}

// An ApprovalRequest asks for a person's word.
type ApprovalRequest struct {
	Personality string   `json:"personality"`
	Runtime     string   `json:"runtime,omitempty"` // default "claude"
	Kind        string   `json:"kind,omitempty"`    // default "tool"
	Tool        string   `json:"tool"`
	Content     string   `json:"content"`
	Summary     string   `json:"summary,omitempty"`
	Title       string   `json:"title,omitempty"`
	Approvers   []string `json:"approvers,omitempty"`
}

// An ApprovalReply is the answer to an [ApprovalRequest].
type ApprovalReply struct {
	ID       string `json:"id"`
	Decision string `json:"decision"` // "allow" or "deny"
	Reason   string `json:"reason,omitempty"`
}

// A ModeRequest changes who decides what a peer's agent may run.
type ModeRequest struct {
	Mode      string `json:"mode,omitempty"`      // "gated" or "yolo"; "" leaves it
	OnTimeout string `json:"onTimeout,omitempty"` // "deny" or "wait"; "" leaves it
	Now       bool   `json:"now,omitempty"`       // restart the live session, so that it holds at once
}

// A ModeReply tells what holds for a peer.
type ModeReply struct {
	Personality string `json:"personality"`
	Mode        string `json:"approval_mode"`
	OnTimeout   string `json:"approval_on_timeout"`
	Changed     bool   `json:"changed"`
	Applies     string `json:"applies"` // "now" or "next start"
}

// WireApproval returns a as the fleet API shows it.
func WireApproval(a iapeer.Approval) Approval {
	out := Approval{
		ID: a.ID, Personality: string(a.Identity.Name), Runtime: string(a.Identity.Runtime), Kind: a.Kind, Tool: a.Tool, Title: a.Title,
		Summary: a.Summary, Content: a.Content, CreatedMs: unixMilli(a.Created), ExpiresMs: unixMilli(a.Expires),
		State: string(a.State), Decision: a.State.Decision(), Reason: a.Reason, By: a.By, Via: a.Via, ResolvedMs: unixMilli(a.Resolved),
	}
	for _, n := range a.Approvers {
		out.Approvers = append(out.Approvers, string(n))
	}
	return out
}

// WireGrant returns g as the fleet API shows it.
func WireGrant(g iapeer.Grant) Grant {
	return Grant{
		ID: g.ID, Personality: string(g.Identity.Name), Runtime: string(g.Identity.Runtime), Tool: g.Tool, AnyInput: g.Input == "", Summary: g.Summary,
		Scope: string(g.Scope), UntilMs: unixMilli(g.Until), Approval: g.Approval, By: g.By, CreatedMs: unixMilli(g.Created), Used: g.Used,
	}
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Approvals returns what waits for a person's word, oldest first.
func (c *Client) Approvals(ctx context.Context) ([]Approval, error) {
	var r struct {
		Approvals []Approval `json:"approvals"`
	}
	err := c.do(ctx, "GET", "/fleet/v1/approvals", nil, &r)
	return r.Approvals, err
}

// Approval returns one approval, decided or not.
func (c *Client) Approval(ctx context.Context, id string) (Approval, error) {
	var r struct {
		Approval Approval `json:"approval"`
	}
	err := c.do(ctx, "GET", "/fleet/v1/approvals/"+url.PathEscape(id), nil, &r)
	return r.Approval, err
}

// Verdict records a person's word: action is "approve" or "deny".
func (c *Client) Verdict(ctx context.Context, id, action string, v VerdictRequest) (VerdictReply, error) {
	var r VerdictReply
	err := c.do(ctx, "POST", "/fleet/v1/approvals/"+url.PathEscape(id)+"/"+url.PathEscape(action), v, &r)
	return r, err
}

// RequestApproval asks for a person's word and waits for it. With an error it
// is a deny; an end of ctx withdraws the request.
func (c *Client) RequestApproval(ctx context.Context, q ApprovalRequest) (ApprovalReply, error) {
	var r ApprovalReply
	err := c.do(ctx, "POST", "/fleet/v1/approvals", q, &r)
	return r, err
}

// Grants returns the grants that hold, oldest first.
func (c *Client) Grants(ctx context.Context) ([]Grant, error) {
	var r struct {
		Grants []Grant `json:"grants"`
	}
	err := c.do(ctx, "GET", "/fleet/v1/grants", nil, &r)
	return r.Grants, err
}

// Revoke ends a grant.
func (c *Client) Revoke(ctx context.Context, id string) (Grant, error) {
	var r struct {
		Grant Grant `json:"grant"`
	}
	err := c.do(ctx, "POST", "/fleet/v1/grants/"+url.PathEscape(id)+"/revoke", nil, &r)
	return r.Grant, err
}

// ApprovalMode changes who decides what a peer's agent may run; an empty
// request only tells.
func (c *Client) ApprovalMode(ctx context.Context, peer string, m ModeRequest) (ModeReply, error) {
	var r ModeReply
	err := c.do(ctx, "POST", "/fleet/v1/peers/"+url.PathEscape(peer)+"/approval-mode", m, &r)
	return r, err
}
