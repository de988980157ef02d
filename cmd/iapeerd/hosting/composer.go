package hosting

import (
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/runtimes"
)

// composed says whether text stands in the composer, when that changed. A screen
// without a composer tells nothing.
func (l *live) composed(state runtimes.ScreenState) {
	if state.Word != runtimes.ScreenReady && state.Word != runtimes.ScreenBusy {
		return
	}
	l.mu.Lock()
	changed := l.composing != state.Composing
	l.composing = state.Composing
	l.mu.Unlock()
	if changed {
		l.say(iapeer.SessionComposing{Occupied: state.Composing})
	}
}

// yields reports that a person's text stands in the composer, instead of an offer
// that would be sent together with it. Where nobody looks and nothing was seen to
// stand there, nothing is asked.
func (l *live) yields(m iapeer.Message, attempt int) bool {
	l.mu.Lock()
	ask := l.attached > 0 || l.composing
	l.mu.Unlock()
	if !ask || l.adapter.Screen == nil {
		return false
	}
	screen, err := l.screen()
	if err != nil {
		return false // the session is ending, or the host says no by itself
	}
	state := l.adapter.Screen(screen)
	l.composed(state)
	if !state.Composing {
		return false
	}
	l.report(house.Offered{ID: m.ID, Attempt: attempt, Typing: true, Detail: "a person's text stands in the composer", At: time.Now()})
	return true
}
