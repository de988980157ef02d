package store

import (
	"context"
	"errors"

	"go.uber.org/zap"
	"modernc.org/sqlite"
)

// The write-ahead log is brought into the database mostly beside the writer:
// whenever it has grown by softPages, a reading connection copies what is
// there. Only once it has hardPages the writer copies the little that is left
// itself, between two transactions, and SQLite begins the log anew with the
// next one. So a commit rarely waits for copying, and then for little, and the
// log's size is bounded, except while a reader holds an old state.
const (
	softPages = 3000
	hardPages = 4000
)

// A checkpointer decides when; it is used by the writer's goroutine only.
type checkpointer struct {
	db      *DB
	tx      Tx            // the writer's connection, outside a transaction
	base    int           // pages written before the log began anew
	next    int           // size of the log at which it is copied beside the writer
	limit   int           // size of the log at which the writer copies the rest
	running chan struct{} // closed when the copying beside the writer has ended; nil if there was none
}

func newCheckpointer(d *DB, c *conn) *checkpointer {
	return &checkpointer{db: d, tx: Tx{ctx: context.Background(), c: c}, next: softPages, limit: hardPages}
}

// after follows each transaction of the writer, and returns the size of the log
// in pages.
func (k *checkpointer) after() int {
	pages, err := k.tx.c.pagesWritten()
	if err != nil {
		return 0
	}
	size := pages - k.base
	switch {
	case size >= k.limit:
		k.end(pages)
	case size >= k.next && !k.busy():
		k.next = size + softPages
		k.running = make(chan struct{})
		go k.db.copyLog(k.tx.ctx, k.running)
	}
	return pages - k.base
}

// busy reports whether the log is being copied beside the writer.
func (k *checkpointer) busy() bool {
	if k.running == nil {
		return false
	}
	select {
	case <-k.running:
		return false
	default:
		return true
	}
}

// end waits for the copying beside the writer and copies the rest.
func (k *checkpointer) end(pages int) {
	if k.running != nil {
		<-k.running
	}
	log, copied := 0, -1
	err := k.tx.Query(func(r Row) error {
		log, copied = int(r.Int(1)), int(r.Int(2))
		return nil
	}, passiveCheckpoint)
	if err != nil {
		k.db.log.Warn("copy the write-ahead log", zap.String("path", k.db.path), zap.Error(err))
	}
	k.base, k.next, k.limit = pages, softPages, hardPages
	if copied < log { // a reader holds an old state
		k.base, k.next, k.limit = pages-log, log+softPages, log+hardPages
	}
}

// passiveCheckpoint copies what it can without waiting for anybody, and returns
// whether it was busy, the log's pages and how many of them are copied.
const passiveCheckpoint = "PRAGMA wal_checkpoint(PASSIVE)"

// copyLog copies the log beside the writer and then closes ended.
func (d *DB) copyLog(ctx context.Context, ended chan struct{}) {
	defer close(ended)
	err := d.Read(ctx, func(t *Tx) error {
		_, err := t.First(passiveCheckpoint)
		return err
	})
	if err != nil && !errors.Is(err, ErrClosed) { // the writer does it then
		d.log.Warn("copy the write-ahead log beside the writer", zap.String("path", d.path), zap.Error(err))
	}
}

// pagesWritten counts what this connection wrote since it was opened: pages of
// the log.
func (c *conn) pagesWritten() (int, error) {
	n, _, err := c.raw.(sqlite.DBStatus).Status(sqlite.DBStatusCacheWrite, false)
	return n, err
}
