package store

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
)

// reserveBytes is by how much the WAL's file is made longer at a time, until it
// has what the log mostly grows to ([hardPages]).
const reserveBytes = 4 << 20

// frameBytes is what a page takes in the log, with its header.
const frameBytes = 4096 + 24

// reserveAfter is the number of commits after which a store is taken to be in
// earnest use, so that programs that write a little and end do not pay.
const reserveAfter = 64

// A reserve keeps room in the WAL's file; it is used by the writer's goroutine
// only.
type reserve struct {
	db    *DB
	bytes int64 // length of the file, once it was made longer
}

// after follows each transaction: made is how many there were, size is the
// log's in pages.
func (r *reserve) after(made int64, size int) {
	if made < reserveAfter || int64(size)*frameBytes+reserveBytes/4 < r.bytes || r.bytes > hardPages*frameBytes {
		return
	}
	r.bytes = (int64(size)*frameBytes/reserveBytes + 2) * reserveBytes
	r.db.reserveWAL(r.bytes)
}

// reserveWAL fills the WAL's file up with zeros. A commit that overwrites
// blocks costs about half of one that makes the file longer, because the file
// system need not write its own journal. SQLite takes zeros behind its last
// frame for the end of the log (sqlite.org/walformat.html §2.2) and keeps the
// file's length when it begins anew; nobody else writes here, because this runs
// on the writer's goroutine.
func (d *DB) reserveWAL(bytes int64) {
	if err := extend(d.path+"-wal", bytes); err != nil { // only slower
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
	zeros := make([]byte, 256<<10)
	for ; end < size; end += int64(len(zeros)) {
		if _, err := f.Write(zeros); err != nil {
			return fmt.Errorf("write zeros up to %d: %w", size, err)
		}
	}
	return f.Sync()
}
