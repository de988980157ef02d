package host

import (
	"os"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/screen"
	"github.com/iapeer/iapeer/session/wire"
)

// Times of the terminal.
const (
	settleAfter  = 200 * time.Millisecond // quiet for so long means settled
	drawnAfter   = 5 * time.Millisecond   // quiet for so long means that a picture may be complete
	redrawQuiet  = 40 * time.Millisecond  // quiet for so long ends the redraw after a resize
	redrawLimit  = 300 * time.Millisecond // a redraw is not waited for longer
	stableLimit  = 500 * time.Millisecond // a sequence cut in two is not waited for longer
	modelVersion = "iapeer"
)

// A terminal is the model of what the program draws, and everyone who watches.
// One mutex orders output, sizes and snapshots, so that a client sees each
// byte after its snapshot exactly once.
type terminal struct {
	files Files
	pty   *os.File // nil for kind exec
	queue *queue   // nil for kind exec
	catch func()   // deferred where a timer calls: a fault must not end the host

	mu       sync.Mutex
	screen   *screen.Screen
	strip    stripper
	bytes    uint64
	trimmed  uint64 // bytes at the last trim
	settled  bool
	settle   *time.Timer
	drawn    *time.Timer // nil when nobody needs to know: once a message was written the program itself tells
	watchers map[*client]bool
	waiting  map[*client]*paint
	painted  int
}

// A paint is a client that waits for its snapshot.
type paint struct {
	redraw   bool // the program was resized: wait until it has drawn
	spilled  bool // the scrollback holds only what the resize pushed there
	quiet    *time.Timer
	deadline *time.Timer
}

func newTerminal(spec Spec, pt *os.File, q *queue, catch func()) *terminal {
	t := &terminal{
		files: spec.Files(), pty: pt, queue: q, catch: catch,
		watchers: map[*client]bool{}, waiting: map[*client]*paint{},
	}
	name := modelVersion + "(" + iapeer.Version + ")"
	t.screen = screen.New(spec.Cols, spec.Rows, spec.Scrollback, name, screen.Listener{
		Title:  func(s string) { t.tell(wire.EventBody{Kind: wire.EventTitle, Text: s}) },
		Status: func(s string) { t.tell(wire.EventBody{Kind: wire.EventStatus, Text: s}) },
		Alt:    func(on bool) { t.tell(wire.EventBody{Kind: wire.EventAlt, On: on}) },
		Reply: func(b []byte) {
			if q != nil {
				q.put(job{bytes: b})
			}
		},
	})
	t.settle = time.AfterFunc(settleAfter, t.quiet)
	if spec.Kind == wire.TUI {
		t.drawn = time.AfterFunc(drawnAfter, t.paused)
	}
	return t
}

// paused is the drawn timer's. A picture that the program itself calls
// incomplete is waited for.
func (t *terminal) paused() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes > 0 && t.screen.Idle() && !t.screen.Synchronized() {
		t.tell(wire.EventBody{Kind: wire.EventDrawn})
	}
}

// greeted notes that a message was written.
func (t *terminal) greeted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drawn != nil {
		t.drawn.Stop()
		t.drawn = nil
	}
}

// output takes what the program wrote.
func (t *terminal) output(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.screen.Feed(b)
	t.bytes += uint64(len(b))
	if t.settled {
		t.settled = false
		t.tell(wire.EventBody{Kind: wire.EventActive})
	}
	t.settle.Reset(settleAfter)
	if t.drawn != nil {
		t.drawn.Reset(drawnAfter)
	}
	shown := t.strip.strip(b)
	if t.painted > 0 && len(shown) > 0 {
		t.show(shown)
	}
	for c, p := range t.waiting {
		t.progress(c, p)
	}
}

func (t *terminal) show(b []byte) {
	frame := wire.Append(nil, wire.Data, b)
	for c := range t.watchers {
		if c.painted {
			c.send(frame)
		}
	}
}

// trimEvery is how much output makes it worth while to give memory back.
const trimEvery = 128 << 10

// startedBytes is more than agents write before their first picture.
const startedBytes = 1 << 10

// quiet is the settle timer's.
func (t *terminal) quiet() {
	t.mu.Lock()
	if !t.settled {
		t.settled = true
		t.tell(wire.EventBody{Kind: wire.EventSettled})
	}
	started := t.drawn == nil || t.bytes > startedBytes // nothing is done beside the start of an agent
	due := t.trimmed == 0 && started || t.bytes-t.trimmed > trimEvery
	if due {
		t.trimmed = max(t.bytes, 1)
	}
	t.mu.Unlock()
	if due {
		trim()
	}
}

// tell sends an event to all observers. The mutex is held.
func (t *terminal) tell(e wire.EventBody) {
	e.At = time.Now()
	var frame []byte
	for c := range t.watchers {
		if c.role != wire.RoleObserve {
			continue
		}
		if frame == nil {
			frame = jsonFrame(wire.Event, nil, e)
		}
		c.send(frame)
	}
}

// Tell sends an event to all observers.
func (t *terminal) Tell(e wire.EventBody) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(e)
}

