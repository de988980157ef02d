package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer"
)

func TestLineVector(t *testing.T) {
	got := string(AppendLine(nil, time.UnixMilli(1750000000000), "delivery", []iapeer.Field{{Key: "ok", Value: true}, {Key: "note", Value: "two words"}}))
	if want := "ts=2025-06-15T15:06:40.000Z ev=delivery ok=true note=\"two words\"\n"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
}

func TestFields(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 7e6, time.UTC)
	for _, tc := range []struct {
		value any
		want  string
	}{
		{nil, ""}, {"", ""}, {Empty(""), ` k=""`}, {0, " k=0"}, {int64(-3), " k=-3"}, {false, " k=false"}, {time.Time{}, ""},
		{1500 * time.Millisecond, " k=1500"}, {noon.In(time.FixedZone("", 3600)), " k=1767355200007 k_iso=2026-01-02T12:00:00.007Z"},
		{iapeer.Seen, " k=seen"},
	} {
		if got := string(appendField(nil, iapeer.Field{Key: "k", Value: tc.value})); got != tc.want {
			t.Errorf("field %v = %q, want %q", tc.value, got, tc.want)
		}
	}
}

func TestValues(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "": `""`, "a b": `"a b"`, "a\tb": "\"a\tb\"", `say "hi"`: `"say \"hi\""`, "k=v": `"k=v"`,
		`C:\dir`: `C:\dir`, `C:\my dir`: `"C:\\my dir"`, "Наталья": "Наталья", "two\nlines\r": `"two\nlines\r"`,
		"\x1b[31m": `"\u001b[31m"`, "a\u00a0b": "\"a\u00a0b\"", "a\u2028b": "\"a\u2028b\"", "\ufeff": "\"\ufeff\"", "\xff": "\"\ufffd\"",
	} {
		if got := string(appendPair(nil, "k", value)); got != " k="+want {
			t.Errorf("appendPair(%q) = %q, want %q", value, got, " k="+want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{"", " ", "x", "=x", "k=v ", `k="v`, `k="v"x`, `k="v" `, `k="\x"`, `k="\u00"`, `k=a"b`, "k=a=b", `k v=1`, "k=1\nv=2", `k="a\`} {
		if pairs, ok := Parse(line); ok {
			t.Errorf("Parse(%q) = %v, want no line", line, pairs)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("two words", `C:\my dir`, int64(1750000000000))
	f.Add("", "\x1b[0m\n", int64(0))
	f.Add("\u2028", "\xff\"=", int64(-1))
	f.Fuzz(func(t *testing.T, a, b string, ms int64) {
		at := time.UnixMilli(ms % (1 << 45))
		line := string(AppendLine(nil, at, "probe", []iapeer.Field{{Key: "a", Value: Empty(a)}, {Key: "n", Value: ms}, {Key: "b", Value: Empty(b)}}))
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || !utf8.ValidString(line) {
			t.Fatalf("%q is not one line", line)
		}
		got, ok := Parse(line)
		valid := func(s string) string {
			var out strings.Builder
			for _, r := range s { // each bad byte is one U+FFFD
				out.WriteRune(r)
			}
			return out.String()
		}
		want := []Pair{{"ts", at.UTC().Format(StampLayout)}, {"ev", "probe"}, {"a", valid(a)}, {"n", fmt.Sprint(ms)}, {"b", valid(b)}}
		if !ok || !slices.Equal(got, want) {
			t.Fatalf("Parse(%q) = %q, %v, want %q", line, got, ok, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(`ts=2025-06-15T15:06:40.000Z ev=delivery ok=true note="two \"words\""`)
	f.Add(`k="\u001b\n" v=`)
	f.Fuzz(func(t *testing.T, line string) {
		pairs, ok := Parse(line)
		if !ok {
			return
		}
		var again []byte
		for _, p := range pairs {
			again = appendPair(again, p.Key, p.Value)
		}
		got, ok := Parse(strings.TrimPrefix(string(again), " "))
		if !utf8.ValidString(line) {
			return
		}
		if !ok || !slices.Equal(got, pairs) {
			t.Fatalf("%q: pairs %q become %q, %v by way of %q", line, pairs, got, ok, again)
		}
	})
}

func TestSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "delivery.log") // made by the first write
	small := Limits{MaxBytes: 10, Keep: 2}
	for i := range 9 {
		if err := Append(path, fmt.Appendf(nil, "l%d-\n", i), small); err != nil { // four bytes: two lines a file
			t.Fatal(err)
		}
	}
	want := map[string]string{"": "l8-\n", ".1": "l6-\nl7-\n", ".2": "l4-\nl5-\n"}
	holds(t, path, want)
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("delivery.log.3 exists, want two copies")
	}
	for _, p := range []string{path, path + ".1"} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", p, st.Mode(), err)
		}
	}
	if st, _ := os.Stat(filepath.Dir(path)); st.Mode().Perm() != 0o700 {
		t.Errorf("folder %v, want 0700", st.Mode())
	}
	// many lines at once go where they would have gone one by one
	if err := Append(path, []byte("l9-\nla-\nlb-\nlonger than all the room\nlc-\n"), small); err != nil {
		t.Fatal(err)
	}
	holds(t, path, map[string]string{"": "lc-\n", ".1": "longer than all the room\n", ".2": "la-\nlb-\n"})
}

func TestExactlyFullIsNotTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	for range 2 {
		if err := Append(path, []byte("1234\n"), Limits{MaxBytes: 10, Keep: 1}); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, path, map[string]string{"": "1234\n1234\n"})
	if _, err := os.Stat(path + ".1"); err == nil {
		t.Error("a log that is just full was set aside")
	}
}

func TestNothingKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	for _, l := range []string{"1234\n", "5678\n"} {
		if err := Append(path, []byte(l), Limits{MaxBytes: 6}); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, path, map[string]string{"": "5678\n"})
}

func holds(t *testing.T, path string, want map[string]string) {
	t.Helper()
	for suffix, text := range want {
		if got, _ := os.ReadFile(path + suffix); string(got) != text {
			t.Errorf("%s = %q, want %q", filepath.Base(path)+suffix, got, text)
		}
	}
}

func TestManyWriters(t *testing.T) {
	path, limits := filepath.Join(t.TempDir(), "exits.log"), Limits{MaxBytes: 4 << 10, Keep: 500}
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := Append(path, AppendLine(nil, time.Now(), "probe", []iapeer.Field{{Key: "w", Value: w}, {Key: "n", Value: n}}), limits); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	names, _ := filepath.Glob(path + "*")
	seen := map[string]int{}
	for _, name := range names {
		b, _ := os.ReadFile(name)
		if len(b) > int(limits.MaxBytes)+200 { // one whose turn did not come in time writes without setting aside
			t.Errorf("%s has %d bytes", name, len(b))
		}
		for line := range strings.Lines(string(b)) {
			pairs, ok := Parse(line)
			if !ok || len(pairs) != 4 {
				t.Fatalf("%s holds %q", name, line)
			}
			seen[pairs[2].Value+" "+pairs[3].Value]++
		}
	}
	if len(seen) != writers*each || len(names) < 10 {
		t.Errorf("%d lines in %d files, want %d", len(seen), len(names), writers*each)
	}
	for line, n := range seen {
		if n != 1 {
			t.Errorf("line %s is there %d times", line, n)
		}
	}
}

// One that is stopped while it has the lock stops nobody.
func TestLockedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("full\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := Append(path, []byte("more\n"), Limits{MaxBytes: 5, Keep: 1}); err != nil {
		t.Fatal(err)
	}
	holds(t, path, map[string]string{"": "full\nmore\n"})
}

func TestOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	one := func(want string) func(string) bool { return func(line string) bool { return line == want } }
	for _, l := range []string{"a\n", "b\n", "a\n", "c\n", "b\n", "a\n"} {
		if err := AppendOnce(path, []byte(l), Limits{MaxBytes: 4, Keep: 1}, one(l)); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, path, map[string]string{"": "c\n", ".1": "a\nb\n"})
}

func TestGoneMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	for _, l := range []string{"one\n", "two\n"} {
		if err := Append(path, []byte(l), Default); err != nil {
			t.Fatal(err)
		}
		if l == "one\n" {
			if err := os.Rename(path, path+".moved"); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds(t, path, map[string]string{"": "two\n", ".moved": "one\n"})
}

func TestUnwritable(t *testing.T) {
	at := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(at, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Append(filepath.Join(at, "a.log"), []byte("x\n"), Default); err == nil {
		t.Error("Append below a file = nil, want an error")
	}
}

func TestCopyAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "daemon-stderr.log")
	if err := CopyAside(path, Default); err != nil {
		t.Errorf("CopyAside of nothing = %v", err)
	}
	held, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, tc := range []struct {
		limits Limits
		want   map[string]string
	}{
		{Limits{MaxBytes: 5, Keep: 2}, map[string]string{"": "12345", ".1": ""}},
		{Limits{MaxBytes: 9, Keep: 2}, map[string]string{"": "", ".1": "1234512345"}},
		{Limits{MaxBytes: 4, Keep: 2}, map[string]string{"": "", ".1": "12345", ".2": "1234512345"}},
		{Limits{MaxBytes: 4}, map[string]string{"": "", ".1": "12345"}},
	} {
		if _, err := held.WriteString("12345"); err != nil {
			t.Fatal(err)
		}
		if err := CopyAside(path, tc.limits); err != nil {
			t.Fatal(err)
		}
		holds(t, path, tc.want)
	}
}

func BenchmarkLine(b *testing.B) {
	e := iapeer.MessageChanged{ID: "m-0123456789", From: iapeer.Identity{Runtime: "claude", Name: "ada"}, To: iapeer.Identity{Runtime: "codex", Name: "bob"},
		State: iapeer.Seen, Change: iapeer.ChangeSee, Len: 1024, Evidence: iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit", Session: "4f1c"}}
	var buf []byte
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendLine(buf[:0], at, e.Name(), e.Fields())
	}
}
