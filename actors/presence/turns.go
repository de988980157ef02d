package presence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// turn is what the session does now, and why: the set of messages it consumed.
type turn struct {
	running    bool
	silent     bool      // the session is idle, and no hook has ended the turn
	since      time.Time // it runs
	id         string
	causes     []cause
	background int      // tasks that go on without a turn
	end        *turnEnd // told by the runtime, not yet settled
}

// cause is one message that a turn consumed.
type cause struct {
	msg     iapeer.Message
	replied bool // the agent sent its sender a message in this turn
}

// turnEnd is how a turn ended.
type turnEnd struct {
	id       string // of the turn, "" if not told
	text     string
	failed   string    // why, "" when it ended well
	resets   time.Time // when a quota that ended it is renewed, zero when none did
	evidence iapeer.Evidence
	at       time.Time // when it was told
}

func (t *turn) add(m iapeer.Message) {
	if !slices.ContainsFunc(t.causes, func(c cause) bool { return c.msg.ID == m.ID }) {
		t.causes = append(t.causes, cause{msg: m})
	}
}

// event takes what the runtime or the host says.
func (p *presence) event(e iapeer.SessionEvent) {
	switch e := e.(type) {
	case iapeer.SessionNamed:
		p.named(e)
	case iapeer.PromptTaken:
		p.prompt(e)
	case iapeer.PromptConsumed:
		for _, id := range e.IDs {
			p.consumed(id, e.Evidence)
		}
	case iapeer.TurnMoved:
		p.moved(e.TurnID, e.Evidence)
	case iapeer.TurnEnded:
		p.proveByTurn(e.TurnID, e.Evidence)
		p.turn.background = e.Background
		p.endTurn(turnEnd{id: e.TurnID, text: e.Text, evidence: e.Evidence})
	case iapeer.TurnFailed:
		p.proveByTurn(e.TurnID, e.Evidence)
		p.endTurn(turnEnd{id: e.TurnID, text: e.Text, failed: e.Reason, resets: e.ResetsAt, evidence: e.Evidence})
	case iapeer.SessionIdle:
		p.idle()
	case iapeer.SessionBusy:
		p.quiet = false
		p.disarm(timerSettle)
		p.sign(moving{})
	case iapeer.SessionWaiting:
		p.state(dialog{what: e})
	case iapeer.SessionCompacted:
		p.compactRecorded()
	case iapeer.SessionComposing:
		p.composing(e.Occupied)
	case iapeer.SessionAttached:
		p.attached = e.Clients
		p.project()
		p.armIdle()
	case iapeer.SessionExited:
		p.awaited, p.dozing = "", ""
		p.state(gone{exit: e})
	case iapeer.ExecDone:
		p.execDone(e)
	}
}

func (p *presence) named(e iapeer.SessionNamed) {
	if e.SessionID == p.rec.SessionID && e.Transcript == p.rec.Transcript {
		return
	}
	p.rec.SessionID, p.rec.Transcript = e.SessionID, e.Transcript
	p.h.Board.PutPresence(p.rec, nil)
	p.project()
}

// prompt takes the proof that the runtime queued a prompt. One that came while
// no turn ran begins a turn.
func (p *presence) prompt(e iapeer.PromptTaken) {
	fromIdle := !p.turn.running
	for _, id := range e.IDs {
		p.taken(id, e.Evidence, e.TurnID, fromIdle)
	}
	p.begin(e.TurnID)
}

// taken records that the runtime queued one message.
func (p *presence) taken(id iapeer.MessageID, e iapeer.Evidence, turnID string, fromIdle bool) {
	f := p.flightFor(id)
	if f == nil || f.state == iapeer.Taken {
		return
	}
	f.state, f.written, f.fromIdle, f.turnID = iapeer.Taken, true, fromIdle, turnID
	p.mark([]iapeer.Mark{{ID: id, Change: iapeer.ChangeTake, Evidence: p.complete(e)}}, nil)
}

// consumed records that a turn consumed one message.
func (p *presence) consumed(id iapeer.MessageID, e iapeer.Evidence) {
	if f := p.flightFor(id); f != nil {
		p.see(f, e)
		p.turn.add(f.msg)
	}
}

// begin notes that a turn runs.
func (p *presence) begin(id string) {
	p.quiet, p.turn.silent = false, false
	p.disarm(timerSettle)
	if !p.turn.running {
		p.turn.running, p.turn.id = true, id
		p.turn.since = time.Now()
		p.h.Publish(iapeer.TurnChanged{Identity: p.id, At: time.Now()})
	}
	p.watchTurn()
	p.sign(moving{})
}

// watchTurn begins anew to wait for a sign of the turn.
func (p *presence) watchTurn() {
	if p.h.Config.StuckTurn > 0 {
		p.arm(timerStuck, p.h.Config.StuckTurn)
	}
}

