package panelog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
)

// Limits bound the logs of a folder. The zero value of a field means its
// default.
type Limits struct {
	MaxBytes  int64         // a log beyond it is cut, 16 MiB; never below 9 MiB
	Keep      int           // copies kept of what was cut, 2; below 0: none
	Stale     time.Duration // files untouched for so long are removed, 14 days
	DirBudget int64         // of all files together, 512 MiB

	// Live reports whether a session writes that identity's log: such a log is
	// cut where it must be, and never removed. nil means that none lives.
	Live func(iapeer.Identity) bool
}

// tailBytes is what stays of a log that is cut: twice what readers look at.
const tailBytes = 8 << 20

const (
	defaultMaxBytes  = 16 << 20
	defaultKeep      = 2
	defaultStale     = 14 * 24 * time.Hour
	defaultDirBudget = 512 << 20
)

func (l Limits) filled() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	l.MaxBytes = max(l.MaxBytes, tailBytes+1<<20)
	if l.Keep == 0 {
		l.Keep = defaultKeep
	}
	l.Keep = max(l.Keep, 0)
	if l.Stale <= 0 {
		l.Stale = defaultStale
	}
	if l.DirBudget <= 0 {
		l.DirBudget = defaultDirBudget
	}
	return l
}

// Swept tells what a sweep did.
type Swept struct {
	Cut, Removed int
	Bytes        int64 // left in the folder
	OverBudget   bool  // more than DirBudget is left
}

// logName reports whether a file is a log, <stem>.log, or a copy of one,
// <stem>.log.<n>. By hand: a pattern would cost every start of a host its
// compiled form.
func logName(name string) (stem string, isLog, copied bool) {
	front := strings.TrimRight(name, "0123456789")
	if base, ok := strings.CutSuffix(front, "."); ok && front != name {
		name, copied = base, true
	}
	stem, isLog = strings.CutSuffix(name, ".log")
	return stem, isLog && stem != "", copied
}

type logFile struct {
	path    string
	stem    string // what stands before .log: the identity
	size    int64
	changed time.Time
	copied  bool // a numbered copy
}

// spared reports whether a file is a live session's log. Its copies are not.
func (l Limits) spared(f logFile) bool {
	if f.copied || l.Live == nil {
		return false
	}
	id, err := iapeer.ParseIdentity(f.stem)
	return err == nil && l.Live(id)
}

// Sweep bounds the logs of a folder: long ones are cut, stale ones removed, and
// if all together are too large, the oldest copies go and the largest logs are
// cut. Only files named *.log and *.log.<n> are touched.
func Sweep(dir string, l Limits, now time.Time) (Swept, error) {
	l = l.filled()
	var s Swept
	var errs []error
	note := func(n *int, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		*n++
	}
	files, err := logs(dir)
	for _, f := range files {
		switch {
		case now.Sub(f.changed) > l.Stale && !l.spared(f):
			note(&s.Removed, os.Remove(f.path))
		case !f.copied && f.size > l.MaxBytes:
			note(&s.Cut, rotate(f, l))
		}
	}
	if err == nil {
		files, err = logs(dir)
	}
	s.Bytes = total(files)
	for _, f := range byNeed(files) {
		if s.Bytes <= l.DirBudget {
			break
		}
		if f.copied {
			note(&s.Removed, os.Remove(f.path))
			s.Bytes -= f.size
		} else if f.size > tailBytes {
			note(&s.Cut, cut(f.path, f.changed))
			s.Bytes -= f.size - tailBytes
		}
	}
	s.OverBudget = s.Bytes > l.DirBudget
	return s, errors.Join(append(errs, err)...)
}

func total(files []logFile) int64 {
	var n int64
	for _, f := range files {
		n += f.size
	}
	return n
}

// byNeed orders copies, oldest first, before logs, largest first.
func byNeed(files []logFile) []logFile {
	slices.SortFunc(files, func(a, b logFile) int {
		switch {
		case a.copied != b.copied && a.copied:
			return -1
		case a.copied != b.copied:
			return 1
		case a.copied:
			return a.changed.Compare(b.changed)
		}
		return cmp.Compare(b.size, a.size)
	})
	return files
}

func logs(dir string) ([]logFile, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var out []logFile
	for _, e := range entries {
		stem, isLog, copied := logName(e.Name())
		if !isLog {
			continue
		}
		info, ierr := e.Info()
		if ierr != nil || !info.Mode().IsRegular() {
			continue
		}
		out = append(out, logFile{filepath.Join(dir, e.Name()), stem, info.Size(), info.ModTime(), copied})
	}
	return out, err
}

// Remove removes the logs of a peer that is gone, with their copies, on every
// runtime. free is asked before each identity's go: it waits until no session
// writes there any more, and false spares them. It returns how many files went.
func Remove(dir string, peer iapeer.Name, free func(iapeer.Identity) bool) (int, error) {
	files, err := logs(dir)
	errs, n, asked := []error{err}, 0, map[string]bool{}
	for _, f := range files {
		id, err := iapeer.ParseIdentity(f.stem)
		if err != nil || id.Name != peer {
			continue
		}
		if _, ok := asked[f.stem]; !ok {
			asked[f.stem] = free(id)
		}
		if !asked[f.stem] {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

// rotate copies the last MaxBytes of a log to .1, shifts older copies, and
// cuts the log.
func rotate(f logFile, l Limits) error {
	if l.Keep == 0 {
		return cut(f.path, f.changed)
	}
	for n := l.Keep; n > 1; n-- {
		err := os.Rename(numbered(f.path, n-1), numbered(f.path, n))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := copyTail(f.path, numbered(f.path, 1), l.MaxBytes); err != nil {
		return err
	}
	return cut(f.path, f.changed)
}

func numbered(path string, n int) string { return fmt.Sprintf("%s.%d", path, n) }

func copyTail(from, to string, n int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.NewSectionReader(in, max(0, st.Size()-n), n))
	return errors.Join(err, out.Close())
}

// cut leaves the last tailBytes of a log in place, with the time at which its
// host wrote it: bounding must not look like activity. What the host appends
// meanwhile is moved too, but for the moment before the truncation.
func cut(path string, changed time.Time) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() <= tailBytes {
		return err
	}
	n, err := moveFront(f, st.Size()-tailBytes)
	if err != nil {
		return err
	}
	if err := f.Truncate(n); err != nil {
		return err
	}
	return os.Chtimes(path, changed, changed)
}

// moveBytes is how much is moved at a time.
const moveBytes = 256 << 10

// moveFront moves what stands from offset from to the end of the file to its
// front, and returns how much that was.
func moveFront(f *os.File, from int64) (n int64, err error) {
	buf := make([]byte, moveBytes)
	for {
		m, err := f.ReadAt(buf, from+n)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if m == 0 {
			return n, nil
		}
		if _, err := f.WriteAt(buf[:m], n); err != nil {
			return n, err
		}
		n += int64(m)
	}
}
