package actors

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/supervisor"
)

// System is the running actor system. Its methods may be called from any
// goroutine.
type System struct {
	h      *house
	system *actor.ActorSystem
}

// panicPolicy restarts an actor that panicked; what it lost is read again from
// mailbox, host and record. It never gives up: an actor that is gone would keep
// its mail for ever.
var panicPolicy = supervisor.Policy{Intensity: math.MaxInt, Window: time.Minute, First: 10 * time.Millisecond, Limit: 5 * time.Second}

// strategy supervises every actor of the house alike.
func (h *house) strategy() actor.SupervisorStrategy {
	return supervisor.Strategy(panicPolicy, func(f supervisor.Failure) {
		h.log.Error("an actor failed", zap.String("actor", f.Child.Id), zap.Any("reason", f.Reason), zap.Bool("giveUp", f.Decision.GiveUp))
	})
}

// Start starts the system: it adopts what lives and reads what waits.
func Start(cfg Config, ports Ports) (*System, error) {
	return start(cfg, ports, nil)
}

func start(cfg Config, ports Ports, probe func(string, any)) (*System, error) {
	logger := slog.New(zapslog.NewHandler(ports.Log.Core(), zapslog.WithName("actors")))
	sys := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return logger }))
	h := &house{
		cfg: cfg.withDefaults(), mailbox: ports.Mailbox, board: ports.Board, peers: ports.Peers, sessions: ports.Sessions,
		onboard: ports.Onboarder, log: ports.Log, root: sys.Root, view: newView(), epoch: time.Now().UnixMilli(), probe: probe,
	}
	for _, part := range []struct {
		name string
		pid  **actor.PID
		make actor.Producer
	}{
		{"observers", &h.observers, func() actor.Actor { return newObservers(h) }},
		{"notices", &h.notices, func() actor.Actor { return &notices{h: h} }},
		{"roster", &h.roster, nil},
		{"router", &h.router, func() actor.Actor { return &router{h: h} }},
	} {
		producer := part.make
		if producer == nil {
			// presences address the roster while it starts, so its address is set first
			h.roster = actor.NewPID(sys.Address(), part.name)
			producer = func() actor.Actor { return &roster{h: h} }
		}
		pid, err := sys.Root.SpawnNamed(actor.PropsFromProducer(producer, actor.WithGuardian(h.strategy()), actor.WithSupervisor(h.strategy())), part.name)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", part.name, err)
		}
		if part.make != nil {
			*part.pid = pid
		}
	}
	return &System{h: h, system: sys}, nil
}

func newObservers(h *house) *observers {
	return &observers{
		h: h, subs: make(map[*Subscription]struct{}), waits: make(map[iapeer.MessageID][]*waiter),
		byTo: make(map[iapeer.Identity]map[iapeer.MessageID]struct{}),
	}
}

