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
	"github.com/iapeer/iapeer/actors/presence"
)

func TestOneUnprovenOffer(t *testing.T) {
	for _, to := range []string{"claude-bob", "codex-bob", "exec-bob"} {
		t.Run(to, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", to}, func(w *world) {
				t := w.tb
				most, open := 0, map[iapeer.MessageID]bool{}
				sub, _, err := w.live().sys.Subscribe(context.Background(), 0, 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				for range 10 {
					w.send(draft("claude-ann", to, "x"))
				}
				time.Sleep(10 * time.Minute)
				sub.Close()
				for s := range sub.C {
					e, ok := s.Event.(iapeer.MessageChanged)
					if !ok {
						continue
					}
					if e.State == iapeer.Offered || e.State == iapeer.Taken {
						open[e.ID] = true
					} else {
						delete(open, e.ID)
					}
					most = max(most, len(open))
				}
				if most != 1 {
					t.Errorf("%d messages were unproven at once, want 1", most)
				}
				if got := len(w.bodies(to)); got != 10 {
					t.Errorf("consumed %d, want 10", got)
				}
			})
		})
	}
}

func TestBusyClaudeTakesPasteBusyCodexWaits(t *testing.T) {
	for to, want := range map[string]int{"claude-bob": 2, "codex-bob": 1} {
		t.Run(to, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", to}, func(w *world) {
				t := w.tb
				w.script(to).turn = time.Minute
				w.send(draft("claude-ann", to, "one"))
				time.Sleep(5 * time.Second)
				w.wantPresence(t, to, iapeer.Busy)
				w.send(draft("claude-ann", to, "two"))
				time.Sleep(30 * time.Second)
				if got := w.bodies(to); len(got) != want {
					t.Errorf("in the middle of the turn %q is consumed, want %d", got, want)
				}
				time.Sleep(5 * time.Minute)
				if got := w.bodies(to); !slices.Equal(got, []string{"one", "two"}) {
					t.Errorf("consumed %q", got)
				}
			})
		})
	}
}

func TestLostEnterIsPressedAgain(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").loseEnter = 2
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(2 * time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
		if m, _ := w.message(t, r.ID); m.Attempts != 1 {
			t.Errorf("%d attempts, want 1", m.Attempts)
		}
	})
}

// A composer that takes no Enter is emptied, and the message typed anew.
func TestDeafEnterClearsTheComposer(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").loseEnter = presence.MaxEnters + 1
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(5 * time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
		if m, _ := w.message(t, r.ID); m.Attempts != 2 {
			t.Errorf("%d attempts, want 2", m.Attempts)
		}
	})
}

func TestLostPasteIsOfferedAgain(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").losePaste = 2
		first := w.send(draft("claude-ann", "claude-bob", "one"))
		w.send(draft("claude-ann", "claude-bob", "two"))
		time.Sleep(5 * time.Minute)
		if m, steps := w.message(t, first.ID); m.State != iapeer.Answered || m.Attempts != 3 {
			t.Errorf("%s after %d attempts, want answered after 3: %v", m.State, m.Attempts, steps)
		}
		if got := w.bodies("claude-bob"); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("consumed %q", got)
		}
	})
}

func TestGivenUpAfterAttempts(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").losePaste = 100
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Hour / 2)
		w.wantState(t, r.ID, iapeer.Failed)
		if n := w.noticed("delivery-failed"); n != 1 {
			t.Errorf("%d notices, want 1", n)
		}
		if told := w.fromSystem("claude-ann"); len(told) != 1 || !strings.Contains(told[0].Body, string(r.ID)) {
			t.Errorf("the sender was told %+v", told)
		}
	})
}

