package actors

import (
	"context"
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

// inbox lists what waits for a person at a terminal.
func (w *world) inbox(name string) []iapeer.Message {
	return slices.DeleteFunc(w.all(), func(m iapeer.Message) bool { return string(m.To.Name) != name })
}

func TestAcceptedMeansDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "claude-ann", "claude-bob")
		w.commit = func() time.Duration { return 10 * time.Millisecond }
		w.boot(t)
		synctest.Wait()
		began := time.Now()
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		if time.Since(began) < 10*time.Millisecond {
			t.Error("a receipt was given before the commit")
		}
		w.wantState(t, r.ID, iapeer.Accepted)
		w.live().kill(t) // before anything else of it is on disk
		w.boot(t)
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
		w.end(t)
	})
}

func TestExecAnswerGoesBackOnce(t *testing.T) {
	inWorld(t, []string{"exec-ann", "exec-bob", "cli-me"}, func(w *world) {
		t := w.tb
		for _, p := range []string{"exec-ann", "exec-bob"} {
			w.script(p).text = func(m iapeer.Message) string { return "re: " + m.Body + "\n" }
		}
		w.send(draft("exec-ann", "exec-bob", "one"))
		w.send(draft("cli-me", "exec-bob", "two"))
		time.Sleep(time.Hour)
		if got := w.bodies("exec-bob"); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("bob ran %q", got)
		}
		if got := w.bodies("exec-ann"); !slices.Equal(got, []string{"re: one"}) {
			t.Errorf("ann ran %q, want the answer once and no answer to it", got)
		}
		if in := w.inbox("me"); len(in) != 1 || in[0].Body != "re: two" || in[0].Caused == "" {
			t.Errorf("the person's inbox holds %+v", in)
		}
		if n := len(w.all()); n != 4 {
			t.Errorf("%d messages, want 4", n)
		}
	})
}

func TestExecFailureTellsTheSender(t *testing.T) {
	inWorld(t, []string{"claude-ann", "exec-bob"}, func(w *world) {
		t := w.tb
		w.script("exec-bob").fail = func(iapeer.Message) int { return 3 }
		d := draft("claude-ann", "exec-bob", "one")
		d.WaitFor, d.Wait = iapeer.Seen, time.Minute
		r := w.send(d)
		if r.OK || r.State != iapeer.Failed || !strings.Contains(r.Next, "exit 3") {
			t.Errorf("receipt %+v", r)
		}
		time.Sleep(time.Minute)
		if told := w.fromSystem("claude-ann"); len(told) != 1 || !strings.Contains(told[0].Body, "it did not work") {
			t.Errorf("the sender was told %+v", told)
		}
	})
}

func TestAskReturnsReplyOrTurnText(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob", "codex-cid", "exec-dan"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").reply = func(m iapeer.Message) (iapeer.Name, string) {
			if m.From == iapeer.SystemIdentity() {
				return "", ""
			}
			return m.From.Name, "a message of its own"
		}
		w.script("codex-cid").text = func(iapeer.Message) string { return "the last text" }
		w.script("exec-dan").text = func(iapeer.Message) string { return "output" }
		for to, want := range map[string]string{"claude-bob": "a message of its own", "codex-cid": "the last text", "exec-dan": "output"} {
			d := draft("claude-ann", to, "well?")
			d.WaitFor, d.Wait = iapeer.Answered, time.Minute
			if r := w.send(d); r.State != iapeer.Answered || r.Answer != want {
				t.Errorf("ask %s = %q (%s), want %q", to, r.Answer, r.State, want)
			}
		}
		time.Sleep(5 * time.Minute)
		// the reply is a message of the conversation that it answers
		for _, m := range w.all() {
			if m.Body != "a message of its own" {
				continue
			}
			q, _ := w.message(t, m.Caused)
			if q.Body != "well?" || m.Conversation != q.Conversation || m.Hops != q.Hops+1 {
				t.Errorf("the reply belongs to %q of %s with %d hops, the question is of %s with %d", q.Body, m.Conversation, m.Hops, q.Conversation, q.Hops)
			}
		}
	})
}

func TestRepeatedSendReturnsFirstReceipt(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		d := draft("claude-ann", "claude-bob", "one")
		d.Key = "toolu_1"
		first := w.send(d)
		d.WaitFor, d.Wait = iapeer.Seen, time.Minute
		second := w.send(d)
		if second.ID != first.ID || !second.Repeated || !second.State.Delivered() {
			t.Errorf("repeated: %+v, want %s, seen", second, first.ID)
		}
		w.live().kill(t)
		w.boot(t)
		third := w.send(d)
		if third.ID != first.ID || !third.Repeated {
			t.Errorf("repeated after a restart: %+v, want %s", third, first.ID)
		}
		time.Sleep(time.Minute)
		if got := w.bodies("claude-bob"); len(got) != 1 {
			t.Errorf("consumed %q", got)
		}
	})
}

