package session

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/host"
	"github.com/iapeer/iapeer/session/wire"
)

// The errors a caller may branch on.
var (
	ErrAlreadyRunning = host.ErrLocked // the identity has a live host
	ErrGone           = errors.New("the session host is gone")
	ErrProtocol       = errors.New("the session host speaks another protocol")
)

// eventBuffer is how many events wait for a slow reader before the connection
// is given up: the reader must take a fresh look then anyway.
const eventBuffer = 1024

// Conn is a connection to a host. All methods may be called concurrently. When
// the host goes away every call returns [ErrGone] and Events is closed.
type Conn struct {
	facts  Facts
	conn   net.Conn
	events chan Event

	mu    sync.Mutex
	next  uint32
	calls map[uint32]chan []byte
	err   error // why the connection ended

	write sync.Mutex
}

// Dial connects to the host at sock as an observer.
func Dial(ctx context.Context, sock string) (*Conn, error) {
	return dial(ctx, sock, wire.RoleObserve)
}

// Control connects to the host at sock for requests, without events.
func Control(ctx context.Context, sock string) (*Conn, error) {
	return dial(ctx, sock, wire.RoleControl)
}

func dial(ctx context.Context, sock string, role wire.Role) (*Conn, error) {
	conn, facts, err := greet(ctx, sock, wire.Greeting{Min: wire.MinProtocol, Max: wire.Protocol, Role: role})
	if err != nil {
		return nil, err
	}
	c := &Conn{facts: facts, conn: conn, events: make(chan Event, eventBuffer), calls: map[uint32]chan []byte{}}
	go c.read()
	return c, nil
}

