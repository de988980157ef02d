package runtimes_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

func TestDecide(t *testing.T) {
	parked := iapeer.Presence{SessionID: "last", Parked: true, Topics: []iapeer.TopicSession{{Topic: "a", SessionID: "sa"}, {Topic: "b", SessionID: "last"}}}
	fresh := parked
	fresh.FreshNext = true
	ran := iapeer.Presence{SessionID: "last"}
	all := func(string) bool { return true }
	gone := func(string) bool { return false }
	for _, tc := range []struct {
		name  string
		facts runtimes.Facts
		want  runtimes.Want
		get   runtimes.Decision
		err   error
	}{
		{"explicit fresh", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{Resume: runtimes.No()}, runtimes.Decision{Cause: "folder-launch", SpentPark: true}, nil},
		{"explicit resume", runtimes.Facts{Presence: ran, Recorded: all}, runtimes.Want{Resume: runtimes.Yes()}, runtimes.Decision{ResumeID: "last", Cause: "attach"}, nil},
		{"explicit resume of nothing", runtimes.Facts{Presence: ran, Recorded: gone}, runtimes.Want{Resume: runtimes.Yes()}, runtimes.Decision{Cause: "attach-nothing-to-resume"}, runtimes.ErrNothingToResume},
		{"explicit resume, never ran", runtimes.Facts{Recorded: all}, runtimes.Want{Resume: runtimes.Yes()}, runtimes.Decision{Cause: "attach-nothing-to-resume"}, runtimes.ErrNothingToResume},
		{"not parked, with a record", runtimes.Facts{Presence: ran, Recorded: all}, runtimes.Want{}, runtimes.Decision{Cause: "crash-or-self-close"}, nil},
		{"first wake", runtimes.Facts{Recorded: all}, runtimes.Want{Topic: "a"}, runtimes.Decision{Cause: "first-wake"}, nil},
		{"parked, a person talks to it", runtimes.Facts{Presence: parked, Conversational: true, Recorded: all}, runtimes.Want{Topic: "zzz"}, runtimes.Decision{ResumeID: "last", Cause: "idle-reaped-human", SpentPark: true}, nil},
		{"the same without a record", runtimes.Facts{Presence: parked, Conversational: true, Recorded: gone}, runtimes.Want{}, runtimes.Decision{Cause: "idle-reaped-human-no-resume", SpentPark: true}, nil},
		{"fresh next beats parked and human", runtimes.Facts{Presence: fresh, Conversational: true, Recorded: all}, runtimes.Want{}, runtimes.Decision{Cause: "soft-reload", SpentPark: true, SpentFresh: true}, nil},
		{"explicit attach keeps fresh next", runtimes.Facts{Presence: fresh, Recorded: all}, runtimes.Want{Resume: runtimes.Yes()}, runtimes.Decision{ResumeID: "last", Cause: "attach", SpentPark: true}, nil},
		{"no topic", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{}, runtimes.Decision{Cause: "idle-reaped-no-topic", SpentPark: true}, nil},
		{"no topic, a person wrote it", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{Person: true}, runtimes.Decision{ResumeID: "last", Cause: "idle-reaped-person", SpentPark: true}, nil},
		{"a person, without a record", runtimes.Facts{Presence: parked, Recorded: gone}, runtimes.Want{Person: true}, runtimes.Decision{Cause: "idle-reaped-person-no-resume", SpentPark: true}, nil},
		{"a person, new topic", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{Topic: "c", Person: true}, runtimes.Decision{Cause: "idle-reaped-new-topic", SpentPark: true}, nil},
		{"a person, after a crash", runtimes.Facts{Presence: ran, Recorded: all}, runtimes.Want{Person: true}, runtimes.Decision{Cause: "crash-or-self-close"}, nil},
		{"same topic", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{Topic: "b"}, runtimes.Decision{ResumeID: "last", Cause: "idle-reaped-resume", SpentPark: true}, nil},
		{"an older topic has its own session", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{Topic: "a"}, runtimes.Decision{ResumeID: "sa", Cause: "idle-reaped-resume", SpentPark: true}, nil},
		{"topic whose record is gone", runtimes.Facts{Presence: parked, Recorded: gone}, runtimes.Want{Topic: "a"}, runtimes.Decision{Cause: "idle-reaped-no-resume", SpentPark: true}, nil},
		{"new topic", runtimes.Facts{Presence: parked, Recorded: all}, runtimes.Want{Topic: "c"}, runtimes.Decision{Cause: "idle-reaped-new-topic", SpentPark: true}, nil},
		{"ephemeral, though a person talks to it", runtimes.Facts{Presence: parked, Ephemeral: true, Conversational: true, Recorded: all}, runtimes.Want{Topic: "b"}, runtimes.Decision{Cause: "ephemeral-policy", SpentPark: true}, nil},
		{"ephemeral, explicit attach", runtimes.Facts{Presence: parked, Ephemeral: true, Recorded: all}, runtimes.Want{Resume: runtimes.Yes()}, runtimes.Decision{ResumeID: "last", Cause: "attach", SpentPark: true}, nil},
	} {
		got, err := runtimes.Decide(tc.facts, tc.want)
		if d := cmp.Diff(tc.get, got); d != "" || !errors.Is(err, tc.err) {
			t.Errorf("%s: error %v, want %v (-want +got):\n%s", tc.name, err, tc.err, d)
		}
		if words := got.Words(tc.want.Topic); err == nil && strings.HasPrefix(words, "fresh (") != got.Fresh() || err == nil && words == "" {
			t.Errorf("%s: %q", tc.name, words)
		}
		if got.Fresh() != (got.ResumeID == "") {
			t.Errorf("%s: fresh = %v", tc.name, got.Fresh())
		}
	}
}

