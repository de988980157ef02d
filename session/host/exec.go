package host

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/proc"
	"github.com/iapeer/iapeer/session/wire"
)

// Bounds of what is kept of one run.
const (
	maxAnswer = 1 << 20
	maxStderr = 4 << 10
)

// pipesAfter is how long the output of processes that outlive the command is
// still read.
const pipesAfter = 500 * time.Millisecond

// A runner runs the command of an exec session for one message after the
// other. Outcomes are on disk before anybody is told, and stay there until
// they are acknowledged.
type runner struct {
	spec   Spec
	ledger *ledger
	show   func([]byte) // takes all output, for log and screen
	tell   func(wire.EventBody)

	mu    sync.Mutex
	more  sync.Cond
	jobs  []*offer
	kept  []outcome // not yet acknowledged
	ended bool
	now   int           // process of the run under way, 0 between runs
	idle  chan struct{} // closed when run returned
}

func newRunner(spec Spec, l *ledger, show func([]byte), tell func(wire.EventBody)) *runner {
	r := &runner{spec: spec, ledger: l, show: show, tell: tell, idle: make(chan struct{})}
	r.more.L = &r.mu
	return r
}

func (r *runner) offer(h wire.OfferHeader, text []byte, done func(wire.OfferResult)) {
	o := r.ledger.admit(h, text, done)
	if o == nil {
		return
	}
	r.mu.Lock()
	ended := r.ended
	if !ended {
		r.jobs = append(r.jobs, o)
		r.more.Signal()
	}
	r.mu.Unlock()
	if ended {
		r.ledger.finish(o, errEnded.Error())
	}
}

// run runs jobs until end is called.
func (r *runner) run() {
	defer close(r.idle)
	for {
		o := r.next()
		if o == nil {
			return
		}
		r.runOne(o)
	}
}

func (r *runner) next() *offer {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.jobs) == 0 && !r.ended {
		r.more.Wait()
	}
	if r.ended {
		return nil
	}
	o := r.jobs[0]
	r.jobs = r.jobs[1:]
	return o
}

// end refuses what has not begun. The command that runs is ended by the host.
func (r *runner) end() {
	r.mu.Lock()
	jobs := r.jobs
	r.jobs, r.ended = nil, true
	r.more.Broadcast()
	r.mu.Unlock()
	for _, o := range jobs {
		r.ledger.finish(o, errEnded.Error())
	}
}

// runOne runs the command once and keeps its outcome.
func (r *runner) runOne(o *offer) {
	text := o.bytes
	x, err := r.start()
	if err != nil {
		r.ledger.finish(o, "start "+r.spec.Argv[0]+": "+err.Error())
		return
	}
	out := wire.Outcome{ID: o.header.ID, PID: x.cmd.Process.Pid, Size: len(text), StartedAt: time.Now()}
	r.ledger.progress(o, len(text)) // from here on it is this run's
	r.tell(wire.EventBody{Kind: wire.EventStarted, Outcome: &wire.Outcome{ID: out.ID, PID: out.PID, StartedAt: out.StartedAt}})
	r.ledger.finish(o, "")
	r.current(out.PID)
	x.feed(text)
	x.wait(&out)
	r.current(0)
	r.keep(out)
	r.tell(wire.EventBody{Kind: wire.EventOutcome, Outcome: &out})
}

func (r *runner) current(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = pid
}

// mark says how the run under way is recognised besides the session's token.
func (r *runner) mark() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// An outcome is how a run ended. It stays in memory only where the disk did not
// take it: it is the one proof that the command has run.
type outcome struct {
	id     iapeer.MessageID
	memory *wire.Outcome
}

// keep writes an outcome to disk.
func (r *runner) keep(out wire.Outcome) {
	k := outcome{id: out.ID}
	if r.write(out) != nil {
		k.memory = &out
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, k)
}

func (r *runner) write(out wire.Outcome) error {
	return writeJSON(r.spec.Files().Outcome(r.spec.Generation, out.ID), out, true)
}

