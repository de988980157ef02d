// Package proc finds and ends the processes of a session: those of the
// terminal's session, those that carry its token in their environment, and
// their descendants.
//
// A process is named by its id and the token of its start, so that a recycled
// id is never mistaken for it. Nothing here keeps state; every function asks
// the kernel anew. Linux reads /proc and signals through pidfds; macOS asks
// sysctl.
package proc

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// An Entry is one process.
type Entry struct {
	PID, PPID, PGID, SID int
	Token                string // of its start, equal for the whole life
	Zombie               bool
}

// A Mark says how a session's processes are recognised.
type Mark struct {
	SID   int    // session id of the pty's session, 0 if there is none
	Token string // start token of the process SID; "" is not checked
	Env   string // NAME=value in the environment, "" if none
}

// Alive reports whether pid runs and is the process that token names. An empty
// token accepts any process.
func Alive(pid int, token string) bool {
	if pid <= 0 {
		return false
	}
	if token == "" {
		return syscall.Kill(pid, 0) == nil
	}
	now, err := Token(pid)
	return err == nil && now == token
}

// Find returns the live processes of a session. The calling process is never
// among them.
func Find(m Mark) ([]Entry, error) {
	all, err := list()
	if err != nil {
		return nil, err
	}
	sid := m.SID
	if sid != 0 && m.Token != "" {
		for _, e := range all {
			if e.PID == sid && e.Token != m.Token {
				sid = 0 // the id was recycled for another session
			}
		}
	}
	picked := map[int]bool{}
	for _, e := range all {
		if (sid != 0 && e.SID == sid) || (m.Env != "" && hasEnv(e.PID, m.Env)) {
			picked[e.PID] = true
		}
	}
	addDescendants(all, picked)
	return slices.DeleteFunc(all, func(e Entry) bool {
		return !picked[e.PID] || e.PID == os.Getpid() || e.Zombie
	}), nil
}

// addDescendants picks the children of what is picked, until nothing is added.
func addDescendants(all []Entry, picked map[int]bool) {
	for added := true; added; {
		added = false
		for _, e := range all {
			if picked[e.PPID] && !picked[e.PID] && e.PPID != os.Getpid() {
				picked[e.PID], added = true, true
			}
		}
	}
}

// Terminate sends TERM to pid if it is the process that token names.
func Terminate(pid int, token string) error {
	if !Alive(pid, token) {
		return fmt.Errorf("process %d with start %q: %w", pid, token, os.ErrProcessDone)
	}
	return syscall.Kill(pid, syscall.SIGTERM)
}

// killRounds bounds how often End looks again for processes that were made
// while it killed their parents.
const killRounds = 20

// End sends TERM to all processes of a session, waits up to grace for them to
// end, and kills the rest. It returns how many processes it ended.
func End(m Mark, grace time.Duration) (int, error) {
	found, err := Find(m)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	ended := len(found)
	if grace > 0 {
		signal(found, syscall.SIGTERM)
		signal(found, syscall.SIGCONT) // a stopped process takes TERM only when it goes on
		waitGone(found, grace)
	}
	for range killRounds {
		if found, err = Find(m); err != nil || len(found) == 0 {
			return ended, err
		}
		signal(found, syscall.SIGKILL)
		waitGone(found, time.Second)
	}
	return ended, nil
}
