package hosting

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session"
)

// Offer implements [house.Session]. Offers reach the host in the order of the
// calls.
func (l *live) Offer(m iapeer.Message, attempt int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offers = append(l.offers, offer{message: m, attempt: attempt})
	if !l.offering {
		l.offering = true
		go l.makeOffers()
	}
}

// offer is a message on its way to the host.
type offer struct {
	message iapeer.Message
	attempt int
}

// makeOffers makes the offers that wait, one after the other.
func (l *live) makeOffers() {
	for {
		l.mu.Lock()
		if len(l.offers) == 0 {
			l.offers, l.offering = nil, false
			l.mu.Unlock()
			return
		}
		o := l.offers[0]
		l.offers = l.offers[1:]
		l.mu.Unlock()
		l.offer(o.message, o.attempt)
	}
}

// offer makes one offer and reports what became of it. A host that goes away
// before it answers says nothing; the session's end is told, and its records
// decide.
func (l *live) offer(m iapeer.Message, attempt int) {
	text := l.adapter.Render(m.Envelope, time.Now())
	if !l.greeted.Load() {
		text = runtimes.FirstMessage(l.initial != "", clean(l.initial), text)
	}
	o := session.Offering{ID: m.ID, Attempt: attempt, Text: []byte(text)}
	how := "bracketed paste"
	switch l.adapter.Kind {
	case runtimes.TUI:
		if l.yields(m, attempt) {
			return
		}
		o.Mode, o.Submit, o.Pause = session.Paste, true, l.gap()
		if o.Pause > 0 {
			l.awaitText(m.ID)
			defer l.awaitText("")
		}
	case runtimes.Router:
		o.Mode, how = session.Raw, "written to the terminal"
		o.Text = append(o.Text, '\n')
	case runtimes.Exec:
		o.Mode, how = session.Run, "standard input of a process"
	case runtimes.Inbox:
		return
	}
	r, err := l.conn.Offer(l.s.Life, o)
	if err != nil {
		if !errors.Is(err, session.ErrGone) && l.s.Life.Err() == nil {
			l.s.Log.Error("offer", iapeerField(l.id), zap.String("id", string(m.ID)), errField(err))
			l.report(house.Offered{ID: m.ID, Attempt: attempt, Detail: err.Error(), At: time.Now()})
		}
		return
	}
	if r.State != session.Written {
		how = r.Reason
	}
	l.report(house.Offered{
		ID: m.ID, Attempt: attempt, Written: r.State == session.Written, Begun: r.State != session.NotBegun, Detail: how, At: r.At,
	})
}

// clean drops from a person's own text what a paste must not hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// gap is the longest pause before the Enter of the first message: a program
// that has just drawn its composer may lose an Enter that comes with the paste.
func (l *live) gap() time.Duration {
	if l.greeted.Swap(true) {
		return 0
	}
	return l.adapter.FirstGap
}

// Lookup implements [house.Session].
func (l *live) Lookup(ids []iapeer.MessageID) {
	go func() { l.report(l.look(ids)) }()
}

// look reads the screen before the record: what an idle session with an empty
// composer consumed stands in its record by then, so that what does not was
// never there.
func (l *live) look(ids []iapeer.MessageID) house.Looked {
	out := house.Looked{Seen: map[iapeer.MessageID]iapeer.Evidence{}, Taken: map[iapeer.MessageID]iapeer.Evidence{}}
	if l.adapter.Records.Line == nil {
		out.Err = errors.New("the runtime keeps no record")
		return out
	}
	screen, err := l.screen()
	if err != nil {
		out.Err = err
	} else {
		state := l.adapter.Screen(screen)
		l.composed(state)
		out.Composer, out.Idle = state.Composing, l.idle(state)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.s.read(l.adapter, l.env, l.cwd, l.sessionID, &l.reading); err != nil {
		out.Err = err
	}
	prove(&l.reading, ids, &out)
	t := l.reading.Turn
	out.Turn = known(t)
	return out
}

// known is a turn of the record as actors know it.
func known(t runtimes.Turn) house.TurnKnown {
	text := t.Text
	if t.Cut != "" && t.Reason != "" {
		text = t.Reason
	}
	return house.TurnKnown{IDs: t.IDs, Open: t.Open, Text: text, Cut: t.Cut, Resets: t.Quota}
}

// idle asks the program's own word first, then the screen.
func (l *live) idle(state runtimes.ScreenState) bool {
	if state.Word != runtimes.ScreenReady {
		return false
	}
	if st, ok := l.status(); ok && st.State != "" {
		return st.State == "idle"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.signals {
		if _, busy := e.(iapeer.SessionBusy); busy {
			return false
		}
	}
	return true
}

// read continues the reading of a conversation's record. One that is not there
// yet proves nothing and is no error: records begin with the first turn.
func (s *Sessions) read(a runtimes.Adapter, env []string, cwd, id string, r *runtimes.Reading) error {
	path := s.record(a, env, cwd, id)
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return a.Read(f, r)
}

// prove copies what a reading shows about ids.
func prove(r *runtimes.Reading, ids []iapeer.MessageID, out *house.Looked) {
	for _, id := range ids {
		p, ok := r.Messages[id]
		switch {
		case !ok:
		case p.Seen:
			out.Seen[id] = p.Evidence
		default:
			out.Taken[id] = p.Evidence
		}
	}
}

// Submit implements [house.Session]: Enter once more, if the composer really
// holds text.
func (l *live) Submit() {
	go func() {
		screen, err := l.screen()
		if err != nil || !l.adapter.Screen(screen).Composing {
			return
		}
		l.strokes(l.adapter.Nudge)
	}()
}

// Act implements [house.Session].
func (l *live) Act(a house.Act) {
	switch a.Kind {
	case house.ActRelease:
		l.release()
	case house.ActInterrupt:
		go l.strokes(l.adapter.Interrupt)
	case house.ActClear:
		go l.strokes(l.adapter.Clear)
	case house.ActCompact:
		go l.strokes(l.adapter.Compact)
	case house.ActAckExec:
		go l.ack(a.ID)
	case house.ActStop:
		go l.stop()
	}
}

// release makes the session silent. A session that ends keeps its connection
// until then, so that the order to stop arrives.
func (l *live) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = true
}

func (l *live) stop() {
	ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
	defer cancel()
	if err := l.conn.Stop(ctx, "stopped", 0); err != nil && !errors.Is(err, session.ErrGone) {
		l.s.Log.Warn("stop", iapeerField(l.id), errField(err))
	}
}

func (l *live) ack(id iapeer.MessageID) {
	ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
	defer cancel()
	if err := l.conn.AckOutcomes(ctx, id); err != nil && !errors.Is(err, session.ErrGone) {
		l.s.Log.Warn("acknowledge", iapeerField(l.id), errField(err))
	}
}

// strokes types a plan of keys.
func (l *live) strokes(plan []runtimes.Stroke) {
	for _, k := range plan {
		ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
		err := l.conn.Keys(ctx, "-l", k.Bytes)
		cancel()
		if err != nil {
			return
		}
		select {
		case <-time.After(k.Then):
		case <-l.s.Life.Done():
			return
		}
	}
}
