package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A daemon is one run of iapeerd.
type daemon struct {
	pid   int
	began time.Time
	ready chan struct{} // closed when it says so
	gone  chan struct{} // closed when it has ended

	mu   sync.Mutex
	said string // instead of ready
}

// starts counts how daemons came up.
type starts struct {
	mu    sync.Mutex
	count int
	took  []time.Duration // from the start to ready
}

// spawn starts a daemon and does not wait for it.
func (h *house) spawn() (*daemon, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(h.bin, "iapeerd"), "run") //nolint:noctx // ended by its pid
	cmd.Env, cmd.Dir, cmd.Stderr = append(append([]string{}, h.env...), "IAPEER_READY_FD=3"), h.paths.Home, h.stderr
	cmd.ExtraFiles = []*os.File{w}
	d := &daemon{began: time.Now(), ready: make(chan struct{}), gone: make(chan struct{})}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	d.pid = cmd.Process.Pid
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		d.hear(r)
		h.pids.note(d)
	}()
	go func() {
		_ = cmd.Wait() // it was killed, as a rule
		<-heard
		close(d.gone)
	}()
	return d, nil
}

// hear reads the one line that a daemon says of its start.
func (d *daemon) hear(r *os.File) {
	defer r.Close()
	line, _ := bufio.NewReader(r).ReadString('\n')
	line = strings.TrimSpace(line)
	if line == "ready" {
		close(d.ready)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = line
}

func (s *starts) note(d *daemon) {
	select {
	case <-d.ready:
	default:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.took = append(s.took, time.Since(d.began))
}

// up waits until a daemon is ready; the error says why it is not.
func (d *daemon) up(ctx context.Context) error {
	limit := time.NewTimer(upLimit)
	defer limit.Stop()
	select {
	case <-d.ready:
		return nil
	case <-d.gone:
		d.mu.Lock()
		defer d.mu.Unlock()
		return fmt.Errorf("the daemon (pid %d) ended while it started: %s", d.pid, d.said)
	case <-limit.C:
		return fmt.Errorf("the daemon (pid %d) was not ready within %s", d.pid, upLimit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill kills the daemon at once and waits for its end.
func (d *daemon) kill(h *house) error {
	if err := h.signal(d.pid, syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-d.gone
	return nil
}

// running returns the daemon that the root's clients find, which somebody else
// started.
func (h *house) running() (*daemon, error) {
	b, err := os.ReadFile(h.paths.RouterFile())
	if err != nil {
		return nil, err
	}
	var r struct{ PID int }
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	d := &daemon{pid: r.PID, began: time.Now(), ready: make(chan struct{}), gone: make(chan struct{})}
	close(d.ready)
	go func() {
		defer close(d.gone)
		for !gone(d.pid) {
			time.Sleep(2 * time.Millisecond) // no event tells the end of another's child
		}
	}()
	return d, nil
}

// gone reports whether a process that is not our child has ended. One that
// nobody has reaped yet has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, ok := strings.Cut(string(stat), ") ")
	return err != nil || ok && strings.HasPrefix(state, "Z")
}

// errNotOurs refuses to signal a process that this house did not start.
var errNotOurs = errors.New("not a process of this house")

// signal signals a process of this house. The handle is taken before it is
// looked at, so that a recycled id is never hit.
func (h *house) signal(pid int, sig syscall.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	defer p.Release() //nolint:errcheck // only a handle
	if !h.owns(pid) {
		if gone(pid) {
			return os.ErrProcessDone
		}
		return fmt.Errorf("pid %d: %w", pid, errNotOurs)
	}
	return p.Signal(sig)
}

// owns reports whether a process was started with this house's home.
func (h *house) owns(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && (strings.Contains("\x00"+string(b), "\x00HOME="+h.paths.Home+"\x00"))
}

// processes lists the live processes of this house.
func (h *house) processes() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && h.owns(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// children lists the direct children of a process.
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range lists {
		b, _ := os.ReadFile(path)
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}
