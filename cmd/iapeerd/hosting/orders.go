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

// makeOffers makes the offers that wait: to a conversation one after the other,
// for each depends on the composer, to others several at once.
func (l *live) makeOffers() {
	for {
		l.mu.Lock()
		waiting := l.offers[:min(len(l.offers), l.atOnce())]
		l.offers = l.offers[len(waiting):]
		if len(waiting) == 0 {
			l.offers, l.offering = nil, false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.offer(waiting)
	}
}

// atOnce is how many offers are made in one write.
func (l *live) atOnce() int {
	if l.adapter.Kind == runtimes.TUI {
		return 1
	}
	return 64
}

// offer makes offers and reports what became of each. A host that goes away
// before it answers says nothing; the session's end is told, and its records
// decide.
func (l *live) offer(waiting []offer) {
	list := make([]session.Offering, 0, len(waiting))
	for _, o := range waiting {
		if l.adapter.Kind == runtimes.TUI && l.yields(o.message, o.attempt) {
			continue
		}
		list = append(list, l.compose(o))
	}
	if len(list) == 1 && list[0].Pause > 0 {
		l.awaitText(list[0].ID)
		defer l.awaitText("")
	}
	l.conn.Offers(l.s.Life, list, l.offered)
}

// written says how a runtime of a kind gets its messages, for the evidence.
var written = map[runtimes.Kind]string{
	runtimes.TUI: "bracketed paste", runtimes.Router: "written to the terminal", runtimes.Exec: "standard input of a process",
}

// compose is what the host is asked to write.
func (l *live) compose(w offer) session.Offering {
	text := l.adapter.Render(w.message.Envelope, time.Now())
	if !l.greeted.Load() {
		text = runtimes.FirstMessage(l.initial != "", clean(l.initial), text)
	}
	o := session.Offering{ID: w.message.ID, Attempt: w.attempt, Text: []byte(text)}
	switch l.adapter.Kind {
	case runtimes.TUI:
		o.Mode, o.Submit, o.Pause = session.Paste, true, l.gap()
	case runtimes.Router:
		o.Mode, o.Text = session.Raw, append(o.Text, '\n')
	case runtimes.Exec:
		o.Mode = session.Run
	case runtimes.Inbox: // a person's: nothing is written
	}
	return o
}

// offered reports what became of an offer.
func (l *live) offered(o session.Offering, r session.OfferResult, err error) {
	how := written[l.adapter.Kind]
	switch {
	case errors.Is(err, session.ErrGone), err != nil && l.s.Life.Err() != nil:
		return
	case err != nil:
		l.s.Log.Error("offer", iapeerField(l.id), zap.String("id", string(o.ID)), errField(err))
		l.report(house.Offered{ID: o.ID, Attempt: o.Attempt, Detail: err.Error(), At: time.Now()})
		return
	case r.State != session.Written:
		how = r.Reason
	}
	l.report(house.Offered{
		ID: o.ID, Attempt: o.Attempt, Written: r.State == session.Written, Begun: r.State != session.NotBegun, Detail: how, At: r.At,
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
