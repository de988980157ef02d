package actors

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// quick is a host that takes what it is given at once.
type quick struct {
	rt     iapeer.Runtime
	report func(house.Report)
}

// Traits implements Sessions.
func (q *quick) Traits(rt iapeer.Runtime) house.Traits { return traitsOf[rt] }

// Launch implements Sessions.
func (q *quick) Launch(l house.Launch, report func(house.Report)) {
	q.report = report
	report(house.Started{Session: q, SessionID: "s", HostPID: 1})
	if !traitsOf[l.Identity.Runtime].WriteIsEvidence {
		report(house.Said{Event: iapeer.SessionIdle{}})
	}
}

// Adopt implements Sessions.
func (q *quick) Adopt(_ house.Launch, report func(house.Report)) {
	report(house.StartFailed{Err: iapeer.ErrNoDaemon, Gone: true, Cleanly: true})
}

// Examine implements Sessions.
func (q *quick) Examine(_ house.Launch, _ []iapeer.MessageID, report func(house.Report)) {
	report(house.Looked{})
}

// Offer implements Session.
func (q *quick) Offer(m iapeer.Message, attempt int) {
	q.report(house.Offered{ID: m.ID, Attempt: attempt, Written: true, Begun: true, At: time.Now()})
	switch q.rt {
	case "telegram":
	case "exec":
		q.report(house.Said{Event: iapeer.ExecDone{ID: m.ID, At: time.Now()}})
	default:
		ids, e := []iapeer.MessageID{m.ID}, iapeer.Evidence{Source: "hook"}
		q.report(house.Said{Event: iapeer.PromptTaken{IDs: ids, Evidence: e}})
		q.report(house.Said{Event: iapeer.TurnMoved{Evidence: e}})
		q.report(house.Said{Event: iapeer.TurnEnded{Evidence: e}})
		q.report(house.Said{Event: iapeer.SessionIdle{}})
	}
}

// Lookup implements Session.
func (q *quick) Lookup([]iapeer.MessageID) { q.report(house.Looked{}) }

// Submit implements Session.
func (q *quick) Submit() {}

// Act implements Session.
func (q *quick) Act(house.Act) {}

// nowhere is a mailbox that forgets what is delivered: it measures the actors
// alone.
type nowhere struct{ seq int64 }

func (n *nowhere) Append(m iapeer.Message, done func(iapeer.Message, bool, error)) {
	n.seq++
	m.Seq = n.seq
	done(m, false, nil)
}

func (n *nowhere) Mark(marks []iapeer.Mark, done func([]house.Marked)) {
	out := make([]house.Marked, len(marks))
	for i, k := range marks {
		out[i].Message.ID, out[i].Changed = k.ID, true
		out[i].Message.State, out[i].Err = iapeer.Accepted.Next(k.Change)
	}
	done(out)
}

func (n *nowhere) Pending(_ iapeer.Identity, done func([]iapeer.Message, error)) { done(nil, nil) }

func (n *nowhere) Message(_ iapeer.MessageID, done func(iapeer.Message, error)) {
	done(iapeer.Message{}, iapeer.ErrUnknownID)
}

// benchSystem is a system whose sessions answer at once.
func benchSystem(tb testing.TB, to string) *System {
	tb.Helper()
	w := newWorld(tb, "claude-ann", to)
	id, _ := iapeer.ParseIdentity(to)
	d := &daemon{w: w}
	d.mail = &mail{d: d, box: w.box}
	sys, err := start(house.Config{}, house.Ports{
		Mailbox: &nowhere{}, Board: boardPort{d}, Peers: registryPort{w}, Sessions: &quick{rt: id.Runtime},
		Onboarder: onboarderPort{w}, Log: zap.NewNop(),
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := sys.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := sys.Command(ctx, iapeer.Command{Verb: iapeer.VerbWake, Peer: id.Name}); err != nil {
		tb.Fatal(err)
	}
	return sys
}

// sendSeen sends one message and waits for its evidence.
func sendSeen(tb testing.TB, sys *System, to string) {
	tb.Helper()
	d := draft("claude-ann", to, "hello")
	d.WaitFor, d.Wait, d.Proof = iapeer.Seen, 10*time.Second, iapeer.ProofUID
	r, err := sys.Send(context.Background(), d)
	if err != nil || !r.State.Delivered() {
		tb.Fatalf("%+v, %v", r, err)
	}
}

func BenchmarkSendToLiveSession(b *testing.B) {
	for _, to := range []string{"claude-bob", "codex-bob", "exec-bob", "telegram-bob"} {
		b.Run(to, func(b *testing.B) {
			sys := benchSystem(b, to)
			sendSeen(b, sys, to)
			b.ReportAllocs()
			for b.Loop() {
				sendSeen(b, sys, to)
			}
		})
	}
}

// BenchmarkRouterHandOver is a send that waits for nothing but its acceptance.
func BenchmarkRouterHandOver(b *testing.B) {
	sys := benchSystem(b, "telegram-bob")
	sendSeen(b, sys, "telegram-bob")
	d := draft("claude-ann", "telegram-bob", "hello")
	d.Proof = iapeer.ProofUID
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sys.Send(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkObserversFanOut(b *testing.B) {
	for name, n := range map[string]int{"0": 0, "1": 1, "100": 100} {
		b.Run(name, func(b *testing.B) {
			o := newObservers(&house.House{}, newWaits())
			for range n {
				c := make(chan iapeer.Stamped, subscriberBuffer)
				o.subs[&Subscription{C: c, c: c}] = struct{}{}
			}
			event := iapeer.MessageChanged{ID: "m-1", State: iapeer.Seen}
			b.ReportAllocs()
			for b.Loop() {
				o.publish(event)
				for sub := range o.subs {
					<-sub.c
				}
			}
		})
	}
}

// TestSendAllocations gates what a send to a live session costs; wall time is
// noise.
func TestSendAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	sys := benchSystem(t, "telegram-bob")
	sendSeen(t, sys, "telegram-bob")
	got := testing.AllocsPerRun(200, func() { sendSeen(t, sys, "telegram-bob") })
	if most := 75.0; got > most {
		t.Errorf("a send to a live router costs %v allocations, want at most %v", got, most)
	}
}
