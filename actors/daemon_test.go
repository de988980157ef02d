package actors

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/store/mailbox"
)

// trace writes what the actors log to the test's log.
var trace = flag.Bool("told", false, "log what the actors log")

// daemon is one life of the daemon over a world that outlives it. Killed, its
// ports fall silent: what was not committed is lost.
type daemon struct {
	w    *world
	sys  *System
	mail *mail
	dead atomic.Bool

	failures *observer.ObservedLogs
}

// mail is the mailbox as the daemon has it: writes take effect in their order
// when their group is committed, reads see what was committed before them.
type mail struct {
	d             *daemon
	box           *mailbox.Memory
	commit, read  func() time.Duration // nil: at once
	mu            sync.Mutex
	queue         []func()
	armed, broken bool
}

func (m *mail) write(op func()) {
	if m.d.dead.Load() {
		return
	}
	if m.commit == nil {
		op()
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, op)
	if !m.armed {
		m.armed = true
		time.AfterFunc(m.commit(), m.flush)
	}
}

func (m *mail) flush() {
	m.mu.Lock()
	ops := m.queue
	m.queue, m.armed = nil, false
	m.mu.Unlock()
	for _, op := range ops {
		if m.d.dead.Load() {
			return
		}
		op()
	}
}

func (m *mail) Append(msg iapeer.Message, done func(iapeer.Message, bool, error)) {
	m.d.w.mayPanic("Append")
	m.write(func() {
		m.box.Append(msg, func(stored iapeer.Message, repeated bool, err error) {
			if err == nil && !repeated {
				m.d.w.accepted(stored)
			}
			done(stored, repeated, err)
		})
	})
}

func (m *mail) Mark(marks []iapeer.Mark, done func([]house.Marked)) {
	m.d.w.mayPanic("Mark")
	m.write(func() {
		m.box.Mark(marks, func(out []mailbox.Marked) {
			res := make([]house.Marked, len(out))
			for i, o := range out {
				res[i] = house.Marked{Message: o.Message, Changed: o.Changed(), Err: o.Err}
			}
			done(res)
		})
	})
}

func (m *mail) later(f func()) {
	go func() {
		if m.read != nil {
			time.Sleep(m.read())
		}
		if !m.d.dead.Load() {
			f()
		}
	}()
}

func (m *mail) Pending(to iapeer.Identity, done func([]iapeer.Message, error)) {
	m.mu.Lock()
	broken := m.broken
	m.mu.Unlock()
	list, err := m.box.Pending(context.Background(), to, iapeer.MaxOpenMessages)
	if broken {
		list, err = nil, fmt.Errorf("disk on fire")
	}
	m.later(func() { done(list, err) })
}

func (m *mail) Message(id iapeer.MessageID, done func(iapeer.Message, error)) {
	m.later(func() {
		msg, _, err := m.box.Message(context.Background(), string(id))
		done(msg, err)
	})
}

func (m *mail) OpenFor(id iapeer.Identity) int { return m.box.OpenFor(id) }

// board keeps presences and notices; it shares the mailbox's writer.
type boardPort struct{ d *daemon }

func (b boardPort) Presences() ([]iapeer.Presence, error) {
	w := b.d.w
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []iapeer.Presence
	for _, p := range w.presences {
		all = append(all, p)
	}
	return all, nil
}

func (b boardPort) PutPresence(p iapeer.Presence, done func()) {
	b.d.w.mayPanic("PutPresence")
	b.d.mail.write(func() {
		b.d.w.mu.Lock()
		b.d.w.presences[p.Identity] = p
		b.d.w.mu.Unlock()
		if done != nil {
			done()
		}
	})
}

func (b boardPort) RaiseNotice(n house.Notice, done func(string, bool)) {
	b.d.mail.write(func() {
		w := b.d.w
		w.mu.Lock()
		w.notices = append(w.notices, n)
		id := fmt.Sprintf("n%d", len(w.notices))
		w.mu.Unlock()
		done(id, true)
	})
}

// registry is who exists.
type registryPort struct{ w *world }

func (r registryPort) Peer(n iapeer.Name) (iapeer.Peer, bool) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	p, ok := r.w.peers[n]
	return p, ok
}

func (r registryPort) Peers() []iapeer.Peer {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	var all []iapeer.Peer
	for _, p := range r.w.peers {
		all = append(all, p)
	}
	return all
}

// onboarder registers and removes peers of the world.
type onboarderPort struct{ w *world }

func (o onboarderPort) Onboard(order iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	name := iapeer.Name(order.Name)
	if order.Description == "panic" {
		panic("the planner fell over")
	}
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	if order.Verb == "remove" {
		delete(o.w.peers, name)
	} else {
		rt := iapeer.Runtime(order.Runtime)
		o.w.peers[name] = iapeer.Peer{Name: name, DefaultRuntime: rt, Runtimes: []iapeer.Runtime{rt}, Nature: iapeer.DefaultNature(rt)}
	}
	return iapeer.OnboardingReport{Verb: order.Verb, Name: name}, nil
}

// boot starts a daemon over the world.
func (w *world) boot(tb testing.TB) *daemon {
	tb.Helper()
	d := &daemon{w: w}
	d.mail = &mail{d: d, box: w.box, commit: w.commit, read: w.read}
	core, failures := observer.New(zap.ErrorLevel)
	log := zap.New(core)
	d.failures = failures
	if *trace {
		log = zaptest.NewLogger(tb, zaptest.Level(zap.DebugLevel))
	}
	w.mu.Lock()
	w.daemon = d
	w.mu.Unlock()
	var s house.Sessions = sessions{d}
	if w.sessions != nil {
		s = w.sessions
	}
	sys, err := start(w.cfg, house.Ports{
		Mailbox: d.mail, Board: boardPort{d}, Peers: registryPort{w}, Sessions: s, Onboarder: onboarderPort{w}, Log: log,
	}, w.probe)
	if err != nil {
		tb.Fatal(err)
	}
	w.mu.Lock()
	d.sys = sys
	w.mu.Unlock()
	return d
}

// kill ends the daemon as SIGKILL does, and frees what it used.
func (d *daemon) kill(tb testing.TB) {
	tb.Helper()
	d.dead.Store(true)
	d.stop(tb)
}

func (d *daemon) stop(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := d.sys.Stop(ctx); err != nil {
		tb.Errorf("stop: %v", err)
	}
	d.dead.Store(true)
	if d.w.portPanic == nil {
		for _, e := range d.failures.FilterMessage("an actor failed").All() {
			tb.Errorf("an actor failed: %v", e.ContextMap())
		}
	}
}

// live returns the daemon of this moment, nil while there is none.
func (w *world) live() *daemon {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.daemon == nil || w.daemon.sys == nil || w.daemon.dead.Load() {
		return nil
	}
	return w.daemon
}

// send sends as the client does: a call without an answer is repeated with the
// same key.
func (w *world) send(d iapeer.Draft) iapeer.SendResult {
	if d.Key == "" {
		w.mu.Lock()
		w.keys++
		d.Key = fmt.Sprintf("key-%d", w.keys)
		w.mu.Unlock()
	}
	if d.Proof == "" {
		d.Proof = iapeer.ProofUID
	}
	for range 1000 {
		if live := w.live(); live != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			r, err := live.sys.Send(ctx, d)
			cancel()
			if err == nil {
				return r
			}
			if *trace {
				w.tb.Logf("send %s → %s: %v", d.Caller, d.To, err)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.tb.Errorf("send %s → %s %q: never accepted", d.Caller, d.To, d.Body)
	return iapeer.SendResult{}
}
