package eventlog

import (
	"bytes"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/logfile"
)

// writeBytes is how much of a log is gathered before it is written.
const writeBytes = 32 << 10

// A file gathers lines and writes them.
type file struct {
	path   string
	limits logfile.Limits
	buf    []byte
	lost   int // lines that could not be written, not yet told of
}

// add gathers a line.
func (f *file) add(at time.Time, name string, fields []iapeer.Field) {
	f.buf = logfile.AppendLine(f.buf, at, name, fields)
}

// flush writes what was gathered. What cannot be written is dropped and counted:
// a log never holds up what it tells of. The count comes first in what can be
// written next.
func (f *file) flush(now time.Time) error {
	if len(f.buf) == 0 {
		return nil
	}
	defer func() { f.buf = f.buf[:0] }()
	if cap(f.buf) > 4*writeBytes {
		defer func() { f.buf = nil }()
	}
	lines := f.buf
	if f.lost > 0 {
		lines = append(logfile.AppendLine(nil, now, "lines-lost", []iapeer.Field{{Key: "count", Value: f.lost}}), lines...)
	}
	if err := logfile.Append(f.path, lines, f.limits); err != nil {
		f.lost += bytes.Count(f.buf, []byte("\n"))
		return err
	}
	f.lost = 0
	return nil
}
