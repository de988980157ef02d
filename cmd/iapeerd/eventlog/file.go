package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Limits bound one log. The file is set aside as .1 before it would outgrow
// MaxBytes; Keep such copies stay, the oldest has the highest number.
type Limits struct {
	MaxBytes int64
	Keep     int
}

// DefaultLimits are those of every log that has no others.
var DefaultLimits = Limits{MaxBytes: 5 << 20, Keep: 5}

// writeBytes is how much of a log is gathered before it is written.
const writeBytes = 32 << 10

// A file gathers lines and writes them. It is opened for each write, so that a
// log that a person moves or deletes begins anew.
type file struct {
	path   string
	limits Limits
	buf    []byte
}

// flush writes what was gathered. What cannot be written is dropped: a log
// never holds up what it tells of.
func (f *file) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	defer func() { f.buf = f.buf[:0] }()
	if err := f.makeRoom(int64(len(f.buf))); err != nil {
		return err
	}
	w, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(f.path), 0o700); err == nil {
			w, err = os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		}
	}
	if err != nil {
		return err
	}
	_, err = w.Write(f.buf)
	return errors.Join(err, w.Close())
}

// makeRoom sets the file aside when n more bytes would make it too large.
func (f *file) makeRoom(n int64) error {
	st, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || st.Size() == 0 || st.Size()+n <= f.limits.MaxBytes {
		return err
	}
	if f.limits.Keep <= 0 {
		return os.Truncate(f.path, 0)
	}
	for i := f.limits.Keep; i > 1; i-- {
		if err := os.Rename(f.aside(i-1), f.aside(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(f.path, f.aside(1))
}

func (f *file) aside(n int) string { return fmt.Sprintf("%s.%d", f.path, n) }
