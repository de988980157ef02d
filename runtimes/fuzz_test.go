package runtimes_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer/runtimes"
)

func FuzzHook(f *testing.F) {
	b, err := os.ReadFile("testdata/hooks/claude.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f.Add("", strings.TrimPrefix(line, `{"version": "2.1.329", "body": `))
	}
	f.Add("Stop", `{"hook_event_name":"Stop","background_tasks":[1]}`)
	f.Fuzz(func(t *testing.T, event, payload string) {
		for _, a := range []runtimes.Adapter{runtimes.Claude(), runtimes.Codex()} {
			if events, err := a.Hook(event, []byte(payload)); err != nil && events != nil {
				t.Errorf("%s: events beside error %v", a.Runtime, err)
			}
		}
	})
}

func FuzzRecords(f *testing.F) {
	for _, name := range []string{"claude-197", "claude-329", "codex-169"} {
		b, err := os.ReadFile("testdata/records/" + name + ".jsonl")
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if len(line) < 600 {
				f.Add(line+claudeUser(envelope(idA))+"\n", 100)
			}
		}
	}
	f.Add(claudeUser(envelope(idA))+"\n"+codexItem(envelope(idB))+"\n", 20)
	f.Fuzz(func(t *testing.T, record string, cut int) {
		for _, a := range []runtimes.Adapter{runtimes.Claude(), runtimes.Codex()} {
			var whole, parts runtimes.Reading
			if err := a.Read(strings.NewReader(record), &whole); err != nil {
				t.Fatal(err)
			}
			for _, end := range []int{min(max(cut, 0), len(record)), len(record)} {
				if err := a.Read(strings.NewReader(record[:end]), &parts); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(whole, parts); d != "" {
				t.Errorf("%s: torn at %d (-whole +parts):\n%s", a.Runtime, cut, d)
			}
			if want := int64(strings.LastIndexByte(record, '\n') + 1); whole.Offset != want {
				t.Errorf("%s: offset %d, want %d", a.Runtime, whole.Offset, want)
			}
		}
	})
}

func FuzzScreen(f *testing.F) {
	for _, c := range captures(f) {
		f.Add(c.read(f, ".txt"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := runtimes.ParseScreen(text)
		for _, a := range []runtimes.Adapter{runtimes.Claude(), runtimes.Codex()} {
			for _, ink := range [][]string{nil, s.Rows, make([]string, len(s.Rows)/2)} {
				s.Ink = ink
				st := a.Screen(s)
				if _, ok := a.DialogKey(s, true); ok && st.Word == runtimes.ScreenReady {
					t.Errorf("%s: a key for a ready screen", a.Runtime)
				}
				if _, ok := a.Answer(s, true); ok && st.Word != runtimes.ScreenBlocked {
					t.Errorf("%s: an answer for a screen that asks nothing: %+v", a.Runtime, st)
				}
			}
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add(`{"pid":7,"sessionId":"s","cwd":"/w","status":"idle","statusUpdatedAt":1795240393248}`)
	f.Fuzz(func(_ *testing.T, text string) {
		if s, err := runtimes.Claude().Records.Status([]byte(text)); err == nil {
			s.Events()
		}
	})
}

func FuzzVersion(f *testing.F) {
	f.Add("2.1.329 (Claude Code)")
	f.Add("codex-cli 0.169.0")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := runtimes.ParseVersion(text)
		if err != nil {
			return
		}
		if again, err := runtimes.ParseVersion(v.String()); err != nil || again != v {
			t.Errorf("ParseVersion(%q) = %v, read again %v, %v", text, v, again, err)
		}
	})
}

func FuzzSignal(f *testing.F) {
	f.Add("state=blocked:app=codex:kind=permission")
	f.Add("◐ Claude Code")
	f.Fuzz(func(_ *testing.T, value string) {
		for _, a := range []runtimes.Adapter{runtimes.Claude(), runtimes.Codex()} {
			a.Signal(runtimes.SignalTitle, value)
			a.Signal(runtimes.SignalStatus, value)
		}
	})
}

func FuzzQuotaEnd(f *testing.F) {
	f.Add("You've hit your limit · resets 3pm (Europe/Berlin)")
	f.Add("Try again in 1 day 2 hours 5 minutes.")
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)
		if at := runtimes.QuotaEnd(text, now); !at.IsZero() && strings.Contains(text, "resets ") && !strings.Contains(text, "|") && at.Before(now) {
			t.Errorf("QuotaEnd(%q) = %v lies before now", text, at)
		}
	})
}
