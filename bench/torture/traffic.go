package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iapeer/iapeer/bench/torture/ledger"
	"github.com/iapeer/iapeer/bench/torture/oracle"
)

// A send is one message as its sender knows it.
type send struct {
	oracle.Send
	Way  way
	Wait time.Duration
	pad  int // bytes behind the nonce
}

// filler is what long messages are filled with.
var filler = strings.Repeat("lorem ipsum dolor sit amet ", 700)

// refused notes that the daemon says no.
func (m *send) refused() {
	m.Outcome = oracle.Refused
	if m.Lost > 0 { // an attempt before may have been accepted: then this refusal would deny it
		m.Reason += fmt.Sprintf(" (after %d attempts without an answer)", m.Lost)
	}
}

// over reports whether a send cannot be repeated: a tool call belongs to its
// session, and the one that made it without an answer has ended.
func (m *send) over(spoke, token string) bool {
	return spoke != "" && token != spoke && (m.Way == wayMCP || m.Way == waySock)
}

func (m *send) body() string { return m.Nonce + " " + filler[:m.pad] }

// A sender sends one message after the other; what it was told is kept in log.
// Its messages to one peer are therefore in the order of their numbers.
type sender struct {
	member
	house  *house
	hub    *hub
	rng    *rand.Rand
	to     []member // whom it writes to, the first ones most
	uid    bool     // a process outside every session: without a token
	sock   *http.Client
	tcp    *http.Client
	token  string
	counts map[string]int // messages to each peer

	mu  sync.Mutex
	log []oracle.Send
}

// A traffic is all senders.
type traffic struct {
	list    []*sender
	paused  atomic.Pointer[chan struct{}] // closed when it goes on; nil while it runs
	stop    chan struct{}
	giveUp  context.CancelFunc
	done    sync.WaitGroup
	flight  atomic.Int64 // requests under way
	settled atomic.Int64 // sends with an outcome
}

// newTraffic makes the senders; each has its own dice.
func newTraffic(h *house, b *hub, seed uint64) *traffic {
	t := &traffic{stop: make(chan struct{})}
	for i, m := range append(append([]member{}, h.senders...), h.outside...) {
		s := &sender{member: m, house: h, hub: b, rng: rand.New(rand.NewPCG(seed, uint64(i)+1)), counts: map[string]int{}, uid: i >= len(h.senders)}
		s.sock, s.tcp = &http.Client{Transport: h.route(false)}, &http.Client{Transport: h.route(true)}
		for _, p := range append(append([]member{}, h.senders...), h.peers...) {
			// who sends from outside waits while its own session lives: it avoids those that will report failure to it
			if p.id != m.id && (!s.uid || p.manner != "fail") {
				s.to = append(s.to, p)
			}
		}
		t.list = append(t.list, s)
	}
	return t
}

// run lets all senders send until halt.
func (t *traffic) run(ctx context.Context) {
	ctx, t.giveUp = context.WithCancel(ctx)
	for _, s := range t.list {
		t.done.Go(func() { s.run(ctx, t) })
	}
}

// haltLimit bounds the wait for the outcomes of the last sends.
const haltLimit = 30 * time.Second

// halt lets each sender come to the outcome of its last send, and waits for it;
// those that have none by then never learn.
func (t *traffic) halt() {
	t.resume()
	close(t.stop)
	late := time.AfterFunc(haltLimit, t.giveUp)
	defer late.Stop()
	t.done.Wait()
}

// pause keeps senders from beginning further sends.
func (t *traffic) pause() {
	c := make(chan struct{})
	t.paused.CompareAndSwap(nil, &c)
}

func (t *traffic) resume() {
	if c := t.paused.Swap(nil); c != nil {
		close(*c)
	}
}

// hangUp closes the senders' connections, which would count as the daemon's.
func (t *traffic) hangUp() {
	for _, s := range t.list {
		s.sock.CloseIdleConnections()
		s.tcp.CloseIdleConnections()
	}
}

