package actors

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/house"
)

var seed = flag.Int64("seed", -1, "run the panic injection of this seed only")

// panicRuns is how many seeds are run, with the race detector or -short a fifth of
// them, and up to three times as many while a message was never hit.
const panicRuns = 1000

// injector panics at messages and port calls chosen by its seed: at a few at
// random, and at the first ones of one kind, so that all kinds have their turn.
type injector struct {
	mu     sync.Mutex
	rng    *rand.Rand
	rate   float64
	target string
	left   int // panics at the target
	skip   int // of the target's messages before that
	random int // panics at anything
	armed  bool
	hit    map[string]int
	seen   map[string]int
}

func newInjector(seed int64, targets []string) *injector {
	rng := rand.New(rand.NewPCG(uint64(seed), 1))
	i := &injector{rng: rng, rate: 0.002 + 0.01*rng.Float64(), left: 1 + rng.IntN(2), skip: rng.IntN(6), random: rng.IntN(6), hit: map[string]int{}, seen: map[string]int{}, armed: true}
	if len(targets) > 0 {
		i.target = targets[int(seed)%len(targets)]
		if int(seed) < 3*len(targets) {
			i.skip = 0
		}
	}
	return i
}

// injected is what an injector panics with.
type injected struct{ at string }

func (i *injector) message(kind string, m any) {
	if what, ok := messageKind(kind, m); ok {
		i.at(what)
	}
}

// call panics in ports only where an actor calls them: a callback of the store
// runs on nobody's behalf.
func (i *injector) call(name string) {
	var pcs [40]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "InvokeUserMessage") {
			i.at("port." + name)
			return
		}
		if !more {
			return
		}
	}
}

func (i *injector) at(what string) {
	i.mu.Lock()
	i.seen[what]++
	boom := false
	switch {
	case !i.armed:
	case what == i.target && i.skip > 0:
		i.skip--
	case what == i.target && i.left > 0:
		i.left--
		boom = true
	case i.random > 0 && i.rng.Float64() < i.rate:
		i.random--
		boom = true
	}
	if boom {
		i.hit[what]++
	}
	i.mu.Unlock()
	if boom {
		panic(injected{what})
	}
}

func (i *injector) disarm() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.armed = false
}

// messageKind names a message of an actor; the library's own are none. What a
// session reports has the report in its name.
func messageKind(kind string, m any) (string, bool) {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		return "", false
	}
	name := messageName(v)
	if name == "reported" {
		report := v.FieldByName("report").Elem()
		name += ":" + report.Type().Name()
		if report.Type() == reflect.TypeFor[house.Said]() {
			name = "said:" + report.FieldByName("Event").Elem().Type().Name()
		}
	}
	return kind + "." + name, true
}

// messageName is the name of a message's type, alike for a message that only its
// package can send and one that all can.
func messageName(v reflect.Value) string {
	name := v.Type().Name()
	return strings.ToLower(name[:1]) + name[1:]
}

// panicTargets is every message of every actor, and every port that an actor
// calls.
var panicTargets = []string{
	"router.submit",
	"observers.publish", "observers.subscribe", "observers.unsubscribe", "observers.placed",
	"notices.raise", "notices.raised",
	"loops.weigh", "loops.release", "admission.ask", "admission.leave", "admission.changed",
	"roster.deliver", "roster.stamp", "roster.command", "roster.onboard", "roster.onboarded", "roster.refresh", "roster.wakeMail", "roster.withdraw", "roster.relay",
	"peer.deliver", "peer.stamp", "peer.command", "peer.wakeMail", "peer.refresh", "peer.removed", "peer.withdraw", "peer.relay",
	"presence.deliver", "presence.stamp", "presence.command", "presence.wakeMail", "presence.refresh", "presence.removed", "presence.withdraw",
	"presence.hooked", "presence.loaded", "presence.recalled", "presence.recorded", "presence.noted", "presence.tick",
	"presence.admitted", "presence.queued", "presence.makeRoom",
	"presence.reported:Started", "presence.reported:StartFailed", "presence.reported:HandEnded", "presence.reported:Offered",
	"presence.reported:Looked", "presence.reported:TurnKnown", "presence.said:SessionIdle", "presence.said:SessionBusy",
	"presence.said:ExecDone", "presence.said:SessionExited", "presence.said:SessionAttached", "presence.said:SessionWaiting",
	"port.Append", "port.Mark", "port.PutPresence", "port.Launch", "port.Offer", "port.Lookup",
}

