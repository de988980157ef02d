package iapeer_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestParseName(t *testing.T) {
	for _, tc := range []struct {
		in string
		ok bool
	}{
		{"ada", true}, {"a", true}, {"a-", true}, {"a1-b", true}, {strings.Repeat("a", 32), true},
		{"", false}, {"Ada", false}, {"1a", false}, {"-a", false}, {"a.b", false}, {"a b", false},
		{"a\n", false}, {strings.Repeat("a", 33), false}, {"наталья", false},
	} {
		var n iapeer.Name
		err := n.UnmarshalText([]byte(tc.in))
		if (err == nil) != tc.ok || (err != nil && !errors.Is(err, iapeer.ErrBadName)) {
			t.Errorf("Name %q: %v, want ok = %v", tc.in, err, tc.ok)
		}
		if tc.ok && string(n) != tc.in {
			t.Errorf("Name %q became %q", tc.in, n)
		}
	}
}

func TestParseIdentity(t *testing.T) {
	for _, tc := range []struct {
		in      string
		runtime iapeer.Runtime
		name    iapeer.Name
		bad     bool
	}{
		{in: "claude-boris", runtime: "claude", name: "boris"},
		{in: "notifier-notifier-timer", runtime: "notifier", name: "notifier-timer"},
		{in: "", bad: true}, {in: "claude", bad: true}, {in: "-boris", bad: true}, {in: "claude-", bad: true},
		{in: "Claude-boris", bad: true}, {in: "claude-2nd", bad: true}, {in: "claude--boris", bad: true},
		{in: "claude-boris\n", bad: true},
	} {
		got, err := iapeer.ParseIdentity(tc.in)
		if tc.bad != errors.Is(err, iapeer.ErrBadIdentity) {
			t.Errorf("ParseIdentity(%q): %v, want bad = %v", tc.in, err, tc.bad)
		}
		if want := (iapeer.Identity{Runtime: tc.runtime, Name: tc.name}); got != want {
			t.Errorf("ParseIdentity(%q) = %v, want %v", tc.in, got, want)
		}
		if !tc.bad && got.String() != tc.in {
			t.Errorf("%q is written back as %q", tc.in, got)
		}
	}
}

func TestIdentityJSON(t *testing.T) {
	var got struct{ A, B iapeer.Identity }
	if err := json.Unmarshal([]byte(`{"A":"claude-ada","B":""}`), &got); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil || string(b) != `{"A":"claude-ada","B":""}` {
		t.Errorf("got %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"ada"}`), &got); !errors.Is(err, iapeer.ErrBadIdentity) {
		t.Errorf("identity without a runtime: %v", err)
	}
}