func TestFirstMessage(t *testing.T) {
	for _, tc := range []struct {
		fresh               bool
		initial, task, want string
	}{
		{true, "seed", "task", "seed\n\ntask"}, {true, "seed", "", "seed"}, {true, "", "task", "task"}, {false, "seed", "task", "task"}, {false, "seed", "", ""},
		{true, "/clear", "task", " /clear\n\ntask"}, {true, "!ls", "", " !ls"},
	} {
		if got := runtimes.FirstMessage(tc.fresh, tc.initial, tc.task); got != tc.want {
			t.Errorf("FirstMessage(%v, %q, %q) = %q, want %q", tc.fresh, tc.initial, tc.task, got, tc.want)
		}
	}
}

func TestRender(t *testing.T) {
	now := time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)
	env := iapeer.Envelope{ID: idA, From: iapeer.Identity{Runtime: "claude", Name: "boris"}, SentAt: now, Body: "a\x1b[201~\r\n!b\x03\tc"}
	for _, a := range []runtimes.Adapter{runtimes.Claude(), runtimes.Codex()} {
		got := a.Render(env, now)
		if !strings.HasPrefix(got, `<iap from="boris"`) || strings.ContainsAny(got, "\x1b\r\x03") || !strings.Contains(got, "a[201~\n!b\tc") {
			t.Errorf("%s: %q", a.Runtime, got)
		}
	}
	for _, a := range []runtimes.Adapter{runtimes.Notifier(), runtimes.ExecCommand()} {
		if got := a.Render(env, now); got != env.Wire() {
			t.Errorf("%s: %q", a.Runtime, got)
		}
	}
	for in, want := range map[string]string{"/exit": " /exit", "!rm": " !rm", "hi": " hi", "<iap x": "<iap x"} {
		if got := runtimes.Paste(in); got != want {
			t.Errorf("Paste(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestQuotaEnd(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zones on this machine: %v", err)
	}
	now := time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC) // 14:00 in Berlin
	for _, tc := range []struct {
		text string
		want time.Time
	}{
		{"Claude AI usage limit reached|1795240393", time.Unix(1795240393, 0)},
		{"You've hit your limit · resets 3pm (Europe/Berlin)", time.Date(2026, 7, 14, 15, 0, 0, 0, berlin)},
		{"limit will reset at 1:30pm (Europe/Berlin).", time.Date(2026, 7, 15, 13, 30, 0, 0, berlin)},
		{"resets 12am", time.Date(2026, 7, 15, 0, 0, 0, 0, time.UTC)},
		{"resets 3pm (No/Where)", time.Date(2026, 7, 14, 15, 0, 0, 0, time.UTC)},
		{"You've hit your usage limit. Try again in 1 day 2 hours 5 minutes.", now.Add(26*time.Hour + 5*time.Minute)},
		{"try again at 5:11 PM.", time.Date(2026, 7, 14, 17, 11, 0, 0, time.UTC)},
		{"resets 33pm", time.Time{}},
		{"resets soon", time.Time{}},
		{"", time.Time{}},
	} {
		if got := runtimes.QuotaEnd(tc.text, now); !got.Equal(tc.want) {
			t.Errorf("QuotaEnd(%q) = %v, want %v", tc.text, got, tc.want)
		}
	}
	if got := runtimes.QuotaEnd("resets 3pm", time.Time{}); !got.IsZero() {
		t.Errorf("without now: %v", got)
	}
}