// stuck tells people of a turn that gives no sign. It goes on: a long command is
// no fault.
func (p *presence) stuck() {
	if p.turn.running {
		p.h.Notify(house.Notice{
			Identity: p.id, Kind: "stuck-turn", Summary: fmt.Sprintf("%s: its turn has given no sign for %s", p.id.Name, p.h.Config.StuckTurn),
			Content: fmt.Sprintf("It runs since %s.\nLook: iapeer screen %s\nEnd the turn: iapeer interrupt %s", p.turn.since.Format("15:04"), p.id.Name, p.id.Name),
		})
	}
}

// moved takes a sign of the running turn: what was taken while idle is now
// seen; the record is asked about the rest.
func (p *presence) moved(turnID string, e iapeer.Evidence) {
	p.proveByTurn(turnID, e)
	late := !p.turn.running && turnID != "" && turnID == p.lastEnd.id // its hook was overtaken by the turn's end
	if p.turn.end == nil && !late {
		p.begin(turnID) // also when it runs: it is a sign
	}
	if len(p.flights) > 0 {
		p.look()
	}
}

// proveByTurn takes a sign of a turn as the proof for what was taken while no
// turn ran.
func (p *presence) proveByTurn(turnID string, e iapeer.Evidence) {
	for _, f := range p.flights {
		if f.fromIdle && f.state == iapeer.Taken && (f.turnID == "" || turnID == "" || f.turnID == turnID) {
			p.see(f, e)
			p.turn.add(f.msg)
		}
	}
}

// endTurn settles a turn the runtime called ended. Messages whose consumption
// is open are looked up first, so that their answer is not missed.
func (p *presence) endTurn(e turnEnd) {
	p.disarm(timerSettle)
	e.at = time.Now()
	p.turn.end, p.lastEnd = &e, e
	if len(p.flights) > 0 && p.session != nil {
		p.look()
		return
	}
	p.finishTurn()
}

// idle takes the word that the session is idle. When a turn was running its end
// should have been told; if it is not told soon, the turn was interrupted.
func (p *presence) idle() {
	p.quiet = true
	switch {
	case p.turn.end != nil: // finishTurn goes on
	case p.turn.running:
		p.arm(timerSettle, p.h.Config.Settle)
	default:
		p.sign(calm{})
		if len(p.flights) > 0 || p.unsettled() {
			p.look() // what was queued has been consumed by now, or never will be
		}
	}
}

func (p *presence) settleTurn() {
	if p.turn.running && p.turn.end == nil {
		p.due, p.turn.silent = true, true
		p.look()
	}
}

// silentEnd ends, as the record tells, a turn that no hook ended; where the record
// tells nothing, a person interrupted it. So does it end what a turn consumed
// whose end was told before the record showed that.
func (p *presence) silentEnd(l house.Looked) {
	if p.turn.end != nil || !p.turn.silent && !p.unsettled() {
		return
	}
	e := turnEnd{failed: "interrupted", evidence: p.evidence("host", "idle without the end of the turn"), at: time.Now()}
	if p.unsettled() {
		e = p.lastEnd
	}
	same := slices.ContainsFunc(p.turn.causes, func(c cause) bool { return slices.Contains(l.Turn.IDs, c.msg.ID) })
	if l.Err == nil && !l.Turn.Open && same {
		e.text, e.failed, e.resets = l.Turn.Text, l.Turn.Cut, l.Turn.Resets
		e.evidence = p.evidence("record", "the end of the turn")
	}
	p.turn.end, p.lastEnd = &e, e
	if e.failed == "interrupted" && l.Composer && p.session != nil && p.attached == 0 && !p.typing {
		p.session.Act(house.Act{Kind: house.ActClear}) // claude puts back what it had not answered: the next message would be sent behind it
	}
}

// unsettled reports whether an idle session consumed messages that no end of a turn
// has settled.
func (p *presence) unsettled() bool {
	return p.quiet && !p.turn.running && len(p.turn.causes) > 0
}

// finishTurn answers, or reports as cut, what the turn consumed.
func (p *presence) finishTurn() {
	t := p.turn
	p.turn = turn{background: t.background}
	p.disarm(timerStuck)
	e := p.complete(t.end.evidence)
	if t.end.failed != "" {
		p.failTurn(t, e)
	} else {
		p.answerTurn(t, e)
	}
	p.h.Publish(iapeer.TurnChanged{Identity: p.id, Ended: true, Failed: t.end.failed, At: time.Now()})
	if t.end.resets.After(p.h.Now()) && p.session != nil {
		p.overQuota(*t.end)
		return
	}
	if p.quiet {
		p.sign(calm{})
		return
	}
	p.state(mailArrived{}) // its hooks still run: the session itself says when it is idle
}

// answerTurn marks what a turn consumed as answered by its last text, unless the
// agent wrote to the sender itself.
func (p *presence) answerTurn(t turn, e iapeer.Evidence) {
	var marks []iapeer.Mark
	for _, c := range t.causes {
		answer := t.end.text
		if c.replied {
			answer = "" // its own message answered
		}
		marks = append(marks, iapeer.Mark{ID: c.msg.ID, Change: iapeer.ChangeAnswer, Evidence: e, Answer: answer})
		p.answerPerson(c, t.end.text)
	}
	p.mark(marks, nil)
}

