package presence

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// memory knows which messages a presence changed while the mailbox cannot show
// it yet: marks take effect some time after they are made, and a read shows the
// mailbox as it was when the read began. The zero value is ready.
type memory struct {
	mu      sync.Mutex
	pending map[iapeer.MessageID]int  // marks that are not on disk
	touched map[iapeer.MessageID]bool // while a read is under way, nil otherwise
}

// begin notes marks that are being made.
func (y *memory) begin(marks []iapeer.Mark) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.pending == nil {
		y.pending = make(map[iapeer.MessageID]int)
	}
	for _, m := range marks {
		y.pending[m.ID]++
		if y.touched != nil {
			y.touched[m.ID] = true
		}
	}
}

// end notes marks that are on disk.
func (y *memory) end(marks []iapeer.Mark) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, m := range marks {
		if y.pending[m.ID]--; y.pending[m.ID] == 0 {
			delete(y.pending, m.ID)
		}
	}
}

// none reports whether all marks are on disk.
func (y *memory) none() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.pending) == 0
}

// touch notes a message that came while a read is under way.
func (y *memory) touch(id iapeer.MessageID) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.touched != nil {
		y.touched[id] = true
	}
}

// open begins a read.
func (y *memory) open() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.touched = make(map[iapeer.MessageID]bool, len(y.pending))
	for id := range y.pending {
		y.touched[id] = true
	}
}

// close ends a read and returns the messages of which it may show an older
// state.
func (y *memory) close() map[iapeer.MessageID]bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	newer := maps.Clone(y.touched)
	y.touched = nil
	return newer
}

// mark records changes that this presence makes, and before a change of a
// message the offer of it that is still owed.
func (p *presence) mark(marks []iapeer.Mark, then func([]house.Marked)) {
	p.markAfter(func(now func()) { now() }, marks, then)
}

// markAfter is mark once first has called back, from any goroutine: until then
// the marks are on their way.
func (p *presence) markAfter(first func(func()), marks []iapeer.Mark, then func([]house.Marked)) {
	if len(marks) == 0 {
		return
	}
	if len(p.owed) > 0 {
		marks, then = p.settleOwed(marks, then)
	}
	y, h := &p.marks, p.h
	y.begin(marks)
	first(func() {
		h.Mark(marks, func(done []house.Marked) {
			y.end(marks)
			if then != nil {
				then(done)
			}
		})
	})
}

// oweAtMost is how long the offer of a message whose write is its proof may go
// unrecorded: the host answers sooner unless its terminal is stuck.
const oweAtMost = 20 * time.Millisecond

// owe records an offer, where the write is the proof, in the commit of its
// outcome, which mostly follows directly. Nothing is lost with a daemon that dies
// in between: what was offered is known to the host.
func (p *presence) owe(offer iapeer.Mark) {
	if p.owed == nil {
		p.owed = make(map[iapeer.MessageID]iapeer.Mark)
	}
	p.owed[offer.ID] = offer
	if p.timers[timerOwed] == nil {
		p.arm(timerOwed, oweAtMost)
	}
}

// settleOwed puts the owed offers of the messages that marks are about before
// them.
func (p *presence) settleOwed(marks []iapeer.Mark, then func([]house.Marked)) ([]iapeer.Mark, func([]house.Marked)) {
	var before []iapeer.Mark
	for _, m := range marks {
		if offer, ok := p.owed[m.ID]; ok {
			delete(p.owed, m.ID)
			before = append(before, offer)
		}
	}
	if len(before) == 0 || then == nil {
		return append(before, marks...), then
	}
	return append(before, marks...), func(done []house.Marked) { then(done[len(before):]) }
}

// payOwed records what is owed.
func (p *presence) payOwed() {
	p.disarm(timerOwed)
	marks := slices.Collect(maps.Values(p.owed))
	p.owed = nil
	p.mark(marks, nil)
}

