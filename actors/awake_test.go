package actors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

func TestOneWakeForManySenders(t *testing.T) {
	peers := []string{"claude-bob"}
	for i := range 20 {
		peers = append(peers, fmt.Sprintf("claude-s%d", i))
	}
	inWorld(t, peers, func(w *world) {
		t := w.tb
		for _, p := range peers[1:] {
			go w.send(draft(p, "claude-bob", "from "+p))
		}
		time.Sleep(5 * time.Minute)
		if got := w.launched("claude-bob"); got != 1 {
			t.Errorf("launched %d times, want 1", got)
		}
		if got := w.bodies("claude-bob"); len(got) != 20 {
			t.Errorf("consumed %d messages, want 20: %q", len(got), got)
		}
	})
}

func TestDifferentRecipientsDoNotWait(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob", "claude-eve"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").mute = true // never gets ready
		w.send(draft("claude-ann", "claude-bob", "first"))
		w.send(draft("claude-ann", "claude-eve", "second"))
		time.Sleep(3 * time.Second)
		if got := w.bodies("claude-eve"); !slices.Equal(got, []string{"second"}) {
			t.Errorf("eve consumed %q while bob is waking", got)
		}
	})
}

func TestParkedAfterIdleAndResumed(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		w.wantPresence(t, "claude-bob", iapeer.Ready)
		first := w.host("claude-bob").conversation
		time.Sleep(time.Hour)
		w.wantPresence(t, "claude-bob", iapeer.Asleep)
		if w.host("claude-bob") != nil {
			t.Fatal("the session of a parked peer lives")
		}
		w.send(draft("claude-ann", "claude-bob", "two"))
		time.Sleep(time.Minute)
		if h := w.host("claude-bob"); h == nil || h.conversation != first {
			t.Errorf("not resumed: %+v, want conversation %s", h, first)
		}
		if got := w.bodies("claude-bob"); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("consumed %q", got)
		}
	})
}

func TestNeverParkedWhileAttachedOrWithBackgroundTasks(t *testing.T) {
	for _, tc := range []struct {
		name string
		keep func(*world)
		free func(*world)
	}{
		{"attached", func(w *world) { w.host("claude-bob").attach(1) }, func(w *world) { w.host("claude-bob").attach(0) }},
		{"background", func(w *world) { w.tune("claude-bob", func(k *script) { k.background = 2 }) }, func(w *world) { w.tune("claude-bob", func(k *script) { k.background = 0 }) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
				t := w.tb
				w.send(draft("claude-ann", "claude-bob", "one"))
				time.Sleep(2 * time.Second)
				tc.keep(w)
				time.Sleep(5 * time.Hour)
				w.wantPresence(t, "claude-bob", iapeer.Ready)
				tc.free(w)
				w.send(draft("claude-ann", "claude-bob", "two"))
				time.Sleep(2 * time.Hour)
				w.wantPresence(t, "claude-bob", iapeer.Asleep)
			})
		})
	}
}

func TestStartFailureTellsSenderAndKeepsMail(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		k := w.script("claude-bob")
		k.refuse = &house.StartFailed{Err: errors.New("not signed in"), Remedy: "run claude and sign in", Screen: "Select login method", Cleanly: true}
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(3 * time.Second)
		w.wantState(t, r.ID, iapeer.Accepted)
		w.wantPresence(t, "claude-bob", iapeer.Resting)
		told := w.fromSystem("claude-ann")
		if len(told) != 1 || !strings.Contains(told[0].Body, "not signed in") || !strings.Contains(told[0].Body, "run claude and sign in") ||
			!strings.Contains(told[0].Body, "Select login method") || !strings.Contains(told[0].Body, string(r.ID)) {
			t.Errorf("the sender was told %+v", told)
		}
		w.tune("claude-bob", func(k *script) { k.refuse = nil })
		if out, err := w.verb(iapeer.VerbWake, "claude-bob"); err != nil || out.Action != "woke" {
			t.Errorf("wake: %+v, %v", out, err)
		}
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
		if n := len(w.fromSystem("claude-ann")); n != 1 {
			t.Errorf("the sender was told %d times, want once", n)
		}
	})
}

