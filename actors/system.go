// Package actors is the living part of the daemon: a router that decides, a
// roster that owns the peers, one peer actor per registered peer, one presence
// actor per runtime that a peer is used on, observers, and notices.
//
//	root
//	├─ router              name → peer; checks a draft; holds nobody's state
//	├─ roster              owns peers; takes onboarding orders
//	│   └─ <name>          one peer
//	│       └─ <runtime>   one presence: the state machine of a session
//	├─ observers           event fan-out, replay, callers waiting for evidence
//	└─ notices             what people must know
//
// What is accepted lives in the [house.Mailbox], never only in a queue: an actor that
// restarts reads its mail again, asks the session host what was typed, and asks
// the runtime's record what was seen, exactly as after a restart of the daemon.
// Therefore actors are addressed by name, never by a kept PID, and a report of a
// session carries the generation of the launch it belongs to.
//
// Receive never blocks: ports start their work and report through a callback,
// which posts a message. Everything outside is reached through the ports of
// package house, which also has what the actors share and the messages that they
// send each other. The presence is a package of its own.
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
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/actors/loop"
	"github.com/iapeer/iapeer/actors/presence"
	"github.com/iapeer/iapeer/supervisor"
)

// System is the running actor system. Its methods may be called from any
// goroutine.
type System struct {
	h      *house.House
	system *actor.ActorSystem
	waits  *waits
}

// panicPolicy restarts an actor that panicked; what it lost is read again from
// mailbox, host and record. It never gives up: an actor that is gone would keep
// its mail for ever.
var panicPolicy = supervisor.Policy{Intensity: math.MaxInt, Window: time.Minute, First: 10 * time.Millisecond, Limit: 5 * time.Second}

// guardian supervises the actors that have no parent.
func guardian(h *house.House) actor.PropsOption {
	return actor.WithGuardian(supervisor.Strategy(panicPolicy, failed(h)))
}

// children supervises the children of an actor.
func children(h *house.House) actor.PropsOption {
	return supervisor.Children(panicPolicy, failed(h))
}

func failed(h *house.House) func(supervisor.Failure) {
	return func(f supervisor.Failure) {
		h.Log.Error("an actor failed", zap.String("actor", f.Child.Id), zap.Any("reason", f.Reason), zap.Bool("giveUp", f.Decision.GiveUp))
	}
}

// Start starts the system: it adopts what lives and reads what waits.
func Start(cfg house.Config, ports house.Ports) (*System, error) {
	return start(cfg, ports, nil)
}

func start(cfg house.Config, ports house.Ports, probe func(string, any)) (*System, error) {
	logger := slog.New(zapslog.NewHandler(ports.Log.Core(), zapslog.WithName("actors")))
	sys := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return logger }))
	h := house.New(cfg, ports, sys.Root, probe)
	breaker := loop.NewActor(h.Config.Loop, func(m any) { h.Inspect("loops", m) })
	desk, w := newDesk(h), newWaits()
	for _, part := range []struct {
		name string
		pid  **actor.PID
		make actor.Producer
	}{
		{"observers", &h.Observers, func() actor.Actor { return newObservers(h, w) }},
		{"notices", &h.Notices, func() actor.Actor { return &notices{h: h} }},
		{"loops", &h.Loops, func() actor.Actor { return breaker }},
		{"admission", &h.Admission, func() actor.Actor { return desk }},
		{"roster", &h.Roster, nil},
		{"router", &h.Router, func() actor.Actor { return &router{h: h} }},
	} {
		producer := part.make
		if producer == nil {
			// presences address the roster while it starts, so its address is set first
			h.Roster = actor.NewPID(sys.Address(), part.name)
			producer = func() actor.Actor { return &roster{h: h} }
		}
		pid, err := sys.Root.SpawnNamed(actor.PropsFromProducer(producer, guardian(h), children(h)), part.name)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", part.name, err)
		}
		if part.make != nil {
			*part.pid = pid
		}
	}
	return &System{h: h, system: sys, waits: w}, nil
}

// newDesk makes the desk that grants starts.
func newDesk(h *house.House) *admission.Desk {
	d := &admission.Desk{
		Limits: h.Config.Admission, Sessions: h.View.Sessions, Inspect: func(m any) { h.Inspect("admission", m) },
		Park: func(id iapeer.Identity) { h.Post(id, house.MakeRoom{}) },
	}
	if _, ok := admission.Stalled(); ok && d.Limits.Pressure > 0 {
		d.Stalled = func() float64 {
			share, _ := admission.Stalled()
			return share
		}
	}
	return d
}

func newObservers(h *house.House, w *waits) *observers {
	return &observers{h: h, subs: make(map[*Subscription]struct{}), waits: w}
}

