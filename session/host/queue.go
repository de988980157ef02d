package host

import (
	"errors"
	"os"
	"slices"
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
	n     int // written so far
	pause time.Duration
	moved func(n int)
	done  func(n int, err error)
}

// A queue writes jobs to the pty one after the other, each whole before the
// next begins. It is the only writer. Whoever finds it idle writes what the
// terminal takes at once, and spares a change of goroutines; run does the rest.
type queue struct {
	pty *os.File

	mu      sync.Mutex
	more    sync.Cond // a job came, or the queue ended
	less    sync.Cond // room came
	jobs    []job
	size    int
	writing bool // a job is being written
	ended   bool
	over    chan struct{}    // closed by end
	pause   iapeer.MessageID // the job that pauses now
	hurry   chan struct{}    // closed to end its pause
	typed   time.Time        // when a person typed last
}

func newQueue(pty *os.File) *queue {
	q := &queue{pty: pty, over: make(chan struct{})}
	q.more.L, q.less.L = &q.mu, &q.mu
	return q
}

// put appends a job, or writes it where that does not block. After the end it is
// done at once, with an error.
func (q *queue) put(j job) {
	var err error
	q.mu.Lock()
	at := len(q.jobs)
	if !q.ended && !q.writing && at == 0 && j.pause <= 0 {
		q.writing = true
		q.mu.Unlock()
		err = q.push(&j, len(j.bytes), false)
		q.mu.Lock()
		q.writing = false
	}
	open := err == nil && j.n < len(j.bytes)
	switch {
	case open && q.ended:
		err = errEnded
	case open:
		q.jobs = slices.Insert(q.jobs, at, j) // before what came while it was written
		q.size += len(j.bytes) - j.n
	}
	if len(q.jobs) > 0 {
		q.more.Signal()
	}
	q.mu.Unlock()
	if (!open || err != nil) && j.done != nil {
		j.done(j.n, err)
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
		err := q.write(&j)
		if j.done != nil {
			j.done(j.n, err)
		}
	}
}

// next waits for a job to write. The one before it is done.
func (q *queue) next() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writing = false
	for (len(q.jobs) == 0 || q.writing) && !q.ended {
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
	q.size -= len(j.bytes) - j.n
	q.writing = true
	q.less.Broadcast()
	return j, true
}

// write writes one job, by one system call where the pty takes it all.
func (q *queue) write(j *job) error {
	if j.pause <= 0 || len(j.bytes) < 2 {
		return q.push(j, len(j.bytes), true)
	}
	if err := q.push(j, len(j.bytes)-1, true); err != nil {
		return err
	}
	hurry := q.pausing(j.id)
	t := time.NewTimer(j.pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-hurry:
	case <-q.over:
		return errEnded
	}
	q.pausing("")
	return q.push(j, len(j.bytes), true)
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

// push writes the bytes of a job up to end. Without wait it leaves what the
// terminal does not take at once.
func (q *queue) push(j *job, end int, wait bool) error {
	raw, err := q.pty.SyscallConn()
	if err != nil {
		return err
	}
	var werr error
	err = raw.Write(func(fd uintptr) bool {
		for j.n < end {
			m, err := unix.Write(int(fd), j.bytes[j.n:end])
			if m > 0 {
				j.n += m
				if j.moved != nil {
					j.moved(j.n)
				}
			}
			switch {
			case errors.Is(err, unix.EAGAIN):
				return !wait // or wait until the program reads
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
	return err
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