func TestBoundedWait(t *testing.T) {
	const limit = 20 * time.Second
	for _, tc := range []struct {
		name  string
		setup func(*world)
		wait  bool // for evidence
		by    string
	}{
		{"asleep", func(*world) {}, true, ""},
		{"waking", func(w *world) { go w.verb(iapeer.VerbWake, "codex-bob"); time.Sleep(500 * time.Millisecond) }, true, ""},
		{"ready", func(w *world) { w.verb(iapeer.VerbWake, "codex-bob") }, true, ""},
		{"busy", func(w *world) {
			w.tune("codex-bob", func(k *script) { k.turn = time.Hour })
			w.send(draft("claude-ann", "codex-bob", "zero"))
			time.Sleep(10 * time.Second)
		}, false, "turn"},
		{"waiting", func(w *world) {
			w.verb(iapeer.VerbWake, "codex-bob")
			w.host("codex-bob").show(true)
			time.Sleep(time.Second)
		}, false, "dialog"},
		{"stopped", func(w *world) { w.verb(iapeer.VerbStop, "codex-bob") }, false, "stopped"},
		{"resting", func(w *world) {
			w.tune("codex-bob", func(k *script) { k.refuse = &house.StartFailed{Err: errors.New("not signed in"), Cleanly: true} })
			w.verb(iapeer.VerbWake, "codex-bob")
		}, false, "rest"},
		{"by hand", func(w *world) {
			w.tune("codex-bob", func(k *script) {
				k.refuse = &house.StartFailed{Err: errors.New("by hand"), ByHand: true, Cleanly: true}
			})
			w.verb(iapeer.VerbWake, "codex-bob")
		}, false, "hand"},
		{"inbox", func(*world) {}, false, "inbox"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "codex-bob", "cli-me"}, func(w *world) {
				t := w.tb
				tc.setup(w)
				d := draft("claude-ann", "codex-bob", "one")
				if tc.name == "inbox" {
					d = draft("claude-ann", "cli-me", "one")
				}
				d.WaitFor, d.Wait = iapeer.Seen, limit
				began := time.Now()
				r := w.send(d)
				took := time.Since(began)
				if tc.wait && (!r.State.Delivered() || r.Queued || took > 3*time.Second) {
					t.Errorf("%+v after %s, want seen", r, took)
				}
				if !tc.wait && (!r.Queued || r.QueuedBy != tc.by || r.Next == "" || r.QueueDepth == 0 || took > 100*time.Millisecond) {
					t.Errorf("%+v after %s, want queued by %s at once", r, took, tc.by)
				}
			})
		})
	}
}

// A wait ends when the presence it waits for turns out not to take mail, and
// at its limit otherwise.
func TestWaitEndsWithTheReason(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		d := draft("claude-ann", "claude-bob", "one")
		d.WaitFor, d.Wait = iapeer.Seen, 20*time.Second
		w.tune("claude-bob", func(k *script) { k.mute = true })
		began := time.Now()
		r := w.send(d)
		if took := time.Since(began); took != 20*time.Second || !r.Queued || r.Next == "" {
			t.Errorf("%+v after %s, want queued after 20 s", r, took)
		}
		w.verb(iapeer.VerbStop, "claude-bob")
		time.Sleep(time.Minute)
		w.verb(iapeer.VerbStart, "claude-bob")
		w.tune("claude-bob", func(k *script) {
			k.mute, k.refuse = false, &house.StartFailed{Err: errors.New("no network"), Cleanly: true}
		})
		d.Body = "two"
		began = time.Now()
		if r := w.send(d); time.Since(began) > time.Second || r.QueuedBy != "rest" || !strings.Contains(r.Next, "no network") {
			t.Errorf("%+v after %s, want the reason at once", r, time.Since(began))
		}
	})
}

func TestRefusedBeforeAcceptance(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		for _, tc := range []struct {
			from, to string
			want     error
		}{
			{"claude-ann", "claude-nobody", iapeer.ErrUnknownPeer},
			{"claude-nobody", "claude-bob", iapeer.ErrUnknownPeer},
			{"codex-ann", "claude-bob", iapeer.ErrNotDeclared},
			{"claude-ann", "codex-bob", iapeer.ErrNotDeclared},
			{"claude-ann", "claude-ann", iapeer.ErrSelfSend},
		} {
			if _, err := w.live().sys.Send(context.Background(), draft(tc.from, tc.to, "x")); !errors.Is(err, tc.want) {
				t.Errorf("send %s → %s = %v, want %v", tc.from, tc.to, err, tc.want)
			}
		}
		if n := len(w.all()); n != 0 {
			t.Errorf("%d messages were accepted", n)
		}
	})
}