// Stop ends the system in the order that loses nothing: the roster first, so
// that no presence decides any more, then the router, then who listens. The
// sessions live on. It returns when all have stopped, or with ctx.
func (s *System) Stop(ctx context.Context) error {
	for _, pid := range []*actor.PID{s.h.Roster, s.h.Router, s.h.Admission, s.h.Loops, s.h.Notices, s.h.Observers} {
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
func (s *System) View() *house.View { return s.h.View }

// Epoch tells this run of the system from others: Unix milliseconds of its
// start.
func (s *System) Epoch() int64 { return s.h.Epoch }

// Subscribe adds an observer. kept are the events after `after` of the same
// epoch; for another epoch, or after 0, the last `replay` ones. What follows
// comes through the subscription, without a gap.
func (s *System) Subscribe(ctx context.Context, epoch int64, after uint64, replay int) (sub *Subscription, kept []iapeer.Stamped, err error) {
	c := make(chan iapeer.Stamped, subscriberBuffer)
	sub = &Subscription{C: c, c: c}
	sub.cancel = func(x *Subscription) { s.h.Root.Send(s.h.Observers, unsubscribe{sub: x}) }
	kept, err = ask(ctx, func(reply func([]iapeer.Stamped, error)) {
		s.h.Root.Send(s.h.Observers, subscribe{
			sub: sub, epoch: epoch, after: after, replay: min(replay, replayEvents),
			kept: func(k []iapeer.Stamped) { reply(k, nil) },
		})
	})
	return sub, kept, err
}

// Command gives a verb to a peer and waits for its outcome.
func (s *System) Command(ctx context.Context, order iapeer.Command) (iapeer.Outcome, error) {
	return ask(ctx, func(reply func(iapeer.Outcome, error)) {
		s.h.Root.Send(s.h.Roster, house.Command{Order: order, Reply: reply})
	})
}

// Onboard gives an order to the roster and waits until it is done.
func (s *System) Onboard(ctx context.Context, order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	return ask(ctx, func(reply func(iapeer.OnboardingReport, error)) {
		s.h.Root.Send(s.h.Roster, onboard{order: order, reply: reply})
	})
}

// Refresh brings the peer's actor in line with the registry.
func (s *System) Refresh(name iapeer.Name) { s.h.Root.Send(s.h.Roster, house.Refresh{Name: name}) }

// Expect gives the records that a peer begins with which is not registered yet;
// none takes them back.
func (s *System) Expect(name iapeer.Name, records []iapeer.Presence) {
	s.h.Root.Send(s.h.Roster, expect{name: name, records: records})
}

// Hook takes what a hook of a session said, and returns once its evidence is on
// its way to disk. What a session of another generation says is ignored.
func (s *System) Hook(ctx context.Context, id iapeer.Identity, generation int64, events []iapeer.SessionEvent) error {
	_, err := ask(ctx, func(reply func(struct{}, error)) {
		presence.Hook(s.h, id, generation, events, func() { reply(struct{}{}, nil) })
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
	done, err := ask(ctx, func(reply func(house.Marked, error)) {
		answer := func(d house.Marked) { reply(d, d.Err) }
		inbox := s.h.Sessions.Traits(msg.To.Runtime).Inbox
		if !inbox && (m.Change == iapeer.ChangeCancel || m.Change == iapeer.ChangeHold) {
			s.h.Root.Send(s.h.Roster, house.Withdraw{To: msg.To, Mark: m, Reply: answer})
			return
		}
		s.h.Mark([]iapeer.Mark{m}, func(d []house.Marked) { answer(d[0]) })
	})
	if err == nil {
		if m.Change == iapeer.ChangeRelease {
			s.h.Root.Send(s.h.Loops, loop.Release{Conversation: msg.Conversation, Hops: msg.Hops})
		}
		s.h.Root.Send(s.h.Roster, house.WakeMail{To: msg.To})
	}
	return done.Message, err
}

// Message returns the message of that id or unique prefix.
func (s *System) Message(ctx context.Context, id iapeer.MessageID) (iapeer.Message, error) {
	return ask(ctx, func(reply func(iapeer.Message, error)) { s.h.Mailbox.Message(id, reply) })
}

// Expired tells the senders of messages whose time to live ran out, and lets
// their recipients forget them.
func (s *System) Expired(messages []iapeer.Message) {
	for _, m := range messages {
		s.h.Publish(house.Changed(m, iapeer.ChangeExpire, iapeer.Evidence{Source: "daemon", Detail: "its time to live ran out", At: time.Now()}))
		s.h.Root.Send(s.h.Roster, house.WakeMail{To: m.To})
		s.h.Tell(m.From, "expired:"+string(m.ID), fmt.Sprintf("%s to %s expired: it was not delivered within its time to live", m.ID, m.To), m.ID, nil)
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
func (s *System) Notify(n house.Notice) { s.h.Notify(n) }

// Fail gives messages up that cannot be delivered any more, and tells their
// senders why.
func (s *System) Fail(messages []iapeer.Message, why string) {
	for _, m := range messages {
		e := iapeer.Evidence{Source: "daemon", Detail: why, At: time.Now()}
		s.h.Tell(m.From, "failed:"+string(m.ID), fmt.Sprintf("%s to %s failed: %s", m.ID, m.To, why), m.ID, func() {
			s.h.Mark([]iapeer.Mark{{ID: m.ID, Change: iapeer.ChangeFail, Evidence: e}}, nil)
		})
	}
}
