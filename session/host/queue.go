package host

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer"
)

// errEnded says that the session ended before the bytes were written.
var errEnded = errors.New("the session ended")

// maxInput bounds what an attached terminal may have waiting.
const maxInput = 1 << 20

// typingPause is how long after a person's last key nothing is pasted: longer
// than a screen takes to come to rest.
const typingPause = 700 * time.Millisecond

// A job is one uninterrupted write to the program. moved is called after each
// partial write with the bytes written so far, done once at the end. With a
// pause the last byte follows that much later, or at [queue.enter]; nothing else
// is written meanwhile.
type job struct {
	id    iapeer.MessageID // of an offer, for enter
	bytes []byte
	pause time.Duration
	moved func(n int)
	done  func(n int, err error)
}

// A queue writes jobs to the pty one after the other, each whole before the
// next begins. It is the only writer.
type queue struct {
	pty *os.File

	mu    sync.Mutex
	more  sync.Cond // a job came, or the queue ended
	less  sync.Cond // room came
	jobs  []job
	size  int
	ended bool
	over  chan struct{}    // closed by end
	pause iapeer.MessageID // the job that pauses now
	hurry chan struct{}    // closed to end its pause
	typed time.Time        // when a person typed last
}

func newQueue(pty *os.File) *queue {
	q := &queue{pty: pty, over: make(chan struct{})}
	q.more.L, q.less.L = &q.mu, &q.mu
	return q
}

// put appends a job. After the end it is done at once, with an error.
func (q *queue) put(j job) {
	q.mu.Lock()
	ended := q.ended
	if !ended {
		q.jobs = append(q.jobs, j)
		q.size += len(j.bytes)
		q.more.Signal()
	}
	q.mu.Unlock()
	if ended && j.done != nil {
		j.done(0, errEnded)
	}
}

// input appends what a person typed, and waits while too much is waiting.
func (q *queue) input(b []byte) {
	q.mu.Lock()
	for q.size > maxInput && !q.ended {
		q.less.Wait()
	}
	q.typed = time.Now()
	q.mu.Unlock()
	q.put(job{bytes: b})
}

// typing reports whether a person typed a moment ago: the program may not have
// drawn yet what now stands in its composer.
func (q *queue) typing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return time.Since(q.typed) < typingPause
}

// run writes until end is called.
func (q *queue) run() {
	for {
		j, ok := q.next()
		if !ok {
			return
		}
		n, err := q.write(j)
		if j.done != nil {
			j.done(n, err)
		}
	}
}

func (q *queue) next() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.ended {
		q.more.Wait()
	}
	if q.ended {
		return job{}, false
	}
	j := q.jobs[0]
	q.jobs[0] = job{}
	q.jobs = q.jobs[1:]
	if len(q.jobs) == 0 {
		q.jobs = nil
	}
	q.size -= len(j.bytes)
	q.less.Broadcast()
	return j, true
}

// write writes one job, by one system call where the pty takes it all.
func (q *queue) write(j job) (int, error) {
	if j.pause <= 0 || len(j.bytes) < 2 {
		return q.push(j, 0, len(j.bytes))
	}
	n, err := q.push(j, 0, len(j.bytes)-1)
	if err != nil {
		return n, err
	}
	hurry := q.pausing(j.id)
	t := time.NewTimer(j.pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-hurry:
	case <-q.over:
		return n, errEnded
	}
	q.pausing("")
	return q.push(j, n, len(j.bytes))
}

// pausing notes that a job pauses, or with "" that none does. The channel is
// closed when the pause is to end.
func (q *queue) pausing(id iapeer.MessageID) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pause, q.hurry = id, make(chan struct{})
	return q.hurry
}

// enter ends the pause of the job with this id, if it pauses now.
func (q *queue) enter(id iapeer.MessageID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if id != "" && q.pause == id {
		q.pause = ""
		close(q.hurry)
	}
}

// push writes the bytes of a job from n to end and returns how many of all are
// written.
func (q *queue) push(j job, n, end int) (int, error) {
	raw, err := q.pty.SyscallConn()
	if err != nil {
		return n, err
	}
	var werr error
	err = raw.Write(func(fd uintptr) bool {
		for n < end {
			m, err := unix.Write(int(fd), j.bytes[n:end])
			if m > 0 {
				n += m
				if j.moved != nil {
					j.moved(n)
				}
			}
			switch {
			case errors.Is(err, unix.EAGAIN):
				return false // wait until the program reads
			case errors.Is(err, unix.EINTR):
			case err != nil:
				werr = err
				return true
			}
		}
		return true
	})
	if err == nil {
		err = werr
	}
	return n, err
}

// end fails all jobs that are not begun. The one being written ends when the
// pty is closed.
func (q *queue) end() {
	q.mu.Lock()
	jobs := q.jobs
	if !q.ended {
		close(q.over)
	}
	q.jobs, q.ended = nil, true
	q.more.Broadcast()
	q.less.Broadcast()
	q.mu.Unlock()
	for _, j := range jobs {
		if j.done != nil {
			j.done(0, errEnded)
		}
	}
}
