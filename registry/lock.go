package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// A dirLock is a lock that the TypeScript program takes too: whoever makes the
// folder holds it, and a folder that has not been touched for staleAfter is
// left over from a crash. Our own processes exclude each other by an flock
// first; it ends with its process, and only its holder reclaims a stale folder,
// so that two of us never both think they did.
type dirLock struct {
	folder string        // the lock folder
	flock  string        // file or folder that is flocked
	wait   time.Duration // how long to wait for either
	poll   time.Duration
	must   bool // fail when the folder stays taken; else go on with the flock alone
}

const (
	staleAfter   = 10 * time.Second
	refreshEvery = time.Second
)

// ErrLocked says that another process kept a lock for too long.
var ErrLocked = errors.New("held by another process")

// registryLock is the lock of peers-profiles.json. Older programs may have left
// a file where the lock folder belongs; they then lock beside it.
func registryLock(path string) dirLock {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		folder += ".lock"
	}
	return dirLock{folder: folder, flock: path[:len(path)-len(filepath.Ext(path))] + ".flock",
		wait: staleAfter + 2*time.Second, poll: 50 * time.Millisecond, must: true}
}

// profileLock is the lock of the profile in dir, a peer's .iapeer folder.
func profileLock(dir string) dirLock {
	return dirLock{folder: filepath.Join(dir, ".peer-profile.lock"), flock: dir,
		wait: 2 * time.Second, poll: 15 * time.Millisecond}
}

// acquire takes the lock and returns what releases it.
func (l dirLock) acquire(log *zap.Logger) (release func(), err error) {
	deadline := time.Now().Add(l.wait)
	f, err := l.takeFlock(deadline)
	if err != nil {
		return nil, err
	}
	made, err := l.takeFolder(deadline)
	if err != nil {
		f.Close()
		return nil, err
	}
	if !made {
		log.Warn("lock stays taken, going on without it", zap.String("lock", l.folder))
		return func() { f.Close() }, nil
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go l.keepFresh(stop, done)
	return func() {
		close(stop)
		<-done
		if err := os.Remove(l.folder); err != nil {
			log.Warn("lock was taken away", zap.String("lock", l.folder), zap.Error(err))
		}
		f.Close()
	}, nil
}

// takeFlock opens l.flock and locks it; closing it is the release.
func (l dirLock) takeFlock(deadline time.Time) (*os.File, error) {
	f, err := os.Open(l.flock)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(l.flock, os.O_RDONLY|os.O_CREATE, fileMode)
	}
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", l.flock, err)
		case time.Now().After(deadline):
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", l.flock, ErrLocked)
		}
		time.Sleep(l.poll)
	}
}

// takeFolder makes the lock folder, or reports false when it stays taken and
// l.must allows that.
func (l dirLock) takeFolder(deadline time.Time) (bool, error) {
	for {
		err := os.Mkdir(l.folder, dirMode)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return false, err
		}
		if info, err := os.Stat(l.folder); err == nil && time.Since(info.ModTime()) > staleAfter {
			if err := os.Remove(l.folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, fmt.Errorf("remove stale lock: %w", err)
			}
			continue
		}
		if time.Now().After(deadline) {
			if l.must {
				return false, fmt.Errorf("lock %s: %w", l.folder, ErrLocked)
			}
			return false, nil
		}
		time.Sleep(l.poll)
	}
}

// keepFresh touches the folder until stop is closed, so that others see that
// its holder lives.
func (l dirLock) keepFresh(stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			_ = os.Chtimes(l.folder, now, now)
		}
	}
}

// inode returns the file's number on its file system.
func inode(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
