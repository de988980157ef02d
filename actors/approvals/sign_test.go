package approvals_test

import (
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
)

// TestTheTerminalIsReadBack: what a person pressed is recorded as theirs, and
// never answered as an allow.
func TestTheTerminalIsReadBack(t *testing.T) {
	ran := approvals.Sign{Kind: approvals.SignRan, Call: "call ls"}
	for _, tc := range []struct {
		name  string
		signs []approvals.Sign
		wait  time.Duration
		want  iapeer.ApprovalState
		via   string
	}{
		{"the tool ran", []approvals.Sign{ran}, 0, iapeer.ApprovalAllowed, "terminal"},
		{"it stays idle", []approvals.Sign{{Kind: approvals.SignIdle}}, 2 * time.Second, iapeer.ApprovalDenied, "terminal"},
		{"idle, then busy", []approvals.Sign{{Kind: approvals.SignIdle}, {Kind: approvals.SignBusy}}, 2 * time.Second, iapeer.ApprovalOpen, ""},
		{"another tool ran", []approvals.Sign{{Kind: approvals.SignRan, Call: "call rm"}}, 0, iapeer.ApprovalOpen, ""},
		{"it ended", []approvals.Sign{{Kind: approvals.SignExit}}, 0, iapeer.ApprovalGone, "requester"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			a := r.ask(question("ls", "k"))
			r.asked(1)
			r.desk.Observe(anna, 2, ran) // of another session
			for _, s := range tc.signs {
				r.desk.Observe(anna, 1, s)
				r.list()
			}
			r.advance(tc.wait)
			if tc.want == iapeer.ApprovalOpen {
				if k := r.list(); len(k.Approvals) != 1 {
					t.Errorf("list %+v", k)
				}
				return
			}
			if e := r.resolved(1); e.State != tc.want || e.Via != tc.via {
				t.Errorf("resolved %+v", e)
			}
			if ans, err := a.answer(); err != nil || ans.Allow {
				t.Errorf("answer %+v, %v", ans, err)
			}
			if d := r.onDisk("a1"); d.State != tc.want {
				t.Errorf("on disk %+v", d)
			}
			if ans, err := r.ask(question("ls", "k")).answer(); err != nil || ans.Allow {
				t.Errorf("who came back heard %+v, %v", ans, err)
			}
		})
	}
}

// TestALapsedRequestIsCorrected: the dialog outlives our answer, and a person
// may still say yes there.
func TestALapsedRequestIsCorrected(t *testing.T) {
	r := newRig(t)
	a := r.ask(question("ls", "k"))
	r.asked(1)
	r.advance(5 * time.Minute)
	if _, err := a.answer(); err != nil {
		t.Fatal(err)
	}
	r.desk.Observe(anna, 1, approvals.Sign{Kind: approvals.SignRan, Call: "call ls"})
	if e := r.resolved(2); e.State != iapeer.ApprovalAllowed || e.Via != "terminal" {
		t.Errorf("resolved %+v", e)
	}
	b := r.ask(question("ls", "l")) // what was allowed here explains its own run
	id := r.asked(2).ID
	r.allow(id)
	if _, err := b.answer(); err != nil {
		t.Fatal(err)
	}
	r.desk.Observe(anna, 1, approvals.Sign{Kind: approvals.SignRan, Call: "call ls"})
	r.list()
	if d := r.onDisk(id); d.Via != "cli" {
		t.Errorf("on disk %+v", d)
	}
}

func TestAToolUseIsKnownByItsID(t *testing.T) {
	r := newRig(t)
	q := question("ls", "k")
	q.Approval.ToolUse = "call_1"
	r.ask(q)
	r.asked(1)
	r.desk.Observe(anna, 1, approvals.Sign{Kind: approvals.SignRan, ToolUse: "call_2", Call: "call ls"})
	if k := r.list(); len(k.Approvals) != 1 {
		t.Errorf("another call settled it: %+v", k)
	}
	r.desk.Observe(anna, 1, approvals.Sign{Kind: approvals.SignRan, ToolUse: "call_1", Call: "call ls"})
	if e := r.resolved(1); e.Via != "terminal" {
		t.Errorf("resolved %+v", e)
	}
}
