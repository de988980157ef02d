package approvals

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// deferredGrant is how long a yes to a deferred request lets the peer repeat
// it.
const deferredGrant = 24 * time.Hour

// decide records a person's word.
func (d *desk) decide(m decide) {
	r, err := d.wanted(m.v)
	if err != nil {
		m.reply(Decided{}, err)
		return
	}
	next := r.rec
	next.State, next.Reason, next.By, next.Via, next.Resolved = iapeer.ApprovalDenied, m.v.Reason, m.v.By, m.v.Via, d.cfg.Clock.Now()
	c := &change{reply: m.reply}
	if m.v.Allow {
		next.State = iapeer.ApprovalAllowed
		if g := d.grantOf(r.rec, m.v); g != nil {
			c.grants, c.given = []iapeer.Grant{*g}, g
		}
	} else if next.Reason == "" {
		next.Reason = "denied by " + m.v.By
	}
	c.next = next
	d.keep(r, c)
}

// wanted finds the request that a verdict is about.
func (d *desk) wanted(v Verdict) (*request, error) {
	var pending []*request
	for _, r := range d.order {
		if r.kept && r.rec.State.Pending() && (v.ID == "" || r.rec.ID == v.ID) {
			pending = append(pending, r)
		}
	}
	switch {
	case len(pending) == 0 && v.ID == "":
		return nil, fmt.Errorf("%w: nothing waits for an answer", ErrUnknown)
	case len(pending) == 0:
		return nil, fmt.Errorf("%s: %w", v.ID, ErrUnknown)
	case len(pending) > 1:
		var ids []string
		for _, r := range pending {
			ids = append(ids, r.rec.ID)
		}
		return nil, fmt.Errorf("%w: name one of %s", ErrWhich, strings.Join(ids, ", "))
	}
	r := pending[0]
	switch may := r.rec.Approvers; {
	case len(may) > 0 && !slices.Contains(may, iapeer.Name(v.By)):
		return nil, fmt.Errorf("%s: %w: %s", r.rec.ID, ErrNotYou, joined(may))
	case r.writing != nil:
		return nil, fmt.Errorf("%s: %w", r.rec.ID, ErrBusy)
	}
	return r, nil
}

func joined(names []iapeer.Name) string {
	var s []string
	for _, n := range names {
		s = append(s, string(n))
	}
	return strings.Join(s, ", ")
}

// grantOf makes the grant that a yes asks for, or nil. A yes to a deferred
// request lets the peer repeat it once: its session, and with it the scope
// "session", is over.
func (d *desk) grantOf(a iapeer.Approval, v Verdict) *iapeer.Grant {
	now := d.cfg.Clock.Now()
	g := iapeer.Grant{
		Identity: a.Identity, Tool: a.Tool, Input: a.Input, Summary: a.Summary, Scope: v.Scope, Generation: a.Generation,
		Approval: a.ID, By: v.By, Created: now,
	}
	if v.Any {
		g.Input = ""
	}
	deferred := a.State == iapeer.ApprovalDeferred
	switch {
	case deferred && (v.Scope == "" || v.Scope == iapeer.GrantOnce || v.Scope == iapeer.GrantSession):
		g.Scope, g.Input, g.Until = iapeer.GrantOnce, a.Input, now.Add(deferredGrant)
	case v.Scope == "" || v.Scope == iapeer.GrantOnce:
		return nil
	case v.Scope == iapeer.GrantTimed:
		g.Until = now.Add(v.For)
	}
	d.lastGrant++
	g.ID = "g" + strconv.FormatInt(d.lastGrant, 10)
	return &g
}

// matching returns a grant that lets a request through, or nil. One for a
// single use is taken last.
func (d *desk) matching(a iapeer.Approval) *iapeer.Grant {
	var found *iapeer.Grant
	for i, g := range d.validGrants() {
		fits := g.Identity == a.Identity && g.Tool == a.Tool && (g.Input == "" || g.Input == a.Input) &&
			(g.Scope != iapeer.GrantSession || g.Generation == a.Generation)
		if fits && (found == nil || found.Scope == iapeer.GrantOnce) {
			found = &d.grants[i]
		}
	}
	return found
}

// validGrants drops what has run out.
func (d *desk) validGrants() []iapeer.Grant {
	now := d.cfg.Clock.Now()
	d.grants = slices.DeleteFunc(d.grants, func(g iapeer.Grant) bool {
		over := !g.Until.IsZero() && !now.Before(g.Until)
		if over {
			d.drop(g)
		}
		return over
	})
	return d.grants
}

// drop forgets a grant on disk. If that fails, it runs out again.
func (d *desk) drop(g iapeer.Grant) {
	g.Over = true
	d.cfg.Board.KeepGrant(g, func(error) {})
}

// useGrant lets a request through by a grant. The use is taken at once, so that
// a single one is not used twice.
func (d *desk) useGrant(r *request, g iapeer.Grant) {
	used := g
	used.Used++
	used.Over = used.Scope == iapeer.GrantOnce
	d.takeGrants([]iapeer.Grant{used})
	next := r.rec
	next.State, next.By, next.Via, next.Resolved = iapeer.ApprovalAllowed, g.By, "grant "+g.ID, d.cfg.Clock.Now()
	next.Reason = fmt.Sprintf("allowed by grant %s of %s (%s, for %s)", g.ID, g.By, scopeWords(g), g.Approval)
	d.keep(r, &change{next: next, grants: []iapeer.Grant{used}})
}

func scopeWords(g iapeer.Grant) string {
	if g.Scope == iapeer.GrantTimed {
		return "until " + g.Until.Local().Format(time.DateTime)
	}
	return string(g.Scope)
}

// takeGrants brings memory in line with grants that changed.
func (d *desk) takeGrants(changed []iapeer.Grant) {
	for _, g := range changed {
		i := slices.IndexFunc(d.grants, func(o iapeer.Grant) bool { return o.ID == g.ID })
		switch {
		case i >= 0 && g.Over:
			d.grants = slices.Delete(d.grants, i, i+1)
		case i >= 0:
			d.grants[i].Used = max(d.grants[i].Used, g.Used)
		case !g.Over && g.Used == 0:
			d.grants = append(d.grants, g)
		}
	}
}

// returnGrants undoes a use that could not be kept.
func (d *desk) returnGrants(changed []iapeer.Grant) {
	for _, g := range changed {
		if g.Used > 0 && g.Over {
			g.Used, g.Over = g.Used-1, false
			d.grants = append(d.grants, g)
		}
	}
}

// revoke ends a grant. It holds no longer from now on, and is answered when
// that is on disk.
func (d *desk) revoke(m revoke) {
	i := slices.IndexFunc(d.grants, func(g iapeer.Grant) bool { return g.ID == m.id })
	if i < 0 {
		m.reply(iapeer.Grant{}, fmt.Errorf("grant %s: %w", m.id, ErrUnknown))
		return
	}
	g := d.grants[i]
	d.grants = slices.Delete(d.grants, i, i+1)
	g.Over = true
	d.cfg.Board.KeepGrant(g, func(err error) { d.post(granted{grant: g, reply: m.reply, err: err}) })
}
