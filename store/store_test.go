package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer/store"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		crashingChild(path)
	}
	goleak.VerifyTestMain(m)
}

var lines = store.Migrations{Package: "lines", Steps: []string{
	"CREATE TABLE lines (n INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE)",
}}

func open(tb testing.TB, path string, lists ...store.Migrations) *store.DB {
	tb.Helper()
	if len(lists) == 0 {
		lists = []store.Migrations{lines}
	}
	db, err := store.Open(tb.Context(), path, zap.NewNop(), lists...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

func insert(body string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO lines (body) VALUES (?)", body)
		return err
	}
}

func bodies(t *testing.T, db *store.DB) []string {
	t.Helper()
	var list []string
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.Query(func(r store.Row) error {
			list = append(list, r.Text(0))
			return nil
		}, "SELECT body FROM lines ORDER BY n")
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRightsAreTheOwners(t *testing.T) {
	path := t.TempDir() + "/state/iapeer/iapeer.db"
	db := open(t, path)
	if err := db.Do(t.Context(), insert("x")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
	} {
		fi, err := os.Stat(name)
		if err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, fi.Mode(), err, want)
		}
	}
}

func TestDurabilityIsConfigured(t *testing.T) {
	db := open(t, t.TempDir()+"/a ?#%b.db")
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
			r, err := tx.First("PRAGMA " + pragma)
			if err != nil {
				return err
			}
			if got := fmt.Sprint(r[0]); got != want {
				t.Errorf("%s = %s, want %s", pragma, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(db.Path()); err != nil {
		t.Error(err)
	}
}

// gate stops the writer, so that what is queued meanwhile becomes one batch.
func gate(db *store.DB) (open func()) {
	reached, release := make(chan struct{}), make(chan struct{})
	db.Write(func(*store.Tx) error { return nil }, func(error) {
		close(reached)
		<-release
	})
	<-reached
	return func() { close(release) }
}

func TestWaitingWritesShareACommitAndFailAlone(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	release := gate(db)
	before := db.Stats()
	const n = 40
	refused := errors.New("refused")
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		op := insert(fmt.Sprint(i))
		want := error(nil)
		switch i % 10 {
		case 0: // also the first of the batch
			want = refused
			op = func(tx *store.Tx) error {
				if err := insert(fmt.Sprint("undone ", i))(tx); err != nil {
					return err
				}
				return refused
			}
		case 5:
			op, want = insert(fmt.Sprint(i-1)), store.ErrUnique
		}
		db.Write(op, func(err error) {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			order = append(order, i)
			if !errors.Is(err, want) {
				t.Errorf("write %d: %v, want %v", i, err, want)
			}
		})
	}
	release()
	wg.Wait()
	got := db.Stats()
	if got.Commits-before.Commits != 1 || got.Writes-before.Writes != 32 || got.Failed-before.Failed != 8 {
		t.Errorf("stats %+v after %+v", got, before)
	}
	for i, v := range order {
		if i != v {
			t.Fatalf("callbacks in order %v", order)
		}
	}
	if list := bodies(t, db); len(list) != 32 || strings.Contains(strings.Join(list, " "), "undone") {
		t.Errorf("kept %q", list)
	}
}

func TestWritersShareCommits(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	const writers, each = 64, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := db.Do(t.Context(), insert(fmt.Sprint(w, " ", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s := db.Stats()
	if share := float64(s.Writes) / float64(s.Commits); share < 8 {
		t.Errorf("%.1f writes a commit at %d writers", share, writers)
	}
	if n := len(bodies(t, db)); n != writers*each {
		t.Errorf("%d lines, want %d", n, writers*each)
	}
}

func TestACallbackMayWrite(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	end := make(chan error)
	db.Write(insert("one"), func(error) {
		db.Write(insert("two"), func(err error) { end <- err })
	})
	if err := <-end; err != nil {
		t.Fatal(err)
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	path := t.TempDir() + "/x.db"
	db := open(t, path)
	release := gate(db)
	done := 0
	for i := range 2000 {
		db.Write(insert(fmt.Sprint(i)), func(err error) {
			if err == nil {
				done++
			}
		})
	}
	go release()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if done != 2000 {
		t.Errorf("%d of 2000 written at Close", done)
	}
	if err := db.Do(t.Context(), insert("late")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
	if err := db.Read(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there: %v", err)
	}
	if n := len(bodies(t, open(t, path))); n != 2000 {
		t.Errorf("%d lines after reopening", n)
	}
}

func TestOnlyOneProcessHasTheFile(t *testing.T) {
	path := t.TempDir() + "/x.db"
	db := open(t, path)
	if _, err := store.Open(t.Context(), path, zap.NewNop(), lines); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second Open: %v, want %v", err, store.ErrInUse)
	}
	if err := db.Do(t.Context(), insert("x")); err != nil {
		t.Errorf("write after a refused Open: %v", err)
	}
}

func TestReadersCannotWriteAndDoNotWait(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	if err := db.Read(t.Context(), insert("x")); err == nil {
		t.Error("a reader wrote")
	}
	reached, release := make(chan struct{}), make(chan struct{})
	db.Write(func(tx *store.Tx) error {
		err := insert("slow")(tx)
		close(reached)
		<-release
		return err
	}, nil)
	<-reached
	if n := len(bodies(t, db)); n != 0 {
		t.Errorf("read %d lines that are not committed", n)
	}
	close(release)
}

func TestDoAndReadEndWithTheirContext(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	release := gate(db)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Do(ctx, insert("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Do = %v", err)
	}
	err := db.Read(ctx, func(tx *store.Tx) error {
		_, err := tx.First("SELECT 1")
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v", err)
	}
}

func TestMigrationsRunOnceAndInOrder(t *testing.T) {
	path := t.TempDir() + "/x.db"
	open(t, path).Close()
	other := store.Migrations{Package: "other", Steps: []string{"CREATE TABLE other (a)"}}
	grown := store.Migrations{Package: "lines", Steps: append(lines.Steps[:1:1],
		"ALTER TABLE lines ADD COLUMN topic TEXT NOT NULL DEFAULT ''; CREATE INDEX line_topic ON lines (topic)",
		"UPDATE lines SET topic = 'migrated'")}
	db := open(t, path, grown, other)
	if err := db.Do(t.Context(), insert("x")); err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = open(t, path, grown, other)
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		r, err := tx.First("SELECT topic FROM lines")
		if err == nil && r.Text(0) != "" {
			t.Error("a step ran twice")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	db.Close()

	_, err = store.Open(t.Context(), path, zap.NewNop(), lines, other)
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "lines schema has version 3, this program knows 1") {
		t.Errorf("older program: %v", err)
	}
	if n := len(bodies(t, open(t, path, grown, other))); n != 1 {
		t.Errorf("a refused Open touched the file: %d lines", n)
	}
}

func TestAFailedMigrationLeavesTheOldVersion(t *testing.T) {
	path := t.TempDir() + "/x.db"
	open(t, path).Close()
	bad := store.Migrations{Package: "lines", Steps: append(lines.Steps[:1:1], "CREATE TABLE half (a); nonsense")}
	if _, err := store.Open(t.Context(), path, zap.NewNop(), bad); err == nil || errors.Is(err, store.ErrDamaged) {
		t.Errorf("Open = %v", err)
	}
	good := store.Migrations{Package: "lines", Steps: append(lines.Steps[:1:1], "CREATE TABLE half (a)")}
	open(t, path, good)
}

func TestArgumentsOfOtherTypesAreRefused(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO lines (body) VALUES (?)", struct{}{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "argument 1") {
		t.Errorf("err = %v", err)
	}
}

// limitPages makes SQLite take the disk for full.
func limitPages(t *testing.T, db *store.DB, pages int) {
	t.Helper()
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.First(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskRefusesAndIsGotOver(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	limitPages(t, db, 20)
	big := strings.Repeat("x", 16<<10)
	accepted, refused := 0, 0
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		db.Write(insert(fmt.Sprint(i, big)), func(err error) {
			defer wg.Done()
			if err != nil {
				refused++
				if !errors.Is(err, store.ErrFull) {
					t.Errorf("write %d: %v", i, err)
				}
				return
			}
			accepted++
		})
	}
	wg.Wait()
	if refused == 0 {
		t.Fatal("the disk was never full")
	}
	if n := len(bodies(t, db)); n != accepted {
		t.Errorf("%d lines kept, %d accepted", n, accepted)
	}
	limitPages(t, db, 1<<20)
	if err := db.Do(t.Context(), insert("room again"+big)); err != nil {
		t.Error(err)
	}
}