// greet connects and exchanges greetings.
func greet(ctx context.Context, sock string, g wire.Greeting) (net.Conn, Facts, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", sock)
	if err != nil {
		return nil, Facts{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	facts, err := exchange(conn, g)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, facts, fmt.Errorf("session host %s: %w", sock, err)
	}
	return conn, facts, nil
}

func exchange(conn net.Conn, g wire.Greeting) (Facts, error) {
	var f Facts
	b, err := json.Marshal(g)
	if err != nil {
		return f, err
	}
	if _, err := conn.Write(wire.Append(nil, wire.Hello, b)); err != nil {
		return f, err
	}
	t, payload, err := wire.Read(conn)
	switch {
	case err != nil:
		return f, err
	case t != wire.Hello:
		return f, fmt.Errorf("%w: the first frame has type %d", ErrProtocol, t)
	}
	if err := json.Unmarshal(payload, &f); err != nil {
		return f, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if f.Error != "" {
		return f, fmt.Errorf("%w: %s", ErrProtocol, f.Error)
	}
	return f, nil
}

// Facts returns what the host said about itself when the connection began.
func (c *Conn) Facts() Facts { return c.facts }

// Token names this session among all sessions of its identity.
func (c *Conn) Token() string { return fmt.Sprintf("host:%d", c.facts.Host.PID) }

// Events returns the host's events in their order. It is closed when the
// connection ends; the last event of a session that ended is [EventExit].
func (c *Conn) Events() <-chan Event { return c.events }

// Close ends the connection; the session lives on.
func (c *Conn) Close() error { return c.conn.Close() }

// read distributes what the host sends.
func (c *Conn) read() {
	defer close(c.events)
	in := bufio.NewReader(c.conn)
	for {
		t, payload, err := wire.Read(in)
		if err == nil {
			err = c.take(t, payload)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *Conn) take(t wire.Type, payload []byte) error {
	switch t {
	case wire.Reply:
		n, body, ok := wire.CutNumber(payload)
		if !ok {
			return errors.New("a reply without a number")
		}
		c.mu.Lock()
		ch := c.calls[n]
		delete(c.calls, n)
		c.mu.Unlock()
		if ch != nil {
			ch <- body
		}
	case wire.Event:
		var e Event
		if err := json.Unmarshal(payload, &e); err != nil {
			return err
		}
		select {
		case c.events <- e:
		default:
			return errors.New("events are not read")
		}
	default: // of a newer host
	}
	return nil
}

// fail ends all calls.
func (c *Conn) fail(err error) {
	_ = c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = fmt.Errorf("%w: %w", ErrGone, err)
	for n, ch := range c.calls {
		delete(c.calls, n)
		close(ch)
	}
}

// A call is a request that waits for its answer.
type call struct {
	number uint32
	answer chan []byte // closed when the host goes away
}

// call sends a request and decodes its answer into out, which may be nil.
func (c *Conn) call(ctx context.Context, t wire.Type, body []byte, out any) error {
	q, frame, err := c.begin(nil, t, body)
	if err != nil {
		return err
	}
	if err := c.send(frame, q); err != nil {
		return err
	}
	return c.await(ctx, q, out)
}

// begin opens a call and appends its frame to b.
func (c *Conn) begin(b []byte, t wire.Type, body []byte) (call, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return call{}, b, c.err
	}
	c.next++
	q := call{number: c.next, answer: make(chan []byte, 1)}
	c.calls[q.number] = q.answer
	return q, wire.Append(b, t, wire.Number(q.number), body), nil
}

// send writes the frames of calls; when it fails none of them is answered.
func (c *Conn) send(frames []byte, calls ...call) error {
	c.write.Lock()
	_, err := c.conn.Write(frames)
	c.write.Unlock()
	if err != nil {
		c.forget(calls...)
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

// await waits for the answer of a call.
func (c *Conn) await(ctx context.Context, q call, out any) error {
	select {
	case reply, ok := <-q.answer:
		if !ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.err
		}
		return decode(reply, out)
	case <-ctx.Done():
		c.forget(q)
		return ctx.Err()
	}
}

func (c *Conn) forget(calls ...call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range calls {
		delete(c.calls, q.number)
	}
}

// decode reads a reply: an error, or the answer.
func decode(reply []byte, out any) error {
	var st wire.Status
	if err := json.Unmarshal(reply, &st); err != nil {
		return err
	}
	if st.Error != "" {
		return errors.New(st.Error)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(reply, out)
}

func (c *Conn) callJSON(ctx context.Context, t wire.Type, body, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.call(ctx, t, b, out)
}

// An Offering is a message to be written into the session. Text of mode
// [Paste] must be free of control characters other than tab and line feed.
// Submit lets a carriage return follow in the same write, or Pause later (at
// most 2 s) or at [Conn.Enter], with nothing in between. Attempt is larger
// than before when absence of an earlier attempt was proven.
type Offering struct {
	ID      iapeer.MessageID
	Attempt int
	Mode    Mode
	Submit  bool
	Pause   time.Duration
	Text    []byte
}

// Offer writes a message, whole and at most once: a repeat returns what became
// of it the first time, with Repeat set, and writes nothing. The result is
// final. When ctx ends first, or the host goes away, the offer may still be
// executed: ask for it with [Conn.Ask], or read the exit record. It is refused
// once another observer has connected.
//
// For kind exec, Written means that the command was started with the message;
// how it ended comes as [EventOutcome].
func (c *Conn) Offer(ctx context.Context, o Offering) (OfferResult, error) {
	var (
		r    OfferResult
		fail error
	)
	c.Offers(ctx, []Offering{o}, func(_ Offering, result OfferResult, err error) { r, fail = result, err })
	return r, fail
}

// Offers makes several offers as [Conn.Offer] does: they reach the host in one
// write, which executes them in their order. told is called with the outcome of
// each, in that order.
func (c *Conn) Offers(ctx context.Context, list []Offering, told func(Offering, OfferResult, error)) {
	var (
		frames []byte
		calls  []call
		err    error
	)
	for _, o := range list {
		var head []byte
		if head, err = json.Marshal(wire.OfferHeader{ID: o.ID, Attempt: o.Attempt, Mode: o.Mode, Submit: o.Submit, PauseMS: o.Pause.Milliseconds()}); err != nil {
			break
		}
		var q call
		if q, frames, err = c.begin(frames, wire.Offer, wire.OfferPayload(head, o.Text)); err != nil {
			break
		}
		calls = append(calls, q)
	}
	if err != nil {
		c.forget(calls...)
	} else if len(list) > 0 {
		err = c.send(frames, calls...)
	}
	for i, o := range list {
		var r OfferResult
		failed := err
		if failed == nil {
			failed = c.await(ctx, calls[i], &r)
		}
		if failed != nil {
			failed = fmt.Errorf("offer %s: %w", o.ID, failed)
		}
		told(o, r, failed)
	}
}

// Enter ends the pause of the offer of id, if it is in its pause now: the
// carriage return follows at once. It writes nothing itself.
func (c *Conn) Enter(ctx context.Context, id iapeer.MessageID) error {
	return c.callJSON(ctx, wire.Enter, wire.EnterRequest{ID: id}, nil)
}

// Ask returns how far the given offers came; without ids, all that are under
// way and the newest others.
func (c *Conn) Ask(ctx context.Context, ids ...iapeer.MessageID) ([]OfferResult, error) {
	var r wire.AskReply
	err := c.callJSON(ctx, wire.Ask, wire.AskRequest{IDs: ids}, &r)
	return r.Offers, err
}

// Keys presses named keys ("Enter", "Escape", "Up", "C-c", …; "-l" makes the
// rest literal) and returns when they are written.
func (c *Conn) Keys(ctx context.Context, keys ...string) error {
	return c.callJSON(ctx, wire.Keys, wire.KeysRequest{Keys: keys}, nil)
}

// Screen returns what the terminal shows now.
func (c *Conn) Screen(ctx context.Context) (ScreenState, error) {
	var s ScreenState
	err := c.call(ctx, wire.Screen, nil, &s)
	return s, err
}

// Stop asks the host to end the session: TERM, grace, KILL; a grace of 0 is the
// spec's. It returns when the host has begun; the end comes as [EventExit].
func (c *Conn) Stop(ctx context.Context, cause string, grace time.Duration) error {
	return c.callJSON(ctx, wire.Stop, wire.StopRequest{Cause: cause, Grace: grace.Milliseconds()}, nil)
}

// Hooks returns the hook payloads that wait in the host, oldest first, and how
// many were lost because more came than are kept.
func (c *Conn) Hooks(ctx context.Context) ([]HookPayload, uint64, error) {
	var r wire.ReplayReply
	err := c.call(ctx, wire.Replay, nil, &r)
	return r.Hooks, r.Dropped, err
}

// Hook hands a hook's payload to the host.
func (c *Conn) Hook(ctx context.Context, payload []byte) error {
	return c.call(ctx, wire.Hook, payload, nil)
}

// Outcome returns a kept exec outcome.
func (c *Conn) Outcome(ctx context.Context, id iapeer.MessageID) (Outcome, error) {
	var o Outcome
	err := c.callJSON(ctx, wire.Result, wire.OutcomeRequest{ID: id}, &o)
	return o, err
}

// AckHooks tells that the payloads up to seq are on the daemon's disk.
func (c *Conn) AckHooks(ctx context.Context, seq uint64) error {
	return c.callJSON(ctx, wire.Ack, wire.AckRequest{Hooks: seq}, nil)
}

// AckOutcomes tells that these exec outcomes are on the daemon's disk.
func (c *Conn) AckOutcomes(ctx context.Context, ids ...iapeer.MessageID) error {
	return c.callJSON(ctx, wire.Ack, wire.AckRequest{Outcomes: ids}, nil)
}