func TestNotBegunIsNoAttempt(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").notBegun = 20 // a person types for a while
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(10 * time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestUnknownIsOfferedOnlyAfterAbsence(t *testing.T) {
	for _, tc := range []struct {
		to     string
		script func(*script)
		want   iapeer.State
		bodies int
	}{
		// A record is final once its session is dead: absence is proven.
		{"claude-bob", func(k *script) { k.dieMidOffer = 1 }, iapeer.Answered, 1},
		// A process or terminal without a record: nobody can tell.
		{"exec-bob", func(k *script) { k.dieMidOffer = 1 }, iapeer.Unknown, 0},
		{"telegram-bob", func(k *script) { k.dieMidOffer = 1 }, iapeer.Unknown, 0},
	} {
		t.Run(tc.to, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", tc.to}, func(w *world) {
				t := w.tb
				tc.script(w.script(tc.to))
				r := w.send(draft("claude-ann", tc.to, "one"))
				time.Sleep(5 * time.Minute)
				w.wantState(t, r.ID, tc.want)
				if got := w.bodies(tc.to); len(got) != tc.bodies {
					t.Errorf("consumed %q, want %d", got, tc.bodies)
				}
				if tc.want != iapeer.Unknown {
					return
				}
				if n := w.noticed("unknown"); n != 1 {
					t.Errorf("%d notices, want 1", n)
				}
				second := w.send(draft("claude-ann", tc.to, "two"))
				time.Sleep(5 * time.Minute)
				w.wantState(t, r.ID, iapeer.Unknown)
				if m, _ := w.message(t, second.ID); !m.State.Delivered() {
					t.Errorf("the next message is %s behind an unknown one", m.State)
				}
				mark := iapeer.Mark{ID: r.ID, Change: iapeer.ChangeRetry, Evidence: iapeer.Evidence{Source: "person"}}
				if m, err := w.live().sys.Mark(context.Background(), mark); err != nil || m.State != iapeer.Accepted {
					t.Errorf("retry: %s, %v", m.State, err)
				}
				time.Sleep(time.Minute)
				if m, _ := w.message(t, r.ID); !m.State.Delivered() {
					t.Errorf("a retried message is %s", m.State)
				}
			})
		})
	}
}

func TestExecKilledMidRunIsUnknown(t *testing.T) {
	inWorld(t, []string{"claude-ann", "exec-bob"}, func(w *world) {
		t := w.tb
		r := w.send(draft("claude-ann", "exec-bob", "one"))
		time.Sleep(time.Second)
		w.host("exec-bob").crash(false)
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Unknown)
		if got := w.bodies("exec-bob"); len(got) != 1 {
			t.Errorf("run %d times, want once", len(got))
		}
	})
}

func TestTurnCutIsToldOnce(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").dieMidTurn = 1
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(5 * time.Minute)
		m, _ := w.message(t, r.ID)
		if m.State != iapeer.Seen || !m.TurnCut {
			t.Errorf("%s, cut %v, want seen and cut", m.State, m.TurnCut)
		}
		if got := w.bodies("claude-bob"); len(got) != 1 {
			t.Errorf("consumed %q, want it once", got)
		}
		told := w.fromSystem("claude-bob")
		if len(told) != 1 || !strings.Contains(told[0].Body, string(r.ID)) || told[0].State != iapeer.Answered {
			t.Errorf("the peer was told %+v", told)
		}
	})
}

// A turn that began is cut also when its first sign was missed: the record of
// the dead session shows the message.
func TestTurnCutIsFoundInTheRecord(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		k := w.script("claude-bob")
		k.loseHooks, k.dieMidTurn = true, 1
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(3 * time.Second)
		w.tune("claude-bob", func(k *script) { k.loseHooks = false })
		time.Sleep(5 * time.Minute)
		m, steps := w.message(t, r.ID)
		if !m.State.Delivered() || !m.TurnCut || m.State == iapeer.Answered {
			t.Errorf("%s, cut %v, want seen and cut: %v", m.State, m.TurnCut, steps)
		}
		if told := w.fromSystem("claude-bob"); len(told) != 1 || !strings.Contains(told[0].Body, string(r.ID)) {
			t.Errorf("the peer was told %+v", told)
		}
	})
}

func TestFailedTurnTellsTheSender(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").failTurn = 1
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Minute)
		if m, _ := w.message(t, r.ID); m.State != iapeer.Seen || !m.TurnCut {
			t.Errorf("%s, cut %v, want seen and cut", m.State, m.TurnCut)
		}
		if told := w.fromSystem("claude-ann"); len(told) != 1 || !strings.Contains(told[0].Body, "rate_limit") {
			t.Errorf("the sender was told %+v", told)
		}
	})
}

