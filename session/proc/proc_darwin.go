package proc

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Token returns what tells pid from an earlier or later process with the same
// id: the time of its start.
func Token(pid int) (string, error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", err
	}
	if int(k.Proc.P_pid) != pid {
		return "", fmt.Errorf("process %d: %w", pid, syscall.ESRCH)
	}
	return startToken(k), nil
}

func startToken(k *unix.KinfoProc) string {
	t := k.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", t.Sec, t.Usec)
}

// zombieStat is SZOMB of sys/proc.h.
const zombieStat = 5

func list() ([]Entry, error) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, err
	}
	all := make([]Entry, 0, len(procs))
	for i := range procs {
		k := &procs[i]
		pid := int(k.Proc.P_pid)
		sid, _ := unix.Getsid(pid)
		all = append(all, Entry{
			PID: pid, PPID: int(k.Eproc.Ppid), PGID: int(k.Eproc.Pgid), SID: sid,
			Token: startToken(k), Zombie: k.Proc.P_stat == zombieStat,
		})
	}
	return all, nil
}

// hasEnv reports whether the process started with entry in its environment.
// The kernel shows it only for processes of the same user.
func hasEnv(pid int, entry string) bool {
	b, err := unix.SysctlRaw("kern.procargs2", pid)
	return err == nil && bytes.Contains(b, []byte("\x00"+entry+"\x00"))
}

func signal(found []Entry, sig syscall.Signal) {
	for _, e := range found {
		if Alive(e.PID, e.Token) {
			_ = syscall.Kill(e.PID, sig)
		}
	}
}

// waitGone waits until all processes ended, at most d. They are not our
// children, so their end is watched for with kqueue.
func waitGone(found []Entry, d time.Duration) {
	kq, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer unix.Close(kq) //nolint:errcheck // nothing to do about it
	deadline := time.Now().Add(d)
	for _, e := range found {
		waitExit(kq, e, deadline)
	}
}

func waitExit(kq int, e Entry, deadline time.Time) {
	var change unix.Kevent_t
	unix.SetKevent(&change, e.PID, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	change.Fflags = unix.NOTE_EXIT
	if _, err := unix.Kevent(kq, []unix.Kevent_t{change}, nil, nil); err != nil {
		return // it is gone
	}
	for Alive(e.PID, e.Token) {
		left := time.Until(deadline)
		if left <= 0 {
			return
		}
		ts := unix.NsecToTimespec(left.Nanoseconds())
		events := make([]unix.Kevent_t, 1)
		if n, err := unix.Kevent(kq, nil, events, &ts); n > 0 || !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// fionRead is FIONREAD of sys/filio.h.
const fionRead = 0x4004667f

// Unread returns how many bytes wait in the pipe fd.
func Unread(fd int) (int, error) { return unix.IoctlGetInt(fd, fionRead) }

// DropText does nothing: macOS takes unused code back by itself.
func DropText() {}
