// Package store owns the daemon's SQLite files: how they are opened, migrated,
// written, read and closed. What the tables mean belongs to its sub-packages
// (mailbox, board), which hand in their migrations and use only what is
// exported here.
//
// Promises:
//
//   - A write whose callback got nil is durable: WAL, synchronous=FULL, and
//     fullfsync where the system has it. Only a file opened with
//     [OpenDerived], which can be rebuilt from others, is laxer.
//   - There is one writer, a goroutine. All writes that wait at one moment
//     share one transaction and one fsync (group commit); a batch is never
//     held open to wait for more. Each write stands in a savepoint of its own,
//     so one that fails is undone alone and its neighbours commit.
//   - Callbacks run in the order of commit, after the commit is durable.
//   - Readers have connections of their own and never wait for the writer.
//   - The log is copied into the database beside the writer, so that no commit
//     waits for thousands of pages.
//   - Only one process has the file: [Open] takes a lock that the kernel
//     releases with the process, so counters kept in memory stay true.
//   - A damaged file never keeps the daemon down: it is set aside under
//     another name, a new file is begun and [DB.Damage] tells of it. A file
//     from a newer program is refused and left alone.
//
// To add tables, give [Open] another [Migrations] value; to change some,
// append to its Steps. A step that was ever released is never edited.
package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// The errors that callers may branch on, with errors.Is.
var (
	ErrClosed  = errors.New("the store is closed")
	ErrInUse   = errors.New("the store is in use by another process")
	ErrNewer   = errors.New("the store was written by a newer program")
	ErrUnique  = errors.New("not unique")
	ErrDamaged = errors.New("the store is damaged")
	ErrFull    = errors.New("the disk is full")
)

// readers is the number of reading connections: enough for the console, a
// search and the actors at once on a small machine; each costs some 100 KiB.
const readers = 4

// A DB is one open SQLite file. All methods may be called concurrently.
type DB struct {
	path   string
	log    *zap.Logger
	damage *Damage
	lock   *os.File
	writer *writer
	pool   chan *conn
	stats  counters
	once   sync.Once
	closed chan struct{}
}

// A Damage tells of a damaged file that [Open] set aside.
type Damage struct {
	Path   string // what the file is called now, with -wal and -shm beside it; "" if it was a derived one
	Reason string // what was wrong with it
	At     time.Time
}

// Stats counts what the writer did since Open.
type Stats struct {
	Writes  int64 // calls of Write and Do that were committed
	Failed  int64 // calls that were undone
	Commits int64 // transactions, so Writes/Commits is the share of one fsync
}

type counters struct{ writes, failed, commits atomic.Int64 }

// Open opens the file at path, making it and its folder where they are
// missing (0600, 0700), and brings the schema up to date. It returns [ErrInUse]
// when another process has the file and [ErrNewer] when a newer program wrote
// it; a damaged file is set aside, see [DB.Damage]. The caller closes the DB.
func Open(ctx context.Context, path string, log *zap.Logger, lists ...Migrations) (*DB, error) {
	return open(ctx, path, log, durable, lists)
}

// OpenDerived is [Open] for a file whose content can be rebuilt from another:
// its last commits may be lost in a power cut, which makes it cheaper, and a
// damaged one is deleted.
func OpenDerived(ctx context.Context, path string, log *zap.Logger, lists ...Migrations) (*DB, error) {
	return open(ctx, path, log, derived, lists)
}

