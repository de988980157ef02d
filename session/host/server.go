package host

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/wire"
)

// helloWait bounds how long a connection may say nothing.
const helloWait = 10 * time.Second

// maxSocketPath is the longest path that bind takes everywhere; sun_path has
// 104 bytes on macOS, 108 on Linux.
const maxSocketPath = 103

// listen opens the host's socket. The lock is held, so a socket that is there
// belongs to nobody.
func listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket path %s has %d bytes, at most %d are possible: choose a shorter IAPEER_ROOT", path, len(path), maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false)
	return ln, os.Chmod(path, 0o600)
}

// accept serves clients until the listener is closed.
func (h *Host) accept() {
	for {
		conn, err := h.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			h.logf("accept: %v", err)
			time.Sleep(lockPause) // out of descriptors: do not spin
			continue
		}
		go h.serve(conn)
	}
}

// serve reads one client's frames.
func (h *Host) serve(conn net.Conn) {
	c := newClient(conn)
	go c.run()
	defer c.shut()
	defer h.catch()
	_ = conn.SetReadDeadline(time.Now().Add(helloWait))
	in := bufio.NewReader(conn)
	t, payload, err := wire.Read(in)
	if err != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if !h.greet(c, t, payload) {
		return
	}
	defer h.term.leave(c)
	if t != wire.Hello {
		h.frame(c, t, payload)
	}
	for {
		t, payload, err := wire.Read(in)
		if err != nil {
			return
		}
		h.frame(c, t, payload)
	}
}

// greet settles role and protocol. A client whose first frame is plain data or
// a size is a terminal of an older program.
func (h *Host) greet(c *client, t wire.Type, payload []byte) bool {
	c.role = wire.RoleAttach
	if t == wire.Data || t == wire.Resize {
		c.repaint = h.term.repaint
		h.term.watch(c, nil)
		return true
	}
	var g wire.Greeting
	if t != wire.Hello || json.Unmarshal(payload, &g) != nil {
		c.send(jsonFrame(wire.Hello, nil, wire.Facts{Error: "the first frame is no greeting", Protocol: wire.Protocol}))
		return false
	}
	if g.Min > wire.Protocol || g.Max < wire.MinProtocol {
		c.send(jsonFrame(wire.Hello, nil, wire.Facts{
			Error:    fmt.Sprintf("protocols %d to %d are not spoken here, only %d to %d", g.Min, g.Max, wire.MinProtocol, wire.Protocol),
			Protocol: wire.Protocol, Version: h.version,
		}))
		return false
	}
	c.role, c.readOnly = g.Role, g.ReadOnly
	h.follow(c)
	if c.role == wire.RoleAttach {
		c.repaint = h.term.repaint
	}
	h.term.watch(c, func() {
		f := h.facts()
		f.Protocol = min(g.Max, wire.Protocol)
		c.send(jsonFrame(wire.Hello, nil, f))
	})
	return true
}

// frame acts on one frame of a client. Unknown types are ignored, so that a
// newer client may try.
func (h *Host) frame(c *client, t wire.Type, payload []byte) {
	switch t {
	case wire.Data:
		if c.role == wire.RoleAttach && !c.readOnly && h.queue != nil {
			h.queue.input(payload)
		}
	case wire.Resize:
		h.resized(c, payload)
	case wire.Offer, wire.Keys, wire.Screen, wire.Stop, wire.Ask, wire.Hook, wire.Replay, wire.Ack, wire.Result, wire.Enter:
		n, body, ok := wire.CutNumber(payload)
		if !ok || c.role == wire.RoleAttach {
			return
		}
		h.request(c, t, n, body)
	default:
	}
}

// resized is a terminal's size: the first one asks for the snapshot.
func (h *Host) resized(c *client, payload []byte) {
	cols, rows, ok := wire.ParseSize(payload)
	if !ok || c.role != wire.RoleAttach {
		return
	}
	if !c.sized {
		c.sized = true
		h.term.attach(c, cols, rows)
		return
	}
	if !c.readOnly {
		h.term.Resize(cols, rows)
	}
}

// request answers one request.
func (h *Host) request(c *client, t wire.Type, n uint32, body []byte) {
	var err error
	switch t {
	case wire.Offer:
		err = h.offer(c, n, body)
	case wire.Keys:
		err = h.keys(c, n, body)
	case wire.Screen:
		c.answer(n, h.term.State())
	case wire.Stop:
		err = h.stopAsked(c, n, body)
	case wire.Ask:
		var r wire.AskRequest
		if err = json.Unmarshal(body, &r); err == nil {
			c.answer(n, wire.AskReply{Offers: h.ledger.ask(r.IDs)})
		}
	case wire.Hook:
		h.hooks.put(body)
		h.term.Tell(wire.EventBody{Kind: wire.EventHook})
		c.answer(n, nil)
	case wire.Replay:
		c.answer(n, h.hooks.replay())
	case wire.Ack:
		err = h.acknowledge(c, n, body)
	case wire.Result:
		err = h.outcome(c, n, body)
	case wire.Enter:
		err = h.enter(c, n, body)
	default:
	}
	if err != nil {
		c.refuse(n, err.Error())
	}
}

