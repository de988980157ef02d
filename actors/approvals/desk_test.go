package approvals_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
)

func quiet(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestAPersonAllows(t *testing.T) {
	r := newRig(t)
	a := r.ask(question("ls", "k"))
	if got := r.asked(1); got.ID != "a1" || got.State != iapeer.ApprovalOpen || !got.Expires.Equal(r.Now().Add(5*time.Minute)) {
		t.Errorf("requested %+v", got)
	}
	if k := r.list(); len(k.Approvals) != 1 || k.Approvals[0].Content != "ls" {
		t.Errorf("list = %+v", k)
	}
	r.advance(time.Minute)
	got, err := r.decide(approvals.Verdict{Allow: true, Via: "cli"}) // the only one needs no id
	if err != nil || got.Approval.ID != "a1" || got.Grant != nil {
		t.Fatalf("Decide = %+v, %v", got, err)
	}
	if d := r.onDisk("a1"); d.State != iapeer.ApprovalAllowed || d.By != "ada" || d.Via != "cli" {
		t.Errorf("on disk %+v", d)
	}
	if ans, err := a.answer(); err != nil || !ans.Allow || ans.ID != "a1" {
		t.Errorf("answer %+v, %v", ans, err)
	}
	if e := r.resolved(1); e.Resolved.Sub(e.Created) != time.Minute {
		t.Errorf("resolved %+v", e)
	}
	if _, err := r.decide(approvals.Verdict{ID: "a1"}); !errors.Is(err, approvals.ErrUnknown) {
		t.Errorf("a second verdict: %v", err)
	}
	if w := strings.Join(r.waits, "|"); w != "approval a1: Bash|" {
		t.Errorf("the presence was told %q", w)
	}
}

func TestAPersonDeniesWithAReason(t *testing.T) {
	r := newRig(t)
	a, b := r.ask(question("ls", "k")), r.ask(question("rm", "l"))
	r.asked(2)
	if _, err := r.decide(approvals.Verdict{}); !errors.Is(err, approvals.ErrWhich) {
		t.Errorf("a verdict on one of two: %v", err)
	}
	for id, reason := range map[string]string{"a1": "because", "a2": ""} {
		if _, err := r.decide(approvals.Verdict{ID: id, Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	one, _ := a.answer()
	two, _ := b.answer()
	if one.ID == "a2" {
		one, two = two, one
	}
	if one.Allow || two.Allow || one.Reason != "because" || two.Reason != "denied by ada" {
		t.Errorf("answers %+v and %+v", one, two)
	}
}

func TestSilenceDenies(t *testing.T) {
	r := newRig(t)
	a := r.ask(question("ls", "k"))
	r.asked(1)
	r.advance(5*time.Minute - 1)
	if k := r.list(); len(k.Approvals) != 1 {
		t.Fatalf("over too early: %+v", k)
	}
	r.advance(1)
	if ans, err := a.answer(); err != nil || ans.Allow || !strings.Contains(ans.Reason, "timed out") {
		t.Errorf("answer %+v, %v", ans, err)
	}
	if e := r.resolved(1); e.State != iapeer.ApprovalTimedOut || e.Via != "timeout" || e.By != "iapeer" {
		t.Errorf("resolved %+v", e)
	}
	if d := r.onDisk("a1"); d.State != iapeer.ApprovalTimedOut {
		t.Errorf("on disk %+v", d)
	}
}

func TestWhoGoesAwayIsDenied(t *testing.T) {
	r := newRig(t)
	a := r.ask(question("ls", ""))
	r.asked(1)
	a.cancel()
	if e := r.resolved(1); e.State != iapeer.ApprovalGone || e.Reason != "requester disconnected" {
		t.Errorf("resolved %+v", e)
	}
	b := r.ask(question("ls", "k")) // one that may come back has a moment
	r.asked(2)
	b.cancel()
	<-b.err
	r.list() // that it left was heard
	told := 0
	r.until("a count of what the presence was told", func() bool { told = len(r.waits); return true })
	again := r.ask(question("ls", "k"))
	r.until("who came back to be heard", func() bool { return len(r.waits) > told })
	r.advance(4 * time.Second)
	r.allow("a2")
	if ans, err := again.answer(); err != nil || !ans.Allow {
		t.Errorf("who came back heard %+v, %v", ans, err)
	}
	c := r.ask(question("ls", "l"))
	r.asked(3)
	c.cancel()
	<-c.err
	r.list()
	r.advance(4 * time.Second)
	if e := r.resolved(3); e.ID != "a3" || e.State != iapeer.ApprovalGone {
		t.Errorf("resolved %+v", e)
	}
}

func TestOnlyNamedPeopleDecide(t *testing.T) {
	r := newRig(t)
	q := question("ls", "k")
	q.Approval.Approvers = []iapeer.Name{"bob"}
	a := r.ask(q)
	r.asked(1)
	if _, err := r.decide(approvals.Verdict{Allow: true}); !errors.Is(err, approvals.ErrNotYou) {
		t.Errorf("ada decided: %v", err)
	}
	if _, err := r.decide(approvals.Verdict{Allow: true, By: "bob"}); err != nil {
		t.Error(err)
	}
	if ans, _ := a.answer(); !ans.Allow {
		t.Errorf("answer %+v", ans)
	}
}

// TestADecisionSurvivesTheDaemon kills the desk before and after a verdict; who
// asked comes back with its key.
func TestADecisionSurvivesTheDaemon(t *testing.T) {
	r := newRig(t)
	r.ask(question("ls", "k"))
	r.ask(question("rm", ""))
	r.asked(2)
	r.kill()
	r.start()
	if k := r.list(); len(k.Approvals) != 2 {
		t.Fatalf("after the restart %+v", k)
	}
	ids := map[string]string{}
	for _, a := range r.list().Approvals {
		ids[a.Content] = a.ID
	}
	r.allow(ids["ls"])
	if ans, err := r.ask(question("ls", "k")).answer(); err != nil || !ans.Allow || ans.ID != ids["ls"] {
		t.Errorf("who came back heard %+v, %v", ans, err)
	}
	r.kill()
	r.start()
	if ans, err := r.ask(question("ls", "k")).answer(); err != nil || !ans.Allow {
		t.Errorf("who came back after another restart heard %+v, %v", ans, err)
	}
	r.list()
	r.advance(time.Minute) // nobody claims the other one
	r.until("the unclaimed one to end", func() bool {
		e, ok := r.events[len(r.events)-1].(iapeer.ApprovalResolved)
		return ok && e.Approval.ID == ids["rm"] && e.Approval.State == iapeer.ApprovalGone
	})
	r.ask(question("new", "n"))
	if a := r.asked(3); a.ID != "a3" {
		t.Errorf("the next id is %s, want a3", a.ID)
	}
}

func TestTimeRunsOutWhileTheDaemonIsDown(t *testing.T) {
	r := newRig(t)
	r.ask(question("ls", "k"))
	r.asked(1)
	r.kill()
	r.advance(time.Hour)
	r.start()
	r.list()
	r.advance(0)
	if e := r.resolved(1); e.State != iapeer.ApprovalTimedOut {
		t.Errorf("resolved %+v", e)
	}
	if ans, err := r.ask(question("ls", "k")).answer(); err != nil || ans.Allow {
		t.Errorf("who came back heard %+v, %v", ans, err)
	}
}

func TestAStoppingDaemonDeniesOrCallsBack(t *testing.T) {
	r := newRig(t)
	a, b := r.ask(question("ls", "k")), r.ask(question("rm", ""))
	r.asked(2)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.desk.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if ans, err := a.answer(); !errors.Is(err, iapeer.ErrShuttingDown) || ans.Allow {
		t.Errorf("who comes back heard %+v, %v", ans, err)
	}
	if ans, err := b.answer(); ans.Allow || err == nil && ans.Reason != "the daemon is stopping" {
		t.Errorf("who does not heard %+v, %v", ans, err)
	}
	if ans, err := r.ask(question("late", "l")).answer(); ans.Allow || err == nil {
		t.Errorf("a late one heard %+v, %v", ans, err)
	}
}

// TestAFullDiskDenies: nothing is asked that cannot be kept, and nothing is
// allowed that is not kept.
func TestAFullDiskDenies(t *testing.T) {
	r := newRig(t)
	full := errors.New("disk full")
	r.list()
	r.shelf.fail(full)
	if ans, err := r.ask(question("ls", "k")).answer(); err != nil || ans.Allow || !strings.Contains(ans.Reason, "disk full") {
		t.Errorf("answer %+v, %v", ans, err)
	}
	r.shelf.fail(nil)
	a := r.ask(question("ls", "l"))
	id := r.asked(1).ID
	r.shelf.fail(full)
	if _, err := r.decide(approvals.Verdict{ID: id, Allow: true}); !errors.Is(err, full) {
		t.Errorf("Decide = %v", err)
	}
	if k := r.list(); len(k.Approvals) != 1 {
		t.Errorf("the verdict took effect: %+v", k)
	}
	r.advance(5 * time.Minute)
	if ans, err := a.answer(); err != nil || ans.Allow {
		t.Errorf("answer %+v, %v", ans, err)
	}
}

func TestOneSessionAsksOnlySoMuch(t *testing.T) {
	r := newRig(t)
	for range 64 {
		r.ask(question("ls", ""))
	}
	r.asked(64)
	if ans, err := r.ask(question("one more", "")).answer(); err != nil || ans.Allow || !strings.Contains(ans.Reason, "64") {
		t.Errorf("answer %+v, %v", ans, err)
	}
}
