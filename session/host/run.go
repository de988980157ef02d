package host

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/exits"
	"github.com/iapeer/iapeer/session/proc"
	"github.com/iapeer/iapeer/session/wire"
)

// ReadyEnv names the descriptor on which a starting host tells its spawner that
// it is up ("ready") or why it is not.
const ReadyEnv = "IAPEER_HOST_READY_FD"

// Ready is what a host that is up writes to it.
const Ready = "ready\n"

// Times of the end.
const (
	drainWait = 200 * time.Millisecond // for the program's last output
	flushWait = time.Second            // for clients to take the last frames
)

// screenInRecord is how many lines of the last screen an exit record keeps.
const screenInRecord = 40

// Run is the whole life of a host: it returns the exit code of the process,
// 0 after a session that ran, 1 when it could not begin.
func Run(specPath string) int {
	tune()
	ready := readyPipe()
	h := &Host{stderr: os.Stderr, version: iapeer.Version, started: time.Now(), asked: make(chan struct{})}
	if err := h.begin(specPath); err != nil {
		h.logf("%v", err)
		fmt.Fprint(ready, err.Error())
		_ = ready.Close()
		h.abandon()
		return 1
	}
	signals := make(chan os.Signal, 4)
	signal.Ignore(syscall.SIGHUP)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go h.accept()
	fmt.Fprint(ready, Ready)
	_ = ready.Close()
	h.serveUntilEnd(signals)
	return 0
}

// tune keeps the process small: it lives as long as a session, mostly idle, and
// there may be a hundred of them.
func tune() {
	debug.SetGCPercent(20)
	runtime.GOMAXPROCS(1)
	signal.Ignore(syscall.SIGHUP)
}

// trimPause is how long the collector's background work takes at most.
const trimPause = 500 * time.Millisecond

// trim gives back what the start and the last burst of output needed: unused
// heap at once, and code when the collector has done with it too.
func trim() {
	debug.FreeOSMemory()
	time.AfterFunc(trimPause, proc.DropText)
}

func readyPipe() *os.File {
	fd, err := strconv.Atoi(os.Getenv(ReadyEnv))
	if err != nil || fd < 3 {
		f, _ := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		return f
	}
	_ = os.Unsetenv(ReadyEnv)
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "ready")
}

func (h *Host) begin(specPath string) error {
	spec, err := Load(specPath)
	if err != nil {
		return err
	}
	h.spec, h.files = spec, spec.Files()
	if err := h.prepare(); err != nil {
		return err
	}
	return h.start()
}

// abandon takes back what a start that failed left. Without the lock nothing
// is ours.
func (h *Host) abandon() {
	if h.lock == nil {
		return
	}
	if h.cmd != nil && h.cmd.Process != nil {
		_, _ = proc.End(h.spec.Survivors(), 0)
	}
	h.removeFiles()
}

func (h *Host) removeFiles() {
	for _, path := range []string{h.files.Sock(), h.files.PID(), h.files.Spec(), h.files.Attached(), h.files.Geometry()} {
		_ = os.Remove(path)
	}
}

// serveUntilEnd waits for the program's death or an order to end it.
func (h *Host) serveUntilEnd(signals <-chan os.Signal) {
	for {
		select {
		case <-h.exited:
			h.finish()
			return
		case s := <-signals:
			name := "sigterm"
			if s == syscall.SIGINT {
				name = "sigint"
			}
			h.stop("shutdown-"+name, h.spec.Grace())
		case <-h.asked:
			h.asked = nil
			go h.endProgram()
		}
	}
}

// endProgram ends the program; its death goes the usual way. An exec session
// has none between messages, so its end is told here.
func (h *Host) endProgram() {
	mark := h.spec.Survivors()
	if h.runner != nil {
		h.runner.end()
		mark.SID = h.runner.mark()
	}
	if _, err := proc.End(mark, h.grace); err != nil {
		h.logf("end: %v", err)
	}
	if h.runner != nil {
		<-h.runner.idle
		h.runner.rescue()
		close(h.exited)
	}
}

// finish records the death, ends what survives it, and tells everybody.
func (h *Host) finish() {
	if h.queue != nil {
		h.queue.end()
	}
	h.drain()
	exit := h.record()
	if err := writeJSON(h.files.Exit(h.spec.Generation), exit, true); err != nil {
		h.logf("exit record: %v", err)
	}
	h.logExit(exit)
	if _, err := proc.End(h.spec.Survivors(), h.spec.Grace()); err != nil {
		h.logf("survivors: %v", err)
	}
	_ = h.ln.Close()
	h.term.Tell(wire.EventBody{Kind: wire.EventExit, Exit: &exit})
	h.term.closeAll(flushWait)
	h.log.Close()
	h.removeFiles()
}

// drain waits for the program's last words, but not for processes that keep
// the terminal open, and then ends the write under way.
func (h *Host) drain() {
	select {
	case <-h.drained:
	case <-time.After(drainWait):
	}
	if h.pty != nil {
		_ = h.pty.Close()
	}
	h.ledger.settle(flushWait)
}

func (h *Host) record() wire.Exit {
	e := wire.Exit{
		Identity: h.spec.Identity, Generation: h.spec.Generation, Cause: h.cause,
		Host: h.spec.Host, Child: h.spec.Child, At: time.Now(), Code: 0,
	}
	if h.cmd != nil {
		e.Code, e.Signal = exitOf(h.cmd.ProcessState)
	}
	for _, r := range h.term.State().Lines {
		e.Screen = append(e.Screen, r.Text)
	}
	for len(e.Screen) > 0 && e.Screen[len(e.Screen)-1] == "" {
		e.Screen = e.Screen[:len(e.Screen)-1]
	}
	e.Screen = e.Screen[max(0, len(e.Screen)-screenInRecord):]
	e.Offers, e.Written = h.ledger.record()
	return e
}

// logExit appends the one line of this end to exits.log.
func (h *Host) logExit(e wire.Exit) {
	if err := exits.Append(h.spec.ExitLog, e); err != nil {
		h.logf("exit log: %v", err)
	}
}

// fault records an internal fault; the session goes on.
func (h *Host) fault(kind string, reason any) {
	h.logf("%s: %v\n%s", kind, reason, debug.Stack())
	if err := exits.AppendFault(h.spec.ExitLog, h.spec.Identity, kind, fmt.Sprint(reason)); err != nil {
		h.logf("exit log: %v", err)
	}
}