// failTurn marks what a turn consumed that did not end well. A turn that a quota
// ended goes on after its reset, and the peer is told then what it had begun.
func (p *presence) failTurn(t turn, e iapeer.Evidence) {
	if t.end.resets.After(p.h.Now()) {
		p.cut(t.causes, "quota: "+t.end.failed)
		return
	}
	for _, c := range t.causes {
		p.tellSender(c.msg, "turn failed", fmt.Sprintf("it was seen, but the turn did not end well (%s) %s", t.end.failed, t.end.text),
			[]iapeer.Mark{{ID: c.msg.ID, Change: iapeer.ChangeSee, TurnCut: true, Evidence: e}}, nil)
	}
	if t.end.failed != "interrupted" {
		p.h.Notify(house.Notice{Identity: p.id, Kind: "turn-failed", Summary: fmt.Sprintf("%s: %s", p.id, t.end.failed), Content: t.end.text})
	}
}

// answerPerson puts the last text of a turn into the inbox of a person whose
// message caused it, when the agent did not write to them itself.
func (p *presence) answerPerson(c cause, text string) {
	if c.replied || strings.TrimSpace(text) == "" || !p.h.Sessions.Traits(c.msg.From.Runtime).Inbox {
		return
	}
	p.h.Keep(p.outgoing(c.msg, text, "turn:"+string(c.msg.ID)), nil)
}

// outgoing is a message that this peer sends in answer to another.
func (p *presence) outgoing(to iapeer.Message, body, key string) iapeer.Message {
	now := p.h.Now()
	peer, _ := p.h.Peers.Peer(p.id.Name)
	return iapeer.Message{
		Envelope: iapeer.Envelope{
			ID: iapeer.NewMessageID(), From: p.id, FromNature: peer.Nature, SentAt: now.Truncate(time.Second), Topic: to.Topic,
			Body: clip(body), Conversation: to.Conversation, Hops: to.Hops + 1, Proof: iapeer.ProofSession,
		},
		To: to.From, State: iapeer.Accepted, AcceptedAt: now, ExpiresAt: now.Add(p.h.Config.TTL), Key: key, Caused: to.ID,
	}
}

// clip keeps an answer within the limit of one message.
func clip(s string) string {
	r := []rune(s)
	if len(r) <= iapeer.MaxBodyRunes/2 {
		return s
	}
	const mark = "\n[cut: the answer was longer than a message may be]"
	return string(r[:min(len(r), iapeer.MaxBodyRunes-len(mark))]) + mark
}

// stamp gives a message of this session's turn its cause, conversation and
// hops, accepts it, and notes whom it answers.
func (p *presence) stamp(m house.Stamp) {
	msg := m.Message
	for i := range p.turn.causes {
		c := &p.turn.causes[i]
		msg.Hops = max(msg.Hops, c.msg.Hops+1)
		if msg.Conversation == "" {
			msg.Conversation = c.msg.Conversation
		}
		if c.msg.From.Name == msg.To.Name {
			msg.Caused, msg.Conversation, c.replied = c.msg.ID, c.msg.Conversation, true
		}
	}
	if msg.Conversation == "" {
		msg.Conversation = iapeer.NewConversationID()
	}
	answers, body := msg.Caused, msg.Body
	ev := p.evidence("message", "")
	p.replied = true
	p.h.Accept(msg, func(s house.Submitted) {
		if s.Err == nil && !s.Repeated && answers != "" {
			ev.Detail = "reply " + string(s.Message.ID)
			if s.Held != "" {
				ev.Detail += ", held"
			}
			p.mark([]iapeer.Mark{{ID: answers, Change: iapeer.ChangeAnswer, Evidence: ev, Answer: body}}, nil)
		}
		m.Reply(s)
	})
}

// cutTurn handles the end of a session in the middle of a turn: what it
// consumed is seen, turn cut, and the peer is told once when it is back.
func (p *presence) cutTurn(why string) {
	causes := p.turn.causes
	p.turn = turn{}
	p.cut(causes, why)
}

func (p *presence) cut(causes []cause, why string) {
	if len(causes) == 0 {
		return
	}
	var marks []iapeer.Mark
	var ids []string
	for _, c := range causes {
		marks = append(marks, iapeer.Mark{ID: c.msg.ID, Change: iapeer.ChangeSee, TurnCut: true, Evidence: p.evidence("exit", why)})
		if c.msg.From != iapeer.SystemIdentity() {
			ids = append(ids, string(c.msg.ID))
		}
	}
	p.mark(marks, nil)
	if len(ids) > 0 {
		list := strings.Join(ids, ", ")
		p.h.Tell(p.id, "cut:"+list, "Your last turn was cut ("+why+"). It had begun with "+list+": if that is not done, go on with it.", "", nil)
	}
}
