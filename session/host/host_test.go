package host

import (
	"strings"
	"testing"
)

func TestStrip(t *testing.T) {
	for _, tc := range []struct{ in, out, held string }{
		{"before\x1b[0c\x1b[6nmid\x1b]11;?\x07after", "beforemidafter", ""},
		{"output\x1b[>", "output", "\x1b[>"},
		{"x\x1b", "x", "\x1b"},
		{"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m", ""},
		{"\x1b]0;a long title that is not finished", "\x1b]0;a long title that is not finished", ""},
		{"a\x1b[>0qb\x1b[?ub\x1b[?2026$pc", "abbc", ""},
		{"a\x1b[>7ub\x1b[4 q\x1b[!p", "a\x1b[>7ub\x1b[4 q\x1b[!p", ""},
		{"\x1b]10;?\x1b\\\x1b]7501;?\x1b\\x\x1bP+q544e\x1b\\y\x1b_Gi=1,a=q;AA\x1b\\z", "xyz", ""},
		{"\x1b]7501;state=idle\x1b\\x", "\x1b]7501;state=idle\x1b\\x", ""},
		{"\x1b[22;2t\x1b[14tx", "\x1b[22;2tx", ""},
		{"\x1b[?25h日本", "\x1b[?25h日本", ""},
	} {
		var s stripper
		if got := string(s.strip([]byte(tc.in))); got != tc.out || string(s.held) != tc.held {
			t.Errorf("strip(%q) = %q holding %q, want %q holding %q", tc.in, got, s.held, tc.out, tc.held)
		}
	}
}

// FuzzStrip holds that what is passed on never depends on how short sequences
// are cut.
func FuzzStrip(f *testing.F) {
	f.Add([]byte("before\x1b[0c\x1b[6nmid\x1b]11;?\x07after"), uint(7))
	f.Add([]byte("\x1b]0;t\x1b\\\x1b"), uint(3))
	f.Fuzz(func(t *testing.T, b []byte, cut uint) {
		var whole, parts stripper
		want := string(whole.strip(append([]byte{}, b...)))
		n := int(cut % uint(len(b)+1))
		got := string(parts.strip(append([]byte{}, b[:n]...)))
		got += string(parts.strip(append([]byte{}, b[n:]...)))
		if longest(b) <= maxHeld && got+string(parts.held) != want+string(whole.held) {
			t.Errorf("strip(%q) cut at %d = %q, want %q", b, n, got, want)
		}
	})
}

// longest is the length of the longest run from one ESC to the next.
func longest(b []byte) int {
	n := 0
	for _, part := range strings.Split(string(b), "\x1b") {
		n = max(n, len(part)+2)
	}
	return n
}