func open(ctx context.Context, path string, log *zap.Logger, mode syncMode, lists []Migrations) (*DB, error) {
	d := &DB{path: path, log: log, pool: make(chan *conn, readers), closed: make(chan struct{})}
	if err := prepareFile(path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	d.lock = lock
	main, err := d.openMain(ctx, mode, lists)
	if err != nil {
		d.lock.Close()
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	for n := range readers {
		c, err := openConn(path, reading)
		if err != nil {
			_ = d.closeAll(main, n)
			return nil, fmt.Errorf("open store %s for reading: %w", path, err)
		}
		d.pool <- c
	}
	var after func(int64)
	if mode == durable {
		after = d.tend(main)
	}
	d.writer = newWriter(main, &d.stats, after)
	return d, nil
}

// tend returns what the writer does between two transactions for the log.
func (d *DB) tend(main *conn) func(made int64) {
	k, r := newCheckpointer(d, main), &reserve{db: d}
	return func(made int64) { r.after(made, k.after()) }
}

// openMain opens the writing connection on a sound, migrated file. A damaged
// file is set aside once; if the new one fails too, the disk is to blame.
func (d *DB) openMain(ctx context.Context, mode syncMode, lists []Migrations) (*conn, error) {
	c, err := openSound(ctx, d.path, mode, lists)
	if !errors.Is(err, ErrDamaged) {
		return c, err
	}
	d.damage = &Damage{Reason: err.Error(), At: time.Now()}
	var moveErr error
	if mode == derived {
		moveErr = discard(d.path)
	} else {
		d.damage.Path, moveErr = setAside(d.path, d.damage.At)
	}
	if moveErr != nil {
		return nil, fmt.Errorf("%w; make way for a new one: %w", err, moveErr)
	}
	d.log.Error("store damaged, a new one is begun", zap.String("path", d.path), zap.String("aside", d.damage.Path), zap.Error(err))
	if err := prepareFile(d.path); err != nil {
		return nil, err
	}
	return openSound(ctx, d.path, mode, lists)
}

// openSound opens, checks and migrates the file. An error that means damage
// matches [ErrDamaged].
func openSound(ctx context.Context, path string, mode syncMode, lists []Migrations) (*conn, error) {
	if err := checkHeader(path); err != nil {
		return nil, err
	}
	c, err := openConn(path, mode)
	if err != nil {
		return nil, err
	}
	if err := checkContent(ctx, c, path); err != nil {
		_ = c.close() // err says more
		return nil, err
	}
	if err := migrate(ctx, c, lists); err != nil {
		_ = c.close() // err says more
		return nil, err
	}
	return c, nil
}

// Path returns the file's path.
func (d *DB) Path() string { return d.path }

// Damage returns what Open had to set aside, or nil.
func (d *DB) Damage() *Damage { return d.damage }

// Stats returns the counters.
func (d *DB) Stats() Stats {
	return Stats{Writes: d.stats.writes.Load(), Failed: d.stats.failed.Load(), Commits: d.stats.commits.Load()}
}

// Write hands op to the writer and returns at once. op runs on the writer's
// goroutine inside a transaction that it shares with others; it must be short,
// must not keep the Tx and must not call Do. done, which may be nil, runs on
// the same goroutine after the commit: nil means durable; otherwise op's error
// or the commit's, and nothing of op was kept. done must not block; it may call
// Write. After Close done gets [ErrClosed] on the caller's goroutine.
func (d *DB) Write(op func(*Tx) error, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	if !d.writer.add(write{op: op, done: done}) {
		done(ErrClosed)
	}
}

// Do is [DB.Write] that waits. When ctx ends first, Do returns its error and
// op may still be committed.
func (d *DB) Do(ctx context.Context, op func(*Tx) error) error {
	end := make(chan error, 1)
	d.Write(op, func(err error) { end <- err })
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read runs view with a reading connection. Each query of view sees what is
// committed when it begins. view must not keep the Tx.
func (d *DB) Read(ctx context.Context, view func(*Tx) error) error {
	select {
	case <-d.closed:
		return ErrClosed
	default:
	}
	select {
	case c := <-d.pool:
		defer func() { d.pool <- c }()
		return view(&Tx{ctx: ctx, c: c})
	case <-d.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what is queued, runs the callbacks, waits for running reads,
// closes the file and lets other processes have it. It may be called twice.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		close(d.closed)
		err = d.closeAll(d.writer.stop(), readers)
	})
	return err
}

// closeAll closes the n readers before the writer, because the last connection
// to close checkpoints the WAL and removes it.
func (d *DB) closeAll(main *conn, n int) error {
	var errs []error
	for range n {
		errs = append(errs, (<-d.pool).close())
	}
	errs = append(errs, main.close())
	d.lock.Close()
	return errors.Join(errs...)
}

// prepareFile makes the folder and an empty file before SQLite does, so that
// the rights are ours; -wal and -shm inherit them.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(0o600)
}
