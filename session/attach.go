package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/iapeer/iapeer/session/wire"
)

// AttachOptions say how a person's terminal is put in front of a session. The
// zero value attaches with Ctrl-] as the detach key.
type AttachOptions struct {
	Detach   string // "ctrl-]" and the like; "" means Ctrl-]
	ReadOnly bool   // what is typed is dropped, and the session keeps its size
	Name     string // shown in the title until the program sets one
}

// An AttachEnd says why an attachment ended.
type AttachEnd string

// The ends of an attachment.
const (
	Detached    AttachEnd = "detached"      // by the detach key; the session keeps running
	Ended       AttachEnd = "session ended" // the host closed the connection
	Interrupted AttachEnd = "interrupted"   // by SIGHUP, SIGTERM or the context; the session keeps running
)

// restoreWait bounds the wait for a terminal that takes no more output.
const restoreWait = time.Second

// errNoTerminal refuses to attach what is no terminal.
var errNoTerminal = errors.New("attach needs a terminal: standard input or output is none")

// terminalReset undoes every mode a program may have left: alternate screen,
// mouse and focus and theme reports, bracketed paste, keyboard protocols,
// scroll region, hidden cursor, no wrap, colours.
const terminalReset = "\x18\x1b\\\x1b[?1049l" +
	"\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l" +
	"\x1b[?1004l\x1b[?2004l\x1b[?2026l\x1b[?2031l\x1b[<8u\x1b[>4;0m\x1b[?1l\x1b>\x1b[4l\x1b[?6l" +
	"\x1b[r\x1b[?25h\x1b[?7h\x1b[0 q\x1b[0m"

// Attach puts the terminal in/out in front of the session at sock until the
// person detaches, the session ends, the process is told to end, or ctx is
// done. The terminal is restored on every way out. in and out must be
// terminals; they are not closed.
func Attach(ctx context.Context, sock string, in, out *os.File, o AttachOptions) (AttachEnd, error) {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return "", errNoTerminal
	}
	key, err := ParseDetachKey(o.Detach)
	if err != nil {
		return "", err
	}
	conn, facts, err := greet(ctx, sock, wire.Greeting{
		Min: wire.MinProtocol, Max: wire.Protocol, Role: wire.RoleAttach, ReadOnly: o.ReadOnly,
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	a := &attachment{conn: conn, in: in, out: out, key: key, readOnly: o.ReadOnly, signals: make(chan os.Signal, 4)}
	a.title = titler{hint: key.name + " detaches"}
	if a.name = o.Name; a.name == "" {
		a.name = string(facts.Identity.Name)
	}
	return a.run(ctx)
}

// attachment is one run of Attach.
type attachment struct {
	conn     net.Conn
	in, out  *os.File
	key      DetachKey
	readOnly bool
	name     string
	title    titler
	signals  chan os.Signal
}

func (a *attachment) run(ctx context.Context) (AttachEnd, error) {
	signal.Notify(a.signals, syscall.SIGWINCH, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	defer signal.Stop(a.signals)
	old, err := term.MakeRaw(int(a.in.Fd()))
	if err != nil {
		return "", err
	}
	cols, rows, err := term.GetSize(int(a.out.Fd()))
	if err != nil {
		cols, rows = 0, 0 // the host takes 80 by 24
	}
	defer a.restore(old)
	a.clear(rows)
	typed, err := readKeys(a.in)
	if err != nil {
		return "", err
	}
	defer typed.stop()
	if err := a.send(wire.Resize, wire.Size(cols, rows)); err != nil {
		return Ended, nil
	}
	shown := make(chan error, 1)
	quiet := make(chan struct{})
	go func() {
		defer close(quiet)
		shown <- a.show()
	}()
	defer func() {
		_ = a.conn.Close()
		select {
		case <-quiet: // nothing is shown after the terminal is restored
		case <-time.After(restoreWait):
		}
	}()
	return a.loop(ctx, typed, shown)
}

// loop acts on what happens first, until the end.
func (a *attachment) loop(ctx context.Context, typed *keyReader, shown <-chan error) (AttachEnd, error) {
	m := matcher{key: a.key}
	held := time.NewTimer(time.Hour)
	defer held.Stop()
	for {
		select {
		case err := <-shown:
			return Ended, err
		case <-ctx.Done():
			return Interrupted, nil
		case s := <-a.signals:
			if s != syscall.SIGWINCH {
				return Interrupted, nil
			}
			if cols, rows, err := term.GetSize(int(a.out.Fd())); err == nil {
				_ = a.send(wire.Resize, wire.Size(cols, rows))
			}
		case b, ok := <-typed.bytes:
			if !ok {
				return Interrupted, nil // the terminal is gone
			}
			keys, detach := m.match(b)
			a.press(keys)
			if detach {
				return Detached, nil
			}
			held.Reset(escapeWait)
		case <-held.C:
			a.press(m.flush())
		}
	}
}

func (a *attachment) press(b []byte) {
	if len(b) > 0 && !a.readOnly {
		_ = a.send(wire.Data, b) // a dead host ends the loop by itself
	}
}

func (a *attachment) send(t wire.Type, b []byte) error {
	_, err := a.conn.Write(wire.Append(nil, t, b))
	return err
}

// show writes what the host sends, to its end. A connection that simply ends is
// the end of the session.
func (a *attachment) show() error {
	for {
		t, b, err := wire.Read(a.conn)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET):
			return nil
		case err != nil:
			return fmt.Errorf("attach: %w", err)
		case t == wire.Data:
			if _, err := a.out.Write(a.title.pass(b)); err != nil {
				return fmt.Errorf("attach: %w", err)
			}
		}
	}
}

// clear moves what the terminal shows into its own scrollback, so that the
// snapshot draws on an empty screen and nothing of the person's is lost.
func (a *attachment) clear(rows int) {
	fmt.Fprint(a.out, "\x1b[22;2t", "\x1b[999;1H", strings.Repeat("\r\n", rows), "\x1b[H", a.title.text(a.name))
}

// restore undoes everything, on every way out.
func (a *attachment) restore(old *term.State) {
	fmt.Fprint(a.out, terminalReset, "\x1b[23;2t", "\x1b[999;1H\r\n")
	_ = term.Restore(int(a.in.Fd()), old)
}