// rescue tries once more to write what is only in memory, before that ends.
func (r *runner) rescue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, k := range r.kept {
		if k.memory != nil && r.write(*k.memory) == nil {
			r.kept[i].memory = nil
		}
	}
}

// remembered returns an outcome that is only in memory, nil if there is none.
func (r *runner) remembered(id iapeer.MessageID) *wire.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		if k.id == id {
			return k.memory
		}
	}
	return nil
}

// ack forgets outcomes that the daemon has on disk.
func (r *runner) ack(ids []iapeer.MessageID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		for i, k := range r.kept {
			if k.id == id {
				r.kept = append(r.kept[:i], r.kept[i+1:]...)
				_ = os.Remove(r.spec.Files().Outcome(r.spec.Generation, id))
				break
			}
		}
	}
}

func (r *runner) outcomes() []iapeer.MessageID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]iapeer.MessageID, 0, len(r.kept))
	for _, k := range r.kept {
		ids = append(ids, k.id)
	}
	return ids
}

// A run is one process and its pipes. The read end of standard input stays
// open here, so that what the process left unread can be counted.
type run struct {
	cmd    *exec.Cmd
	in     *os.File // read end
	inW    *os.File
	stdout head
	stderr tail
	fed    atomic.Int64
	feeder chan struct{}
}

func (r *runner) start() (*run, error) {
	path, err := r.spec.program()
	if err != nil {
		return nil, err
	}
	in, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	x := &run{in: in, inW: inW, feeder: make(chan struct{})}
	x.stdout.show, x.stderr.show = r.show, r.show
	x.cmd = &exec.Cmd{
		Path: path, Args: r.spec.Argv, Env: r.spec.childEnv(), Dir: r.spec.Cwd,
		Stdin: in, Stdout: &x.stdout, Stderr: &x.stderr, WaitDelay: pipesAfter,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := x.cmd.Start(); err != nil {
		_ = in.Close()
		_ = inW.Close()
		return nil, err
	}
	return x, nil
}

// feed writes the message to standard input, beside the process.
func (x *run) feed(text []byte) {
	go func() {
		defer close(x.feeder)
		for len(text) > 0 {
			n, err := x.inW.Write(text[:min(len(text), 32<<10)])
			x.fed.Add(int64(n))
			if err != nil {
				return
			}
			text = text[n:]
		}
		_ = x.inW.Close()
	}()
}

// wait waits for the end of the process and fills in the outcome.
func (x *run) wait(out *wire.Outcome) {
	err := x.cmd.Wait()
	_ = x.inW.Close() // ends a feeder whose reader is gone
	<-x.feeder
	unread, _ := proc.Unread(int(x.in.Fd()))
	_ = x.in.Close()
	out.ReadBytes = int(x.fed.Load()) - unread
	out.At = time.Now()
	out.Code, out.Signal = exitOf(x.cmd.ProcessState)
	if x.cmd.ProcessState == nil && err != nil {
		out.Error = err.Error()
	}
	out.Answer, out.Cut = strings.ToValidUTF8(string(x.stdout.b), "\ufffd"), x.stdout.cut
	out.Stderr = strings.ToValidUTF8(string(x.stderr.b), "")
}

// exitOf returns exit code and signal; -1 when a signal ended the process.
func exitOf(s *os.ProcessState) (int, string) {
	if s == nil {
		return -1, ""
	}
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -1, unix.SignalName(ws.Signal())
	}
	return s.ExitCode(), ""
}

// head keeps the first bytes written to it.
type head struct {
	b    []byte
	cut  bool
	show func([]byte)
}

func (h *head) Write(p []byte) (int, error) {
	h.show(p)
	n := min(len(p), maxAnswer-len(h.b))
	h.b = append(h.b, p[:n]...)
	h.cut = h.cut || n < len(p)
	return len(p), nil
}

// tail keeps the last bytes written to it.
type tail struct {
	b    []byte
	show func([]byte)
}

func (t *tail) Write(p []byte) (int, error) {
	t.show(p)
	t.b = append(t.b, p...)
	if over := len(t.b) - maxStderr; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}
