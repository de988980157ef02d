package actors

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
)

// chaosRuns is how many seeds of the chaos are run.
const chaosRuns = 200

// Daemons are killed, hosts die, hooks, Enters and pastes are lost, all by one
// seed: nothing is typed twice without proof, nothing overtakes, and every
// message ends delivered, or unknown where nobody can tell.
func TestChaosLosesNothing(t *testing.T) {
	if *seed >= 0 {
		chaosRun(t, *seed)
		return
	}
	runs := int64(chaosRuns)
	if testing.Short() || raceEnabled {
		runs /= 5
	}
	for s := range runs {
		chaosRun(t, s)
	}
}

func chaosRun(t *testing.T, seed int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		recipients := []string{"claude-bob", "codex-cid", "exec-dan", "telegram-eve"}
		w := newWorld(t, append([]string{"claude-ann", "codex-fay"}, recipients...)...)
		w.commit = func() time.Duration { return 2 * time.Millisecond }
		w.read = func() time.Duration { return time.Millisecond }
		w.boot(t)
		for _, r := range recipients {
			k := w.script(r)
			k.turn = time.Duration(1+rng.IntN(4)) * time.Second
			k.dieAtBoot, k.loseEnter, k.losePaste = rng.IntN(2), rng.IntN(3), rng.IntN(2)
			k.dieMidOffer, k.dieMidTurn, k.dieAfterPrompt = rng.IntN(2), rng.IntN(2), rng.IntN(2)
			k.failTurn, k.notBegun = rng.IntN(2), rng.IntN(3)
		}
		for _, from := range []string{"claude-ann", "codex-fay"} {
			go func() {
				for i := range 4 {
					for _, to := range recipients {
						w.send(draft(from, to, fmt.Sprint(from, i)))
					}
					time.Sleep(3 * time.Second)
				}
			}()
		}
		for range 1 + rng.IntN(3) {
			time.Sleep(time.Duration(rng.IntN(8000)) * time.Millisecond)
			w.live().kill(t)
			if h := w.host(recipients[rng.IntN(4)]); h != nil && rng.IntN(2) == 0 {
				h.crash(rng.IntN(2) == 0)
			}
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
			w.boot(t)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		for _, m := range w.all() {
			tui := !traitsOf[m.To.Runtime].Exec && !traitsOf[m.To.Runtime].WriteIsEvidence
			if !m.State.Delivered() && (tui || m.State != iapeer.Unknown) {
				_, steps := w.message(t, m.ID)
				t.Errorf("%s %s → %s is %s: %v", m.ID, m.From, m.To, m.State, steps)
			}
		}
		w.wantOrder(t)
		if t.Failed() {
			w.explain(t)
			t.Errorf("replay: go test ./actors -run TestChaosLosesNothing -seed %d", seed)
		}
		w.end(t)
	})
}
