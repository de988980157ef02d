package approvals

import (
	"slices"

	"github.com/iapeer/iapeer"
)

// How a decision at the session's own terminal is recorded.
const (
	viaTerminal = "terminal"
	byTerminal  = "the person at the terminal"
)

// A SignKind tells signs apart.
type SignKind int

// The signs.
const (
	SignRan  SignKind = iota // a tool ran
	SignIdle                 // no turn runs
	SignBusy                 // a turn runs, or a dialog is up
	SignExit                 // the session ended
)

// A Sign is what a session says of itself that bears on its requests. ToolUse
// and Call, of SignRan, tell which tool ran; see [iapeer.Approval].
type Sign struct {
	Kind          SignKind
	ToolUse, Call string
}

// observe reads back what a person did at the terminal.
func (d *desk) observe(m observed) {
	switch m.sign.Kind {
	case SignRan:
		d.ranTool(m)
	case SignIdle:
		d.each(m, func(r *request) {
			if r.stops[timerSettle] == nil {
				d.arm(r, timerSettle, d.cfg.Settle)
			}
		})
	case SignBusy:
		d.each(m, func(r *request) { r.disarmOne(timerSettle) })
	case SignExit:
		d.each(m, func(r *request) { d.settle(r, iapeer.ApprovalGone, "the session ended", "requester") })
		d.grants = slices.DeleteFunc(d.grants, func(g iapeer.Grant) bool {
			over := g.Scope == iapeer.GrantSession && g.Identity == m.id && g.Generation == m.generation
			if over {
				d.drop(g)
			}
			return over
		})
	}
}

// each calls f with the open requests of a session.
func (d *desk) each(m observed, f func(*request)) {
	for _, r := range slices.Clone(d.order) {
		if r.kept && r.rec.State == iapeer.ApprovalOpen && r.rec.Identity == m.id && r.rec.Generation == m.generation {
			f(r)
		}
	}
}

// ranTool notes that a tool ran. If that was not allowed here, a person allowed
// it at the terminal: while the request was open, or after it had lapsed and
// only the dialog was left.
func (d *desk) ranTool(m observed) {
	var best *request
	rank := 0
	for _, r := range d.order {
		if n := d.rank(r, m); n > rank {
			best, rank = r, n
		}
	}
	if best == nil {
		return
	}
	best.ran = true
	if best.rec.State != iapeer.ApprovalAllowed {
		d.settle(best, iapeer.ApprovalAllowed, "allowed at the terminal", viaTerminal)
	}
}

// rank tells how well a request explains that a tool ran, 0 for not at all.
func (d *desk) rank(r *request, m observed) int {
	a := r.rec
	same := a.Identity == m.id && a.Generation == m.generation && r.kept && !r.ran
	if a.ToolUse != "" {
		same = same && a.ToolUse == m.sign.ToolUse
	} else {
		same = same && a.Call != "" && a.Call == m.sign.Call
	}
	if !same {
		return 0
	}
	switch a.State {
	case iapeer.ApprovalAllowed:
		return 3
	case iapeer.ApprovalOpen:
		return 2
	case iapeer.ApprovalTimedOut, iapeer.ApprovalGone:
		return 1
	case iapeer.ApprovalDenied, iapeer.ApprovalDeferred:
	}
	return 0
}