func TestRestEndsByItself(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		k := w.script("claude-bob")
		k.refuse = &house.StartFailed{Err: errors.New("no network"), Cleanly: true}
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		w.send(draft("claude-ann", "claude-bob", "two"))
		time.Sleep(time.Minute)
		if n := w.launched("claude-bob"); n != 1 {
			t.Errorf("launched %d times while resting, want 1", n)
		}
		w.tune("claude-bob", func(k *script) { k.refuse = nil })
		time.Sleep(5 * time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestStartThatNeverGetsReady(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		k := w.script("claude-bob")
		k.mute = true
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(w.live().sys.h.Config.BootDeadline + 2*time.Second)
		w.wantPresence(t, "claude-bob", iapeer.Resting)
		if w.host("claude-bob") != nil {
			t.Error("the session that never got ready lives on")
		}
		w.tune("claude-bob", func(k *script) { k.mute = false })
		time.Sleep(10 * time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestBlockingDialogEndsTheStart(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		k := w.script("claude-bob")
		k.mute = true
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(500 * time.Millisecond)
		w.host("claude-bob").say(iapeer.SessionWaiting{For: "sign-in", Blocking: true, Remedy: "sign in", Screen: "Log in"})
		time.Sleep(time.Second)
		w.wantPresence(t, "claude-bob", iapeer.Resting)
		w.wantState(t, r.ID, iapeer.Accepted)
		if told := w.fromSystem("claude-ann"); len(told) != 1 || !strings.Contains(told[0].Body, "Log in") {
			t.Errorf("the sender was told %+v", told)
		}
	})
}

func TestCrashLoopRests(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").dieAtBoot = 3
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		w.wantPresence(t, "claude-bob", iapeer.Resting)
		if n := w.launched("claude-bob"); n != 3 {
			t.Errorf("launched %d times, want 3", n)
		}
		if n := w.noticed("crash-loop"); n != 1 {
			t.Errorf("%d notices of a crash loop, want 1", n)
		}
		w.wantState(t, r.ID, iapeer.Accepted)
		time.Sleep(15 * time.Minute)
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestStoppedHoldsMail(t *testing.T) {
	for _, when := range []string{"asleep", "ready", "waking", "busy"} {
		t.Run(when, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
				t := w.tb
				if when != "asleep" {
					w.send(draft("claude-ann", "claude-bob", "zero"))
					time.Sleep(map[string]time.Duration{"waking": 20 * time.Millisecond, "busy": 3 * time.Second, "ready": time.Minute}[when])
				}
				if out, err := w.verb(iapeer.VerbStop, "claude-bob"); err != nil || out.Action != "stopped" {
					t.Fatalf("stop: %+v, %v", out, err)
				}
				time.Sleep(5 * time.Second) // a running turn ends first
				w.wantPresence(t, "claude-bob", iapeer.Stopped)
				r := w.send(draft("claude-ann", "claude-bob", "one"))
				time.Sleep(time.Hour)
				w.wantState(t, r.ID, iapeer.Accepted)
				if w.host("claude-bob") != nil {
					t.Error("a stopped peer has a session")
				}
				if _, err := w.verb(iapeer.VerbWake, "claude-bob"); err == nil {
					t.Error("a stopped peer was woken")
				}
				if _, err := w.verb(iapeer.VerbStart, "claude-bob"); err != nil {
					t.Errorf("start: %v", err)
				}
				time.Sleep(time.Minute)
				w.wantState(t, r.ID, iapeer.Answered)
			})
		})
	}
}

func TestByHandHoldsMail(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		k := w.script("claude-bob")
		k.refuse = &house.StartFailed{Err: errors.New("a session started by hand works in the folder"), ByHand: true, Cleanly: true}
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Second)
		w.wantPresence(t, "claude-bob", iapeer.ByHand)
		time.Sleep(time.Hour)
		w.wantState(t, r.ID, iapeer.Accepted)
		if n := w.launched("claude-bob"); n != 1 {
			t.Errorf("launched %d times, want 1", n)
		}
		if n := w.noticed("by-hand"); n != 1 {
			t.Errorf("%d notices, want 1", n)
		}
		w.tune("claude-bob", func(k *script) { k.refuse = nil })
		if _, err := w.verb(iapeer.VerbAdopt, "claude-bob"); err != nil {
			t.Errorf("adopt: %v", err)
		}
		if l := w.launches[w.host("claude-bob").id]; !l[len(l)-1].Anyway || l[len(l)-1].Mode != house.StartResume {
			t.Errorf("adopt launched %+v", l[len(l)-1])
		}
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestVerbs(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob", "cli-me"}, func(w *world) {
		t := w.tb
		for _, tc := range []struct {
			verb   iapeer.Verb
			action string
			state  iapeer.PresenceState
		}{
			{iapeer.VerbInterrupt, "refused", iapeer.Asleep},
			{iapeer.VerbWake, "woke", iapeer.Ready},
			{iapeer.VerbWake, "already", iapeer.Ready},
			{iapeer.VerbAttach, "already", iapeer.Ready},
			{iapeer.VerbInterrupt, "interrupted", iapeer.Ready},
			{iapeer.VerbRefresh, "refresh-armed", iapeer.Ready},
			{iapeer.VerbNew, "fresh", iapeer.Ready},
			{iapeer.VerbLaunch, "fresh", iapeer.Ready},
			{iapeer.VerbStop, "stopped", iapeer.Stopped},
			{iapeer.VerbStop, "stopped", iapeer.Stopped},
			{iapeer.VerbStart, "started", iapeer.Asleep},
			{iapeer.VerbAttach, "woke", iapeer.Ready},
			{iapeer.VerbStop, "stopped", iapeer.Stopped},
			{iapeer.VerbLaunch, "fresh", iapeer.Ready},
		} {
			out, err := w.verb(tc.verb, "claude-bob")
			time.Sleep(time.Second)
			synctest.Wait()
			if out.Action != tc.action || (err != nil) != (tc.action == "refused") || w.state("claude-bob") != tc.state {
				t.Errorf("%s = %s, %v, then %s; want %s, then %s", tc.verb, out.Action, err, w.state("claude-bob"), tc.action, tc.state)
			}
		}
		if _, err := w.verb(iapeer.VerbStop, "cli-me"); err == nil {
			t.Error("a person was stopped")
		}
		if _, err := w.verb(iapeer.VerbStop, "claude-nobody"); !errors.Is(err, iapeer.ErrUnknownPeer) {
			t.Errorf("stop of nobody: %v", err)
		}
		if _, err := w.verb(iapeer.VerbStop, "codex-bob"); !errors.Is(err, iapeer.ErrNotDeclared) {
			t.Errorf("stop of a runtime that is not declared: %v", err)
		}
	})
}

// A stop that comes before the host is up still ends it.
func TestStopBeforeTheHostIsUp(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").boot = 5 * time.Second
		w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Second)
		if _, err := w.verb(iapeer.VerbStop, "claude-bob"); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		w.wantPresence(t, "claude-bob", iapeer.Stopped)
		if w.host("claude-bob") != nil {
			t.Error("the session lives on")
		}
	})
}
