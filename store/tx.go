package store

import (
	"context"
	"database/sql/driver"
	"errors"
)

// A Tx runs statements inside one write of [DB.Write] or one view of
// [DB.Read]. It is valid only until that function returns and belongs to its
// goroutine. Statements are prepared once and kept, so their text must come
// from a fixed set, never from input.
type Tx struct {
	ctx context.Context // of the one call it lives for
	c   *conn
}

// Exec runs one statement and returns the number of rows it changed. Arguments
// are nil, bool, int, int64, float64, string or []byte.
func (t *Tx) Exec(sql string, args ...any) (int64, error) {
	return t.c.exec(t.ctx, sql, args...)
}

// Query calls each for every row of a query. The Row is reused; each must not
// use the Tx, and ends the query by an error, which Query returns. [ErrEnough]
// ends it without one.
func (t *Tx) Query(each func(Row) error, sql string, args ...any) error {
	err := t.c.query(t.ctx, each, sql, args...)
	if errors.Is(err, ErrEnough) {
		return nil
	}
	return err
}

// First returns the first row of a query, or nil if there is none.
func (t *Tx) First(sql string, args ...any) (Row, error) {
	var first Row
	err := t.Query(func(r Row) error {
		first = r
		return ErrEnough
	}, sql, args...)
	return first, err
}

// ErrEnough ends a [Tx.Query] that has read what it wanted.
var ErrEnough = errors.New("enough rows")

// A Row is one row of a result. A value of another type, or NULL, reads as the
// zero value.
type Row []driver.Value

// Int returns column i, counted from 0.
func (r Row) Int(i int) int64 {
	v, _ := r[i].(int64)
	return v
}

// Text returns column i, counted from 0.
func (r Row) Text(i int) string {
	v, _ := r[i].(string)
	return v
}

// Blob returns column i, counted from 0.
func (r Row) Blob(i int) []byte {
	v, _ := r[i].([]byte)
	return v
}
