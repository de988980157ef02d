package store

import (
	"context"
	"runtime"
	"sync"
)

// maxBatch bounds the writes of one transaction, so that the first of them
// does not wait for the last of thousands.
const maxBatch = 512

// A write is one call of [DB.Write].
type write struct {
	op   func(*Tx) error
	done func(error)
	err  error
}

// A writer runs writes in batches on one goroutine.
type writer struct {
	c     *conn
	tx    Tx
	stats *counters
	wake  chan struct{} // capacity 1: there is something new
	ended chan struct{}
	batch []write          // the transaction being made; used by the goroutine only
	after func(made int64) // run after each transaction, with how many there were; may be nil

	mu      sync.Mutex
	queue   []write
	spare   []write // the other half of a pair of buffers
	stopped bool
}

func newWriter(c *conn, stats *counters, after func(made int64)) *writer {
	w := &writer{c: c, stats: stats, after: after, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	w.tx = Tx{ctx: context.Background(), c: c}
	go w.run()
	return w
}

// add queues wr; it reports false after stop.
func (w *writer) add(wr write) bool {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return false
	}
	w.queue = append(w.queue, wr)
	first := len(w.queue) == 1
	w.mu.Unlock()
	if first {
		w.signal()
	}
	return true
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// stop refuses further writes, waits for the queued ones and returns the
// connection, which is the caller's then.
func (w *writer) stop() *conn {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.signal()
	<-w.ended
	return w.c
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		todo, stopped := w.take()
		if len(todo) == 0 {
			if stopped {
				return
			}
			<-w.wake
			continue
		}
		for len(todo) > 0 {
			n := min(len(todo), maxBatch)
			w.commit(todo[:n], n == len(todo))
			clear(todo[:n]) // let go of what the closures hold
			todo = todo[n:]
		}
		// Those whose callbacks just ran often write again at once; letting
		// them run first makes the next batch fuller and costs nothing when
		// nobody waits for a processor.
		runtime.Gosched()
	}
}

// take returns everything queued. The slice is valid until the next but one
// take.
func (w *writer) take() ([]write, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	todo := w.queue
	w.queue, w.spare = w.spare[:0], todo
	return todo, w.stopped
}

// commit makes one transaction of todo and of what arrives while it runs (if
// more), then calls back.
func (w *writer) commit(todo []write, more bool) {
	w.batch = append(w.batch[:0], todo...)
	if err := w.transact(more); err != nil {
		_, _ = w.c.exec(w.tx.ctx, "ROLLBACK") // refused when SQLite did it itself
		for i := range w.batch {
			w.batch[i].err = err
		}
	}
	made := w.stats.commits.Add(1)
	for i := range w.batch {
		if w.batch[i].err != nil {
			w.stats.failed.Add(1)
		} else {
			w.stats.writes.Add(1)
		}
		w.batch[i].done(w.batch[i].err)
	}
	clear(w.batch)
	if w.after != nil {
		w.after(made)
	}
}

// transact runs the batch. Its error means that nothing was kept.
func (w *writer) transact(more bool) error {
	if err := w.begin(); err != nil {
		return err
	}
	for i := 0; i < len(w.batch); i++ {
		step := w.step
		if i == 0 {
			step = w.first
		}
		if err := step(&w.batch[i]); err != nil {
			return err
		}
		if more && i == len(w.batch)-1 {
			w.join()
		}
	}
	_, err := w.c.exec(w.tx.ctx, "COMMIT")
	return err
}

func (w *writer) begin() error {
	_, err := w.c.exec(w.tx.ctx, "BEGIN IMMEDIATE")
	return err
}

// first runs the first write of a batch. It needs no savepoint, because the
// transaction holds nothing else yet: undoing it is to begin again.
func (w *writer) first(wr *write) error {
	if wr.err = wr.op(&w.tx); wr.err == nil {
		return nil
	}
	_, _ = w.c.exec(w.tx.ctx, "ROLLBACK") // refused when SQLite did it itself
	return w.begin()
}

// join adds what arrived meanwhile to the running batch, up to its bound.
func (w *writer) join() {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch-len(w.batch))
	if n <= 0 {
		return
	}
	w.batch = append(w.batch, w.queue[:n]...)
	w.queue = append(w.queue[:0], w.queue[n:]...)
}

// step runs a further write in a savepoint. Its error means that the transaction is
// lost: SQLite gives up the whole of it on a full disk or an I/O error
// (sqlite.org/lang_transaction.html).
func (w *writer) step(wr *write) error {
	if _, err := w.c.exec(w.tx.ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	if wr.err = wr.op(&w.tx); wr.err != nil {
		if _, err := w.c.exec(w.tx.ctx, "ROLLBACK TO one"); err != nil {
			return wr.err
		}
	}
	_, err := w.c.exec(w.tx.ctx, "RELEASE one")
	return err
}
