package host

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// checkEvery bounds how often the log's path is compared with the open file.
const checkEvery = time.Second

// A paneLog appends raw terminal output to a file. The file may be truncated,
// removed or replaced by others at any time: it is opened anew when its path
// no longer leads to it. Losing the log never harms the session.
type paneLog struct {
	path string

	mu      sync.Mutex
	file    *os.File
	checked time.Time
}

func newPaneLog(path string) *paneLog { return &paneLog{path: path} }

func (l *paneLog) write(b []byte) {
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
func (l *paneLog) reopen() {
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

func (l *paneLog) drop() {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

func (l *paneLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}
