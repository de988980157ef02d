package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer/store"
)

// filled returns the bytes of a sound file with some pages.
func filled(tb testing.TB) []byte {
	tb.Helper()
	path := tb.TempDir() + "/x.db"
	db := open(tb, path)
	for i := range 50 {
		if err := db.Do(tb.Context(), insert(fmt.Sprint(i, strings.Repeat("x", 1000)))); err != nil {
			tb.Fatal(err)
		}
	}
	db.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestADamagedFileIsSetAside(t *testing.T) {
	sound := filled(t)
	scribbled := bytes.Clone(sound)
	for i := 4096 * 3; i < 4096*5; i++ {
		scribbled[i] = byte(i * 7)
	}
	for name, content := range map[string][]byte{
		"not a database":    []byte(strings.Repeat("hello world\n", 100)),
		"shorter than head": []byte("SQLite format 3\x00"),
		"torn in a page":    sound[:len(sound)-5000],
		"torn at a page":    sound[:4096*4],
		"scribbled over":    scribbled,
		"header zeroed":     append(make([]byte, 100), sound[100:]...),
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/iapeer.db"
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			db := open(t, path)
			d := db.Damage()
			if d == nil || d.Reason == "" || d.At.IsZero() {
				t.Fatalf("Damage = %+v", d)
			}
			if aside, err := os.ReadFile(d.Path); err != nil || !bytes.Equal(aside, content) {
				t.Errorf("set aside: %v, %d bytes, want %d", err, len(aside), len(content))
			}
			if !strings.HasPrefix(d.Path, path+".damaged-") {
				t.Errorf("set aside as %s", d.Path)
			}
			if err := db.Do(t.Context(), insert("anew")); err != nil {
				t.Error(err)
			}
			db.Close()
			db = open(t, path)
			if db.Damage() != nil || len(bodies(t, db)) != 1 {
				t.Errorf("the new file: %+v, %q", db.Damage(), bodies(t, db))
			}
		})
	}
}

func TestCompanionsOfADamagedFileGoWithIt(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	for name, content := range map[string]string{path: "nonsense", path + "-wal": "old log", path + "-shm": "old index"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, path)
	for end, want := range map[string]string{"": "nonsense", "-wal": "old log", "-shm": "old index"} {
		if b, err := os.ReadFile(db.Damage().Path + end); err != nil || string(b) != want {
			t.Errorf("aside%s: %q, %v", end, b, err)
		}
	}
}

func TestAnEmptyFileIsANewOne(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d := open(t, path).Damage(); d != nil {
		t.Errorf("Damage = %+v", d)
	}
}

func TestAFolderThatCannotBeWrittenIsAnError(t *testing.T) {
	path := t.TempDir() + "/file"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path+"/iapeer.db", zap.NewNop(), lines); err == nil {
		t.Error("Open succeeded")
	}
}

func TestCheckTellsOfDamage(t *testing.T) {
	db := open(t, t.TempDir()+"/x.db")
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A torn log loses its end only: what was checkpointed and the frames before
// the tear stay.
func TestATornLogKeepsWhatCameBefore(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir+"/x.db")
	for i := range 20 {
		if err := db.Do(t.Context(), insert(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	copied := t.TempDir() + "/x.db"
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(dir + "/x.db" + end)
		if err != nil {
			t.Fatal(err)
		}
		if end == "-wal" {
			last := bytes.LastIndex(b, []byte("19"))
			clear(b[last-20 : last+20])
		}
		if err := os.WriteFile(copied+end, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, copied)
	if n := len(bodies(t, again)); n != 19 || again.Damage() != nil {
		t.Errorf("%d lines kept, %+v", n, again.Damage())
	}
}

// FuzzDamagedFile holds that Open always comes up on a file that was cut and
// scribbled over, and that the store then works.
func FuzzDamagedFile(f *testing.F) {
	sound := filled(f)
	for seed := range uint64(8) {
		f.Add(seed, uint16(seed*9000), uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, cut uint16, scribbles uint8) {
		content := bytes.Clone(sound[:len(sound)-min(int(cut), len(sound))])
		r := rand.New(rand.NewPCG(seed, 1))
		for range scribbles {
			if len(content) > 0 {
				content[r.IntN(len(content))] = byte(r.Uint32())
			}
		}
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), path, zap.NewNop(), lines)
		if err != nil {
			t.Fatalf("Open = %v", err)
		}
		defer db.Close()
		// A page that only reading or writing touches may still turn out to be
		// damaged; that is an error, never a panic.
		_ = db.Do(t.Context(), insert("anew"))
	})
}
