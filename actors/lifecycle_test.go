package actors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/loop"
)

func (w *world) settings(name iapeer.Name, change func(*iapeer.Settings)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.peers[name]
	change(&p.Settings)
	w.peers[name] = p
}

func TestStopWaitsForTheTurn(t *testing.T) {
	for _, now := range []bool{false, true} {
		t.Run(fmt.Sprint("now=", now), func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
				t := w.tb
				r := w.send(draft("claude-ann", "claude-bob", "one"))
				time.Sleep(3 * time.Second)
				w.wantPresence(t, "claude-bob", iapeer.Busy)
				late := w.send(draft("claude-ann", "claude-bob", "two"))
				out, err := w.command(iapeer.Command{Verb: iapeer.VerbStop, Peer: "bob", Now: now})
				if err != nil || out.Action != "stopped" || strings.Contains(out.Detail, "--now") == now {
					t.Errorf("stop = %+v, %v", out, err)
				}
				time.Sleep(time.Minute)
				w.wantPresence(t, "claude-bob", iapeer.Stopped)
				m, _ := w.message(t, r.ID)
				if m.TurnCut != now {
					t.Errorf("the turn of %s: cut %v, want %v", r.ID, m.TurnCut, now)
				}
				if now {
					return
				}
				w.wantState(t, r.ID, iapeer.Answered)
				_ = late
			})
		})
	}
}

func TestSleepAndRestart(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		first := w.host("claude-bob").conversation
		out, err := w.verb(iapeer.VerbRestart, "claude-bob")
		if err != nil || out.Action != "restarted" || out.State != iapeer.Ready {
			t.Errorf("restart = %+v, %v", out, err)
		}
		if h := w.host("claude-bob"); h == nil || h.conversation != first {
			t.Error("a restart lost the conversation")
		}
		if out, err := w.verb(iapeer.VerbSleep, "claude-bob"); err != nil || out.Action != "parked" {
			t.Errorf("sleep = %+v, %v", out, err)
		}
		time.Sleep(time.Second)
		w.wantPresence(t, "claude-bob", iapeer.Asleep)
		r := w.send(draft("claude-ann", "claude-bob", "two"))
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestCompact(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob", "exec-dan"}, func(w *world) {
		t := w.tb
		if _, err := w.verb(iapeer.VerbCompact, "claude-bob"); err == nil || !strings.Contains(err.Error(), "nothing to compact") {
			t.Errorf("compact of nothing: %v", err)
		}
		if _, err := w.verb(iapeer.VerbCompact, "exec-dan"); err == nil {
			t.Error("a command was compacted")
		}
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(3 * time.Second)
		if out, err := w.verb(iapeer.VerbCompact, "claude-bob"); err != nil || out.Action != "compacted" { // waits for the turn
			t.Errorf("compact of a busy one = %+v, %v", out, err)
		}
		w.wantState(t, r.ID, iapeer.Answered)
		w.verb(iapeer.VerbSleep, "claude-bob")
		time.Sleep(time.Second)
		if out, err := w.verb(iapeer.VerbCompact, "claude-bob"); err != nil || out.Action != "compacted" {
			t.Errorf("compact of a sleeping one = %+v, %v", out, err)
		}
	})
}

func TestSelfFresh(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(3 * time.Second)
		first := w.host("claude-bob").conversation
		if out, err := w.verb(iapeer.VerbSelfFresh, "claude-bob"); err != nil || out.Action != "refresh-armed" {
			t.Errorf("self-fresh = %+v, %v", out, err)
		}
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered) // its turn was not cut
		w.wantPresence(t, "claude-bob", iapeer.Asleep)
		w.send(draft("claude-ann", "claude-bob", "two"))
		time.Sleep(10 * time.Second)
		if h := w.host("claude-bob"); h == nil || h.conversation == first {
			t.Error("the conversation goes on")
		}
	})
}

