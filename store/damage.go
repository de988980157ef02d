package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// checkBytes is the size up to which a file is read through at each start; the
// check reads some 200 MB a second. For a larger one there is [DB.Check]; its
// head is looked at, and a log left by a crash is SQLite's to replay.
const checkBytes = 32 << 20

// The fields of a database's header that must agree with the file
// (sqlite.org/fileformat2.html §1.3).
const (
	headerMagic   = "SQLite format 3\x00"
	headerBytes   = 100
	pageSizeAt    = 16
	changeAt      = 24
	pageCountAt   = 28
	versionForAt  = 92
	maxPageSize   = 65536 // written as 1
	minPageSize   = 512
	walHeaderSize = 32
)

// checkHeader looks at the file before SQLite does: a file that is not a
// database, or is shorter than its header says while no WAL could hold the
// rest, is damaged. An empty file is a new database.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.Size() == 0 {
		return nil
	}
	var h [headerBytes]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		return fmt.Errorf("%w: %d bytes are less than a header", ErrDamaged, fi.Size())
	}
	if string(h[:len(headerMagic)]) != headerMagic {
		return fmt.Errorf("%w: not a SQLite file", ErrDamaged)
	}
	want, ok := sizeInHeader(h[:])
	if ok && fi.Size() < want && !hasWAL(path) {
		return fmt.Errorf("%w: %d bytes instead of %d", ErrDamaged, fi.Size(), want)
	}
	return nil
}

// sizeInHeader returns the database's size in bytes; false when the header's
// page count is not valid.
func sizeInHeader(h []byte) (int64, bool) {
	page := int64(binary.BigEndian.Uint16(h[pageSizeAt:]))
	if page == 1 {
		page = maxPageSize
	}
	count := int64(binary.BigEndian.Uint32(h[pageCountAt:]))
	current := binary.BigEndian.Uint32(h[changeAt:]) == binary.BigEndian.Uint32(h[versionForAt:])
	return page * count, current && count > 0 && page >= minPageSize
}

func hasWAL(path string) bool {
	fi, err := os.Stat(path + "-wal")
	return err == nil && fi.Size() > walHeaderSize
}

// checkContent asks SQLite to look through a file that is small.
func checkContent(ctx context.Context, c *conn, path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if fi.Size() > checkBytes {
		return nil
	}
	return quickCheck(ctx, c)
}

func quickCheck(ctx context.Context, c *conn) error {
	var first string
	err := c.query(ctx, func(r Row) error {
		first = r.Text(0)
		return nil
	}, "PRAGMA quick_check(1)")
	if err != nil {
		return err
	}
	if first != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, first)
	}
	return nil
}

// Check reads the whole file through and returns an error that matches
// [ErrDamaged] when its structure is broken. It takes seconds for a large
// file; others may read and write meanwhile.
func (d *DB) Check(ctx context.Context) error {
	return d.Read(ctx, func(t *Tx) error { return quickCheck(ctx, t.c) })
}

// setAside renames the file and its companions to "<file>.damaged-<timestamp>"
// and returns the new name. The companions keep their endings, so that the
// sqlite3 shell can still open what is there. The file itself goes last: a new
// one must never meet an old -wal.
func setAside(path string, now time.Time) (string, error) {
	stamp := path + ".damaged-" + now.UTC().Format("20060102T150405.000Z")
	aside := stamp
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, os.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s-%d", stamp, n)
	}
	for _, end := range []string{"-shm", "-wal", ""} {
		err := os.Rename(path+end, aside+end)
		if err != nil && (end == "" || !errors.Is(err, os.ErrNotExist)) {
			return "", err
		}
	}
	return aside, nil
}

// discard deletes the file and its companions, the file last.
func discard(path string) error {
	for _, end := range []string{"-shm", "-wal", ""} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
