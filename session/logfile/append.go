package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound one log. The file is set aside as .1 before a line would let it
// outgrow MaxBytes; Keep such copies stay, the oldest has the highest number.
type Limits struct {
	MaxBytes int64
	Keep     int // 0: what is full is emptied
}

// Default are the limits of every log that has no others.
var Default = Limits{MaxBytes: 5 << 20, Keep: 5}

// How long an append waits for another process that writes the same log. One
// that is stopped while it writes must not stop the others.
const (
	lockTries = 20
	lockPause = 5 * time.Millisecond
)

// Append appends whole lines to the log at path, which is made with its folder
// when it is not there.
func Append(path string, lines []byte, l Limits) error {
	return appendTo(path, lines, l, nil)
}

// AppendOnce is Append unless written says that one of the last lines of the
// log says the same already. Nobody else appends between the look and the
// write.
func AppendOnce(path string, lines []byte, l Limits, written func(line string) bool) error {
	return appendTo(path, lines, l, written)
}

func appendTo(path string, lines []byte, l Limits, written func(string) bool) error {
	for len(lines) > 0 {
		f, locked, err := open(path)
		if err != nil {
			return err
		}
		if written != nil && said(f, path, written) {
			return f.Close()
		}
		n, full := fit(f, lines, l.MaxBytes)
		if full && locked {
			// the lock goes with the file that is set aside; the next round has the new one
			if err := errors.Join(setAside(path, l.Keep), f.Close()); err != nil {
				return err
			}
			continue
		}
		if !locked {
			n = len(lines) // without the lock nothing is set aside
		}
		_, err = f.Write(lines[:n])
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		lines, written = lines[n:], nil
	}
	return nil
}

// open opens the log that is at path and takes its lock, if that can be had
// soon. A log that was set aside meanwhile is let go.
func open(path string) (f *os.File, locked bool, err error) {
	for try := 0; ; try++ {
		if f, err = create(path); err != nil {
			return nil, false, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && isAt(f, path) {
			return f, true, nil
		}
		if try >= lockTries {
			return f, false, nil
		}
		f.Close()
		if err != nil {
			time.Sleep(lockPause)
		}
	}
}

func create(path string) (*os.File, error) {
	const how = os.O_RDWR | os.O_APPEND | os.O_CREATE | syscall.O_NOFOLLOW
	f, err := os.OpenFile(path, how, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			f, err = os.OpenFile(path, how, 0o600)
		}
	}
	return f, err
}

func isAt(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// fit returns how many bytes of lines, in whole lines, the file has room for.
// full says that there is none for the first. An empty file has room for one
// line of any length.
func fit(f *os.File, lines []byte, most int64) (n int, full bool) {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return len(lines), false
	}
	room := most - st.Size()
	if int64(len(lines)) <= room {
		return len(lines), false
	}
	for n < len(lines) {
		end := bytes.IndexByte(lines[n:], '\n') + 1
		if end == 0 {
			end = len(lines) - n
		}
		if int64(n+end) > room {
			break
		}
		n += end
	}
	switch {
	case n > 0:
		return n, false
	case st.Size() > 0:
		return 0, true
	}
	if end := bytes.IndexByte(lines, '\n') + 1; end > 0 {
		return end, false
	}
	return len(lines), false
}

// setAside makes room at path: copies are counted up, and the last one goes.
func setAside(path string, keep int) error {
	if keep <= 0 {
		return os.Truncate(path, 0)
	}
	if err := shift(path, keep); err != nil {
		return err
	}
	return os.Rename(path, aside(path, 1))
}

// shift counts the copies up, so that .1 is free.
func shift(path string, keep int) error {
	for i := keep; i > 1; i-- {
		if err := os.Rename(aside(path, i-1), aside(path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// CopyAside bounds a log that somebody else holds open for appending: what is
// larger than its limit is copied to .1, and the file emptied in place.
func CopyAside(path string, l Limits) error {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || st.Size() <= l.MaxBytes {
		return err
	}
	if l.Keep <= 0 {
		return os.Truncate(path, 0)
	}
	if err := shift(path, l.Keep); err != nil {
		return err
	}
	if err := copyFile(path, aside(path, 1)); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func aside(path string, n int) string { return fmt.Sprintf("%s.%d", path, n) }

// lookBack is how much of a log AppendOnce looks at.
const lookBack = 64 << 10

// said looks for a line among the last of the log and of the copy set aside
// last.
func said(f *os.File, path string, written func(string) bool) bool {
	if lastLines(f, written) {
		return true
	}
	old, err := os.Open(aside(path, 1))
	if err != nil {
		return false
	}
	defer old.Close()
	return lastLines(old, written)
}

func lastLines(f *os.File, written func(string) bool) bool {
	st, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := io.ReadAll(io.NewSectionReader(f, max(0, st.Size()-lookBack), lookBack))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		if written(string(line)) {
			return true
		}
	}
	return false
}
