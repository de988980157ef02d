package wire

import "testing"

func TestKeyBytes(t *testing.T) {
	for _, tc := range []struct {
		keys []string
		app  bool
		want string
	}{
		{[]string{"Down", "Enter"}, false, "\x1b[B\r"},
		{[]string{"Down", "Enter"}, true, "\x1bOB\r"},
		{[]string{"2", "Enter"}, false, "2\r"},
		{[]string{"-l", "/compact"}, false, "/compact"},
		{[]string{"-l", "Enter"}, false, "Enter"},
		{[]string{"Escape"}, false, "\x1b"},
		{[]string{"Tab", "Space", "BSpace"}, false, "\t \x7f"},
		{[]string{"Up", "Right", "Left"}, false, "\x1b[A\x1b[C\x1b[D"},
		{[]string{"C-c", "C-u"}, false, "\x03\x15"},
		{[]string{"word"}, false, "word"},
	} {
		if got := string(KeyBytes(tc.keys, tc.app)); got != tc.want {
			t.Errorf("KeyBytes(%q, %v) = %q, want %q", tc.keys, tc.app, got, tc.want)
		}
	}
}
