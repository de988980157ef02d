package hosting

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session"
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
		if !l.drawn && !l.told() {
			return // what the first screen asks is not known before it is drawn
		}
	}
	l.composed(state)
	l.rest(state)
}

// rest says what the session does, by the program's own word first.
func (l *live) rest(state runtimes.ScreenState) {
	fresh := l.fresh
	l.fresh = false
	if l.probe() {
		return
	}
	l.mu.Lock()
	signals := l.signals
	l.mu.Unlock()
	switch {
	case len(signals) > 0 && (fresh || state.Word != runtimes.ScreenUnknown):
		l.say(signals...)
	case state.Word == runtimes.ScreenReady:
		l.say(iapeer.SessionIdle{Evidence: seenOnScreen("ready")})
	case state.Word == runtimes.ScreenBusy:
		l.say(iapeer.SessionBusy{Evidence: seenOnScreen("busy")})
	}
}

// begin notes what a program gave away before anybody listened.
func (l *live) begin() {
	l.fresh = l.adapter.Screen != nil
	f := l.conn.Facts()
	l.signal(runtimes.SignalTitle, f.Title)
	l.signal(runtimes.SignalStatus, f.Status)
}

// told reports whether a program that has just come up said what it does:
// that counts where its screen is one that nobody knows.
func (l *live) told() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fresh && len(l.signals) > 0
}

// paused looks at a screen before it has come to rest, for the two moments of a
// start that somebody waits for: an empty composer behind the questions of the
// start, and the first message standing in it.
func (l *live) paused() {
	id := l.awaited()
	if l.adapter.Screen == nil || id == "" && (!l.fresh || !l.up) {
		return
	}
	raw, err := l.raw()
	if err != nil {
		return
	}
	state := l.adapter.Screen(shown(raw))
	switch {
	case state.Word != runtimes.ScreenReady:
	case id != "" && state.Composing:
		l.enter(id)
	case id == "" && !state.Composing && state.Row == raw.CursorY: // a program may be halted in the middle of a picture
		l.drawn = true
		l.rest(state)
	}
}

// awaitText notes which message is to be sent off once the composer shows it.
func (l *live) awaitText(id iapeer.MessageID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entering = id
}

func (l *live) awaited() iapeer.MessageID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entering
}

// enter lets the Enter of the first message follow now. Without this word it
// follows after [runtimes.Adapter.FirstGap].
func (l *live) enter(id iapeer.MessageID) {
	ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
	defer cancel()
	if err := l.conn.Enter(ctx, id); err != nil && !errors.Is(err, session.ErrGone) {
		l.s.Log.Warn("enter", iapeerField(l.id), errField(err))
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
	raw, err := l.raw()
	return shown(raw), err
}

// raw returns what the terminal shows, with its cursor.
func (l *live) raw() (session.ScreenState, error) {
	ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
	defer cancel()
	return l.conn.Screen(ctx)
}

// shown is a terminal as adapters read it.
func shown(raw session.ScreenState) (out runtimes.Screen) {
	for _, row := range raw.Lines {
		out.Rows = append(out.Rows, row.Text)
		out.Ink = append(out.Ink, row.Plain)
	}
	return out
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
	l.say(iapeer.SessionWaiting{For: st.Cause, Blocking: !st.Asks, Remedy: st.Remedy, Screen: screen.Last(lastRows), Evidence: seenOnScreen(st.Dialog)})
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
