package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer/bench/torture/ledger"
)

// TestReadWhatWasAppended reads back entries and leaves out a line that a kill
// cut off.
func TestReadWhatWasAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	want := []ledger.Entry{
		{ID: "m-1", Nonce: ledger.Make("s0", "x1", 7), PID: 4, At: time.Unix(0, 5)},
		{ID: "m-2", Nonce: "-", PID: 5, At: time.Unix(0, 6)},
	}
	if got, err := ledger.Read(path); got != nil || err != nil {
		t.Errorf("Read of nothing = %v, %v, want none", got, err)
	}
	for _, e := range want {
		if err := ledger.Append(path, e); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, "7 8 m-3 T~"...), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ledger.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

// TestNonce finds the mark that a body begins with.
func TestNonce(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{"T~s0~x1~7 and more", "T~s0~x1~7"},
		{"re:T~s0~x1~7\n", "re:T~s0~x1~7"},
		{"m-1 to exec-x failed: T~s0~x1~7", "-"},
		{"", "-"},
	} {
		if got := ledger.Nonce(tc.body); got != tc.want {
			t.Errorf("Nonce(%q) = %q, want %q", tc.body, got, tc.want)
		}
	}
	if from, to, n, ok := ledger.Parse("T~s0~x1~7"); from != "s0" || to != "x1" || n != 7 || !ok {
		t.Errorf("Parse = %q, %q, %d, %v", from, to, n, ok)
	}
	if _, _, _, ok := ledger.Parse("re:T~s0~x1~7"); ok {
		t.Error("Parse takes an answer for a message")
	}
}

// FuzzRead never panics on what a ledger may hold.
func FuzzRead(f *testing.F) {
	f.Add([]byte("1 2 m-1 T~a~b~1\n3 4 m"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = ledger.Read(path)
		_, _, _, _ = ledger.Parse(string(b))
	})
}
