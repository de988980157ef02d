package screen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// mixed is a random stream of what programs write.
func mixed(seed uint64, steps int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	words := []string{"word ", "some longer text here ", "→ ✓ ", "é", "x", "───"} // tmux cuts wide characters in its own way
	for range steps {
		switch n := r.IntN(24); n {
		case 0:
			fmt.Fprintf(&b, "\x1b[%d;%dH", 1+r.IntN(12), 1+r.IntN(40))
		case 1:
			fmt.Fprintf(&b, "\x1b[%d%c", r.IntN(5), "ABCDEFG"[r.IntN(7)])
		case 2:
			fmt.Fprintf(&b, "\x1b[%dK", r.IntN(3))
		case 3:
			fmt.Fprintf(&b, "\x1b[%dJ", r.IntN(2))
		case 4:
			fmt.Fprintf(&b, "\x1b[%d%c", 1+r.IntN(3), "@PX"[r.IntN(3)])
		case 5:
			fmt.Fprintf(&b, "\x1b[%dm", []int{0, 1, 2, 31, 44, 7}[r.IntN(6)])
		case 6:
			top := 1 + r.IntN(6)
			fmt.Fprintf(&b, "\x1b[%d;%dr", top, top+1+r.IntN(6))
		case 7:
			b.WriteString([]string{"\x1bM", "\x1bD", "\x1bE", "\x1b7", "\x1b8", "\t", "\b", "\x1b[r"}[r.IntN(8)])
		case 8:
			fmt.Fprintf(&b, "\x1b[%d%c", 1+r.IntN(2), "ST"[r.IntN(2)])
		case 9: // as xterm, unlike tmux, both move to the first column and do nothing outside the region
			fmt.Fprintf(&b, "\x1b[r\x1b[%dH\x1b[%d%c\r", 1+r.IntN(12), 1+r.IntN(3), "LM"[r.IntN(2)])
		case 10, 11:
			b.WriteString("\r\n")
		default:
			b.WriteString(words[r.IntN(len(words))])
		}
	}
	return []byte(b.String())
}

// TestLikeTmuxOnMixedInput compares the model with tmux on input that no
// program was recorded with.
func TestLikeTmuxOnMixedInput(t *testing.T) {
	tm := newTmux(t)
	for seed := range uint64(40) {
		name, in := fmt.Sprintf("mixed-%d", seed), mixed(seed, 150)
		s := New(40, 12, 1000, "", Listener{})
		s.Feed(in)
		want := picture(s)
		tm.open(name, 40, 12, in)
		tm.play(name)
		got := tm.picture(name)
		for limit := time.Now().Add(2 * time.Second); got != want && time.Now().Before(limit); {
			got = tm.picture(name)
		}
		if got != want {
			t.Errorf("seed %d: tmux shows\n%s\nthe model shows\n%s", seed, got, want)
		}
		tm.run("kill-session", "-t", name)
	}
}
