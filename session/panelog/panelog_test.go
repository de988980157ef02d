package panelog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
)

func TestLogComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "a.log")
	l := New(path)
	defer l.Close()
	l.Write([]byte("one"))
	if st, err := os.Stat(filepath.Dir(path)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v, want 0700", st, err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	l.Write([]byte("two"))
	if b, _ := os.ReadFile(path); string(b) != "two" {
		t.Errorf("after truncation = %q, want two", b)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l.checked = time.Time{} // as if a second had passed
	l.Write([]byte("three"))
	if b, _ := os.ReadFile(path); string(b) != "three" {
		t.Errorf("after removal = %q, want three", b)
	}
}

func put(t *testing.T, path string, n int64, changed time.Time) {
	t.Helper()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i>>20)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func size(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return st.Size()
}

func TestSweepCutsInPlace(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	path := filepath.Join(dir, "a.log")
	put(t, path, 17<<20, now)
	put(t, path+".1", 10, now)
	put(t, path+".2", 20, now)
	held, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	s, err := Sweep(dir, Limits{}, now)
	if err != nil || s.Cut != 1 || s.OverBudget {
		t.Errorf("Sweep = %+v, %v, want one cut", s, err)
	}
	if got := []int64{size(path), size(path + ".1"), size(path + ".2"), size(path + ".3")}; got[0] != 8<<20 || got[1] != 16<<20 || got[2] != 10 || got[3] != -1 {
		t.Errorf("sizes after it = %v", got)
	}
	if _, err := held.WriteString("live"); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	if string(b[len(b)-5:]) != "qlive" || b[0] != 'j' {
		t.Errorf("the log is %q…%q, want the last 8 MiB and what its host wrote", b[:1], b[len(b)-5:])
	}
}

func TestSweepRemovesAndSpares(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old := now.Add(-15 * 24 * time.Hour)
	put(t, filepath.Join(dir, "old.log"), 5, old)
	put(t, filepath.Join(dir, "old.log.1"), 5, old)
	put(t, filepath.Join(dir, "notes.txt"), 5, old)
	put(t, filepath.Join(dir, "big.log"), 12<<20, now.Add(-time.Hour))
	put(t, filepath.Join(dir, "big.log.1"), 3<<20, now)
	s, err := Sweep(dir, Limits{DirBudget: 9 << 20}, now)
	if err != nil || s.Removed != 3 || s.Cut != 1 || s.Bytes != 8<<20 || s.OverBudget {
		t.Errorf("Sweep = %+v, %v, want three removed and one cut", s, err)
	}
	st, err := os.Stat(filepath.Join(dir, "big.log"))
	if err != nil || !st.ModTime().Equal(now.Add(-time.Hour).Truncate(0)) && now.Sub(st.ModTime()) < 50*time.Minute {
		t.Errorf("the log's time is %v: bounding looks like activity", st.ModTime())
	}
	if size(filepath.Join(dir, "notes.txt")) != 5 {
		t.Error("a file that is no log was touched")
	}
}

func TestDefaults(t *testing.T) {
	for _, tc := range []struct{ given, want Limits }{
		{Limits{}, Limits{MaxBytes: 16 << 20, Keep: 2, Stale: 14 * 24 * time.Hour, DirBudget: 512 << 20}},
		{Limits{MaxBytes: 5, Keep: -1, Stale: time.Hour, DirBudget: 7}, Limits{MaxBytes: 9 << 20, Stale: time.Hour, DirBudget: 7}},
	} {
		if got := tc.given.filled(); fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%+v filled = %+v, want %+v", tc.given, got, tc.want)
		}
	}
}

// A live session's log is cut where it must be, and never removed.
func TestSweepSparesTheLive(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	old := now.Add(-15 * 24 * time.Hour)
	for _, name := range []string{"claude-ada.log", "claude-ada.log.1", "claude-bob.log", "legacy name.log"} {
		put(t, filepath.Join(dir, name), 5, old)
	}
	put(t, filepath.Join(dir, "claude-long.log"), 17<<20, old)
	live := func(id iapeer.Identity) bool { return id.Name == "ada" || id.Name == "long" }
	s, err := Sweep(dir, Limits{Live: live, Keep: -1}, now)
	if err != nil || s.Removed != 3 || s.Cut != 1 {
		t.Errorf("Sweep = %+v, %v, want three removed and one cut", s, err)
	}
	if size(filepath.Join(dir, "claude-ada.log")) != 5 || size(filepath.Join(dir, "claude-long.log")) != 8<<20 {
		t.Error("a live session's log was removed, or not cut")
	}
	if size(filepath.Join(dir, "claude-long.log.1")) != -1 {
		t.Error("a copy was kept although none is wanted")
	}
	if st, _ := os.Stat(filepath.Join(dir, "claude-long.log")); !st.ModTime().Equal(old) {
		t.Errorf("the log's time is %v, want %v: bounding looks like activity", st.ModTime(), old)
	}
}

// A host that goes on writing while its log is cut loses nothing of what comes
// after the cut, and little else.
func TestCutWhileWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "claude-ada.log")
	put(t, path, 12<<20, time.Now())
	l := New(path)
	defer l.Close()
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				stopped <- n
				return
			default:
				l.Write([]byte("0123456789\n"))
				n++
			}
		}
	}()
	for range 20 {
		if err := cut(path, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	n := <-stopped
	l.Write([]byte("the end\n"))
	b, err := os.ReadFile(path)
	if err != nil || !bytes.HasSuffix(b, []byte("the end\n")) || bytes.IndexByte(b, 0) >= 0 {
		t.Errorf("after %d lines beside it the log ends with %q, %v", n, b[max(0, len(b)-40):], err)
	}
}

func TestRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lifecycle")
	if n, err := Remove(dir, "ada", nil); n != 0 || err != nil {
		t.Errorf("Remove without a folder = %d, %v", n, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	names := []string{"claude-ada.log", "claude-ada.log.1", "codex-ada.log", "claude-ada-b.log", "claude-bob.log", "exec-ada.log", "ada.log", "claude-ada.txt"}
	for _, name := range names {
		put(t, filepath.Join(dir, name), 1, time.Now())
	}
	n, err := Remove(dir, "ada", func(id iapeer.Identity) bool { return id.Runtime != "exec" })
	if n != 3 || err != nil {
		t.Errorf("Remove = %d, %v, want 3", n, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 5 {
		t.Errorf("left: %v", left)
	}
}

func TestLogName(t *testing.T) {
	for name, want := range map[string][2]bool{
		"a.log": {true, false}, "a.log.1": {true, true}, "a.log.12": {true, true}, "a.1.log": {true, false},
		".log": {}, ".log.1": {false, true}, "a.log.": {}, "a.log1": {}, "a.logs": {}, "a.log.1x": {}, "": {}, "7": {},
	} {
		if _, isLog, copied := logName(name); isLog != want[0] || isLog && copied != want[1] {
			t.Errorf("logName(%q) = %v, %v, want %v", name, isLog, copied, want)
		}
	}
}
