package actors

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// FuzzPresence drives one presence by any sequence of reports, hooks, verbs and
// pauses: it never panics, and never offers while a dialog is up, a person has
// stopped it, or no session is ready.
func FuzzPresence(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 7, 2, 3, 4, 5, 6, 6, 6})
	f.Add([]byte{1, 10, 0, 7, 40, 8, 41, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25})
	f.Add([]byte{7, 7, 7, 0, 6, 18, 2, 0, 19, 6, 6})
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "claude-ann", "claude-bob", "codex-bob")
			g := &guard{t: t, report: func(house.Report) {}}
			w.probe = g.watch
			w.sessions = g
			w.boot(t)
			synctest.Wait()
			for _, b := range script[:min(len(script), 200)] {
				g.step(w, b)
				synctest.Wait()
			}
			g.silent = true
			w.end(t)
		})
	})
}

// guard is a world of sessions that say whatever the fuzzer wants.
type guard struct {
	t       *testing.T
	silent  bool
	report  func(house.Report)
	w       *world
	offered []iapeer.MessageID
	attempt int
}

func (g *guard) watch(string, any) {}

// Traits implements Sessions.
func (g *guard) Traits(rt iapeer.Runtime) house.Traits { return traitsOf[rt] }

// Launch implements Sessions.
func (g *guard) Launch(_ house.Launch, report func(house.Report)) { g.report = report }

// Adopt implements Sessions.
func (g *guard) Adopt(_ house.Launch, report func(house.Report)) { g.report = report }

// Examine implements Sessions.
func (g *guard) Examine(_ house.Launch, _ []iapeer.MessageID, report func(house.Report)) {
	go report(house.Looked{})
}

// Offer implements Session.
func (g *guard) Offer(m iapeer.Message, attempt int) {
	if g.silent {
		return
	}
	s, _, _ := g.w.live().sys.View().Presence(m.To)
	switch s.State {
	case iapeer.Ready, iapeer.Busy, iapeer.Waking: // a host that is asked again after a restart is Waking
	case iapeer.Asleep, iapeer.Waiting, iapeer.Parking, iapeer.Stopped, iapeer.Resting, iapeer.ByHand:
		g.t.Errorf("%s was offered while %s", m.ID, s.State)
	}
	g.offered, g.attempt = append(g.offered, m.ID), attempt
}

// Lookup implements Session.
func (g *guard) Lookup([]iapeer.MessageID) {}

// Submit implements Session.
func (g *guard) Submit() {}

// Act implements Session.
func (g *guard) Act(house.Act) {}

// last is the message that was offered last.
func (g *guard) last() iapeer.MessageID {
	if len(g.offered) == 0 {
		return "m-none"
	}
	return g.offered[len(g.offered)-1]
}

// step does what one byte says.
func (g *guard) step(w *world, b byte) {
	g.w = w
	id := g.last()
	one := map[iapeer.MessageID]iapeer.Evidence{id: {Source: "record"}}
	say := func(e iapeer.SessionEvent) { g.report(house.Said{Event: e}) }
	verbs := []iapeer.Verb{iapeer.VerbWake, iapeer.VerbStop, iapeer.VerbStart, iapeer.VerbNew, iapeer.VerbRefresh, iapeer.VerbInterrupt, iapeer.VerbAdopt}
	acts := []func(){
		func() { w.send(draft("claude-ann", "claude-bob", "x")) },
		func() { g.report(house.Started{Session: g, SessionID: "s", HostPID: 1}) },
		func() {
			g.report(house.Started{Session: g, Adopted: true, Known: []house.Known{{ID: id, Attempt: 1, Begun: true, Written: b > 128}}})
		},
		func() { g.report(house.StartFailed{Err: iapeer.ErrNoDaemon, Gone: true, Cleanly: true}) },
		func() { g.report(house.StartFailed{Err: iapeer.ErrNoDaemon, ByHand: b > 128}) },
		func() { g.report(house.HandEnded{}) },
		func() { g.report(house.Offered{ID: id, Attempt: g.attempt, Written: true, Begun: true}) },
		func() { say(iapeer.SessionIdle{}) },
		func() { g.report(house.Offered{ID: id, Attempt: g.attempt, Begun: b > 128}) },
		func() { g.report(house.Looked{Seen: one, Idle: true}) },
		func() { g.report(house.Looked{Taken: one, Composer: b > 128}) },
		func() { g.report(house.Looked{Idle: true, Composer: b > 128}) },
		func() { g.report(house.Looked{Lost: one}) },
		func() { g.report(house.TurnKnown{IDs: []iapeer.MessageID{id}, Open: b > 128, Text: "t"}) },
		func() { say(iapeer.PromptTaken{IDs: []iapeer.MessageID{id}}) },
		func() { say(iapeer.PromptConsumed{IDs: []iapeer.MessageID{id}}) },
		func() { say(iapeer.TurnMoved{}) },
		func() { say(iapeer.TurnEnded{Text: "t", Background: int(b >> 6)}) },
		func() { say(iapeer.TurnFailed{Reason: "rate_limit"}) },
		func() { say(iapeer.SessionWaiting{For: "a question", Blocking: b > 200}) },
		func() { say(iapeer.SessionBusy{}) },
		func() { say(iapeer.SessionExited{Code: int(b >> 7)}) },
		func() { say(iapeer.ExecDone{ID: id, Code: int(b >> 7), Answer: "out"}) },
		func() { say(iapeer.SessionAttached{Clients: int(b >> 7)}) },
		func() { say(iapeer.SessionNamed{SessionID: "other"}) },
		func() { time.Sleep(time.Duration(b) * 20 * time.Second) },
		func() { time.Sleep(5 * time.Second) },
		func() { go g.order(w, verbs[int(b/28)%len(verbs)]) },
	}
	acts[int(b)%len(acts)]()
}

// order gives a verb that may never be answered: the session is what the fuzzer
// makes of it.
func (g *guard) order(w *world, v iapeer.Verb) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = w.live().sys.Command(ctx, iapeer.Command{Verb: v, Peer: "bob", Runtime: "claude"})
}
