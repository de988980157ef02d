package admission

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// hall plays the sessions of a host.
type hall struct {
	mu       sync.Mutex
	sessions []Session
	parked   []iapeer.Identity
	stalled  float64
	granted  []iapeer.Identity
	waits    map[iapeer.Identity][]string
}

func (h *hall) ask(i int) Ask {
	id := who(i)
	return Ask{
		Request: Request{ID: id, Generation: 1},
		Granted: func() { h.locked(func() { h.granted = append(h.granted, id) }) },
		Waits:   func(why string) { h.locked(func() { h.waits[id] = append(h.waits[id], why) }) },
	}
}

func (h *hall) locked(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func TestDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{waits: map[iapeer.Identity][]string{}}
		sys := actor.NewActorSystem()
		d := &Desk{
			Limits: Limits{Starting: 1, Live: 2, Pressure: 0.2}, Park: func(id iapeer.Identity) { h.locked(func() { h.parked = append(h.parked, id) }) },
			Inspect: func(any) {}, Sessions: func() (list []Session) {
				h.locked(func() { list = slices.Clone(h.sessions) })
				return list
			},
			Stalled: func() (share float64) {
				h.locked(func() { share = h.stalled })
				return share
			},
		}
		pid := sys.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return d }))
		tell := func(m message) {
			sys.Root.Send(pid, m)
			synctest.Wait()
		}
		want := func(step string, granted ...iapeer.Identity) {
			t.Helper()
			h.mu.Lock()
			defer h.mu.Unlock()
			if !slices.Equal(h.granted, granted) {
				t.Fatalf("%s: granted %v, want %v", step, h.granted, granted)
			}
		}
		tell(h.ask(1))
		want("the first", who(1))
		tell(h.ask(2)) // the first does not show yet, and counts
		want("one starts at a time", who(1))
		if got := h.waits[who(2)]; !slices.Equal(got, []string{"1 of 1 sessions are starting"}) {
			t.Errorf("the second was told %q", got)
		}
		h.locked(func() { h.sessions = []Session{{ID: who(1), Generation: 1}} })
		tell(Changed{})
		want("the first is up", who(1), who(2))
		h.locked(func() {
			h.sessions = append(h.sessions, Session{ID: who(2), Generation: 1, Idle: true, Used: time.Now()})
		})
		tell(h.ask(3))
		if !slices.Equal(h.parked, []iapeer.Identity{who(2)}) {
			t.Errorf("parked %v, want the idle one", h.parked)
		}
		h.locked(func() { h.sessions, h.stalled = h.sessions[:1], 0.9 })
		tell(Changed{})
		want("memory is short", who(1), who(2))
		h.locked(func() { h.stalled = 0 })
		time.Sleep(2 * lookAgain)
		synctest.Wait()
		want("memory is back", who(1), who(2), who(3))
		tell(h.ask(4))
		tell(Leave{ID: who(4)})
		tell(Leave{ID: who(3)})
		h.locked(func() { h.sessions = nil })
		tell(Changed{})
		want("who left is not granted", who(1), who(2), who(3))
		sys.Root.PoisonFuture(pid).Wait()
		sys.Shutdown()
	})
}
