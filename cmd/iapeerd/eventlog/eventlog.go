// Package eventlog writes what happens in the fleet into files that people and
// older programs read: lifecycle.log, delivery.log, turns.log, notices.log and
// approvals.log, one line of logfmt each time.
//
// Most lines are the daemon's events, in the file named for the event's source.
// What is no event is told by those who know it: every try to send ([Log.Attempt])
// and what becomes of sessions ([Sessions]). A line never holds the body of a
// message.
//
// Logs never hold up the daemon: whoever tells something only puts it into a
// bounded queue. What finds no room there, or cannot be written, is dropped; how
// much that was is said in the log. exits.log is not written here: session hosts
// outlive the daemon and write it themselves.
package eventlog

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/logfile"
)

// Subscribe gives the events after a place in the stream, or the last replay
// ones, and a channel of all that follow. The channel is closed when its reader
// is too far behind or the daemon stops.
type Subscribe func(epoch int64, after uint64, replay int) (kept []iapeer.Stamped, live <-chan iapeer.Stamped, cancel func())

// Config is what a log needs.
type Config struct {
	Dir      string
	Delivery logfile.Limits // of delivery.log; the others have logfile.Default
	Daemon   bool           // the start and the end of the process are told too
	Echo     io.Writer      // is given the tries to send besides; nil for none
	Log      *zap.Logger
}

// A Log writes until the daemon stops. It is safe for concurrent use.
type Log struct {
	c       Config
	told    chan line
	dropped atomic.Int64 // of told, not yet said
	moved   atomic.Bool  // since Active was asked
	turns   atomic.Int64 // that run
	done    chan struct{}

	// of the goroutine that writes
	files   map[string]*file // by source
	working map[iapeer.Identity]bool
	epoch   int64 // of the last event written
	last    uint64
	failed  bool // the last flush could not be written
}

// A line is something told that is no event.
type line struct {
	source string
	at     time.Time
	name   string
	fields func() []iapeer.Field
}

// maxTold is how many lines may wait to be written.
const maxTold = 1024

// gatherFor is how long lines may wait for others before they are written.
const gatherFor = 100 * time.Millisecond

// replayAll asks for everything that the daemon still has.
const replayAll = 1 << 20

// New returns a log that takes what it is told and writes nothing before Start.
func New(c Config) *Log {
	return &Log{
		c: c, told: make(chan line, maxTold), done: make(chan struct{}),
		files: make(map[string]*file), working: make(map[iapeer.Identity]bool),
	}
}

// Start begins to write, with the events that the daemon kept. It goes on until
// stopping has ended and no event comes any more.
func (l *Log) Start(stopping context.Context, subscribe Subscribe) {
	if l.c.Daemon {
		l.note("daemon-started", iapeer.Field{Key: "version", Value: iapeer.Version}, iapeer.Field{Key: "pid", Value: os.Getpid()})
	}
	go func() {
		defer close(l.done)
		for l.follow(subscribe) && stopping.Err() == nil {
		}
		l.drain()
		if l.c.Daemon {
			l.note("daemon-stopped", iapeer.Field{Key: "pid", Value: os.Getpid()})
		}
	}()
}

// Done is closed when everything is written.
func (l *Log) Done() <-chan struct{} { return l.done }

// Active reports whether sessions did something since it was asked last, or do
// now: one started, changed its state or has a turn.
func (l *Log) Active() bool { return l.moved.Swap(false) || l.turns.Load() > 0 }

// Attempt tells of one try to send. It never blocks.
func (l *Log) Attempt(a iapeer.Attempt) { l.tell("delivery", "delivery", bareAttempt(a).Fields) }

// PeerChanged tells what the registry says of a peer. It never blocks.
func (l *Log) PeerChanged(e iapeer.PeerChanged) { l.tell(e.Source(), e.Name(), e.Fields) }

// tell puts a line into the queue, or counts it as dropped. fields is called
// when the line is written.
func (l *Log) tell(source, name string, fields func() []iapeer.Field) {
	select {
	case l.told <- line{source, time.Now(), name, fields}:
	default:
		l.dropped.Add(1)
	}
}

// follow writes from one subscription until it ends. It reports whether it
// is worth to subscribe again.
func (l *Log) follow(subscribe Subscribe) bool {
	kept, live, cancel := subscribe(l.epoch, l.last, replayAll)
	defer cancel()
	for _, ev := range kept {
		l.write(ev)
	}
	l.flush()
	some := len(kept) > 0
	due := time.NewTimer(gatherFor)
	due.Stop()
	defer due.Stop()
	for waiting := false; ; {
		select {
		case <-due.C:
			waiting = false
			l.flush()
			continue
		case t := <-l.told:
			l.take(t)
		case ev, ok := <-live:
			if !ok {
				l.flush()
				return some
			}
			some = true
			l.write(ev)
		}
		if !waiting {
			waiting = true
			due.Reset(gatherFor)
		}
	}
}

// drain writes what was told up to now.
func (l *Log) drain() {
	for {
		select {
		case t := <-l.told:
			l.take(t)
		default:
			l.flush()
			return
		}
	}
}

// write gathers an event. Events that were lost on the way are counted.
func (l *Log) write(s iapeer.Stamped) {
	if l.last > 0 && s.Epoch == l.epoch && s.Seq > l.last+1 {
		l.note("events-missed", iapeer.Field{Key: "count", Value: int64(s.Seq - l.last - 1)})
	}
	l.epoch, l.last = s.Epoch, s.Seq
	for _, t := range l.linesOf(s) {
		l.gather(t.source, t.at, t.name, t.fields())
	}
}

// take gathers what was told.
func (l *Log) take(t line) {
	fields := t.fields()
	l.gather(t.source, t.at, t.name, fields)
	if l.c.Echo != nil && t.name == "delivery" {
		_, _ = l.c.Echo.Write(logfile.AppendLine(nil, t.at, t.name, fields))
	}
}

func (l *Log) gather(source string, at time.Time, name string, fields []iapeer.Field) {
	f := l.file(source)
	f.add(at, name, fields)
	if len(f.buf) >= writeBytes {
		l.flush()
	}
}

// note writes a line of the log's own into lifecycle.log.
func (l *Log) note(name string, fields ...iapeer.Field) {
	l.file("lifecycle").add(time.Now(), name, fields)
	l.flush()
}

func (l *Log) file(source string) *file {
	f := l.files[source]
	if f == nil {
		f = &file{path: filepath.Join(l.c.Dir, source+".log"), limits: logfile.Default}
		if source == "delivery" {
			f.limits = l.c.Delivery
		}
		l.files[source] = f
	}
	return f
}

// flush writes all that was gathered, and says how much found no room in the
// queue. Trouble is told once, until it is over.
func (l *Log) flush() {
	now, some, failed := time.Now(), false, false
	if n := l.dropped.Swap(0); n > 0 {
		l.file("lifecycle").add(now, "lines-lost", []iapeer.Field{{Key: "count", Value: n}})
	}
	for _, f := range l.files {
		some = some || len(f.buf) > 0
		if err := f.flush(now); err != nil {
			failed = true
			if !l.failed {
				l.c.Log.Warn("cannot write a log of events", zap.String("file", f.path), zap.Error(err))
				l.failed = true
			}
		}
	}
	if some && !failed {
		l.failed = false
	}
}