func TestBacklogIsRefusedWithWhatBlocks(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.verb(iapeer.VerbStop, "claude-bob")
		for i := range iapeer.MaxOpenPerSender {
			w.send(draft("claude-ann", "claude-bob", fmt.Sprint(i)))
		}
		_, err := w.live().sys.Send(context.Background(), draft("claude-ann", "claude-bob", "one more"))
		if !errors.Is(err, iapeer.ErrBacklogFull) || !strings.Contains(err.Error(), "100") {
			t.Errorf("the 101st: %v", err)
		}
	})
}

func TestEventsTellCauses(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		sub, _, err := w.live().sys.Subscribe(context.Background(), 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(2 * time.Hour)
		sub.Close()
		var got []string
		var last uint64
		for s := range sub.C {
			if s.Seq != last+1 && last > 0 {
				t.Errorf("event %d came after %d", s.Seq, last)
			}
			last = s.Seq
			switch e := s.Event.(type) {
			case iapeer.MessageChanged:
				if e.State != iapeer.Accepted && e.Evidence.Source == "" {
					t.Errorf("%s without evidence", e.State)
				}
				got = append(got, string(e.State))
			case iapeer.PresenceChanged:
				if e.Cause == "" {
					t.Errorf("%s → %s without a cause", e.From, e.To)
				}
				got = append(got, string(e.To))
			case iapeer.TurnChanged:
				got = append(got, e.Name())
			case iapeer.PeerChanged, iapeer.NoticeRaised, iapeer.ApprovalRequested, iapeer.ApprovalResolved:
			}
		}
		want := "accepted waking ready offered taken turn-started busy seen answered turn-ended ready parking asleep"
		have := strings.Join(got, " ")
		for _, word := range strings.Fields(want) {
			if !slices.Contains(got, word) {
				t.Errorf("no %q in the events: %s", word, have)
			}
		}
		sub, kept, err := w.live().sys.Subscribe(context.Background(), w.live().sys.Epoch(), last-2, 0)
		if err != nil || len(kept) != 2 || kept[0].Seq != last-1 {
			t.Errorf("replay after %d: %d events, %v", last-2, len(kept), err)
		}
		sub.Close()
	})
}

// A subscriber that falls behind is closed, and told the rest when it comes
// back; nobody else waits for it.
func TestSlowSubscriberIsClosed(t *testing.T) {
	inWorld(t, []string{"claude-ann"}, func(w *world) {
		t := w.tb
		sys := w.live().sys
		slow, _, err := sys.Subscribe(context.Background(), 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range subscriberBuffer + 10 {
			sys.h.Publish(iapeer.PeerChanged{Peer: "ann", Action: "changed", Detail: fmt.Sprint(i)})
		}
		synctest.Wait()
		var last iapeer.Stamped
		for s := range slow.C {
			last = s
		}
		_, kept, err := sys.Subscribe(context.Background(), sys.Epoch(), last.Seq, 0)
		if err != nil || len(kept) != 10 || kept[0].Seq != last.Seq+1 {
			t.Errorf("%d events after %d, %v; want 10", len(kept), last.Seq, err)
		}
	})
}

// TestLateHookBeginsNoTurn takes a hook that its turn's end has overtaken for
// what it is: the session stays ready, and no turn is interrupted later.
func TestLateHookBeginsNoTurn(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		d := draft("claude-ann", "claude-bob", "one")
		d.WaitFor, d.Wait = iapeer.Answered, time.Minute
		if r := w.send(d); r.State != iapeer.Answered {
			t.Fatalf("%+v, want answered", r)
		}
		time.Sleep(10 * time.Second)
		w.wantPresence(t, "claude-bob", iapeer.Ready)
		h := w.host("claude-bob")
		h.hook(iapeer.TurnMoved{TurnID: fmt.Sprintf("%s/%d", h.conversation, h.turns), Evidence: iapeer.Evidence{Source: "hook", Detail: "MessageDisplay"}})
		synctest.Wait()
		w.wantPresence(t, "claude-bob", iapeer.Ready)
		h.hook(iapeer.TurnMoved{TurnID: "another", Evidence: iapeer.Evidence{Source: "hook", Detail: "MessageDisplay"}})
		synctest.Wait()
		w.wantPresence(t, "claude-bob", iapeer.Busy)
	})
}