// take puts a new message at its place and tells the sender's waiter where.
func (p *presence) take(m iapeer.Message) {
	known := p.flights[m.ID] != nil || slices.ContainsFunc(p.mail, func(o iapeer.Message) bool { return o.ID == m.ID })
	if known {
		return
	}
	if p.loading {
		p.marks.touch(m.ID) // what is being read may be older
	}
	p.mail = append(p.mail, m)
	if len(p.mail) > 1 && p.mail[len(p.mail)-2].Seq > m.Seq {
		slices.SortFunc(p.mail, bySeq)
	}
	if !p.traits.Inbox {
		p.h.Root.Send(p.h.Observers, house.Placed{ID: m.ID, To: p.id, Place: p.place()})
	}
	p.state(mailArrived{})
}

func bySeq(a, b iapeer.Message) int {
	switch {
	case a.Seq < b.Seq:
		return -1
	case a.Seq > b.Seq:
		return 1
	}
	return 0
}

// place says where the message that came last stands.
func (p *presence) place() house.Place {
	w := house.Place{State: p.rec.State, Depth: len(p.mail) + len(p.flights)}
	w.By, w.Next = house.WaitsFor(p.rec.State, p.rec.Cause)
	switch p.rec.State {
	case iapeer.Asleep, iapeer.Waking, iapeer.Parking:
		w.Wait, w.Woke = true, p.rec.State != iapeer.Waking
	case iapeer.Ready:
		w.Wait = true
	case iapeer.Busy, iapeer.Waiting, iapeer.Stopped, iapeer.Resting, iapeer.ByHand:
	}
	switch {
	case p.typing:
		w.Wait, w.By, w.Next = false, "composer", "a person is typing in the session; it is delivered when that line is sent or cleared"
		p.watchHold()
	case p.queuedFor != "":
		w.By, w.Next = "start", "the session waits for its turn to start: "+p.queuedFor
	}
	return w
}

// reload reads the mailbox again.
func (p *presence) reload() {
	if p.traits.Inbox {
		return
	}
	if p.loading {
		p.reread = true // what is being read may be older than the reason to read
		return
	}
	p.read()
}

func (p *presence) read() {
	p.loading, p.reread = true, false
	p.marks.open()
	p.h.Mailbox.Pending(p.id, p.onLoaded())
}

func (p *presence) onLoaded() func([]iapeer.Message, error) {
	tell := p.outside()
	return func(ms []iapeer.Message, err error) { tell(loaded{messages: ms, err: err}) }
}

// load takes the mailbox's word for what is open, except for what the presence
// itself did since: that is not on disk yet, or was not when the disk was read.
func (p *presence) load(m loaded) {
	newer := p.marks.close()
	p.loading = false
	if m.err != nil {
		p.h.Notify(house.Notice{Identity: p.id, Kind: "mailbox", Summary: "mail cannot be read, trying again", Content: m.err.Error()})
		p.arm(timerReload, reloadAfter)
		return
	}
	p.mail = slices.DeleteFunc(p.mail, func(o iapeer.Message) bool { return !newer[o.ID] })
	for id, f := range p.flights { // a person may have settled it
		if f.state == iapeer.Unknown && !newer[id] {
			delete(p.flights, id)
		}
	}
	for _, msg := range m.messages {
		if p.flights[msg.ID] != nil || newer[msg.ID] {
			continue
		}
		switch msg.State {
		case iapeer.Accepted:
			p.mail = append(p.mail, msg)
		case iapeer.Offered, iapeer.Taken, iapeer.Unknown:
			p.flights[msg.ID] = newFlight(msg)
		case iapeer.Seen, iapeer.Answered, iapeer.Held, iapeer.Failed, iapeer.Expired, iapeer.Cancelled, iapeer.Refused:
		}
	}
	slices.SortFunc(p.mail, bySeq)
	if p.reread {
		p.read()
	}
	p.state(mailArrived{})
}

