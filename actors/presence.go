package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// presenceMessage is what a presence accepts from outside its own state
// machine.
//
//sumtype:decl
type presenceMessage interface{ presenceMessage() }

// reported carries a session's report with the generation it belongs to and
// the line it came on: one line for each launch, adoption and examination.
type reported struct {
	generation int64
	line       int64
	report     Report
}

// hooked carries what a hook of the session said. reply is called once its
// evidence is on its way to disk.
type hooked struct {
	generation int64
	events     []iapeer.SessionEvent
	reply      func()
}

// loaded carries the open messages read from the mailbox.
type loaded struct {
	messages []iapeer.Message
	err      error
}

// recalled carries the messages of a turn that began before a restart.
type recalled struct {
	generation int64
	turn       TurnKnown
	causes     []iapeer.Message
}

// recorded tells that the record of a launch is durable.
type recorded struct{ launch Launch }

// withdraw takes a message back that has not been offered: cancel or hold.
type withdraw struct {
	to    iapeer.Identity
	mark  iapeer.Mark
	reply func(Marked)
}

// tick tells that a timer ran out. Stale ones carry an old token.
type tick struct {
	kind  timerKind
	token int
}

func (deliver) presenceMessage()  {}
func (stamp) presenceMessage()    {}
func (command) presenceMessage()  {}
func (wakeMail) presenceMessage() {}
func (refresh) presenceMessage()  {}
func (removed) presenceMessage()  {}
func (reported) presenceMessage() {}
func (hooked) presenceMessage()   {}
func (recorded) presenceMessage() {}
func (loaded) presenceMessage()   {}
func (recalled) presenceMessage() {}
func (withdraw) presenceMessage() {}
func (tick) presenceMessage()     {}

type timerKind int

const (
	timerState    timerKind = iota // the deadline of the current state
	timerEvidence                  // evidence of an offer is due
	timerSettle                    // an idle session whose turn has not ended
	timerReload                    // the mailbox could not be read
	timerOwed                      // offers are to be recorded without their outcome
	timerKinds
)

// maxOffers is how often a message is offered before it is given up: each
// further attempt follows a proof that the one before left no trace.
const maxOffers = 5

// reloadAfter is the pause before the mailbox is read again after an error.
const reloadAfter = time.Second

// presence is the state machine of one peer on one runtime.
type presence struct {
	h      *house
	id     iapeer.Identity
	traits Traits
	rec    iapeer.Presence // the durable part
	state  stateFunc

	mail    []iapeer.Message // accepted and not offered, oldest first
	flights map[iapeer.MessageID]*flight
	tries   map[iapeer.MessageID]int // offers that were written and left no trace
	turn    turn

	lastEnd   turnEnd // of the last turn that ended
	quiet     bool    // the session itself said last that it is idle
	session   Session
	socket    string
	hostPID   int
	attached  int
	line      int64                            // of the session's reports
	dead      int64                            // of the examination's reports
	paused    bool                             // an offer was not begun: the next one waits for the evidence timer
	settling  bool                             // an examination of a dead session is under way: nothing is offered
	loading   bool                             // the mailbox is being read
	reread    bool                             // once more, when that is done
	adopting  bool                             // we do not know yet whether a host lives
	launching bool                             // a launch was asked for, and has not been answered
	removed   bool                             // the peer is no longer registered
	adopted   bool                             // the session is another daemon's, or incarnation's
	found     input                            // up or down, kept until the mail is read
	early     []presenceMessage                // what the session said before that
	looking   bool                             // a lookup is under way
	again     bool                             // look once more when it comes back
	due       bool                             // the evidence deadline asked for the lookup
	marks     memory                           // what is on its way to the mailbox
	owed      map[iapeer.MessageID]iapeer.Mark // offers whose record waits for their outcome
	waiters   []command                        // verbs that answer once the session is up, or cannot be
	self      *actor.PID
	timers    [timerKinds]*time.Timer
	tokens    [timerKinds]int
}

