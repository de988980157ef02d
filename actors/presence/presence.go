// Package presence is the state machine of one peer on one runtime: it adopts or
// launches the session, offers it the mail in order, at most one message
// unproven, and takes the evidence of what became of it.
//
// What it holds can be lost: an actor that restarts reads its mail again, asks
// the session host what was typed, and the runtime's record what was seen. To add
// a state, write its function in states.go, or in a file of its own, and name it
// in the transition that leads to it.
package presence

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// presenceMessage is what a presence is told by its session, by its timers, and by
// what it asked for.
//
//sumtype:decl
type presenceMessage interface{ presenceMessage() }

// reported carries a session's report with the generation it belongs to and
// the line it came on: one line for each launch, adoption and examination.
type reported struct {
	generation int64
	line       int64
	report     house.Report
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
	turn       house.TurnKnown
	causes     []iapeer.Message
}

// recorded tells that the record of a launch is durable.
type recorded struct{ launch house.Launch }

func (reported) presenceMessage() {}
func (hooked) presenceMessage()   {}
func (recorded) presenceMessage() {}
func (loaded) presenceMessage()   {}
func (recalled) presenceMessage() {}

// Hook gives a presence what a hook of its session said. reply is called once
// its evidence is on its way to disk, and at once for another generation's.
func Hook(h *house.House, id iapeer.Identity, generation int64, events []iapeer.SessionEvent, reply func()) {
	h.Hand(id, hooked{generation: generation, events: events, reply: reply})
}

// maxOffers is how often a message is offered before it is given up: each
// further attempt follows a proof that the one before left no trace.
const maxOffers = 5

// reloadAfter is the pause before the mailbox is read again after an error.
const reloadAfter = time.Second

// presence is the state machine of one peer on one runtime.
type presence struct {
	h      *house.House
	id     iapeer.Identity
	traits house.Traits
	rec    iapeer.Presence // the durable part
	state  stateFunc

	mail    []iapeer.Message // accepted and not offered, oldest first
	flights map[iapeer.MessageID]*flight
	tries   map[iapeer.MessageID]int // offers that were written and left no trace
	turn    turn

	lastEnd     turnEnd // of the last turn that ended
	quiet       bool    // the session itself said last that it is idle
	session     house.Session
	socket      string
	hostPID     int
	attached    int
	line        int64                            // of the session's reports
	dead        int64                            // of the examination's reports
	paused      bool                             // an offer was not begun: the next one waits for the evidence timer
	settling    bool                             // an examination of a dead session is under way: nothing is offered
	loading     bool                             // the mailbox is being read
	reread      bool                             // once more, when that is done
	adopting    bool                             // we do not know yet whether a host lives
	awaited     string                           // what of the session waits for a person's word
	dozing      string                           // why it is parked as soon as it is idle
	launching   bool                             // a launch was asked for, and has not been answered
	removed     bool                             // the peer is no longer registered
	adopted     bool                             // the session is another daemon's, or incarnation's
	found       input                            // up or down, kept until the mail is read
	early       []presenceMessage                // what the session said before that
	looking     bool                             // a lookup is under way
	again       bool                             // look once more when it comes back
	due         bool                             // the evidence deadline asked for the lookup
	marks       memory                           // what is on its way to the mailbox
	owed        map[iapeer.MessageID]iapeer.Mark // offers whose record waits for their outcome
	person      bool                             // a person's message woke the session
	began       string                           // how the session began, for people
	leaving     string                           // why the session ends when its turn has ended, "" if it does not
	served      bool                             // an ephemeral session has got its message
	replied     bool                             // it has answered somebody
	compacts    []house.Command                  // wait for a compaction
	compactDone bool                             // it is recorded, and the session still busy with it
	compacting  bool                             // one is under way
	typing      bool                             // a person's text stands in the composer
	typingTold  bool                             // people were told that mail waits for that
	asking      *house.Launch                    // waits to be admitted
	queuedFor   string                           // why it is not, "" if not told
	waiters     []house.Command                  // verbs that answer once the session is up, or cannot be
	timers      [timerKinds]*time.Timer
	tokens      [timerKinds]int64
}

// stateFunc is one state: what it does with each input.
type stateFunc func(input)

// New makes the presence of a record. When it restarts within this run, what it
// wrote to the view last stands in for the record.
func New(h *house.House, rec iapeer.Presence) actor.Actor {
	latest, ok := h.View.Row(rec.Identity)
	if ok {
		rec = latest.Record
	}
	return &presence{h: h, id: rec.Identity, rec: rec, launching: latest.Launching, traits: h.Sessions.Traits(rec.Identity.Runtime), flights: make(map[iapeer.MessageID]*flight), tries: make(map[iapeer.MessageID]int)}
}

// Receive implements actor.Actor.
func (p *presence) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		p.recover()
	case *actor.Stopping, *actor.Restarting:
		p.letGo()
	case house.PeerMessage:
		defer house.AnswerPanic(m)
		p.h.Inspect("presence", m)
		p.obey(c, m)
	case presenceMessage:
		defer house.AnswerPanic(m)
		p.h.Inspect("presence", m)
		p.handle(c, m)
	}
}

