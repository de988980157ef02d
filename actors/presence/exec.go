package presence

import (
	"fmt"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// execDone takes the outcome of an exec message.
func (p *presence) execDone(e iapeer.ExecDone) {
	f := p.flightFor(e.ID)
	session := p.session
	ack := func() {
		if session != nil {
			session.Act(house.Act{Kind: house.ActAckExec, ID: e.ID})
		}
	}
	recorded := func(done []house.Marked) {
		if house.Recorded(done) {
			ack() // the host keeps the outcome until then: it is the only proof
		}
	}
	if f == nil {
		ack() // settled before: the acknowledgement was lost
		return
	}
	p.land(e.ID)
	p.rec.LastSeen = e.At
	ev := iapeer.Evidence{Source: "exit", Detail: execWords(e), Session: fmt.Sprintf("pid:%d", e.PID), At: e.At}
	switch {
	case e.Code != 0 || e.Signal != "":
		ev.Detail += "; " + strings.TrimSpace(e.Stderr)
		p.tellSender(f.msg, "failed", ev.Detail, []iapeer.Mark{{ID: e.ID, Change: iapeer.ChangeFail, Evidence: ev}}, recorded)
	case strings.TrimSpace(e.Answer) == "":
		p.mark([]iapeer.Mark{{ID: e.ID, Change: iapeer.ChangeSee, Evidence: ev}, {ID: e.ID, Change: iapeer.ChangeAnswer, Evidence: ev}}, recorded)
	default:
		p.execAnswer(f.msg, e, ev, recorded)
	}
	p.state(calm{})
}

// execAnswer sends the command's output to the sender before the outcome is
// recorded, so that a crash between the two repeats the send, which its key
// makes harmless. An answer is never answered by itself: two commands would
// talk for ever.
func (p *presence) execAnswer(m iapeer.Message, e iapeer.ExecDone, ev iapeer.Evidence, recorded func([]house.Marked)) {
	text := strings.TrimSuffix(e.Answer, "\n")
	marks := []iapeer.Mark{
		{ID: e.ID, Change: iapeer.ChangeSee, Evidence: ev},
		{ID: e.ID, Change: iapeer.ChangeAnswer, Evidence: ev, Answer: text},
	}
	if m.Caused != "" || m.From == iapeer.SystemIdentity() {
		p.mark(marks, recorded)
		return
	}
	answer := p.outgoing(m, text, "answer:"+string(m.ID))
	h, id := p.h, p.id
	p.markAfter(func(sent func()) {
		h.Keep(answer, func(s house.Submitted) {
			if s.Err != nil {
				h.Notify(house.Notice{Identity: id, Kind: "answer-lost", Summary: fmt.Sprintf("the answer to %s could not be sent: %v", m.ID, s.Err), Content: text})
			}
			sent()
		})
	}, marks, recorded)
}

func execWords(e iapeer.ExecDone) string {
	w := fmt.Sprintf("process %d read %d bytes, ", e.PID, e.ReadBytes)
	if e.Signal != "" {
		return w + "killed by " + e.Signal
	}
	return w + fmt.Sprintf("exit %d", e.Code)
}