// sends returns what all senders know.
func (t *traffic) sends() (out []oracle.Send) {
	for _, s := range t.list {
		s.mu.Lock()
		out = append(out, s.log...)
		s.mu.Unlock()
	}
	return out
}

func (s *sender) run(ctx context.Context, t *traffic) {
	for ctx.Err() == nil {
		if c := t.paused.Load(); c != nil {
			<-*c
		}
		select {
		case <-t.stop:
			return
		default:
		}
		t.flight.Add(1)
		m := s.next()
		s.settle(ctx, m)
		t.flight.Add(-1)
		t.settled.Add(1)
		s.mu.Lock()
		s.log = append(s.log, m.Send)
		s.mu.Unlock()
		if s.house.model != nil {
			nap(ctx, time.Duration(200+s.rng.IntN(1500))*time.Millisecond) // agents take seconds for a message
		}
		if m.Outcome == oracle.Refused {
			nap(ctx, time.Duration(20+s.rng.IntN(60))*time.Millisecond) // the backlog is full: it moves without us
		}
	}
}

// deep is how many messages may wait for one recipient before a sender slows
// down.
const deep = 10

// rare is how much less often the last two recipients are written to, so that
// their sessions are parked and woken again.
const rare = 20

// next throws the dice for one message.
func (s *sender) next() *send {
	i := s.rng.IntN(len(s.to))
	if quiet := len(s.to) - 2; i >= quiet && s.rng.IntN(rare) > 0 {
		i = s.rng.IntN(quiet)
	}
	to := s.to[i].name()
	s.counts[to]++
	m := &send{Send: oracle.Send{From: s.id.String(), To: to, N: s.counts[to], Nonce: ledger.Make(s.name(), to, s.counts[to])}}
	switch n := s.rng.IntN(100); {
	case n < 3:
		m.Way = wayCLI
	case n < 40:
		m.Way = wayFleet
	case n < 70:
		m.Way = waySock
	default:
		m.Way = wayMCP
	}
	m.By = string(m.Way)
	if s.rng.IntN(20) == 0 {
		m.Wait = time.Duration(s.rng.IntN(1000)) * time.Millisecond
	}
	switch n := s.rng.IntN(100); {
	case n < 2:
		m.pad = 15000
	case n < 20:
		m.pad = s.rng.IntN(2000)
	default:
		m.pad = s.rng.IntN(60)
	}
	return m
}

// settle repeats a send until its fate is known: the same key makes it one send.
func (s *sender) settle(ctx context.Context, m *send) {
	spoke := "" // the token of an attempt that got no answer
	for ctx.Err() == nil {
		if !s.uid && s.token == "" && !s.newToken(ctx) {
			continue
		}
		if m.over(spoke, s.token) {
			break
		}
		m.Attempts++
		m.At = time.Now()
		r, err := s.once(ctx, m)
		if err == nil {
			m.ID, m.Repeated, m.Outcome = r.ID, r.Repeated, oracle.Accepted
			if r.Depth > deep {
				nap(ctx, time.Duration(r.Depth)*time.Millisecond) // sending faster than they are handled shows nothing more
			}
			return
		}
		var e *sendError
		if !errors.As(err, &e) {
			m.Outcome, m.Reason = oracle.Refused, err.Error()
			return
		}
		m.Reason = e.reason
		switch e.verdict {
		case refused:
			m.refused()
			return
		case token:
			s.token = ""
			nap(ctx, 50*time.Millisecond)
		case again:
			m.Lost++
			spoke = s.token
			if m.Way == wayCLI {
				m.Outcome = oracle.Unknown
				return
			}
			nap(ctx, 15*time.Millisecond)
		}
	}
	m.Outcome = oracle.Unknown
}

// newToken learns the token of the sender's live session and wakes it when
// there is none: a send must be repeated with the same proof.
func (s *sender) newToken(ctx context.Context) bool {
	err := s.house.wake(ctx, s.id)
	if err == nil {
		s.token = s.house.token(s.id)
	}
	if s.token == "" {
		nap(ctx, 30*time.Millisecond)
	}
	return s.token != ""
}

func nap(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
