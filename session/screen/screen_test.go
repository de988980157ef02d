package screen

import (
	"fmt"
	"strings"
	"testing"
)

func feed(tb testing.TB, cols, rows int, in string) *Screen {
	tb.Helper()
	s := New(cols, rows, 1000, "iapeer", Listener{})
	s.Feed([]byte(in))
	return s
}

// dump is the whole screen as text, one line a row, blank rows at the end cut.
func dump(s *Screen) string {
	var b strings.Builder
	for _, r := range s.Rows() {
		b.WriteString(r.Text + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func TestFeed(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"text", "hello\r\nworld", "hello\nworld"},
		{"wrap", "0123456789ab", "0123456789\nab"},
		{"wide", "日本", "日本"},
		{"wide wraps whole", "123456789日", "123456789\n日"},
		{"combining", "e\u0301x", "e\u0301x"},
		{"family", "👨\u200d👩\u200d👧x", "👨\u200d👩\u200d👧x"},
		{"flag", "🇩🇪x", "🇩🇪x"},
		{"overwrite half of wide", "日\x1b[1;2Hx", " x"},
		{"cursor", "\x1b[2;3Hx\x1b[Ay", "   y\n  x"},
		{"erase line", "abcdef\x1b[1;3H\x1b[K", "ab"},
		{"insert", "abc\x1b[1;2H\x1b[2@", "a  bc"},
		{"delete", "abcd\x1b[1;2H\x1b[2P", "ad"},
		{"insert line", "a\r\nb\x1b[1;1H\x1b[L", "\na\nb"},
		{"delete line", "a\r\nb\r\nc\x1b[1;1H\x1b[M", "b\nc"},
		{"region", "a\r\nb\r\nc\x1b[1;2r\x1b[2;1H\n", "b\n\nc"},
		{"reverse index", "a\x1b[1;1H\x1bM", "\na"},
		{"tab", "a\tb", "a       b"},
		{"rep", "-\x1b[4b", "-----"},
		{"osc is silent", "a\x1b]0;title\x07b", "ab"},
		{"title with 0x9c", "a\x1b]0;✳ x\x07b", "ab"},
		{"dcs is silent", "a\x1bP1;2|zz\x1b\\b", "ab"},
		{"apc is silent", "a\x1b_Gf=1;AA\x1b\\b", "ab"},
		{"hyperlink text", "\x1b]8;;http://x\x1b\\ab\x1b]8;;\x1b\\", "ab"},
		{"alt and back", "main\x1b[?1049h\x1b[Halt\x1b[?1049l", "main"},
		{"scroll", "1\r\n2\r\n3\r\n4\r\n5\r\n6", "3\n4\n5\n6"},
		{"bad utf8", "a\xffb\xe2\x28", "a\ufffdb\ufffd("},
	} {
		if got := dump(feed(t, 10, 4, tc.in)); got != tc.want {
			t.Errorf("%s: screen after %q = %q, want %q", tc.name, tc.in, got, tc.want)
		}
	}
}

func TestReplies(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"\x1b[c", "\x1b[?62;22c"},
		{"\x1b[0c", "\x1b[?62;22c"},
		{"\x1b[>0c", "\x1b[>0;276;0c"},
		{"\x1b[>0q", "\x1bP>|iapeer(1)\x1b\\"},
		{"\x1b]11;?\x07", "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"},
		{"\x1b]11;?\x1b\\", "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\"},
		{"ab\x1b[6n", "\x1b[1;3R"},
		{"\x1b[5n", "\x1b[0n"},
		{"\x1b]7501;?\x1b\\", ""},
	} {
		var got strings.Builder
		s := New(10, 4, 0, "iapeer(1)", Listener{Reply: func(b []byte) { got.Write(b) }})
		s.Feed([]byte(tc.in))
		if got.String() != tc.want {
			t.Errorf("reply to %q = %q, want %q", tc.in, got.String(), tc.want)
		}
	}
}