func TestPanicsLoseNothing(t *testing.T) {
	if *seed >= 0 {
		panicRun(t, *seed)
		return
	}
	runs := int64(panicRuns)
	if testing.Short() || raceEnabled {
		runs = 200
	}
	hit := map[string]int{}
	missed := func() (list []string) {
		for _, what := range panicTargets {
			if hit[what] == 0 {
				list = append(list, what)
			}
		}
		return list
	}
	// the runs go on until each message was hit: which one a seed meets
	// depends on who comes first
	for s := int64(0); s < runs || s < 3*panicRuns && len(missed()) > 0; s++ {
		for what, n := range panicRun(t, s) {
			hit[what] += n
		}
	}
	if list := missed(); len(list) > 0 {
		t.Errorf("no panic at %v", list)
	}
	t.Logf("%d runs, panics by message: %v", runs, hit)
}

// panicRun is one run under load: several senders and recipients on all kinds
// of runtimes, verbs, removals, interrupts of a person, and panics in between.
func panicRun(t *testing.T, seed int64) (hit map[string]int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in := newInjector(seed, panicTargets)
		recipients := []string{"claude-bob", "codex-cid", "exec-dan", "telegram-eve"}
		w := newWorld(t, append([]string{"claude-ann", "codex-fay", "cli-me"}, recipients...)...)
		w.probe, w.portPanic = in.message, in.call
		w.commit = func() time.Duration { return 2 * time.Millisecond }
		w.read = func() time.Duration { return time.Millisecond }
		w.cfg.Idle = 3 * time.Minute
		w.cfg.Admission = admission.Limits{Starting: 2, Live: 3}
		for _, r := range recipients {
			w.script(r).turn = 2 * time.Second
		}
		w.script("claude-bob").reply = func(m iapeer.Message) (iapeer.Name, string) {
			if m.From == iapeer.SystemIdentity() || m.From.Name == "cid" {
				return "", ""
			}
			return "cid", "fwd " + m.Body
		}
		w.script("telegram-eve").hand = 2 * time.Second
		w.script("exec-dan").text = func(m iapeer.Message) string { return "ran " + m.Body }
		w.boot(t)
		synctest.Wait()
		load(w, in, recipients)
		time.Sleep(5 * time.Minute) // until they are parked
		in.disarm()
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		w.wantAllDelivered(t)
		w.wantOrder(t)
		in.mu.Lock()
		hit = in.hit
		in.mu.Unlock()
		if t.Failed() {
			w.explain(t)
			t.Errorf("panics at %v; replay: go test ./actors -run TestPanicsLoseNothing -seed %d", hit, seed)
		}
		w.end(t)
	})
	return hit
}

// load sends from three senders to all recipients and lets people interfere.
func load(w *world, in *injector, recipients []string) {
	var wg sync.WaitGroup
	rng := rand.New(rand.NewPCG(in.rng.Uint64(), 2))
	for _, from := range []string{"claude-ann", "codex-fay", "cli-me"} {
		pause := time.Duration(rng.IntN(900)) * time.Millisecond
		wg.Go(func() {
			for i := range 4 {
				for _, to := range recipients {
					d := draft(from, to, fmt.Sprintf("%s %d", from, i))
					if from == "claude-ann" {
						d.Proof = iapeer.ProofSession // by way of the sender's presence, which nothing has spawned yet
					}
					if i == 2 {
						d.WaitFor, d.Wait = iapeer.Seen, 5*time.Second
					}
					w.send(d)
				}
				time.Sleep(pause)
			}
		})
	}
	wg.Go(func() { interfere(w, time.Duration(rng.IntN(3000))*time.Millisecond) })
	wg.Wait()
}

