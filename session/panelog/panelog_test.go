package panelog

import (
	"os"
	"path/filepath"
	"testing"
	"time"
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

func TestLimitsFromEnv(t *testing.T) {
	env := map[string]string{"IAPEER_PANELOG_MAX_BYTES": "5", "IAPEER_PANELOG_KEEP": "x", "IAPEER_PANELOG_STALE_DAYS": "2"}
	got := LimitsFromEnv(func(k string) string { return env[k] })
	want := Limits{MaxBytes: 9 << 20, Keep: 2, Stale: 48 * time.Hour, DirBudget: 512 << 20}
	if got != want {
		t.Errorf("LimitsFromEnv = %+v, want %+v", got, want)
	}
}

func TestLogName(t *testing.T) {
	for name, want := range map[string][2]bool{
		"a.log": {true, false}, "a.log.1": {true, true}, "a.log.12": {true, true}, "a.1.log": {true, false},
		".log": {}, ".log.1": {false, true}, "a.log.": {}, "a.log1": {}, "a.logs": {}, "a.log.1x": {}, "": {}, "7": {},
	} {
		if isLog, copied := logName(name); isLog != want[0] || isLog && copied != want[1] {
			t.Errorf("logName(%q) = %v, %v, want %v", name, isLog, copied, want)
		}
	}
}