// TestEphemeral: each message has a session of its own, in the order of
// acceptance; one that replied ends soon, one that did not ends late.
func TestEphemeral(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.settings("bob", func(s *iapeer.Settings) { s.Ephemeral = true })
		w.tune("claude-bob", func(k *script) {
			k.reply = func(m iapeer.Message) (iapeer.Name, string) {
				if m.From.Name == "ann" && m.Body != "silent" {
					return "ann", "re " + m.Body
				}
				return "", ""
			}
		})
		for _, body := range []string{"one", "two", "three"} {
			w.send(draft("claude-ann", "claude-bob", body))
		}
		time.Sleep(3 * time.Minute)
		if got := w.bodies("claude-bob"); !slices.Equal(got, []string{"one", "two", "three"}) {
			t.Errorf("got %q", got)
		}
		if n := w.launched("claude-bob"); n != 3 {
			t.Errorf("%d sessions for three messages", n)
		}
		w.wantPresence(t, "claude-bob", iapeer.Asleep)
		w.send(draft("claude-ann", "claude-bob", "silent"))
		time.Sleep(5 * time.Minute)
		w.wantPresence(t, "claude-bob", iapeer.Ready)
		time.Sleep(6 * time.Minute)
		w.wantPresence(t, "claude-bob", iapeer.Asleep)
		if n := w.noticed("ephemeral-unarmed"); n != 1 {
			t.Errorf("%d notices of a worker without a reply, want 1", n)
		}
	})
}

// TestTyping: a half-typed line is never sent with a message.
func TestTyping(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.send(draft("claude-ann", "claude-bob", "zero"))
		time.Sleep(time.Minute)
		h := w.host("claude-bob")
		h.attach(1)
		h.say(iapeer.SessionComposing{Occupied: true})
		d := draft("claude-ann", "claude-bob", "one")
		d.WaitFor = iapeer.Seen
		r := w.send(d)
		if r.QueuedBy != "composer" || r.State != iapeer.Accepted {
			t.Errorf("receipt %+v, want one that waits for the composer", r)
		}
		h.attach(0) // the line stands there still
		time.Sleep(10 * time.Minute)
		w.wantState(t, r.ID, iapeer.Accepted)
		if n := w.noticed("composer"); n != 1 {
			t.Errorf("%d notices, want 1", n)
		}
		if told := w.fromSystem("claude-ann"); len(told) != 1 || !strings.Contains(told[0].Body, "is typing") {
			t.Errorf("the sender was told %v", told)
		}
		h.say(iapeer.SessionComposing{})
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

// TestQuota: a session without quota is parked until the reset; mail waits, its
// senders are told, and the cut turn is named to the peer.
func TestQuota(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.tune("claude-bob", func(k *script) { k.failTurn, k.resets = 1, 2*time.Hour })
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		w.wantPresence(t, "claude-bob", iapeer.Resting)
		if n := w.noticed("quota"); n != 1 {
			t.Errorf("%d notices of a quota, want 1", n)
		}
		d := draft("claude-ann", "claude-bob", "two")
		d.WaitFor = iapeer.Seen
		late := w.send(d)
		if late.QueuedBy != "rest" || !strings.Contains(late.Next, "quota") {
			t.Errorf("receipt %+v, want one that names the quota", late)
		}
		time.Sleep(90 * time.Minute)
		w.wantPresence(t, "claude-bob", iapeer.Resting)
		time.Sleep(time.Hour)
		w.wantState(t, late.ID, iapeer.Answered)
		if m, _ := w.message(t, r.ID); !m.TurnCut {
			t.Errorf("%s is not marked as cut", r.ID)
		}
		if told := w.fromSystem("claude-bob"); len(told) != 1 || !strings.Contains(told[0].Body, string(r.ID)) {
			t.Errorf("the peer was told %v, want the message of the cut turn", told)
		}
	})
}

func TestRestartPolicies(t *testing.T) {
	for _, tc := range []struct {
		policy   string
		code     int
		launches int // after one end of the session
		state    iapeer.PresenceState
	}{
		{"", 1, 1, iapeer.Asleep},
		{"on-demand", 1, 1, iapeer.Asleep},
		{"on-failure", 1, 2, iapeer.Ready},
		{"on-failure", 0, 1, iapeer.Asleep},
		{"always", 1, 2, iapeer.Ready},
		{"always", 0, 2, iapeer.Ready},
		{"never", 1, 1, iapeer.Stopped},
	} {
		t.Run(fmt.Sprintf("%s/exit %d", tc.policy, tc.code), func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
				t := w.tb
				w.settings("bob", func(s *iapeer.Settings) { s.Restart = tc.policy })
				w.send(draft("claude-ann", "claude-bob", "one"))
				time.Sleep(time.Minute)
				w.host("claude-bob").die(iapeer.SessionExited{Code: tc.code}, true)
				time.Sleep(time.Minute)
				w.wantPresence(t, "claude-bob", tc.state)
				if n := w.launched("claude-bob"); n != tc.launches {
					t.Errorf("%d launches, want %d", n, tc.launches)
				}
			})
		})
	}
}