func TestTitleAndStatus(t *testing.T) {
	var got []string
	s := New(10, 4, 0, "", Listener{
		Title:  func(v string) { got = append(got, "title "+v) },
		Status: func(v string) { got = append(got, "status "+v) },
		Alt:    func(on bool) { got = append(got, fmt.Sprint("alt ", on)) },
	})
	s.Feed([]byte("\x1b]0;✳ Claude\x07\x1b]2;✳ Claude\x07\x1b]7501;state=idle:app=codex\x1b\\\x1b[?1049h\x1b[?1049h\x1b[?1049l"))
	want := "title ✳ Claude|status state=idle:app=codex|alt true|alt false"
	if strings.Join(got, "|") != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestPlain(t *testing.T) {
	for _, tc := range []struct{ in, text, plain string }{
		{"❯ hello", "❯ hello", "❯ hello"},
		{"❯ \x1b[2mghost", "❯ ghost", "❯      "},
		{"❯ \x1b[38;5;246mghost", "❯ ghost", "❯      "},
		{"❯ \x1b[38;2;1;2;3mghost", "❯ ghost", "❯      "},
		{"\x1b[2m❯\x1b[22m 日", "❯ 日", "  日"},
		{"❯ \x1b[7mx\x1b[0m", "❯ x", "❯ x"},
	} {
		got := feed(t, 20, 2, tc.in).Rows()[0]
		if got.Text != tc.text || got.Plain != tc.plain {
			t.Errorf("row of %q = %q %q, want %q %q", tc.in, got.Text, got.Plain, tc.text, tc.plain)
		}
	}
}

func TestResizeReflows(t *testing.T) {
	s := feed(t, 10, 4, "0123456789abcde\r\n$ ")
	s.Resize(20, 4)
	if got, want := dump(s), "0123456789abcde\n$ "; got != strings.TrimRight(want, " ") {
		t.Errorf("wider = %q, want %q", got, want)
	}
	if x, y, _ := s.Cursor(); x != 2 || y != 1 {
		t.Errorf("cursor = %d,%d, want 2,1", x, y)
	}
	s.Resize(5, 4)
	if got, want := dump(s), "01234\n56789\nabcde\n$"; got != want {
		t.Errorf("narrower = %q, want %q", got, want)
	}
	s.Resize(5, 2)
	if got, want := dump(s), "abcde\n$"; got != want || s.Scrollback() != 2 {
		t.Errorf("lower = %q with %d above, want %q with 2", got, s.Scrollback(), want)
	}
	s.Resize(10, 4)
	if got, want := dump(s), "0123456789\nabcde\n$"; got != want || s.Scrollback() != 0 {
		t.Errorf("back = %q with %d above, want %q with 0", got, s.Scrollback(), want)
	}
}

// same compares what two screens show, by their snapshots.
func same(t *testing.T, name string, a, b *Screen) {
	t.Helper()
	if x, y := string(a.Snapshot(true)), string(b.Snapshot(true)); x != y {
		t.Errorf("%s: snapshots differ\n%q\n%q", name, x, y)
	}
}

func TestSnapshotDrawsTheSame(t *testing.T) {
	for name, in := range map[string]string{
		"text":       "hello\r\nworld",
		"colours":    "\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3;48;5;200mtrue\x1b[4:3m",
		"scrollback": strings.Repeat("line\r\n", 30) + "end",
		"wrapped":    strings.Repeat("0123456789", 8),
		"wide wrap":  "123456789日本語",
		"alt":        "main\x1b[?1049h\x1b[Halt \x1b[3;3Hx",
		"modes":      "\x1b[?1h\x1b[?2004h\x1b[?1006h\x1b[>7u\x1b=\x1b[?25l\x1b[2 qx",
		"region":     "\x1b[2;3r\x1b[2;4Hx",
		"origin":     "\x1b[2;3r\x1b[?6h\x1b[1;4Hx",
		"saved":      "\x1b[2;4H\x1b[31m\x1b7\x1b[0m\x1b[Hx",
		"pending":    "0123456789",
		"background": "\x1b[44m\x1b[Kx\x1b[2;1H\x1b[2K",
		"title":      "\x1b]0;t\x07x",
		"cluster":    "👨\u200d👩\u200d👧e\u0301",
	} {
		a := feed(t, 10, 4, in)
		b := feed(t, 10, 4, string(a.Snapshot(true)))
		same(t, name, a, b)
	}
}
