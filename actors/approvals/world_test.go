package approvals_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/board"
)

var anna = iapeer.Identity{Runtime: "claude", Name: "anna"}

// clock is time that a test moves.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
}

type timer struct {
	at time.Time
	f  func()
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(o *timer) bool { return o == t })
	}
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []*timer
	c.timers = slices.DeleteFunc(c.timers, func(t *timer) bool {
		if !t.at.After(c.now) {
			due = append(due, t)
			return true
		}
		return false
	})
	c.mu.Unlock()
	for _, t := range due {
		t.f()
	}
}

// shelf is the board on disk; failing, it keeps nothing.
type shelf struct {
	*board.Board
	ctx     context.Context
	mu      sync.Mutex
	failing error
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = err
}

func (s *shelf) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing
}

func (s *shelf) Load() (approvals.Kept, error) {
	k, err := s.Desk(s.ctx)
	return approvals.Kept{Approvals: k.Approvals, Grants: k.Grants, LastApproval: k.LastApproval, LastGrant: k.LastGrant}, err
}

func (s *shelf) KeepApproval(a iapeer.Approval, g []iapeer.Grant, done func(error)) {
	if err := s.broken(); err != nil {
		done(err)
		return
	}
	s.Board.KeepApproval(a, g, done)
}

func (s *shelf) KeepGrant(g iapeer.Grant, done func(error)) {
	if err := s.broken(); err != nil {
		done(err)
		return
	}
	s.Board.KeepGrant(g, done)
}

// town is the world beside the desk; it keeps what it is told.
type town struct {
	mu       sync.Mutex
	events   []iapeer.Event
	waits    []string
	deferred []string
	answered []string
	changed  chan struct{}
}

func (w *town) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *town) Publish(e iapeer.Event) { w.note(func() { w.events = append(w.events, e) }) }

func (w *town) Waits(_ iapeer.Identity, _ int64, what string) {
	w.note(func() { w.waits = append(w.waits, what) })
}

func (w *town) Deferred(a iapeer.Approval) {
	w.note(func() { w.deferred = append(w.deferred, a.ID) })
}

func (w *town) Answered(a iapeer.Approval) {
	w.note(func() { w.answered = append(w.answered, a.ID+" "+a.State.Decision()) })
}

// rig is a desk with its world. A restart keeps the disk and the clock.
type rig struct {
	t    *testing.T
	path string
	*clock
	*town
	cfg   approvals.Config
	sys   *actor.ActorSystem
	db    *store.DB
	shelf *shelf
	desk  *approvals.Desk
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t: t, path: t.TempDir() + "/iapeer.db", clock: &clock{now: time.UnixMilli(1_700_000_000_000)},
		town: &town{changed: make(chan struct{})}, cfg: approvals.Config{Limit: 5 * time.Minute, Grace: 3 * time.Second, Claim: 45 * time.Second, Settle: time.Second},
	}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *rig) start() {
	r.t.Helper()
	db, err := store.Open(context.Background(), r.path, zap.NewNop(), board.Migrations())
	if err != nil {
		r.t.Fatal(err)
	}
	r.db, r.shelf = db, &shelf{Board: board.New(db), ctx: context.Background()}
	r.sys = actor.NewActorSystem(actor.WithLoggerFactory(quiet))
	r.cfg.Board, r.cfg.World, r.cfg.Clock, r.cfg.Log = r.shelf, r.town, r.clock, zap.NewNop()
	if r.desk, err = approvals.Start(r.sys.Root, r.cfg); err != nil {
		r.t.Fatal(err)
	}
}

// kill ends the desk as a SIGKILL would: nobody is told anything.
func (r *rig) kill() {
	r.sys.Root.Stop(actor.NewPID(r.sys.Address(), "approvals"))
	r.db.Close()
	r.sys.Shutdown()
}

// asking is a question under way.
type asking struct {
	r      *rig
	cancel context.CancelFunc
	c      chan approvals.Answer
	err    chan error
}

// question is about one command of anna's first session.
func question(command, key string) approvals.Question {
	return approvals.Question{Returns: key != "", Approval: iapeer.Approval{
		Identity: anna, Generation: 1, Kind: "tool", Tool: "Bash", Title: "anna · Bash", Summary: command, Content: command,
		Call: "call " + command, Input: "input " + command, Key: key,
	}}
}

func (r *rig) ask(q approvals.Question) *asking {
	ctx, cancel := context.WithCancel(context.Background())
	a := &asking{r: r, cancel: cancel, c: make(chan approvals.Answer, 1), err: make(chan error, 1)}
	go func() {
		got, err := r.desk.Ask(ctx, q)
		a.c <- got
		a.err <- err
	}()
	r.t.Cleanup(cancel)
	return a
}

// answer waits for the answer.
func (a *asking) answer() (approvals.Answer, error) {
	a.r.t.Helper()
	select {
	case got := <-a.c:
		return got, <-a.err
	case <-time.After(patience):
		a.r.t.Fatal("no answer")
		return approvals.Answer{}, nil
	}
}

const patience = 10 * time.Second

// until waits until the world shows what is wanted.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	limit := time.After(patience)
	for {
		r.town.mu.Lock()
		changed, done := r.changed, ok()
		r.town.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			r.t.Fatalf("waited for %s; events %+v, waits %q", what, r.events, r.waits)
		}
	}
}

// requests counts the requests that were published.
func (r *rig) requests() (n int) {
	r.town.mu.Lock()
	defer r.town.mu.Unlock()
	for _, e := range r.events {
		if _, ok := e.(iapeer.ApprovalRequested); ok {
			n++
		}
	}
	return n
}

// asked waits until n requests were published, and returns the last one.
func (r *rig) asked(n int) iapeer.Approval {
	r.t.Helper()
	var last iapeer.Approval
	r.until("requests", func() bool {
		count := 0
		for _, e := range r.events {
			if q, ok := e.(iapeer.ApprovalRequested); ok {
				count++
				last = q.Approval
			}
		}
		return count == n
	})
	return last
}

// resolved waits until n are resolved, and returns the last one.
func (r *rig) resolved(n int) iapeer.Approval {
	r.t.Helper()
	var last iapeer.Approval
	r.until("resolutions", func() bool {
		count := 0
		for _, e := range r.events {
			if q, ok := e.(iapeer.ApprovalResolved); ok {
				count++
				last = q.Approval
			}
		}
		return count == n
	})
	return last
}

func (r *rig) decide(v approvals.Verdict) (approvals.Decided, error) {
	r.t.Helper()
	if v.By == "" {
		v.By = "ada"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.desk.Decide(ctx, v)
}

func (r *rig) allow(id string) {
	r.t.Helper()
	if _, err := r.decide(approvals.Verdict{ID: id, Allow: true, Via: "cli"}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) list() approvals.Kept {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	k, err := r.desk.Board(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return k
}

// onDisk is an approval as the next daemon would find it.
func (r *rig) onDisk(id string) iapeer.Approval {
	r.t.Helper()
	a, ok, err := r.shelf.Approval(context.Background(), id)
	if err != nil || !ok {
		r.t.Fatalf("%s is not on disk: %v", id, err)
	}
	return a
}
