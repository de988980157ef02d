package store

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
)

// walBytes is a little more than what SQLite's own checkpoint after 1000 pages
// lets the WAL grow to.
const walBytes = 5 << 20

// reserveAfter is the number of commits after which a store is taken to be in
// earnest use, so that programs that write a little and end do not pay.
const reserveAfter = 64

// reserveWAL fills the WAL's file up with zeros. A commit that overwrites
// blocks costs about half of one that makes the file longer, because the file
// system need not write its own journal. SQLite takes zeros behind its last
// frame for the end of the log (sqlite.org/walformat.html §2.2) and keeps the
// file's length when it begins anew; nobody else writes here, because this runs
// on the writer's goroutine.
func (d *DB) reserveWAL() {
	if err := extend(d.path+"-wal", walBytes); err != nil { // only slower
		d.log.Warn("reserve room for the write-ahead log", zap.String("path", d.path), zap.Error(err))
	}
}

// extend makes the file at least size bytes long, with blocks of its own.
func extend(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end >= size {
		return err
	}
	if _, err := f.Write(make([]byte, size-end)); err != nil {
		return fmt.Errorf("write %d zeros: %w", size-end, err)
	}
	return f.Sync()
}
