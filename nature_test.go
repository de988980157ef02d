package iapeer_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestParseNature(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want iapeer.Nature
		bad  bool
	}{
		{in: "artificial", want: iapeer.Artificial},
		{in: "natural", want: iapeer.Natural},
		{in: "absent", want: iapeer.Absent},
		{in: "human", want: iapeer.Natural},
		{in: "scripted", want: iapeer.Absent},
		{in: "", bad: true}, {in: "Natural", bad: true}, {in: "robot", bad: true},
	} {
		got, err := iapeer.ParseNature(tc.in)
		if got != tc.want || tc.bad != errors.Is(err, iapeer.ErrBadNature) {
			t.Errorf("ParseNature(%q) = %q, %v, want %q, bad = %v", tc.in, got, err, tc.want, tc.bad)
		}
		var n iapeer.Nature
		if b, _ := json.Marshal(tc.in); (json.Unmarshal(b, &n) != nil) != tc.bad || n != tc.want {
			t.Errorf("from JSON %q: %q", tc.in, n)
		}
	}
}

func TestNaturesOfRuntimes(t *testing.T) {
	natural, absent, artificial := iapeer.Natural, iapeer.Absent, iapeer.Artificial
	for allowed, runtimes := range map[*[]iapeer.Nature]string{
		{natural, absent}:    "telegram discord matrix email web voicetalk cli",
		{absent}:             "notifier webhook api cron system",
		{absent, artificial}: "exec",
		{artificial}:         "claude codex opencode gemini",
	} {
		for _, rt := range strings.Fields(runtimes) {
			checkNatures(t, iapeer.Runtime(rt), *allowed)
		}
	}
}

func checkNatures(t *testing.T, rt iapeer.Runtime, want []iapeer.Nature) {
	t.Helper()
	if got := iapeer.AllowedNatures(rt); !slices.Equal(got, want) {
		t.Errorf("AllowedNatures(%s) = %v, want %v", rt, got, want)
	}
	if got := iapeer.DefaultNature(rt); got != want[0] {
		t.Errorf("DefaultNature(%s) = %v, want %v", rt, got, want[0])
	}
	for _, n := range []iapeer.Nature{iapeer.Artificial, iapeer.Natural, iapeer.Absent, "", "robot"} {
		err := iapeer.CheckNature(rt, n)
		if (err == nil) != slices.Contains(want, n) || (err != nil && !errors.Is(err, iapeer.ErrBadNature)) {
			t.Errorf("CheckNature(%s, %s) = %v", rt, n, err)
		}
	}
}

func TestNatureError(t *testing.T) {
	err := iapeer.CheckNature("telegram", iapeer.Artificial)
	want := `intelligence "artificial" is not valid for runtime "telegram" — allowed: natural, absent`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
