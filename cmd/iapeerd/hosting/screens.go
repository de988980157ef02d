package hosting

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
)

// settled reads a screen that came to rest: dialogs first, which only the
// screen shows, then the program's own word, then the screen's.
func (l *live) settled() {
	if l.adapter.Screen == nil {
		return
	}
	screen, err := l.screen()
	if err != nil {
		return // the session is ending; its end is told
	}
	state := l.adapter.Screen(screen)
	switch state.Word {
	case runtimes.ScreenBlocked:
		l.blocked(screen, state)
		return
	case runtimes.ScreenModal:
		l.modal(screen, state)
		return
	case runtimes.ScreenReady, runtimes.ScreenBusy:
		l.drawn = true
	case runtimes.ScreenUnknown, runtimes.ScreenDead:
		if !l.drawn {
			return // what the first screen asks is not known before it is drawn
		}
	}
	if l.probe() {
		return
	}
	l.mu.Lock()
	signals := l.signals
	l.mu.Unlock()
	switch {
	case len(signals) > 0 && state.Word != runtimes.ScreenUnknown:
		l.say(signals...)
	case state.Word == runtimes.ScreenReady:
		l.say(iapeer.SessionIdle{Evidence: seenOnScreen("ready")})
	case state.Word == runtimes.ScreenBusy:
		l.say(iapeer.SessionBusy{Evidence: seenOnScreen("busy")})
	}
}

func seenOnScreen(what string) iapeer.Evidence {
	return iapeer.Evidence{Source: "screen", Detail: what, At: time.Now()}
}

// modal presses the one key that a known dialog wants, if the screen still is
// the one it was decided on; any other dialog is a person's.
func (l *live) modal(screen runtimes.Screen, state runtimes.ScreenState) {
	if l.adapter.DialogKey != nil {
		if press, ok := l.adapter.DialogKey(screen, l.accepted); ok {
			if now, err := l.screen(); err != nil || !slices.Equal(now.Rows, screen.Rows) || slices.Equal(l.pressed, screen.Rows) {
				return // it moved on and will settle again, or the key did nothing and a person must look
			}
			l.pressed = screen.Rows
			l.s.Log.Info("key pressed at a dialog", iapeerField(l.id), zap.String("dialog", press.Dialog), zap.String("why", press.Why))
			l.strokes([]runtimes.Stroke{{Bytes: press.Keys}})
			return
		}
	}
	l.say(iapeer.SessionWaiting{For: state.Dialog, Screen: screen.Last(lastRows), Evidence: seenOnScreen(state.Dialog)})
}

// screen returns what the terminal shows.
func (l *live) screen() (runtimes.Screen, error) {
	ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
	defer cancel()
	raw, err := l.conn.Screen(ctx)
	var out runtimes.Screen
	for _, row := range raw.Lines {
		out.Rows = append(out.Rows, row.Text)
		out.Ink = append(out.Ink, row.Plain)
	}
	return out, err
}

// glance looks at a screen that still moves, only for what ends the start.
func (l *live) glance() {
	if l.drawn || l.adapter.Screen == nil {
		return
	}
	if screen, err := l.screen(); err == nil {
		if st := l.adapter.Screen(screen); st.Word == runtimes.ScreenBlocked {
			l.blocked(screen, st)
		}
	}
}

func (l *live) blocked(screen runtimes.Screen, st runtimes.ScreenState) {
	l.say(iapeer.SessionWaiting{For: st.Cause, Blocking: true, Remedy: st.Remedy, Screen: screen.Last(lastRows), Evidence: seenOnScreen(st.Dialog)})
}

// lastWords lets the screen of a program that ended say why it could not work.
func (l *live) lastWords(rows []string) {
	if l.adapter.Screen == nil {
		return
	}
	screen := runtimes.Screen{Rows: rows}
	if st := l.adapter.Screen(screen); st.Word == runtimes.ScreenBlocked {
		l.blocked(screen, st)
	}
}
