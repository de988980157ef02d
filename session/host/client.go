package host

import (
	"encoding/json"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer/session/wire"
)

// maxBacklog is how much may wait for one client. A terminal that falls behind
// further gets the present picture instead; an observer is let go.
const maxBacklog = 4 << 20

// A client is one connection. Sending never blocks: what the socket does not take
// at once waits in its own queue, and leaves it whole and in order.
type client struct {
	conn     net.Conn
	raw      syscall.RawConn // of conn, nil when it has none
	role     wire.Role
	readOnly bool
	sized    bool                 // it has told its size; only its own reader looks
	painted  bool                 // guarded by the terminal's mutex
	repaint  func(*client) []byte // the present picture; called with the terminal's mutex held

	mu     sync.Mutex
	more   sync.Cond
	frames net.Buffers
	size   int
	busy   bool // run writes
	torn   bool // the first frame is the rest of one
	closed bool
	done   chan struct{} // closed when the sender has ended
}

func newClient(conn net.Conn) *client {
	c := &client{conn: conn, done: make(chan struct{})}
	c.more.L = &c.mu
	if s, ok := conn.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	return c
}

// send writes a frame, or queues what is left of it. The terminal's mutex is held
// for data frames.
func (c *client) send(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if !c.busy && len(c.frames) == 0 {
		n := c.try(frame)
		if frame = frame[n:]; len(frame) == 0 {
			return
		}
		c.torn = n > 0
	}
	if c.size+len(frame) > maxBacklog && c.size > 0 {
		if c.role != wire.RoleAttach || c.repaint == nil {
			c.close()
			_ = c.conn.Close() // it does not read: nothing more can be told
			return
		}
		c.frames, c.size = c.frames[:0], 0
		if c.torn {
			c.frames = c.frames[:1]
			c.size = len(c.frames[0])
		}
		frame = c.repaint(c)
	}
	c.frames = append(c.frames, frame)
	c.size += len(frame)
	c.more.Signal()
}

// try writes what the socket takes at once and returns how much that is. A
// connection that fails is found out by its reader.
func (c *client) try(frame []byte) (n int) {
	if c.raw == nil {
		return 0
	}
	_ = c.raw.Write(func(fd uintptr) bool {
		n, _ = unix.Write(int(fd), frame)
		return true
	})
	return max(n, 0)
}

// run sends until the client is closed; what was queued before is sent first.
func (c *client) run() {
	defer close(c.done)
	defer c.conn.Close()
	for {
		c.mu.Lock()
		c.busy = false
		for len(c.frames) == 0 && !c.closed {
			c.more.Wait()
		}
		frames := c.frames
		c.frames, c.size, c.busy, c.torn = nil, 0, true, false
		c.mu.Unlock()
		if len(frames) == 0 {
			return
		}
		if _, err := frames.WriteTo(c.conn); err != nil {
			c.shut()
			return
		}
	}
}

// shut lets the sender end once its queue is empty.
func (c *client) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
}

func (c *client) close() {
	c.closed = true
	c.more.Signal()
}

// jsonFrame makes a frame of a JSON body behind front.
func jsonFrame(t wire.Type, front []byte, body any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		b = []byte(`{"error":"the answer cannot be encoded"}`)
	}
	return wire.Append(nil, t, front, b)
}

// answer replies to request n; body is nil for a bare success.
func (c *client) answer(n uint32, body any) {
	if body == nil {
		body = wire.Status{}
	}
	c.send(jsonFrame(wire.Reply, wire.Number(n), body))
}

// refuse replies to request n with an error.
func (c *client) refuse(n uint32, reason string) {
	c.answer(n, wire.Status{Error: reason})
}