// stateFunc is one state: what it does with each input.
type stateFunc func(input)

func newPresence(h *house, rec iapeer.Presence) *presence {
	latest, ok := h.view.row(rec.Identity)
	if ok {
		rec = latest.record // the durable record moves on while the actor that was made with it restarts
	}
	return &presence{h: h, id: rec.Identity, rec: rec, launching: latest.launching, traits: h.sessions.Traits(rec.Identity.Runtime), flights: make(map[iapeer.MessageID]*flight), tries: make(map[iapeer.MessageID]int)}
}

// Receive implements actor.Actor.
func (p *presence) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		p.self = c.Self()
		p.recover()
	case *actor.Stopping, *actor.Restarting:
		p.letGo()
	case presenceMessage:
		defer answerPanic(m)
		p.h.inspect("presence", m)
		p.handle(c, m)
	}
}

// letGo stops timers and drops the connection; the session lives on.
func (p *presence) letGo() {
	for i := range p.timers {
		p.disarm(timerKind(i))
	}
	if p.session != nil {
		p.session.Act(Act{Kind: ActRelease})
		p.session = nil
	}
}

// recover finds out what is true: a host that may live, mail that may wait.
func (p *presence) recover() {
	if p.traits.Inbox {
		p.state = p.inbox
		p.show(iapeer.Ready, "a person's inbox")
		return
	}
	p.state = p.finding
	p.adopting = true
	p.project()
	p.h.sessions.Adopt(p.start(StartResume, ""), p.report(&p.line))
}

// report opens a line for reports of this generation and returns its callback.
func (p *presence) report(line *int64) func(Report) {
	root, self, generation, n := p.h.root, p.self, p.rec.Generation, p.h.lines.Add(1)
	*line = n
	return func(r Report) { root.Send(self, reported{generation: generation, line: n, report: r}) }
}

func (p *presence) start(mode StartMode, topic string) Launch {
	peer, _ := p.h.peers.Peer(p.id.Name)
	return Launch{Peer: peer, Identity: p.id, Generation: p.rec.Generation, Presence: p.rec, Mode: mode, Topic: topic}
}

func (p *presence) handle(c actor.Context, m presenceMessage) {
	switch m := m.(type) {
	case deliver:
		p.take(m.message)
	case stamp:
		p.stamp(m)
	case command:
		p.state(verb{command: m})
	case wakeMail:
		p.reload()
	case withdraw:
		p.withdraw(m)
	case refresh:
		p.traits = p.h.sessions.Traits(p.id.Runtime)
	case removed:
		p.remove(c)
	case reported, hooked:
		p.listen(m)
		if p.removed {
			p.remove(c)
		}
	case recorded:
		p.launch(m.launch)
	case loaded:
		p.load(m)
	case recalled:
		if m.generation == p.rec.Generation {
			p.recalled(m)
		}
	case tick:
		p.tick(m)
	}
}

// remove ends the session of a peer that is no longer registered, then the actor.
// A session that is being launched is waited for: nobody else would end it.
func (p *presence) remove(c actor.Context) {
	p.removed = true
	if p.launching {
		return
	}
	if p.session != nil {
		p.session.Act(Act{Kind: ActStop})
	}
	c.Poison(c.Self())
}

// listen takes what the session says. What comes before it is known which
// session that is, and which mail there is, waits until then.
func (p *presence) listen(m presenceMessage) {
	switch m := m.(type) {
	case reported:
		if p.adopting && m.generation == p.rec.Generation && !begins(m.report) {
			p.early = append(p.early, m)
			return
		}
		p.reported(m)
	case hooked:
		if p.adopting && m.generation == p.rec.Generation {
			p.early = append(p.early, m)
			return
		}
		if m.generation == p.rec.Generation {
			for _, e := range m.events {
				p.event(e)
			}
		}
		m.reply()
	case deliver, stamp, command, wakeMail, refresh, removed, loaded, recalled, recorded, withdraw, tick:
	}
}