func TestInterruptedTurnIsSettled(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		w.script("claude-bob").turn = time.Hour
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(5 * time.Second)
		if _, err := w.verb(iapeer.VerbInterrupt, "claude-bob"); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Minute)
		if m, _ := w.message(t, r.ID); m.State != iapeer.Seen || !m.TurnCut {
			t.Errorf("%s, cut %v, want seen and cut", m.State, m.TurnCut)
		}
		w.wantPresence(t, "claude-bob", iapeer.Ready)
	})
}

// The hooks of a runtime may be lost; the record proves what they would have.
func TestSeenWithoutHooks(t *testing.T) {
	for _, to := range []string{"claude-bob", "codex-bob"} {
		t.Run(to, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", to}, func(w *world) {
				t := w.tb
				w.script(to).loseHooks = true
				a := w.send(draft("claude-ann", to, "one"))
				b := w.send(draft("claude-ann", to, "two"))
				time.Sleep(10 * time.Minute)
				for _, id := range []iapeer.MessageID{a.ID, b.ID} {
					if m, steps := w.message(t, id); !m.State.Delivered() {
						t.Errorf("%s, want seen: %v", m.State, steps)
					}
				}
				w.wantPresence(t, to, iapeer.Ready)
			})
		})
	}
}

func TestNothingIsOfferedIntoADialog(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		if _, err := w.verb(iapeer.VerbWake, "claude-bob"); err != nil {
			t.Fatal(err)
		}
		h := w.host("claude-bob")
		h.show(true)
		w.wantPresence(t, "claude-bob", iapeer.Waiting)
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(time.Hour)
		w.wantState(t, r.ID, iapeer.Accepted)
		h.show(false)
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Answered)
	})
}

func TestCancelRacesOffer(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Millisecond, 1051 * time.Millisecond, 1053 * time.Millisecond, 2 * time.Second, time.Minute} {
		t.Run(wait.String(), func(t *testing.T) {
			inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
				t := w.tb
				r := w.send(draft("claude-ann", "claude-bob", "one"))
				time.Sleep(wait)
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				m, err := w.live().sys.Mark(ctx, iapeer.Mark{ID: r.ID, Change: iapeer.ChangeCancel, Evidence: iapeer.Evidence{Source: "person"}})
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				seen := len(w.bodies("claude-bob")) == 1
				if (err == nil) == seen {
					t.Errorf("cancel = %s, %v, and the message was seen: %v", m.State, err, seen)
				}
				if err != nil && !errors.Is(err, iapeer.ErrBadChange) {
					t.Errorf("cancel: %v", err)
				}
				if err == nil {
					w.wantState(t, r.ID, iapeer.Cancelled)
				}
			})
		})
	}
}

func TestHeldLeavesTheOrder(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		if _, err := w.verb(iapeer.VerbStop, "claude-bob"); err != nil {
			t.Fatal(err)
		}
		var ids []iapeer.MessageID
		for i := range 3 {
			ids = append(ids, w.send(draft("claude-ann", "claude-bob", fmt.Sprint(i))).ID)
		}
		person := iapeer.Evidence{Source: "person"}
		if _, err := w.live().sys.Mark(context.Background(), iapeer.Mark{ID: ids[0], Change: iapeer.ChangeHold, Evidence: person}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.verb(iapeer.VerbStart, "claude-bob"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := w.live().sys.Mark(context.Background(), iapeer.Mark{ID: ids[0], Change: iapeer.ChangeRelease, Evidence: person}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := w.bodies("claude-bob"); !slices.Equal(got, []string{"1", "2", "0"}) {
			t.Errorf("consumed %q, want the held one last", got)
		}
	})
}

func TestExpiredIsNotOffered(t *testing.T) {
	inWorld(t, []string{"claude-ann", "claude-bob"}, func(w *world) {
		t := w.tb
		if _, err := w.verb(iapeer.VerbStop, "claude-bob"); err != nil {
			t.Fatal(err)
		}
		r := w.send(draft("claude-ann", "claude-bob", "one"))
		time.Sleep(8 * 24 * time.Hour)
		if _, err := w.verb(iapeer.VerbStart, "claude-bob"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantState(t, r.ID, iapeer.Expired)
		if got := w.bodies("claude-bob"); len(got) != 0 {
			t.Errorf("consumed %q", got)
		}
		if told := w.fromSystem("claude-ann"); len(told) != 1 {
			t.Errorf("the sender was told %+v", told)
		}
	})
}