// Stop ends the system in the order that loses nothing: the roster first, so
// that no presence decides any more, then the router, then who listens. The
// sessions live on. It returns when all have stopped, or with ctx.
func (s *System) Stop(ctx context.Context) error {
	for _, pid := range []*actor.PID{s.h.roster, s.h.router, s.h.notices, s.h.observers} {
		done := make(chan error, 1)
		go func() { done <- s.system.Root.PoisonFuture(pid).Wait() }()
		select {
		case err := <-done:
			if err != nil {
				return fmt.Errorf("stop %s: %w", pid.Id, err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// View returns the read model of all presences.
func (s *System) View() *View { return s.h.view }

// Epoch tells this run of the system from others: Unix milliseconds of its
// start.
func (s *System) Epoch() int64 { return s.h.epoch }

// Subscribe adds an observer. kept are the events after `after` of the same
// epoch; for another epoch, or after 0, the last `replay` ones. What follows
// comes through the subscription, without a gap.
func (s *System) Subscribe(ctx context.Context, epoch int64, after uint64, replay int) (sub *Subscription, kept []iapeer.Stamped, err error) {
	c := make(chan iapeer.Stamped, subscriberBuffer)
	sub = &Subscription{C: c, c: c}
	sub.cancel = func(x *Subscription) { s.h.root.Send(s.h.observers, unsubscribe{sub: x}) }
	kept, err = ask(ctx, func(reply func([]iapeer.Stamped, error)) {
		s.h.root.Send(s.h.observers, subscribe{
			sub: sub, epoch: epoch, after: after, replay: min(replay, replayEvents),
			kept: func(k []iapeer.Stamped) { reply(k, nil) },
		})
	})
	return sub, kept, err
}

// Command gives a verb to a peer and waits for its outcome.
func (s *System) Command(ctx context.Context, order iapeer.Command) (iapeer.Outcome, error) {
	return ask(ctx, func(reply func(iapeer.Outcome, error)) {
		s.h.root.Send(s.h.roster, command{order: order, reply: reply})
	})
}

// Onboard gives an order to the roster and waits until it is done.
func (s *System) Onboard(ctx context.Context, order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	return ask(ctx, func(reply func(iapeer.OnboardingReport, error)) {
		s.h.root.Send(s.h.roster, onboard{order: order, reply: reply})
	})
}

// Refresh brings the peer's actor in line with the registry.
func (s *System) Refresh(name iapeer.Name) { s.h.root.Send(s.h.roster, refresh{name: name}) }

// Hook takes what a hook of a session said, and returns once its evidence is on
// its way to disk. What a session of another generation says is ignored.
func (s *System) Hook(ctx context.Context, id iapeer.Identity, generation int64, events []iapeer.SessionEvent) error {
	_, err := ask(ctx, func(reply func(struct{}, error)) {
		s.h.root.Send(s.h.presence(id), hooked{generation: generation, events: events, reply: func() { reply(struct{}{}, nil) }})
	})
	return err
}

// Mark records a decision about a message: cancel, hold, release, retry,
// resolve, or that a person has read it.
func (s *System) Mark(ctx context.Context, m iapeer.Mark) (iapeer.Message, error) {
	msg, err := s.Message(ctx, m.ID)
	if err != nil {
		return msg, err
	}
	m.ID = msg.ID
	done, err := ask(ctx, func(reply func(Marked, error)) {
		answer := func(d Marked) { reply(d, d.Err) }
		inbox := s.h.sessions.Traits(msg.To.Runtime).Inbox
		if !inbox && (m.Change == iapeer.ChangeCancel || m.Change == iapeer.ChangeHold) {
			s.h.root.Send(s.h.roster, withdraw{to: msg.To, mark: m, reply: answer})
			return
		}
		s.h.mark([]iapeer.Mark{m}, func(d []Marked) { answer(d[0]) })
	})
	if err == nil {
		s.h.root.Send(s.h.roster, wakeMail{to: msg.To})
	}
	return done.Message, err
}

// Message returns the message of that id or unique prefix.
func (s *System) Message(ctx context.Context, id iapeer.MessageID) (iapeer.Message, error) {
	return ask(ctx, func(reply func(iapeer.Message, error)) { s.h.mailbox.Message(id, reply) })
}

// Expired tells the senders of messages whose time to live ran out, and lets
// their recipients forget them.
func (s *System) Expired(messages []iapeer.Message) {
	for _, m := range messages {
		s.h.publish(changed(m, iapeer.ChangeExpire, iapeer.Evidence{Source: "daemon", Detail: "its time to live ran out", At: time.Now()}))
		s.h.root.Send(s.h.roster, wakeMail{to: m.To})
		s.h.tell(m.From, "expired:"+string(m.ID), fmt.Sprintf("%s to %s expired: it was not delivered within its time to live", m.ID, m.To), m.ID)
	}
}

// ask runs send with a reply function and waits for the first reply or ctx.
func ask[T any](ctx context.Context, send func(reply func(T, error))) (T, error) {
	type answer struct {
		value T
		err   error
	}
	c := make(chan answer, 1)
	send(func(v T, err error) {
		select {
		case c <- answer{v, err}:
		default: // only the first answer counts
		}
	})
	select {
	case a := <-c:
		return a.value, a.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

// Notify puts a notice on the board.
func (s *System) Notify(n Notice) { s.h.notify(n) }

// Fail gives messages up that cannot be delivered any more, and tells their
// senders why.
func (s *System) Fail(messages []iapeer.Message, why string) {
	for _, m := range messages {
		e := iapeer.Evidence{Source: "daemon", Detail: why, At: time.Now()}
		s.h.mark([]iapeer.Mark{{ID: m.ID, Change: iapeer.ChangeFail, Evidence: e}}, func(done []Marked) {
			if done[0].Err == nil {
				s.h.tell(m.From, "failed:"+string(m.ID), fmt.Sprintf("%s to %s failed: %s", m.ID, m.To, why), m.ID)
			}
		})
	}
}
