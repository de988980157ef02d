package actors

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
)

func TestDeliveredMeansSeen(t *testing.T) {
	for _, to := range []string{"claude-bob", "codex-bob", "exec-bob", "telegram-bob"} {
		t.Run(to, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", to}, func(w *world) {
				t := w.tb
				d := draft("claude-ann", to, "hello")
				d.WaitFor, d.Wait = iapeer.Seen, time.Minute
				r := w.send(d)
				if !r.State.Delivered() || r.Evidence == nil || r.Evidence.Source == "" || r.Queued {
					t.Errorf("receipt %+v, want seen with evidence", r)
				}
				if got := w.bodies(to); !slices.Equal(got, []string{"hello"}) {
					t.Errorf("consumed %q", got)
				}
				time.Sleep(time.Minute)
				m, steps := w.message(t, r.ID)
				want := iapeer.Answered
				if to == "telegram-bob" {
					want = iapeer.Seen
				}
				if m.State != want {
					t.Errorf("%s, want %s: %v", m.State, want, steps)
				}
				for _, s := range steps {
					if s.State.Delivered() && s.Evidence.Source == "" {
						t.Errorf("%s without evidence", s.State)
					}
				}
			})
		})
	}
}

func TestInOrder(t *testing.T) {
	for _, to := range []string{"claude-bob", "codex-bob", "exec-bob", "telegram-bob"} {
		t.Run(to, func(t *testing.T) {
			inWorld(t, []string{"claude-ann", to}, func(w *world) {
				t := w.tb
				var want []string
				for i := range 20 {
					body := fmt.Sprintf("m%02d", i)
					want = append(want, body)
					w.send(draft("claude-ann", to, body))
					time.Sleep(time.Duration(i*37%900) * time.Millisecond)
				}
				time.Sleep(10 * time.Minute)
				if got := w.bodies(to); !slices.Equal(got, want) {
					t.Errorf("consumed %q, want %q", got, want)
				}
				synctest.Wait()
			})
		})
	}
}