func (p *presence) withdraw(m house.Withdraw) {
	if f := p.flights[m.Mark.ID]; f != nil && f.state != iapeer.Unknown {
		m.Reply(house.Marked{Message: f.msg, Err: &iapeer.ChangeError{State: f.state, Change: m.Mark.Change}})
		return
	}
	p.mail = slices.DeleteFunc(p.mail, func(o iapeer.Message) bool { return o.ID == m.Mark.ID })
	h := p.h
	p.mark([]iapeer.Mark{m.Mark}, func(done []house.Marked) {
		if done[0].Err != nil {
			h.Root.Send(h.Roster, house.WakeMail{To: m.To}) // it is still open
		}
		m.Reply(done[0])
	})
}

// recall reads the messages of a turn that began before a restart.
func (p *presence) recall(t house.TurnKnown) {
	tell, generation := p.outside(), p.rec.Generation
	left := len(t.IDs)
	var causes []iapeer.Message
	var mu sync.Mutex
	for _, id := range t.IDs {
		p.h.Mailbox.Message(id, func(m iapeer.Message, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				causes = append(causes, m)
			}
			if left--; left == 0 {
				tell(recalled{generation: generation, turn: t, causes: causes})
			}
		})
	}
}

// recalled restores the turn of an adopted session: it goes on, or its end was
// missed and is settled now.
func (p *presence) recalled(r recalled) {
	for _, m := range r.causes {
		if f := p.flights[m.ID]; f != nil {
			p.see(f, p.evidence("record", "in the turn of an adopted session"))
			m.State = iapeer.Seen
		}
		if m.To == p.id && m.State == iapeer.Seen {
			p.turn.add(m)
		}
	}
	if r.turn.Open || len(p.turn.causes) == 0 {
		return
	}
	p.turn.end = &turnEnd{text: r.turn.Text, failed: r.turn.Cut, resets: r.turn.Resets, evidence: p.evidence("record", "the end of the turn, read after a restart")}
	p.finishTurn()
}

func (p *presence) expire(m iapeer.Message, now time.Time) {
	p.tellSender(m, "expired", "it was not delivered within its time to live", []iapeer.Mark{
		{ID: m.ID, Change: iapeer.ChangeExpire, Evidence: iapeer.Evidence{Source: "daemon", Detail: "its time to live ran out", At: now}},
	}, nil)
}

// unproven lists the messages whose fate is open.
func (p *presence) unproven() []iapeer.MessageID {
	var ids []iapeer.MessageID
	for _, f := range p.inOrder() {
		ids = append(ids, f.msg.ID)
	}
	return ids
}

// tellSender reports a failure to the sender, once a message, and then records it:
// a daemon that dies in between tells again, which is the same message.
func (p *presence) tellSender(m iapeer.Message, what, why string, marks []iapeer.Mark, then func([]house.Marked)) {
	p.markAfter(func(told func()) {
		p.h.Tell(m.From, what+":"+string(m.ID), fmt.Sprintf("%s to %s %s: %s", m.ID, m.To, what, why), m.ID, told)
	}, marks, then)
}

// noteTopic remembers that a topic belongs to the running conversation.
func (p *presence) noteTopic(topic string) {
	if topic == "" || p.rec.SessionID == "" {
		return
	}
	kept := p.rec.Topics[:0:0]
	for _, t := range p.rec.Topics {
		if t.Topic != topic {
			kept = append(kept, t)
		}
	}
	kept = append(kept, iapeer.TopicSession{Topic: topic, SessionID: p.rec.SessionID})
	p.rec.Topics = kept[max(0, len(kept)-maxTopics):]
	p.h.Board.PutPresence(p.rec, nil)
}

// maxTopics is how many topics a presence remembers.
const maxTopics = 16

// unearth makes flights of suspects that the records show. Where nobody can tell,
// only the first of the mail can have been offered.
func (p *presence) unearth(l house.Looked) {
	if len(p.mail) > 0 && !p.underWay() {
		if first := p.mail[0].ID; l.Lost[first] != (iapeer.Evidence{}) {
			p.flightFor(first)
		}
	}
	for id := range l.Seen {
		p.flightFor(id)
	}
}
