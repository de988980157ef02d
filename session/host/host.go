// Package host is the session host process: it owns one session's terminal and
// program, and outlives the daemon that started it.
//
// [Run] takes everything it needs from a [Spec] on disk and knows no runtime.
// It holds the identity's lock from before the program exists to its own end,
// answers clients on a unix socket (package wire), appends the raw output to the
// pane log, writes messages into the program whole and at most once, and writes
// the exit record at the moment of the program's death.
//
// Who does what: the reader goroutine feeds the [terminal] model; the [queue]
// is the only writer to the program; the [runner] runs the command of an exec
// session; the [ledger] remembers offers. Each has its own mutex; the order is
// terminal, then queue, ledger or client.
package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/iapeer/iapeer/session/panelog"
	"github.com/iapeer/iapeer/session/proc"
	"github.com/iapeer/iapeer/session/wire"
)

// A Host is one session. Its fields are set before the first goroutine starts
// and do not change.
type Host struct {
	spec    Spec
	files   Files
	version string
	started time.Time
	stderr  io.Writer

	lock    *os.File
	ln      net.Listener
	log     *panelog.Log
	ledger  *ledger
	hooks   *spool
	term    *terminal
	queue   *queue  // nil for kind exec
	runner  *runner // nil otherwise
	pty     *os.File
	cmd     *exec.Cmd
	drained chan struct{} // the terminal's output has ended
	exited  chan struct{} // the program has been waited for

	lead   sync.Mutex
	leader *client // the observer that came last: offers of those before it are refused

	ending sync.Once
	cause  string        // why the session is being ended, "" if by itself
	grace  time.Duration // for the ending
	asked  chan struct{} // somebody asked for the end
}

func (h *Host) logf(format string, a ...any) {
	fmt.Fprintf(h.stderr, "%s %s\n", time.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, a...))
}

// prepare takes the lock and opens the socket. Nothing of another host is
// touched before the lock is held.
func (h *Host) prepare() error {
	if err := os.MkdirAll(h.spec.Dir, 0o700); err != nil {
		return err
	}
	var err error
	if h.lock, err = lock(h.files.Lock()); err != nil {
		return err
	}
	_ = os.Remove(h.files.Attached())
	if h.spec.Host, err = h.files.writePID(); err != nil {
		return err
	}
	h.ln, err = listen(h.files.Sock())
	return err
}

// start starts the program and everything that serves it.
func (h *Host) start() error {
	h.log, h.ledger, h.hooks = panelog.New(h.spec.PaneLog), newLedger(), &spool{}
	h.drained, h.exited = make(chan struct{}), make(chan struct{})
	if h.spec.Kind == wire.Exec {
		if _, err := h.spec.program(); err != nil {
			return fmt.Errorf("start %s: %w", h.spec.Argv[0], err)
		}
		h.term = newTerminal(h.spec, nil, nil, h.catch)
		h.runner = newRunner(h.spec, h.ledger, h.showRun, h.term.Tell)
		close(h.drained)
	} else if err := h.startProgram(); err != nil {
		return fmt.Errorf("start %s: %w", h.spec.Argv[0], err)
	}
	h.term.saveGeometry()
	if err := h.spec.Save(); err != nil {
		return err
	}
	if h.runner != nil {
		go h.runner.run()
		return nil
	}
	go h.queue.run()
	go h.read()
	go h.wait()
	return nil
}

// startProgram opens the pty and starts the program as its session's leader.
// A router's pty is raw before the program runs, so that the line discipline's
// limit of 4096 bytes a line never applies.
func (h *Host) startProgram() error {
	path, err := h.spec.program()
	if err != nil {
		return err
	}
	master, tty, err := openPTY(h.spec.Cols, h.spec.Rows, h.spec.Kind == wire.Router)
	if err != nil {
		return err
	}
	defer tty.Close()
	h.cmd = &exec.Cmd{
		Path: path, Args: h.spec.Argv, Env: h.spec.childEnv(), Dir: h.spec.Cwd,
		Stdin: tty, Stdout: tty, Stderr: tty,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := h.cmd.Start(); err != nil {
		_ = master.Close()
		return err
	}
	h.pty, h.queue = master, newQueue(master)
	h.term = newTerminal(h.spec, master, h.queue, h.catch)
	h.spec.Child.PID = h.cmd.Process.Pid
	h.spec.Child.Token, _ = proc.Token(h.spec.Child.PID)
	return nil
}

// read drains the terminal to its end, whoever watches.
func (h *Host) read() {
	defer close(h.drained)
	buf := make([]byte, 16<<10)
	for {
		n, err := h.pty.Read(buf)
		if n > 0 {
			h.log.Write(buf[:n])
			h.output(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// showRun takes the output of an exec run. Without a terminal in between, a
// line feed is all that ends its lines.
func (h *Host) showRun(b []byte) {
	h.log.Write(b)
	h.output(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
}

// output feeds the model. A fault in it must cost the picture, not the session.
func (h *Host) output(b []byte) {
	defer h.catch()
	h.term.output(b)
}

// catch records a fault in place of ending the process.
func (h *Host) catch() {
	if r := recover(); r != nil {
		h.fault("exception", r)
	}
}

// wait waits for the program's end.
func (h *Host) wait() {
	_ = h.cmd.Wait()
	close(h.exited)
}

// stop asks for the end of the session, once.
func (h *Host) stop(cause string, grace time.Duration) {
	h.ending.Do(func() {
		h.cause, h.grace = cause, grace
		close(h.asked)
	})
}

// facts describes the host to a client. The terminal's mutex is held.
func (h *Host) facts() wire.Facts {
	f := wire.Facts{
		Version: h.version, Identity: h.spec.Identity, Generation: h.spec.Generation,
		Kind: h.spec.Kind, Started: h.started, Host: h.spec.Host, Child: h.spec.Child,
		Hooks: h.hooks.len(),
	}
	if h.runner != nil {
		f.Outcomes = h.runner.outcomes()
	}
	h.term.facts(&f)
	return f
}

// stopAsked is a client's wish. It is answered before the end begins.
func (h *Host) stopAsked(c *client, n uint32, body []byte) error {
	var r wire.StopRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	grace := h.spec.Grace()
	if r.Grace > 0 {
		grace = time.Duration(r.Grace) * time.Millisecond
	}
	c.answer(n, nil)
	h.stop(r.Cause, grace)
	return nil
}

// acknowledge forgets what the daemon has on disk.
func (h *Host) acknowledge(c *client, n uint32, body []byte) error {
	var r wire.AckRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("ack: %w", err)
	}
	h.hooks.ack(r.Hooks)
	if h.runner != nil {
		h.runner.ack(r.Outcomes)
	}
	c.answer(n, nil)
	return nil
}

// outcome answers a kept outcome.
func (h *Host) outcome(c *client, n uint32, body []byte) error {
	var r wire.OutcomeRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("outcome: %w", err)
	}
	if !validID(r.ID) {
		return fmt.Errorf("outcome: bad message id %q", r.ID)
	}
	if h.runner != nil {
		if out := h.runner.remembered(r.ID); out != nil {
			c.answer(n, out)
			return nil
		}
	}
	b, err := os.ReadFile(h.files.Outcome(h.spec.Generation, r.ID))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("outcome of %s: none is kept", r.ID)
	}
	if err != nil {
		return err
	}
	c.answer(n, json.RawMessage(b))
	return nil
}
