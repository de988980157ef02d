// Package approvals is the desk at which sessions wait for a person's word.
//
// A session's hook asks whether a tool may run and waits. The desk keeps the
// request on disk before anybody sees it, and the answer before anybody hears
// it. It lets a tool run only on a person's word: given now, given earlier as a
// grant, or given while nobody listened, for who asked comes back with the same
// key. Everything else is a deny: no answer in time, who asked went away, the
// store failed, the daemon stopped, the actor panicked.
//
//	opening → open → allowed | denied | timed out | gone
//	                 open → deferred → allowed | denied     (a peer that waits)
//
// What a person did at the terminal meanwhile is recorded as theirs; the desk
// never answers "allow" because of it, since the program no longer listens.
//
// The desk decides for nobody: that the caller of [Desk.Decide] is a person is
// for the gate to prove. It keeps no state that a restart would miss, except who
// waits, and who waits asks again.
package approvals

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/supervisor"
)

// The errors a caller may branch on, with errors.Is.
var (
	ErrUnknown = errors.New("no such approval waits")
	ErrWhich   = errors.New("more than one approval waits")
	ErrNotYou  = errors.New("another person is to decide this")
	ErrBusy    = errors.New("it is being decided now")
)

// Config are the desk's limits and ports. All ports are required.
type Config struct {
	Limit  time.Duration // how long a request waits for a person; default 300 s
	Grace  time.Duration // who went away may come back within it; default 3 s
	Claim  time.Duration // after a start: for all who waited before; default 45 s
	Settle time.Duration // an idle session with an open request: it was interrupted; default 1.5 s

	Board Board
	World World
	Clock Clock // nil means the system's
	Log   *zap.Logger

	probe    func(any)          // tests inject panics here; nil otherwise
	restarts *supervisor.Policy // tests do not wait; nil means panicPolicy
}

// Board keeps approvals and grants. Callbacks may run on any goroutine and are
// called exactly once.
type Board interface {
	// Load returns what is kept, with every change that was handed in before. It
	// may block.
	Load() (Kept, error)
	// KeepApproval keeps an approval and grants that changed with it, all or
	// nothing.
	KeepApproval(iapeer.Approval, []iapeer.Grant, func(error))
	KeepGrant(iapeer.Grant, func(error))
}

// Kept is what the board holds, oldest first, and the highest numbers that
// were ever given.
type Kept struct {
	Approvals               []iapeer.Approval
	Grants                  []iapeer.Grant
	LastApproval, LastGrant int64
}

// World is what the desk tells others. Calls return at once.
type World interface {
	// Publish tells observers.
	Publish(iapeer.Event)
	// Waits tells a session's presence for what a person is awaited, "" for
	// nothing any more.
	Waits(id iapeer.Identity, generation int64, what string)
	// Deferred tells that a peer was told to stop and is to sleep until its
	// request is decided.
	Deferred(iapeer.Approval)
	// Answered tells that a deferred request was decided: the peer is to be told.
	Answered(iapeer.Approval)
}

// Clock is the time that deadlines count.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once after d, unless it is stopped before.
	AfterFunc(d time.Duration, f func()) (stop func())
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		at *time.Duration
		v  time.Duration
	}{{&c.Limit, 300 * time.Second}, {&c.Grace, 3 * time.Second}, {&c.Claim, 45 * time.Second}, {&c.Settle, 1500 * time.Millisecond}} {
		if *d.at <= 0 {
			*d.at = d.v
		}
	}
	if c.restarts == nil {
		c.restarts = &panicPolicy
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	return c
}

// Desk is the running desk. Its methods may be called from any goroutine.
type Desk struct {
	root   *actor.RootContext
	pid    *actor.PID
	closed <-chan struct{} // from when nobody would answer
	close  context.CancelFunc
}

// panicPolicy never gives up: without the desk nothing could be approved.
var panicPolicy = supervisor.Policy{Intensity: math.MaxInt, Window: time.Minute, First: 10 * time.Millisecond, Limit: 5 * time.Second}

