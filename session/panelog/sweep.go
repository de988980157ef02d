package panelog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits bound the logs of a folder. The zero value of a field means its
// default.
type Limits struct {
	MaxBytes  int64         // a log beyond it is cut, 16 MiB; never below 9 MiB
	Keep      int           // copies kept of what was cut, 2
	Stale     time.Duration // files untouched for so long are removed, 14 days
	DirBudget int64         // of all files together, 512 MiB
}

// tailBytes is what stays of a log that is cut: twice what readers look at.
const tailBytes = 8 << 20

const (
	defaultMaxBytes  = 16 << 20
	defaultKeep      = 2
	defaultStale     = 14 * 24 * time.Hour
	defaultDirBudget = 512 << 20
)

// LimitsFromEnv reads the IAPEER_PANELOG_… variables through getenv; what is
// no positive number is the default.
func LimitsFromEnv(getenv func(string) string) Limits {
	num := func(name string) int64 {
		n, err := strconv.ParseInt(getenv("IAPEER_PANELOG_"+name), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	return Limits{
		MaxBytes: num("MAX_BYTES"), Keep: int(min(num("KEEP"), 100)),
		Stale: time.Duration(min(num("STALE_DAYS"), 10_000)) * 24 * time.Hour, DirBudget: num("DIR_BUDGET"),
	}.filled()
}

func (l Limits) filled() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	l.MaxBytes = max(l.MaxBytes, tailBytes+1<<20)
	if l.Keep <= 0 {
		l.Keep = defaultKeep
	}
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

// logName reports whether a file is a log, *.log, or a copy of one, *.log.<n>.
// By hand: a pattern would cost every start of a host its compiled form.
func logName(name string) (isLog, copied bool) {
	stem := strings.TrimRight(name, "0123456789")
	if base, ok := strings.CutSuffix(stem, "."); ok && stem != name {
		name, copied = base, true
	}
	return len(name) > len(".log") && strings.HasSuffix(name, ".log"), copied
}

type logFile struct {
	path    string
	size    int64
	changed time.Time
	copied  bool // a numbered copy
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
		case now.Sub(f.changed) > l.Stale:
			note(&s.Removed, os.Remove(f.path))
		case !f.copied && f.size > l.MaxBytes:
			note(&s.Cut, rotate(f.path, l))
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
		return int(b.size - a.size)
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
		isLog, copied := logName(e.Name())
		info, ierr := e.Info()
		if !isLog || ierr != nil || !info.Mode().IsRegular() {
			continue
		}
		out = append(out, logFile{filepath.Join(dir, e.Name()), info.Size(), info.ModTime(), copied})
	}
	return out, err
}

// rotate copies the last MaxBytes of a log to .1, shifts older copies, and
// cuts the log.
func rotate(path string, l Limits) error {
	for n := l.Keep; n > 1; n-- {
		err := os.Rename(numbered(path, n-1), numbered(path, n))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := copyTail(path, numbered(path, 1), l.MaxBytes); err != nil {
		return err
	}
	return cut(path, time.Time{})
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

// cut leaves the last tailBytes of a log in place, and its time if one is
// given: bounding must not look like activity.
func cut(path string, changed time.Time) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() <= tailBytes {
		return err
	}
	last := make([]byte, tailBytes)
	n, err := f.ReadAt(last, st.Size()-tailBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.WriteAt(last[:n], 0); err != nil {
		return err
	}
	if changed.IsZero() {
		return nil
	}
	return os.Chtimes(path, changed, changed)
}
