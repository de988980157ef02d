package session

import (
	"testing"
	"time"
)

// TestDrawnUntilTheFirstOffer tells of each pause behind output, however short,
// until a message was written: nobody needs to know any more then.
func TestDrawnUntilTheFirstOffer(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	if err := c.Keys(ctxOf(t), "-l", "typed\r"); err != nil {
		t.Fatal(err)
	}
	until(t, c, "drawn", func(e Event) bool { return e.Kind == EventDrawn })
	shows(t, c, "got 5 bytes: typed")
	if r, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Submit: true, Text: []byte("first")}); err != nil || r.State != Written {
		t.Fatalf("Offer = %+v, %v", r, err)
	}
	shows(t, c, "got 5 bytes: first")
	rest(t, c)
	if err := c.Keys(ctxOf(t), "-l", "more\r"); err != nil {
		t.Fatal(err)
	}
	until(t, c, "settled", func(e Event) bool {
		if e.Kind == EventDrawn {
			t.Error("drawn is told after the first offer")
		}
		return e.Kind == EventSettled
	})
}

// rest waits until the terminal has come to rest, and forgets what was told up
// to then.
func rest(t *testing.T, c *Conn) {
	t.Helper()
	for {
		s, err := c.Screen(ctxOf(t))
		if err != nil {
			t.Fatal(err)
		}
		if s.Settled {
			break
		}
		until(t, c, "settled", func(e Event) bool { return e.Kind == EventSettled })
	}
	for len(c.Events()) > 0 {
		<-c.Events()
	}
}

// TestDrawnWaitsForTheUpdate tells nothing of a picture that the program calls
// incomplete.
func TestDrawnWaitsForTheUpdate(t *testing.T) {
	c := spawn(t, specFor(t, TUI, "/bin/sh", "-c", `stty -echo; printf 'up\n'; read x; printf '\033[?2026hhalf'; read x; printf ' whole\033[?2026l'; read x`))
	shows(t, c, "up")
	rest(t, c)
	if err := c.Keys(ctxOf(t), "Enter"); err != nil {
		t.Fatal(err)
	}
	until(t, c, "settled", func(e Event) bool {
		if e.Kind == EventDrawn {
			t.Error("drawn is told in the middle of an update")
		}
		return e.Kind == EventSettled
	})
	if err := c.Keys(ctxOf(t), "Enter"); err != nil {
		t.Fatal(err)
	}
	until(t, c, "drawn", func(e Event) bool { return e.Kind == EventDrawn })
}

// TestEnterEndsThePause lets the Enter of an offer follow at a word instead of
// at the end of its pause, once, and for that offer only.
func TestEnterEndsThePause(t *testing.T) {
	c := spawn(t, specFor(t, TUI, "/bin/sh", "-c", `stty raw -echo; printf 'up\r\n'; while c=$(dd bs=64 count=1 2>/dev/null | tr -d '\033\r' ) && [ -n "$c" ]; do printf 'got %s\r\n' "$c"; done`))
	shows(t, c, "up")
	type end struct {
		r   OfferResult
		err error
		at  time.Duration
	}
	done, start := make(chan end, 1), time.Now()
	const pause = 2 * time.Second
	go func() {
		r, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Submit: true, Pause: pause, Text: []byte("first")})
		done <- end{r, err, time.Since(start)}
	}()
	shows(t, c, "first[201~")
	for _, id := range []string{"", "m-2"} {
		if err := c.Enter(ctxOf(t), msgID(id)); err != nil {
			t.Fatal(err)
		}
	}
	asked, err := c.Ask(ctxOf(t), "m-1")
	if err != nil || len(asked) != 1 || asked[0].State != Partial || asked[0].Written != asked[0].Size-1 {
		t.Errorf("Ask in the pause = %+v, %v, want all but the Enter", asked, err)
	}
	for range 2 { // a second word changes nothing
		if err := c.Enter(ctxOf(t), "m-1"); err != nil {
			t.Fatal(err)
		}
	}
	if e := <-done; e.err != nil || e.r.State != Written || e.at >= pause {
		t.Errorf("Offer = %+v, %v after %v, want it written before %v", e.r, e.err, e.at, pause)
	}
}
