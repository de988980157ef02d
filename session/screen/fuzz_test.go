package screen

import (
	"bytes"
	"testing"
)

// FuzzFeed holds that no input panics, that the cursor stays on the screen,
// that cutting the input anywhere changes nothing, and that a snapshot draws
// the same picture.
func FuzzFeed(f *testing.F) {
	for _, in := range [][]byte{
		[]byte("hello\r\n\x1b[31;1mworld\x1b[0m\x1b[2;3H日本\x1b[K"),
		[]byte("\x1b[?1049h\x1b[2J\x1b[10;20Hx\x1b[?1049l\x1b]0;t\x07\x1b[38:2::1:2:3m"),
		[]byte("👨\u200d👩\u200d👧e\u0301\x1b[4@\x1b[3P\x1b[2L\x1b[M\x1b[2;4r\x1bM\x1bD\x1b[S\x1b[T"),
		[]byte("0123456789\x1b[1;9H日\x1b[b\x1b7\x1b8\x1b[!p\x1bc\x1b#8\xe6\x97"),
	} {
		f.Add(in, uint(5), uint(9), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut, cols, rows uint) {
		w, h := 2+int(cols%30), 1+int(rows%12)
		whole := New(w, h, 50, "x", Listener{})
		whole.Feed(in)
		x, y, _ := whole.Cursor()
		if x < 0 || x >= w || y < 0 || y >= h {
			t.Fatalf("cursor %d,%d is off a screen of %d×%d", x, y, w, h)
		}
		parts := New(w, h, 50, "x", Listener{})
		n := int(cut % uint(len(in)+1))
		parts.Feed(in[:n])
		parts.Feed(in[n:])
		a, b := whole.Snapshot(true), parts.Snapshot(true)
		if !bytes.Equal(a, b) {
			t.Fatalf("cut at %d: %q\nwhole: %q", n, b, a)
		}
		bytewise := New(w, h, 50, "x", Listener{})
		for i := range in {
			bytewise.Feed(in[i : i+1])
		}
		if c := bytewise.Snapshot(true); !bytes.Equal(a, c) {
			t.Fatalf("byte by byte: %q\nwhole: %q", c, a)
		}
		again := New(w, h, 50, "x", Listener{})
		again.Feed(a)
		for i, r := range whole.Rows() {
			if got := again.Rows()[i]; got.Text != r.Text {
				t.Fatalf("row %d after a snapshot: %q, want %q\n%q", i, got.Text, r.Text, a)
			}
		}
		whole.Resize(2+int(rows%30), 1+int(cols%12))
		whole.Rows()
		whole.Snapshot(true)
		for i := range whole.Scrollback() {
			whole.History(i)
		}
	})
}
