// Package panelog keeps the raw terminal output of sessions on disk: a [Log] that
// a host appends to, and [Sweep], by which the daemon keeps them bounded.
//
// A log is never renamed: its host holds it open for appending, and readers
// rely on its path, inode and time of change. Bounding copies the end aside and
// truncates in place.
package panelog

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// checkEvery bounds how often the log's path is compared with the open file.
const checkEvery = time.Second

// A Log appends raw terminal output to a file. The file may be truncated,
// removed or replaced by others at any time: it is opened anew when its path
// no longer leads to it. Losing the log never harms the session. A Log is safe
// for concurrent use.
type Log struct {
	path string

	mu      sync.Mutex
	file    *os.File
	checked time.Time
}

// New returns a log at path, made when it is first written. With an empty path
// nothing is kept.
func New(path string) *Log { return &Log{path: path} }

// Write appends b.
func (l *Log) Write(b []byte) {
	if l.path == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.file == nil || now.Sub(l.checked) > checkEvery {
		l.checked = now
		l.reopen()
	}
	if l.file == nil {
		return
	}
	if _, err := l.file.Write(b); err != nil {
		l.drop()
	}
}

// reopen makes sure that the open file is the one at path.
func (l *Log) reopen() {
	if l.file != nil && sameFile(l.file, l.path) {
		return
	}
	l.drop()
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err == nil {
		l.file = f
	}
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

func (l *Log) drop() {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// Close closes the file.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}
