package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestAppend(t *testing.T) {
	got := hex.EncodeToString(Append(nil, Data, []byte("hi")))
	if want := "00000000026869"; got != want {
		t.Errorf("Append(Data, hi) = %s, want %s", got, want)
	}
}

func TestReadSplitAndCoalesced(t *testing.T) {
	b := Append(nil, Data, []byte("one"))
	b = Append(b, Resize, Size(132, 61))
	b = Append(b, Data)
	r := iotest.OneByteReader(bytes.NewReader(b))
	for _, want := range []struct {
		t Type
		p string
	}{{Data, "one"}, {Resize, "\x00\x84\x00\x3d"}, {Data, ""}} {
		typ, p, err := Read(r)
		if err != nil || typ != want.t || string(p) != want.p {
			t.Errorf("Read = %d %q %v, want %d %q", typ, p, err, want.t, want.p)
		}
	}
	if _, _, err := Read(r); !errors.Is(err, io.EOF) {
		t.Errorf("Read at the end = %v, want EOF", err)
	}
}

func TestReadRefuses(t *testing.T) {
	if _, _, err := Read(bytes.NewReader([]byte{0, 0xff, 0, 0, 0})); !errors.Is(err, ErrTooLong) {
		t.Errorf("Read of a huge frame = %v, want ErrTooLong", err)
	}
	if _, _, err := Read(bytes.NewReader([]byte{0, 0, 0, 0, 9, 1})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Read of a cut frame = %v, want ErrUnexpectedEOF", err)
	}
}

func TestParseSize(t *testing.T) {
	for _, tc := range []struct {
		in         []byte
		cols, rows int
		ok         bool
	}{
		{Size(220, 50), 220, 50, true},
		{Size(0, 0), 80, 24, true},
		{[]byte{1}, 0, 0, false},
	} {
		if c, r, ok := ParseSize(tc.in); c != tc.cols || r != tc.rows || ok != tc.ok {
			t.Errorf("ParseSize(%v) = %d,%d,%v, want %d,%d,%v", tc.in, c, r, ok, tc.cols, tc.rows, tc.ok)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Append(nil, Data, []byte("hi")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			typ, p, err := Read(r)
			if err != nil {
				return
			}
			if n, rest, ok := CutNumber(p); ok {
				_ = n
				CutOffer(rest)
			}
			if back := Append(nil, typ, p); !bytes.Contains(b, back) {
				t.Fatalf("Append(Read(%x)) = %x", b, back)
			}
		}
	})
}
