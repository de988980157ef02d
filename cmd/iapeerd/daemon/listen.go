package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer"
)

// ErrRunning refuses a second daemon for one root.
var ErrRunning = errors.New("a daemon is already running for this root; see 'iapeer daemon status'")

// defaultPort is the daemon's port where the root has none yet and it is free.
const defaultPort = 8765

// portsTried is how many ports above defaultPort a new root looks at.
const portsTried = 100

// probeTimeout bounds the question whether somebody listens on a socket.
const probeTimeout = 500 * time.Millisecond

// lockRoot takes the lock that makes this daemon the only one of the root. The
// kernel releases it with the process.
func lockRoot(paths iapeer.Paths) (*os.File, error) {
	if err := os.MkdirAll(paths.State(), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(paths.State(), "daemon.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(f.Name())
		f.Close()
		return nil, fmt.Errorf("%w (pid %s)", ErrRunning, pid)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteString(strconv.Itoa(os.Getpid()))
	}
	return f, nil
}

// listenUnix listens on the daemon's socket. A socket that answers belongs to
// another daemon, perhaps an older program's, and is left alone; a stale one is
// removed.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		d := net.Dialer{Timeout: probeTimeout}
		if c, err := d.DialContext(ctx, "unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("a daemon is already listening on %s: refusing to start a second instance", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	// the socket must never exist with another mode than 0600
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	var lc net.ListenConfig
	return lc.Listen(ctx, "unix", path)
}

// listenTCP listens on loopback. A root without a port of its own takes the
// default or the first free one above it.
func listenTCP(ctx context.Context, port int, fixed bool) (net.Listener, error) {
	var lc net.ListenConfig
	last := port
	if !fixed {
		last += portsTried
	}
	var err error
	for p := port; p <= last; p++ {
		var l net.Listener
		if l, err = lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(p))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// routerFile is how clients and packages find the daemon.
type routerFile struct {
	Sock    string `json:"sock"`
	TCP     string `json:"tcp,omitempty"`
	Version string `json:"version"`
	Fleet   int    `json:"fleet"`
	PID     int    `json:"pid"`
}

func writeRouterFile(paths iapeer.Paths, r routerFile) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp := paths.RouterFile() + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, paths.RouterFile())
}
