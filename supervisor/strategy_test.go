package supervisor

import (
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// settle is longer than protoactor's dead-letter throttle, whose goroutine
// would otherwise keep a bubble from ending.
const settle = 2 * time.Second

// crasher panics in Started as long as it has crashes left, and counts what
// it does.
type crasher struct{ log *ledger }

// ledger is written in the child's turn, read after synctest.Wait.
type ledger struct {
	begin   time.Time
	crashes int
	slow    time.Duration // how long the end of a child of the child takes; 0: it has none
	starts  []time.Duration
	pings   atomic.Int64 // read while the child may yet write
}

func (a crasher) Receive(c actor.Context) {
	switch c.Message().(type) {
	case *actor.Started:
		a.log.starts = append(a.log.starts, time.Since(a.log.begin))
		if a.log.slow > 0 {
			c.Spawn(actor.PropsFromFunc(func(c actor.Context) {
				if _, ok := c.Message().(*actor.Stopping); ok {
					time.Sleep(a.log.slow)
				}
			}))
		}
		if a.log.crashes > 0 {
			a.log.crashes--
			panic("as told")
		}
	case ping:
		a.log.pings.Add(1)
	case crash:
		panic("as told")
	}
}

type (
	ping  struct{}
	crash struct{}
)

// parent has one child and counts its end.
type parent struct {
	log        *ledger
	terminated int
	alive      int // pings the parent itself handled
	child      *actor.PID
}

func (p *parent) Receive(c actor.Context) {
	switch c.Message().(type) {
	case *actor.Started:
		p.spawn(c)
	case *actor.Terminated:
		p.terminated++
	case ping:
		p.alive++
	case crash:
		panic("as told")
	case respawn:
		p.spawn(c)
	case stopChild:
		c.Stop(p.child)
	}
}

func (p *parent) spawn(c actor.Context) {
	pid, err := c.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return crasher{p.log} }), "child")
	if err == nil {
		p.child = pid
	}
}

type (
	respawn   struct{}
	stopChild struct{}
)

type trial struct {
	root     *actor.RootContext
	log      *ledger
	parent   *parent
	pid      *actor.PID
	failures []Failure
}

// begin starts a parent with one child under p. The end of the test stops it.
func begin(t *testing.T, p Policy, crashes int) *trial {
	t.Helper()
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}))
	tr := &trial{root: system.Root, log: &ledger{begin: time.Now(), crashes: crashes}}
	tr.parent = &parent{log: tr.log}
	props := actor.PropsFromProducer(func() actor.Actor { return tr.parent },
		Children(p, func(f Failure) { tr.failures = append(tr.failures, f) }))
	tr.pid = system.Root.Spawn(props)
	t.Cleanup(func() {
		if err := system.Root.StopFuture(tr.pid).Wait(); err != nil {
			t.Errorf("stop: %v", err)
		}
		time.Sleep(settle)
		synctest.Wait()
	})
	return tr
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait() // also orders our reads after the actors' writes
}

var doubling = Policy{Intensity: 5, Window: time.Minute, First: time.Second, Limit: 10 * time.Second}

func TestRestartsAfterGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := begin(t, doubling, 3)
		wait(30 * time.Second)
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}
		if !slices.Equal(tr.log.starts, want) {
			t.Errorf("starts at %v, want %v", tr.log.starts, want)
		}
		if len(tr.failures) != 3 || tr.failures[2].Decision != (Decision{After: 4 * time.Second, Failures: 3}) {
			t.Errorf("failures %+v", tr.failures)
		}
	})
}

func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := doubling
		p.Intensity = 2
		tr := begin(t, p, 100)
		wait(time.Hour)
		if want := []time.Duration{0, time.Second, 3 * time.Second}; !slices.Equal(tr.log.starts, want) {
			t.Errorf("starts at %v, want %v", tr.log.starts, want)
		}
		if tr.parent.terminated != 1 {
			t.Errorf("parent saw the child end %d times, want once", tr.parent.terminated)
		}
		if last := tr.failures[len(tr.failures)-1]; !last.Decision.GiveUp || last.Decision.Failures != 3 {
			t.Errorf("last failure %+v", last)
		}
	})
}

func TestZeroPolicyStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := begin(t, Policy{}, 100)
		wait(time.Minute)
		if len(tr.log.starts) != 1 || tr.parent.terminated != 1 {
			t.Errorf("%d starts, %d ends, want one of each", len(tr.log.starts), tr.parent.terminated)
		}
	})
}

func TestParentWorksOnWhileChildWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := doubling
		p.First, p.Limit = 10*time.Second, 10*time.Second
		tr := begin(t, p, 1)
		wait(time.Second)
		tr.root.Send(tr.pid, ping{})
		tr.root.Send(tr.parent.child, ping{})
		synctest.Wait()
		if tr.parent.alive != 1 || tr.log.pings.Load() != 0 {
			t.Errorf("parent handled %d, suspended child %d; want 1 and 0", tr.parent.alive, tr.log.pings.Load())
		}
		wait(20 * time.Second)
		if tr.log.pings.Load() != 1 {
			t.Errorf("child handled %d after its restart, want 1: its queue is kept", tr.log.pings.Load())
		}
	})
}

func TestQuietWindowForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := doubling
		p.Intensity = 1
		tr := begin(t, p, 1)
		for range 4 {
			wait(2 * time.Minute)
			tr.root.Send(tr.parent.child, crash{})
		}
		wait(time.Minute)
		if len(tr.log.starts) != 6 || tr.parent.terminated != 0 {
			t.Errorf("%d starts, %d ends, want 6 and 0", len(tr.log.starts), tr.parent.terminated)
		}
		for _, f := range tr.failures {
			if f.Decision.Failures != 1 {
				t.Errorf("failure counted as number %d, want 1", f.Decision.Failures)
			}
		}
	})
}

func TestRestartSparesTheNamesake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := doubling
		p.First, p.Limit = 10*time.Second, 10*time.Second
		tr := begin(t, p, 1)
		wait(time.Second)
		tr.root.Send(tr.pid, stopChild{})
		wait(time.Second)
		tr.root.Send(tr.pid, respawn{})
		wait(time.Minute)
		if want := []time.Duration{0, 2 * time.Second}; !slices.Equal(tr.log.starts, want) {
			t.Errorf("starts at %v, want %v: the late restart hit the new child", tr.log.starts, want)
		}
	})
}

// TestParentRestartsWhileChildWaits: the library lets an actor that is told to
// restart while it ends go on living, and its parent wait for ever.
func TestParentRestartsWhileChildWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := begin(t, doubling, 0)
		wait(time.Second)
		tr.log.slow = 5 * time.Second
		tr.root.Send(tr.pid, stopChild{})
		wait(time.Second)
		tr.root.Send(tr.pid, respawn{})
		synctest.Wait()
		tr.root.Send(tr.parent.child, crash{})
		wait(100 * time.Millisecond)
		tr.root.Send(tr.pid, crash{})
		wait(time.Minute)
		tr.root.Send(tr.pid, ping{})
		synctest.Wait()
		if tr.parent.alive != 1 || len(tr.log.starts) < 3 {
			t.Errorf("the parent handled %d messages after its restart and its child started at %v, want 1 and three times", tr.parent.alive, tr.log.starts)
		}
		tr.log.slow = 0
	})
}

func TestJitterShortensTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := doubling
		p.Jitter = 0.5
		tr := begin(t, p, 1)
		wait(time.Minute)
		if at := tr.log.starts[1]; at <= time.Second/2 || at > time.Second {
			t.Errorf("restart after %v, want more than 500ms and at most 1s", at)
		}
	})
}