// errLate refuses an offer of a daemon that is gone, which stood in its connection
// while the next daemon was told what was offered so far.
var errLate = errors.New("another daemon has taken over")

// follow takes a new observer for the one that may offer.
func (h *Host) follow(c *client) {
	if c.role != wire.RoleObserve {
		return
	}
	h.lead.Lock()
	defer h.lead.Unlock()
	h.leader = c
}

// offer writes a message, or answers what became of it before.
func (h *Host) offer(c *client, n uint32, payload []byte) error {
	head, text, ok := wire.CutOffer(payload)
	if !ok {
		return errors.New("offer: the frame is cut")
	}
	var header wire.OfferHeader
	if err := json.Unmarshal(head, &header); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	reply := func(r wire.OfferResult) { c.answer(n, r) }
	h.lead.Lock()
	defer h.lead.Unlock()
	err := h.writable(header, text)
	if c.role == wire.RoleObserve && c != h.leader {
		err = errLate
	}
	if err != nil {
		reply(wire.OfferResult{ID: header.ID, Attempt: header.Attempt, State: wire.NotBegun, Size: len(text), Reason: err.Error()})
		return nil
	}
	if h.runner != nil {
		h.runner.offer(header, text, reply)
		return nil
	}
	bytes := keystrokes(header, text)
	o := h.ledger.admit(header, bytes, reply)
	if o == nil {
		return nil
	}
	if header.Mode == wire.Paste && h.queue.typing() {
		h.ledger.finish(o, "a person is typing")
		return nil
	}
	pause := time.Duration(0)
	if header.Submit {
		pause = min(time.Duration(header.PauseMS)*time.Millisecond, maxPause)
	}
	h.queue.put(job{
		id: header.ID, bytes: bytes, pause: pause,
		moved: func(n int) { h.ledger.progress(o, n) },
		done: func(_ int, err error) {
			reason := ""
			if err != nil {
				reason = err.Error()
			}
			h.term.greeted()
			h.ledger.finish(o, reason)
		},
	})
	return nil
}

// maxID is the longest message id.
const maxID = 64

// validID keeps ids fit for file names. By hand: a pattern would cost every
// host its compiled form.
func validID(id iapeer.MessageID) bool {
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && (c != '.' || i == 0) {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

// writable says why an offer must not be begun.
func (h *Host) writable(header wire.OfferHeader, text []byte) error {
	switch {
	case !validID(header.ID):
		return fmt.Errorf("message id %q is not 1 to 64 letters, digits, dots, hyphens or underscores", header.ID)
	case (header.Mode == wire.Run) != (h.runner != nil):
		return fmt.Errorf("mode %q does not fit a session of kind %q", header.Mode, h.spec.Kind)
	case header.Mode == wire.Paste:
		return pasteable(text)
	case header.Mode != wire.Raw && header.Mode != wire.Run:
		return fmt.Errorf("mode %q is not paste, raw or exec", header.Mode)
	}
	return nil
}

// pasteable refuses what could end the paste or be taken for a key.
func pasteable(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("a paste must be UTF-8")
	}
	for i, r := range string(text) {
		if (r < 0x20 && r != '\n' && r != '\t') || (r >= 0x7f && r < 0xa0) {
			return fmt.Errorf("a paste must not hold control characters: %#x at byte %d", r, i)
		}
	}
	return nil
}

// Brackets of a paste, xterm's mode 2004.
const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// maxPause bounds the pause before the carriage return of an offer.
const maxPause = 2 * time.Second

// keystrokes is what a message is typed as.
func keystrokes(header wire.OfferHeader, text []byte) []byte {
	b := make([]byte, 0, len(text)+len(pasteBegin)+len(pasteEnd)+1)
	if header.Mode == wire.Paste {
		b = append(append(append(b, pasteBegin...), text...), pasteEnd...)
	} else {
		b = append(b, text...)
	}
	if header.Submit {
		b = append(b, '\r')
	}
	return b
}

// enter ends the pause of an offer.
func (h *Host) enter(c *client, n uint32, body []byte) error {
	var r wire.EnterRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("enter: %w", err)
	}
	if h.queue != nil {
		h.queue.enter(r.ID)
	}
	c.answer(n, nil)
	return nil
}

// keys presses named keys.
func (h *Host) keys(c *client, n uint32, body []byte) error {
	var r wire.KeysRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if h.queue == nil {
		return fmt.Errorf("keys: a session of kind %q has no terminal", h.spec.Kind)
	}
	h.queue.put(job{
		bytes: wire.KeyBytes(r.Keys, h.term.appCursor()),
		done: func(_ int, err error) {
			if err != nil {
				c.refuse(n, "keys "+strings.Join(r.Keys, " ")+": "+err.Error())
				return
			}
			c.answer(n, nil)
		},
	})
	return nil
}