// TestLoopBreaker: two agents that answer each other for ever are stopped by a
// held message, which a person may release.
func TestLoopBreaker(t *testing.T) {
	inWorldOf(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		w.cfg.Loop = loop.Limits{Pace: 8, Window: 10 * time.Minute}
	}, func(w *world) {
		t := w.tb
		polite := func(to iapeer.Name) func(iapeer.Message) (iapeer.Name, string) {
			return func(m iapeer.Message) (iapeer.Name, string) {
				if m.From == iapeer.SystemIdentity() {
					return "", ""
				}
				return to, "thank you for " + m.Body[:min(len(m.Body), 20)]
			}
		}
		w.tune("claude-ann", func(k *script) { k.reply, k.turn = polite("bob"), time.Second })
		w.tune("claude-bob", func(k *script) { k.reply, k.turn = polite("ann"), time.Second })
		w.send(draft("claude-ann", "claude-bob", "hello"))
		time.Sleep(5 * time.Minute)
		var held []iapeer.Message
		for _, m := range w.all() {
			if m.State == iapeer.Held {
				held = append(held, m)
			}
		}
		if len(held) != 1 || held[0].Hops != 10 {
			t.Fatalf("held: %v, want the ninth answer", held)
		}
		if n := w.noticed("loop"); n != 1 {
			t.Errorf("%d notices of a loop, want 1", n)
		}
		if _, err := w.live().sys.Mark(t.Context(), iapeer.Mark{ID: held[0].ID, Change: iapeer.ChangeRelease, Evidence: iapeer.Evidence{Source: "person"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		top := 0
		for _, m := range w.all() {
			top = max(top, m.Hops)
		}
		if top != 19 {
			t.Errorf("the conversation climbed to hop %d after the release, want 19, which is held", top)
		}
	})
}

// TestWakeStorm: many messages to many sleeping peers wake each once, within the
// bounds, and everything arrives in order.
func TestWakeStorm(t *testing.T) {
	names := []string{"claude-ann"}
	for i := range 50 {
		names = append(names, fmt.Sprintf("codex-p%d", i))
	}
	inWorldOf(t, names, func(w *world) {
		w.cfg.Admission = admission.Limits{Starting: 4, Live: 20}
	}, func(w *world) {
		t := w.tb
		for n := range 500 {
			if r := w.send(draft("claude-ann", names[1+n%50], fmt.Sprint(n))); r.State != iapeer.Accepted {
				t.Errorf("message %d: %+v", n, r)
			}
		}
		starting, live := 0, 0
		for range 4000 {
			time.Sleep(100 * time.Millisecond)
			s := 0
			w.mu.Lock()
			for _, h := range w.hosts {
				if !h.prompt {
					s++
				}
			}
			live = max(live, len(w.hosts))
			w.mu.Unlock()
			starting = max(starting, s)
		}
		if starting > 4 || live > 20 {
			t.Errorf("%d sessions started at one time and %d lived, want at most 4 and 20", starting, live)
		}
		time.Sleep(30 * time.Minute)
		w.wantAllDelivered(t)
		w.wantOrder(t)
		for _, name := range names[1:] {
			if n := w.launched(name); n != 1 {
				t.Errorf("%s was launched %d times, want once", name, n)
			}
		}
	})
}

func TestStuckTurn(t *testing.T) {
	inWorldOf(t, []string{"claude-ann", "claude-bob"}, func(w *world) { w.cfg.StuckTurn = 30 * time.Minute }, func(w *world) {
		t := w.tb
		w.tune("claude-bob", func(k *script) { k.turn = 6 * time.Hour })
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(45 * time.Minute)
		if n := w.noticed("stuck-turn"); n != 1 {
			t.Errorf("%d notices of a stuck turn, want 1", n)
		}
		time.Sleep(8 * time.Hour)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestVerbsOfNobody(t *testing.T) {
	inWorld(t, []string{"claude-bob"}, func(w *world) {
		if _, err := w.verb(iapeer.VerbCompact, "claude-nobody"); !errors.Is(err, iapeer.ErrUnknownPeer) {
			w.tb.Errorf("compact of nobody: %v", err)
		}
	})
}
