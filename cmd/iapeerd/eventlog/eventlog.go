// Package eventlog writes what the fleet tells its observers into files that
// people and older programs read: lifecycle.log, delivery.log, turns.log and
// notices.log, one line of logfmt an event, named for the event's source. A
// line never holds the body of a message. Logs are bounded in size and never
// hold up the daemon: what cannot be written is dropped, and the daemon's own
// log says so once.
package eventlog

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// Subscribe gives the events after a place in the stream, or the last replay
// ones, and a channel of all that follow. The channel is closed when its reader
// is too far behind or the daemon stops.
type Subscribe func(epoch int64, after uint64, replay int) (kept []iapeer.Stamped, live <-chan iapeer.Stamped, cancel func())

// Config is what a log needs.
type Config struct {
	Dir       string
	Delivery  Limits // of delivery.log; the others have DefaultLimits
	Subscribe Subscribe
	Daemon    bool // the start and the end of the process are told too
	Log       *zap.Logger
}

// A Log writes events until the daemon stops.
type Log struct {
	c     Config
	files map[string]*file // by source
	epoch int64            // of the last event written
	last  uint64
	told  bool // that a log cannot be written
	done  chan struct{}
}

// gatherFor is how long lines may wait for others before they are written.
const gatherFor = 100 * time.Millisecond

// replayAll asks for everything that the daemon still has.
const replayAll = 1 << 20

// Start begins to write, with the events that the daemon kept. It goes on until
// stopping has ended and no event comes any more.
func Start(stopping context.Context, c Config) *Log {
	l := &Log{c: c, files: map[string]*file{}, done: make(chan struct{})}
	if c.Daemon {
		l.note("daemon-started", iapeer.Field{Key: "version", Value: iapeer.Version}, iapeer.Field{Key: "pid", Value: os.Getpid()})
	}
	go func() {
		defer close(l.done)
		for l.follow() && stopping.Err() == nil {
		}
		if c.Daemon {
			l.note("daemon-stopped", iapeer.Field{Key: "pid", Value: os.Getpid()})
		}
	}()
	return l
}

// Done is closed when everything is written.
func (l *Log) Done() <-chan struct{} { return l.done }

// follow writes from one subscription until it ends. It reports whether it
// is worth to subscribe again.
func (l *Log) follow() bool {
	kept, live, cancel := l.c.Subscribe(l.epoch, l.last, replayAll)
	defer cancel()
	for _, ev := range kept {
		l.write(ev)
	}
	l.flush()
	some := len(kept) > 0
	var due <-chan time.Time
	for {
		select {
		case <-due:
			due = nil
			l.flush()
		case ev, ok := <-live:
			if !ok {
				l.flush()
				return some
			}
			some = true
			l.write(ev)
			if due == nil {
				due = time.After(gatherFor)
			}
		}
	}
}

// write gathers an event. Events that were lost on the way are counted.
func (l *Log) write(s iapeer.Stamped) {
	if l.last > 0 && s.Seq > l.last+1 {
		l.note("events-missed", iapeer.Field{Key: "count", Value: int64(s.Seq - l.last - 1)})
	}
	l.epoch, l.last = s.Epoch, s.Seq
	f := l.file(s.Event.Source())
	f.buf = appendLine(f.buf, s.At, s.Event.Name(), s.Event.Fields())
	if len(f.buf) >= writeBytes {
		l.flush()
	}
}

// note writes a line of the log's own into lifecycle.log.
func (l *Log) note(name string, fields ...iapeer.Field) {
	f := l.file("lifecycle")
	f.buf = appendLine(f.buf, time.Now(), name, fields)
	l.flush()
}

func (l *Log) file(source string) *file {
	f := l.files[source]
	if f == nil {
		f = &file{path: filepath.Join(l.c.Dir, source+".log"), limits: DefaultLimits}
		if source == "delivery" {
			f.limits = l.c.Delivery
		}
		l.files[source] = f
	}
	return f
}

func (l *Log) flush() {
	for _, f := range l.files {
		err := f.flush()
		if err != nil && !l.told {
			l.told = true
			l.c.Log.Warn("cannot write a log of events", zap.String("file", f.path), zap.Error(err))
		}
	}
}