// letGo stops timers and drops the connection; the session lives on.
func (p *presence) letGo() {
	p.h.View.Leave(p.id)
	for i := range p.timers {
		p.disarm(timerKind(i))
	}
	if p.session != nil {
		p.session.Act(house.Act{Kind: house.ActRelease})
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
	p.h.Sessions.Adopt(p.start(house.StartResume, ""), p.report(&p.line))
}

// outside returns how other goroutines reach the presence, or the one that has
// been spawned in its place.
func (p *presence) outside() func(presenceMessage) {
	h, id := p.h, p.id
	return func(m presenceMessage) { h.Hand(id, m) }
}

// report opens a line for reports of this generation and returns its callback.
func (p *presence) report(line *int64) func(house.Report) {
	tell, generation, n := p.outside(), p.rec.Generation, p.h.NextLine()
	*line = n
	return func(r house.Report) { tell(reported{generation: generation, line: n, report: r}) }
}

func (p *presence) start(mode house.StartMode, topic string) house.Launch {
	peer, _ := p.h.Peers.Peer(p.id.Name)
	return house.Launch{Peer: peer, Identity: p.id, Generation: p.rec.Generation, Presence: p.rec, Mode: mode, Topic: topic, Person: p.person}
}

// obey does what others ask of the presence.
func (p *presence) obey(c actor.Context, m house.PeerMessage) {
	switch m := m.(type) {
	case house.Deliver:
		p.take(m.Message)
	case house.Stamp:
		p.stamp(m)
	case house.Command:
		p.state(verb{command: m})
	case house.WakeMail:
		p.reload()
	case house.Withdraw:
		p.withdraw(m)
	case house.Refresh:
		p.traits = p.h.Sessions.Traits(p.id.Runtime)
	case house.MakeRoom:
		p.makeRoom()
	case house.Relay: // the peer takes its content out
	case house.Removed:
		p.remove(c)
	}
}

func (p *presence) handle(c actor.Context, m presenceMessage) {
	switch m := m.(type) {
	case reported, hooked:
		p.listen(m)
		if p.removed {
			p.remove(c)
		}
	case recorded:
		p.launch(m.launch)
	case noted:
		p.noted(m)
	case admitted:
		p.admitted(m)
	case queued:
		p.queued(m)
	case loaded:
		p.load(m)
	case recalled:
		if m.generation == p.rec.Generation {
			p.recalled(m)
		}
	case tick:
		p.tick(m)
	case asked:
		p.asked(m)
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
		p.session.Act(house.Act{Kind: house.ActStop})
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
	case loaded, recalled, recorded, noted, admitted, queued, tick, asked:
	}
}

// begins reports whether r is the first word of a line.
func begins(r house.Report) bool {
	switch r.(type) {
	case house.Started, house.StartFailed:
		return true
	case house.HandEnded, house.Offered, house.Looked, house.TurnKnown, house.Said:
	}
	return false
}

// reported takes a report of the line that is listened to. A session that comes
// up when nobody wants it any more is ended: two would be awake.
func (p *presence) reported(m reported) {
	started, isUp := m.report.(house.Started)
	switch {
	case m.generation != p.rec.Generation:
		if isUp {
			started.Session.Act(house.Act{Kind: house.ActStop})
			started.Session.Act(house.Act{Kind: house.ActRelease})
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
func (p *presence) examined(r house.Report) {
	if l, ok := r.(house.Looked); ok {
		p.bury(l)
		return
	}
	p.hear(r)
}

// hear takes a report of the session.
func (p *presence) hear(r house.Report) {
	switch r := r.(type) {
	case house.Started:
		p.state(up{started: r})
	case house.StartFailed:
		p.state(down{failed: r})
	case house.HandEnded:
		p.state(freed{})
	case house.Offered:
		p.offered(r)
	case house.Looked:
		p.looked(r)
	case house.TurnKnown:
		p.recall(r)
	case house.Said:
		p.event(r.Event)
	}
}

// become moves to another state and tells everybody; why is the cause, a short
// sentence.
func (p *presence) become(to iapeer.PresenceState, f stateFunc, why string) {
	p.disarm(timerState)
	p.state = f
	p.show(to, why)
	if !p.traits.Inbox {
		p.settleAdmission()
	}
}

// show publishes the state and keeps it.
func (p *presence) show(to iapeer.PresenceState, why string) {
	from := p.rec.State
	p.rec.State, p.rec.Cause = to, why
	if from != to {
		p.rec.Since = p.h.Now()
	}
	p.project() // first: who hears of it finds it there
	if from != to {
		p.h.Publish(iapeer.PresenceChanged{Identity: p.id, From: from, To: to, Cause: why, At: p.rec.Since})
	}
	if !p.traits.Inbox && !p.adopting {
		p.h.Board.PutPresence(p.rec, nil)
	}
}

// project writes the read model.
func (p *presence) project() {
	p.h.View.Put(p.id, house.Row{
		Status: iapeer.PresenceStatus{
			Identity: p.id, State: p.rec.State, Since: p.rec.Since, Cause: p.rec.Cause, SessionID: p.rec.SessionID,
			HostPID: p.hostPID, Start: p.began, Attached: p.attached, Typing: p.typing, Open: len(p.mail) + len(p.flights),
		},
		Here: true, Record: p.rec, Generation: p.rec.Generation, Socket: p.socket, Launching: p.launching, Adopted: p.adopted,
		MayLeave: p.mayLeave(), Used: p.used(), Live: p.session != nil || p.rec.State == iapeer.Waking && !p.adopting,
	})
}
