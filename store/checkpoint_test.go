package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer/store"
)

// The log is copied into the database and begins anew, so its file stays
// small however much is written, and nothing is lost on the way.
func TestTheLogStaysSmall(t *testing.T) {
	path := t.TempDir() + "/x.db"
	db := open(t, path)
	body := strings.Repeat("x", 64<<10)
	const n = 700 // some 45 MB, more than two logs
	for i := range n {
		if err := db.Do(t.Context(), insert(fmt.Sprint(i, body))); err != nil {
			t.Fatal(err)
		}
	}
	fi, err := os.Stat(path + "-wal")
	if err != nil || fi.Size() > 30<<20 {
		t.Errorf("the log has %d bytes, %v", fi.Size(), err)
	}
	if fi, err = os.Stat(path); err != nil || fi.Size() < 20<<20 {
		t.Errorf("the database has %d bytes, %v", fi.Size(), err)
	}
	if got := len(bodies(t, db)); got != n {
		t.Errorf("%d lines, want %d", got, n)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A reader that holds an old state keeps the log from beginning anew; the
// writer does not wait for it.
func TestALongReaderDoesNotStopTheWriter(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	if err := db.Do(t.Context(), insert("one")); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 256<<10)
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.Query(func(store.Row) error { // the query's state is held while it runs
			for i := range 150 {
				if err := db.Do(t.Context(), insert(fmt.Sprint(i, body))); err != nil {
					return err
				}
			}
			return nil
		}, "SELECT body FROM lines")
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(bodies(t, db)); got != 151 {
		t.Errorf("%d lines, want 151", got)
	}
}
