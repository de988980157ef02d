package supervisor

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// A Failure is one failure of a child actor and what was decided. Decision
// holds the wait really taken.
type Failure struct {
	Child    *actor.PID
	Reason   any // what the child panicked with
	Decision Decision
}

// Strategy supervises child actors by p: each child for itself, restarted
// after its wait, stopped for good when p gives up. The parent then receives
// the child's *actor.Terminated as usual, and must not watch its own children.
//
// While a child waits for its restart its queue is suspended and its parent
// works on. The message that failed is lost, as are the child's children, so
// that a child recovers from what is on disk.
//
// If report is not nil, it is called with each failure, in the parent's turn:
// it must not block.
func Strategy(p Policy, report func(Failure)) actor.SupervisorStrategy {
	return &strategy{policy: p, report: report} // a pointer: the library keys its guardians by strategy
}

// Children lets p supervise the children of an actor, as [Strategy] does, and
// forgets the restarts that are due when the actor itself restarts or stops: its
// children end with it then, and the library wakes one that is told to restart
// while it ends, so that its parent would wait for its end for ever.
func Children(p Policy, report func(Failure)) actor.PropsOption {
	return func(props *actor.Props) {
		s := &strategy{policy: p, report: report}
		actor.WithSupervisor(s)(props)
		actor.WithReceiverMiddleware(s.follow)(props)
	}
}

type strategy struct {
	policy Policy
	report func(Failure)

	mu    sync.Mutex
	epoch int // of the parent: counts its restarts and its end
}

// follow watches the parent's own life.
func (s *strategy) follow(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(c actor.ReceiverContext, m *actor.MessageEnvelope) {
		switch m.Message.(type) {
		case *actor.Restarting, *actor.Stopping:
			s.mu.Lock()
			s.epoch++
			s.mu.Unlock()
		}
		next(c, m)
	}
}

// HandleFailure implements actor.SupervisorStrategy.
func (s *strategy) HandleFailure(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID,
	stats *actor.RestartStatistics, reason, _ any,
) {
	d := s.decide(stats)
	directive := actor.RestartDirective
	if d.GiveUp {
		directive = actor.StopDirective
	}
	system.EventStream.Publish(&actor.SupervisorEvent{Child: child, Reason: reason, Directive: directive})
	if s.report != nil {
		s.report(Failure{Child: child, Reason: reason, Decision: d})
	}
	if d.GiveUp {
		parent.StopChildren(child)
		return
	}
	s.restartLater(system, parent, child, d.After)
}

// decide counts the failure and answers it.
func (s *strategy) decide(stats *actor.RestartStatistics) Decision {
	// A window without failures is a fresh start. A window of zero would count
	// every failure for the library, and counts none for a policy.
	if s.policy.Window <= 0 || stats.NumberOfFailures(s.policy.Window) == 0 {
		stats.Reset()
	}
	stats.Fail()
	d := s.policy.decide(stats.FailureCount())
	if s.policy.Window > 0 {
		d = s.policy.decide(stats.NumberOfFailures(s.policy.Window))
	}
	if !d.GiveUp {
		d.After = s.policy.Spread(d.After, rand.Float64())
	}
	return d
}

// restartLater restarts child after d. A child that is gone by then, or that
// another of the same name has replaced, is left alone: the restart would kill
// a stranger. So is one whose parent restarted or stopped meanwhile.
func (s *strategy) restartLater(system *actor.ActorSystem, parent actor.Supervisor, child *actor.PID, d time.Duration) {
	failed, ok := system.ProcessRegistry.Get(child)
	if !ok {
		return
	}
	s.mu.Lock()
	epoch := s.epoch
	s.mu.Unlock()
	time.AfterFunc(d, func() {
		s.mu.Lock() // a parent that ends waits, so that its word comes after ours
		defer s.mu.Unlock()
		if now, ok := system.ProcessRegistry.Get(child); ok && now == failed && s.epoch == epoch {
			parent.RestartChildren(child)
		}
	})
}