// begins reports whether r is the first word of a line.
func begins(r Report) bool {
	switch r.(type) {
	case Started, StartFailed:
		return true
	case HandEnded, Offered, Looked, TurnKnown, Said:
	}
	return false
}

// reported takes a report of the line that is listened to. A session that comes
// up when nobody wants it any more is ended: two would be awake.
func (p *presence) reported(m reported) {
	started, isUp := m.report.(Started)
	switch {
	case m.generation != p.rec.Generation:
		if isUp {
			started.Session.Act(Act{Kind: ActStop})
			started.Session.Act(Act{Kind: ActRelease})
		}
	case m.line == p.line, p.adopting && begins(m.report): // or a launch before the actor restarted
		if p.found == nil {
			p.line = m.line
		}
		p.hear(m.report)
	case m.line == p.dead && p.settling:
		p.examined(m.report)
	}
}

// examined takes what the records of a dead session say; the last word is
// Looked.
func (p *presence) examined(r Report) {
	if l, ok := r.(Looked); ok {
		p.bury(l)
		return
	}
	p.hear(r)
}

// hear takes a report of the session.
func (p *presence) hear(r Report) {
	switch r := r.(type) {
	case Started:
		p.state(up{started: r})
	case StartFailed:
		p.state(down{failed: r})
	case HandEnded:
		p.state(freed{})
	case Offered:
		p.offered(r)
	case Looked:
		p.looked(r)
	case TurnKnown:
		p.recall(r)
	case Said:
		p.event(r.Event)
	}
}

// arm starts a timer of a kind anew.
func (p *presence) arm(kind timerKind, d time.Duration) {
	p.disarm(kind)
	root, self, t := p.h.root, p.self, tick{kind: kind, token: p.tokens[kind]}
	p.timers[kind] = time.AfterFunc(d, func() { root.Send(self, t) })
}

// disarm makes a timer of a kind silent, also when its message is on the way.
func (p *presence) disarm(kind timerKind) {
	p.tokens[kind]++
	if t := p.timers[kind]; t != nil {
		t.Stop()
		p.timers[kind] = nil
	}
}

func (p *presence) tick(m tick) {
	if m.token != p.tokens[m.kind] {
		return
	}
	switch m.kind {
	case timerState:
		p.state(due{})
	case timerEvidence:
		p.due, p.paused = true, false
		p.look()
	case timerSettle:
		p.settleTurn()
	case timerReload:
		p.reload()
	case timerOwed:
		p.payOwed()
	case timerKinds:
	}
}

// become moves to another state and tells everybody; why is the cause, a short
// sentence.
func (p *presence) become(to iapeer.PresenceState, f stateFunc, why string) {
	p.disarm(timerState)
	p.state = f
	p.show(to, why)
}

// show publishes the state and keeps it.
func (p *presence) show(to iapeer.PresenceState, why string) {
	from := p.rec.State
	p.rec.State, p.rec.Cause = to, why
	if from != to {
		p.rec.Since = time.Now()
		p.h.publish(iapeer.PresenceChanged{Identity: p.id, From: from, To: to, Cause: why, At: p.rec.Since})
	}
	p.project()
	if !p.traits.Inbox && !p.adopting {
		p.h.board.PutPresence(p.rec, nil)
	}
}

// project writes the read model.
func (p *presence) project() {
	p.h.view.put(p.id, row{
		status: iapeer.PresenceStatus{
			Identity: p.id, State: p.rec.State, Since: p.rec.Since, Cause: p.rec.Cause, SessionID: p.rec.SessionID,
			HostPID: p.hostPID, Attached: p.attached, Open: len(p.mail) + len(p.flights),
		},
		record: p.rec, generation: p.rec.Generation, socket: p.socket, launching: p.launching, live: p.session != nil || p.rec.State == iapeer.Waking && !p.adopting,
	})
}