// attach begins to paint a client at its size.
func (t *terminal) attach(c *client, cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.watchers[c] || c.painted || t.waiting[c] != nil {
		return
	}
	p := &paint{}
	limit := stableLimit
	if have, haveRows := t.screen.Size(); !c.readOnly && (have != cols || haveRows != rows) {
		p.redraw, limit = t.pty != nil, redrawLimit
		p.spilled = t.screen.Scrollback() == 0
		t.resize(cols, rows)
	}
	t.waiting[c] = p
	p.quiet = time.AfterFunc(limit, func() { t.paintNow(c, p) })
	p.deadline = time.AfterFunc(limit, func() { t.paintNow(c, p) })
	if !p.redraw {
		t.progress(c, p)
	}
}

// progress paints c if the moment is good: the model between sequences, and
// the redraw after a resize at its end.
func (t *terminal) progress(c *client, p *paint) {
	if p.redraw {
		p.quiet.Reset(redrawQuiet)
		return
	}
	if t.screen.Idle() && !t.screen.Synchronized() && len(t.strip.held) == 0 {
		t.paint(c, p)
	}
}

// paintNow is the timers'.
func (t *terminal) paintNow(c *client, p *paint) {
	defer t.catch()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[c] == p {
		t.paint(c, p)
	}
}

// paint sends the snapshot; live bytes follow from here on.
func (t *terminal) paint(c *client, p *paint) {
	p.quiet.Stop()
	p.deadline.Stop()
	delete(t.waiting, c)
	if p.spilled {
		t.screen.ClearScrollback()
	}
	c.painted = true
	c.send(wire.Append(nil, wire.Data, t.screen.Snapshot(true)))
	t.countPainted(1)
}

// repaint replaces what a slow client has not taken by the present picture.
func (t *terminal) repaint(c *client) []byte {
	snap := t.screen.Snapshot(false)
	return wire.Append(nil, wire.Data, []byte("\x18\x1b[?1049l\x1b[r\x1b[0m\x1b[H\x1b[2J"), snap)
}

// countPainted keeps the marker that a person is looking.
func (t *terminal) countPainted(d int) {
	before := t.painted
	t.painted += d
	switch {
	case before == 0 && t.painted > 0:
		_ = os.WriteFile(t.files.Attached(), nil, 0o600)
	case before > 0 && t.painted == 0:
		_ = os.Remove(t.files.Attached())
	}
	t.tell(wire.EventBody{Kind: wire.EventAttached, Attached: t.painted})
}

// watch adds a client. hello, if given, says how things stand, at the same
// moment: whatever happens is either in it or told as an event.
func (t *terminal) watch(c *client, hello func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if hello != nil {
		hello()
	}
	t.watchers[c] = true
}

// leave removes a client.
func (t *terminal) leave(c *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watchers, c)
	if p := t.waiting[c]; p != nil {
		p.quiet.Stop()
		p.deadline.Stop()
		delete(t.waiting, c)
	}
	if c.painted {
		c.painted = false
		t.countPainted(-1)
	}
}

// Resize changes the size of the model and of the program's terminal.
func (t *terminal) Resize(cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resize(cols, rows)
}

func (t *terminal) resize(cols, rows int) {
	if have, haveRows := t.screen.Size(); have == cols && haveRows == rows {
		return
	}
	t.screen.Resize(cols, rows)
	cols, rows = t.screen.Size()
	if t.pty != nil {
		_ = setSize(t.pty, cols, rows)
	}
	t.saveGeometry()
}

func (t *terminal) saveGeometry() {
	cols, rows := t.screen.Size()
	_ = writeJSON(t.files.Geometry(), struct {
		Cols int `json:"cols"`
		Rows int `json:"rows"`
	}{cols, rows}, false)
}

// State returns what the terminal shows.
func (t *terminal) State() wire.ScreenState {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.screen
	st := wire.ScreenState{
		Alt: s.Alt(), AppCursor: s.AppCursor(), Settled: t.settled,
		Title: s.Title(), Status: s.Status(), Lines: s.Rows(), Bytes: t.bytes,
	}
	st.Cols, st.Rows = s.Size()
	st.CursorX, st.CursorY, st.Cursor = s.Cursor()
	return st
}

// facts fills in what a greeting is answered about the terminal. The mutex is
// held.
func (t *terminal) facts(f *wire.Facts) {
	f.Cols, f.Rows = t.screen.Size()
	f.Title, f.Status, f.Alt = t.screen.Title(), t.screen.Status(), t.screen.Alt()
	f.Settled, f.Attached = t.settled, t.painted
}

func (t *terminal) appCursor() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.screen.AppCursor()
}

// closeAll lets every client go once it has what was sent, at most d.
func (t *terminal) closeAll(d time.Duration) {
	t.mu.Lock()
	t.settle.Stop()
	clients := make([]*client, 0, len(t.watchers))
	for c := range t.watchers {
		clients = append(clients, c)
	}
	t.mu.Unlock()
	deadline := time.Now().Add(d)
	for _, c := range clients {
		_ = c.conn.SetWriteDeadline(deadline)
		c.shut()
	}
	for _, c := range clients {
		<-c.done
	}
}
