package hosting

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

// handCheck is how often the pid of a session started by hand is looked at
// while mail waits for its end.
const handCheck = 2 * time.Second

// handGrace is how long such a session may take to end after TERM.
const handGrace = 10 * time.Second

// byHand returns a live session of the runtime in cwd that no host of ours
// holds.
func (s *Sessions) byHand(ctx context.Context, a runtimes.Adapter, cwd string) (runtimes.Status, bool, error) {
	if a.Records.Sessions == nil {
		return runtimes.Status{}, false, nil
	}
	env, err := s.base(ctx)
	if err != nil {
		return runtimes.Status{}, false, err
	}
	home := a.Records.Home(lookup(env), s.Paths.Home)
	for _, st := range a.Records.Sessions(os.DirFS(home)) {
		if st.CWD == cwd && alive(st.PID) && !s.ours(st.PID) {
			return st, true, nil
		}
	}
	return runtimes.Status{}, false, nil
}

// ours reports whether a process belongs to a session of this root: one of its
// ancestors is a host, or it carries a host's mark.
func (s *Sessions) ours(pid int) bool {
	for range 16 {
		if pid <= 1 {
			return false
		}
		if _, _, ok := s.Under(pid); ok {
			return true
		}
		pid = parent(pid)
	}
	return false
}

func alive(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) == nil && !zombie(pid) }

// awaitExit calls then when pid is gone. A process that is not our child gives
// no event that every system has, so it is looked at from time to time.
func (s *Sessions) awaitExit(pid int, then func()) {
	go func() {
		t := time.NewTicker(handCheck)
		defer t.Stop()
		for alive(pid) {
			select {
			case <-t.C:
			case <-s.Life.Done():
				return
			}
		}
		then()
	}()
}

// endByHand ends a session that a person asked to be taken over.
func (s *Sessions) endByHand(ctx context.Context, st runtimes.Status) error {
	if err := syscall.Kill(st.PID, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end the session started by hand (pid %d): %w", st.PID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, handGrace)
	defer cancel()
	gone := make(chan struct{})
	s.awaitExit(st.PID, func() { close(gone) })
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the session started by hand (pid %d) does not end; end it yourself", st.PID)
	}
}

// record returns the path of a conversation's record, "" when there is none.
func (s *Sessions) record(a runtimes.Adapter, env []string, cwd, id string) string {
	if a.Records.Find == nil || id == "" {
		return ""
	}
	home := a.Records.Home(lookup(env), s.Paths.Home)
	path, ok := a.Records.Find(os.DirFS(home), cwd, id)
	if !ok {
		return ""
	}
	return filepath.Join(home, path)
}

// lookup reads the last value of a variable.
func lookup(env []string) func(string) string {
	return func(name string) string {
		v := ""
		for _, e := range env {
			if n, value, ok := strings.Cut(e, "="); ok && n == name {
				v = value
			}
		}
		return v
	}
}

func iapeerField(id iapeer.Identity) zap.Field { return zap.Stringer("identity", id) }

func errField(err error) zap.Field { return zap.Error(err) }