// Start starts the desk under root and begins to read what the board holds.
func Start(root *actor.RootContext, cfg Config) (*Desk, error) {
	cfg = cfg.withDefaults()
	strategy := supervisor.Strategy(*cfg.restarts, func(f supervisor.Failure) {
		cfg.Log.Error("an actor failed", zap.String("actor", f.Child.Id), zap.Any("reason", f.Reason))
	})
	props := actor.PropsFromProducer(func() actor.Actor { return newDesk(cfg) }, actor.WithGuardian(strategy))
	pid, err := root.SpawnNamed(props, "approvals")
	if err != nil {
		return nil, fmt.Errorf("start approvals: %w", err)
	}
	closing, closed := context.WithCancel(context.Background())
	return &Desk{root: root, pid: pid, closed: closing.Done(), close: closed}, nil
}

// Stop ends the desk: who waits and can come back is told to, everybody else is
// denied. What is open stays open on disk. It returns when all is told, or with
// ctx.
func (d *Desk) Stop(ctx context.Context) error {
	defer d.close()
	done := make(chan error, 1)
	go func() { done <- d.root.PoisonFuture(d.pid).Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A Question asks whether a tool may run.
type Question struct {
	Approval iapeer.Approval // what is asked; the desk sets id, times and state
	Waits    bool            // no answer in time defers instead of denying
	Returns  bool            // who asks comes back with the same key after a broken connection
}

// An Answer is what who asked hears. Its zero value denies.
type Answer struct {
	ID        string
	Allow     bool
	Reason    string
	Interrupt bool // the turn is to end
}

// Ask asks and waits for the answer. The error is [iapeer.ErrShuttingDown] when
// who asked should come back, or that of ctx, whose end withdraws the question;
// with an error nothing is allowed.
func (d *Desk) Ask(ctx context.Context, q Question) (Answer, error) {
	for {
		w := &waiter{c: make(chan told, 1)}
		d.root.Send(d.pid, asked{q: q, by: w})
		select {
		case t := <-w.c:
			if t.again {
				continue
			}
			return t.answer, t.err
		case <-ctx.Done():
			d.root.Send(d.pid, left{by: w})
			return Answer{}, ctx.Err()
		case <-d.closed:
			return Answer{}, iapeer.ErrShuttingDown
		}
	}
}

// A Verdict is a person's word.
type Verdict struct {
	ID     string // "" means the only one that waits
	Allow  bool
	Reason string
	By     string // the person's name
	Via    string // over what the word came; "" when not known
	Scope  iapeer.GrantScope
	For    time.Duration // of GrantTimed
	Any    bool          // the grant holds for any input of the tool
}

// Decide records a verdict and returns the approval as decided, with the grant
// that came of it, if one did. The verdict is on disk when it returns.
func (d *Desk) Decide(ctx context.Context, v Verdict) (Decided, error) {
	return call(ctx, d, func(reply func(Decided, error)) deskMessage { return decide{v: v, reply: reply} })
}

// Decided is the outcome of a verdict.
type Decided struct {
	Approval iapeer.Approval
	Grant    *iapeer.Grant
}

// Board returns what waits and which grants hold, oldest first.
func (d *Desk) Board(ctx context.Context) (Kept, error) {
	return call(ctx, d, func(reply func(Kept, error)) deskMessage { return list{reply: reply} })
}

// Revoke ends a grant; [ErrUnknown] when there is none of that id.
func (d *Desk) Revoke(ctx context.Context, id string) (iapeer.Grant, error) {
	return call(ctx, d, func(reply func(iapeer.Grant, error)) deskMessage { return revoke{id: id, reply: reply} })
}

// Observe takes what a session says of itself; see [Sign].
func (d *Desk) Observe(id iapeer.Identity, generation int64, s Sign) {
	d.root.Send(d.pid, observed{id: id, generation: generation, sign: s})
}

// call sends a message and waits for the first reply or ctx. A message that
// the desk lost in a restart is not repeated: the caller decides anew.
func call[T any](ctx context.Context, d *Desk, message func(reply func(T, error)) deskMessage) (T, error) {
	type answer struct {
		value T
		err   error
	}
	c := make(chan answer, 1)
	d.root.Send(d.pid, message(func(v T, err error) {
		select {
		case c <- answer{v, err}:
		default: // only the first answer counts
		}
	}))
	var zero T
	select {
	case a := <-c:
		return a.value, a.err
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-d.closed:
		return zero, iapeer.ErrShuttingDown
	}
}
