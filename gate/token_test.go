package gate

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestATokenOutlivesItsSessionByItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table Table
		token, hash := NewToken()
		if hash != HashToken(token) || len(token) != 32 {
			t.Fatalf("token %q hash %v", token, hash)
		}
		if _, ok := table.Lookup(hash); ok {
			t.Error("valid before Add")
		}
		table.Add(hash, TokenFacts{Identity: anna, Generation: 1})
		time.Sleep(24 * time.Hour)
		table.End(hash)
		time.Sleep(TokenGrace - time.Nanosecond)
		table.End(hash) // a second end does not prolong it
		if f, ok := table.Lookup(hash); !ok || f.Identity != anna {
			t.Errorf("within its grace: %+v %v", f, ok)
		}
		time.Sleep(time.Nanosecond)
		if _, ok := table.Lookup(hash); ok {
			t.Error("valid after its grace")
		}
		_, other := NewToken()
		table.Add(other, TokenFacts{Identity: boris})
		if len(table.tokens) != 1 {
			t.Errorf("%d tokens kept, want 1", len(table.tokens))
		}
	})
}

func TestTokenHashText(t *testing.T) {
	_, hash := NewToken()
	got, err := ParseTokenHash(hash.String())
	if err != nil || got != hash {
		t.Errorf("ParseTokenHash(%s) = %v, %v", hash, got, err)
	}
	for _, bad := range []string{"", "zz", hash.String()[:10], strings.Repeat("z", 64)} {
		if _, err := ParseTokenHash(bad); err == nil {
			t.Errorf("ParseTokenHash(%q): no error", bad)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	var table Table
	token, hash := NewToken()
	table.Add(hash, TokenFacts{Identity: anna})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := table.Lookup(HashToken(token)); !ok {
			b.Fatal("lost")
		}
	}
}
