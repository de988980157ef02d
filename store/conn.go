package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"strings"

	"modernc.org/sqlite"
)

// A syncMode is what a connection is for.
type syncMode int

const (
	durable syncMode = iota
	derived
	reading
)

// lockWait bounds the wait for a lock of SQLite's own, such as a person's
// sqlite3 shell on the file.
const lockWait = "5000"

// pragmas are set on each connection. Temporary structures, among them the
// journal of savepoints, stay in memory. The writer's 8 MiB of cache hold the
// inner pages of the indexes of millions of messages.
func (m syncMode) pragmas() []string {
	p := []string{"busy_timeout(" + lockWait + ")", "foreign_keys(1)", "temp_store(memory)"}
	switch m {
	case reading: // which copies the log, see [checkpointer]
		p = append(p, "query_only(1)", "synchronous(full)")
	case derived:
		return append(p, "journal_mode(wal)", "synchronous(normal)")
	case durable:
		p = append(p, "journal_mode(wal)", "synchronous(full)", "cache_size(-8192)", "wal_autocheckpoint(0)")
	}
	if runtime.GOOS == "darwin" {
		p = append(p, "fullfsync(1)", "checkpoint_fullfsync(1)")
	}
	return p
}

// A conn is one connection with its prepared statements. It is used by one
// goroutine at a time. It drives the driver directly: database/sql would cost
// a lock, a pool and a conversion on each of the few microseconds that a
// statement takes.
type conn struct {
	raw   driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue // reused: the driver copies arguments when it binds them
}

func openConn(path string, mode syncMode) (*conn, error) {
	var dsn strings.Builder
	dsn.WriteString("file:" + (&url.URL{Path: path}).EscapedPath())
	for i, p := range mode.pragmas() {
		dsn.WriteString([]string{"&", "?"}[btoi(i == 0)] + "_pragma=" + p)
	}
	raw, err := (&sqlite.Driver{}).Open(dsn.String())
	if err != nil {
		return nil, translate(err)
	}
	return &conn{raw: raw, stmts: make(map[string]driver.Stmt)}, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // the connection's own error says more
	}
	return c.raw.Close()
}

// script runs several statements that are not worth keeping prepared.
func (c *conn) script(ctx context.Context, sql string) error {
	_, err := c.raw.(driver.ExecerContext).ExecContext(ctx, sql, nil)
	return translate(err)
}

func (c *conn) prepare(ctx context.Context, sql string) (driver.Stmt, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	s, err := c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	if err != nil {
		return nil, translate(err)
	}
	c.stmts[sql] = s
	return s, nil
}

func (c *conn) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	s, err := c.prepare(ctx, sql)
	if err != nil {
		return 0, err
	}
	if err := c.bind(args); err != nil {
		return 0, err
	}
	res, err := s.(driver.StmtExecContext).ExecContext(ctx, c.args)
	if err != nil {
		return 0, translate(err)
	}
	return res.RowsAffected()
}

func (c *conn) query(ctx context.Context, each func(Row) error, sql string, args ...any) (err error) {
	s, err := c.prepare(ctx, sql)
	if err != nil {
		return err
	}
	if err := c.bind(args); err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, c.args)
	if err != nil {
		return translate(err)
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = translate(e)
		}
	}()
	row := make(Row, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return translate(err)
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// bind puts args into c.args in the types that the driver takes.
func (c *conn) bind(args []any) error {
	c.args = c.args[:0]
	for i, a := range args {
		switch v := a.(type) {
		case nil, int64, float64, string, []byte:
		case int:
			a = int64(v)
		case bool:
			a = int64(btoi(v))
		default:
			return fmt.Errorf("argument %d: a %T cannot be stored", i+1, a)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return nil
}

// SQLite's result codes that mean something to us (sqlite.org/rescode.html).
const (
	codeCorrupt    = 11
	codeFull       = 13
	codeNotADB     = 26
	codePrimaryKey = 1555
	codeUniqueKey  = 2067
	codeRowID      = 2579
	primaryMask    = 0xff
)

// translate gives the driver's errors the meanings that callers branch on.
func translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code() == codePrimaryKey, e.Code() == codeUniqueKey, e.Code() == codeRowID:
		return fmt.Errorf("%w: %w", ErrUnique, err)
	case e.Code()&primaryMask == codeCorrupt, e.Code()&primaryMask == codeNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case e.Code()&primaryMask == codeFull:
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
