package load

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Sinks watches the far ends of sessions: each copies what its terminal gets
// into a fifo, where the number at the end of each message is looked for.
type Sinks struct {
	files  []*os.File
	seen   atomic.Int64
	wanted atomic.Int64
	found  chan time.Time
}

// Mark is how message n ends.
func Mark(n int) string { return fmt.Sprintf("~%09d~", n) }

const markDigits = 9

// NewSinks makes the fifos and watches them until Close.
func NewSinks(paths []string) (*Sinks, error) {
	s := &Sinks{found: make(chan time.Time, 1)}
	s.wanted.Store(-1)
	for _, p := range paths {
		if err := syscall.Mkfifo(p, 0o600); err != nil {
			return nil, fmt.Errorf("make fifo %s: %w", p, err)
		}
		f, err := os.OpenFile(p, os.O_RDWR, 0) // open at both ends, so that it never ends
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f)
		go s.watch(f)
	}
	return s, nil
}

// Close ends the watching.
func (s *Sinks) Close() {
	for _, f := range s.files {
		_ = f.Close()
	}
}

// Seen is how many messages have arrived.
func (s *Sinks) Seen() int { return int(s.seen.Load()) }

// Await returns a function that waits for message n and tells when it came.
func (s *Sinks) Await(n int) func(limit time.Duration) (time.Time, error) {
	select {
	case <-s.found: // of a wait that was given up
	default:
	}
	s.wanted.Store(int64(n))
	return func(limit time.Duration) (time.Time, error) {
		select {
		case at := <-s.found:
			return at, nil
		case <-time.After(limit):
			return time.Time{}, fmt.Errorf("message %d did not arrive within %s", n, limit)
		}
	}
}

// AwaitSeen waits until so many messages have arrived in all.
func (s *Sinks) AwaitSeen(total int, limit time.Duration) error {
	for end := time.Now().Add(limit); s.Seen() < total; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d messages arrived", s.Seen(), total)
		}
	}
	return nil
}

func (s *Sinks) watch(f *os.File) {
	buf := make([]byte, 64<<10)
	digits, number := -1, int64(0) // -1: outside a mark
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		for _, c := range buf[:n] {
			switch {
			case c == '~' && digits == markDigits:
				s.arrived(number)
				digits = -1
			case c == '~':
				digits, number = 0, 0
			case digits >= 0 && c >= '0' && c <= '9':
				digits, number = digits+1, number*10+int64(c-'0')
			default:
				digits = -1
			}
		}
	}
}

func (s *Sinks) arrived(n int64) {
	now := time.Now()
	if s.wanted.CompareAndSwap(n, -1) {
		s.found <- now
	}
	s.seen.Add(1)
}
