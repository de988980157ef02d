package host

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked says that a live host holds the identity.
var ErrLocked = errors.New("a session host is already running")

// lockTries and lockPause bound the wait for a scan to let go of the lock: a
// scan holds it for microseconds, a host for its whole life.
const (
	lockTries = 10
	lockPause = 10 * time.Millisecond
)

// lock takes the identity for this process until it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for range lockTries {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(lockPause)
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

// Locked reports whether a live host holds the lock file at path.
func Locked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	return errors.Is(err, unix.EWOULDBLOCK)
}

// WaitUnlocked waits until no host holds the lock file at path, at most d.
func WaitUnlocked(path string, d time.Duration) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	free := make(chan struct{})
	go func() {
		defer close(free)
		defer f.Close()
		// Blocks in the kernel until the host's end releases the lock.
		for errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH), unix.EINTR) {
		}
	}()
	select {
	case <-free:
		return true
	case <-time.After(d):
		return false
	}
}
