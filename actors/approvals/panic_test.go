package approvals_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/approvals"
)

// bombs panics on some messages of a run, chosen by seed.
type bombs struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	left int
	hit  map[string]int
}

func (b *bombs) probe(m any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 || b.rnd.IntN(6) != 0 {
		return
	}
	b.left--
	b.hit[fmt.Sprintf("%T", m)]++
	panic("injected")
}

func (b *bombs) arm(seed uint64, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rnd, b.left = rand.New(rand.NewPCG(seed, 1)), n
}

// TestPanicsAllowNothing panics in every message of the desk. Nobody waits for
// ever, nothing is allowed that a person did not allow and that is not on disk,
// and who comes back hears what the person was told is recorded.
func TestPanicsAllowNothing(t *testing.T) {
	rounds := uint64(150)
	if testing.Short() {
		rounds = 30
	}
	b := &bombs{hit: map[string]int{}}
	r := newRig(t)
	r.kill()
	r.cfg = r.cfg.WithProbe(b.probe)
	r.start()
	for seed := range rounds {
		b.arm(seed, 1+int(seed%3))
		r.round(seed, b)
	}
	if kinds := slices.Sorted(maps.Keys(b.hit)); len(kinds) < 6 {
		t.Errorf("only these messages met a panic: %v", kinds)
	}
}

// round has three ask and a person decide.
func (r *rig) round(seed uint64, b *bombs) {
	r.t.Helper()
	var all []*asking
	word := map[string]bool{} // by content: what the person said
	for i := range 3 {
		content := fmt.Sprintf("%d-%d", seed, i)
		all = append(all, r.ask(question(content, content)))
		word[content] = i != 1
	}
	said := map[string]bool{} // verdicts that the person was told are recorded
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			r.sayWord(word, said)
		}
	}()
	for i, a := range all {
		content := fmt.Sprintf("%d-%d", seed, i)
		ans, err := a.answer()
		if err != nil {
			r.t.Errorf("%s: %v", content, err)
		}
		if ans.Allow && (!word[content] || r.onDisk(ans.ID).State != iapeer.ApprovalAllowed) {
			r.t.Errorf("%s was allowed: %+v", content, ans)
		}
	}
	close(stop)
	<-done
	b.arm(0, 0)
	for content, allowed := range said {
		if again, err := r.ask(question(content, content)).answer(); err != nil || again.Allow != allowed {
			r.t.Errorf("%s: recorded %v, told %+v, %v", content, allowed, again, err)
		}
	}
}

// sayWord decides what waits.
func (r *rig) sayWord(word, said map[string]bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	k, err := r.desk.Board(ctx)
	if err != nil {
		return
	}
	r.desk.Observe(anna, 1, approvals.Sign{Kind: approvals.SignBusy})
	for _, a := range k.Approvals {
		_, err := r.desk.Decide(ctx, approvals.Verdict{ID: a.ID, Allow: word[a.Content], By: "ada"})
		if err == nil {
			said[a.Content] = word[a.Content]
		} else if errors.Is(err, approvals.ErrNotYou) {
			r.t.Error(err)
		}
	}
}