// interfere is what people do meanwhile. What it asks for may fail or stay
// without an answer.
func interfere(w *world, pause time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	sys := w.live().sys
	var wg sync.WaitGroup
	for _, act := range []func(){
		func() {
			if sub, _, err := sys.Subscribe(ctx, 0, 0, 10); err == nil {
				sub.Close()
			}
		},
		func() { sys.Command(ctx, iapeer.Command{Verb: iapeer.VerbWake, Peer: "bob"}) },
		func() { sys.Refresh("bob") },
		func() {
			for range 3 {
				sys.Onboard(ctx, iapeer.Onboarding{Verb: "create", Name: "gus", Runtime: "exec"})
				sys.Command(ctx, iapeer.Command{Verb: iapeer.VerbWake, Peer: "gus"})
				sys.Onboard(ctx, iapeer.Onboarding{Verb: "remove", Name: "gus"})
			}
		},
		func() { // before its presence is there
			sys.Hook(ctx, iapeer.Identity{Runtime: "codex", Name: "ann"}, 1, nil)
		},
		func() { sys.Notify(house.Notice{Kind: "test", Summary: "something"}) },
		func() {
			for _, m := range w.all() {
				sys.Mark(ctx, iapeer.Mark{ID: m.ID, Change: iapeer.ChangeHold, Evidence: iapeer.Evidence{Source: "person"}})
				break
			}
		},
		func() {
			if h := w.host("claude-bob"); h != nil {
				h.attach(1)
				h.show(true)
				time.Sleep(time.Second)
				h.show(false)
				h.attach(0)
				h.say()
			}
		},
	} {
		wg.Go(act)
		time.Sleep(pause / 8)
	}
	wg.Wait()
	time.Sleep(40 * time.Second)
	release, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for range 20 {
		for _, m := range w.all() {
			if m.State == iapeer.Held {
				w.live().sys.Mark(release, iapeer.Mark{ID: m.ID, Change: iapeer.ChangeRelease, Evidence: iapeer.Evidence{Source: "person"}})
			}
		}
		time.Sleep(time.Second)
	}
}

// wantOrder checks that each recipient consumed what each sender sent it in the
// order of acceptance. What a person held has left the order.
func (w *world) wantOrder(tb testing.TB) {
	tb.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	last := map[[2]iapeer.Identity]int64{}
	held := w.held()
	for _, c := range w.consumed {
		pair := [2]iapeer.Identity{c.msg.From, c.msg.To}
		if slices.Contains(held, c.msg.ID) {
			continue
		}
		if c.msg.Seq < last[pair] {
			tb.Errorf("%s → %s: %q (seq %d) was consumed after seq %d", c.msg.From, c.msg.To, c.msg.Body, c.msg.Seq, last[pair])
		}
		last[pair] = c.msg.Seq
	}
}

// held lists the messages that were held at some time.
func (w *world) held() []iapeer.MessageID {
	var out []iapeer.MessageID
	for _, m := range w.all() {
		_, steps, _ := w.box.Message(context.Background(), string(m.ID))
		if slices.ContainsFunc(steps, func(s iapeer.Step) bool { return s.Change == iapeer.ChangeHold }) {
			out = append(out, m.ID)
		}
	}
	return out
}

// explain tells where everybody stands.
func (w *world) explain(tb testing.TB) {
	tb.Helper()
	for _, p := range (registryPort{w}).Peers() {
		for _, s := range w.live().sys.View().Of(p.Name) {
			tb.Logf("%s is %s (%s), %d open", s.Identity, s.State, s.Cause, s.Open)
		}
	}
}
