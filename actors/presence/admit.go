package presence

import (
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/supervisor"
)

// admitted tells that a launch may begin.
type admitted struct{ launch house.Launch }

// queued tells what a launch waits for.
type queued struct {
	generation int64
	why        string
}

func (admitted) presenceMessage() {}
func (queued) presenceMessage()   {}

// askAgain is the pause before a launch asks again to be admitted: the question,
// or its answer, may have been lost with an actor that failed.
const askAgain = 30 * time.Second

// launch asks for the start of a generation that is on record.
func (p *presence) launch(s house.Launch) {
	switch {
	case p.stale(s):
	case p.rec.State == iapeer.Waking:
		p.seekAdmission(s)
	case p.rec.State == iapeer.Parking: // told to end before it began
		p.state(gone{})
	}
}

// stale reports whether nobody wants this launch any more.
func (p *presence) stale(s house.Launch) bool {
	return s.Generation != p.rec.Generation || p.session != nil || p.adopting || p.launching || p.removed
}

// seekAdmission asks to be admitted.
func (p *presence) seekAdmission(s house.Launch) {
	tell := p.outside()
	p.asking = &s
	p.arm(timerState, askAgain)
	p.h.Root.Send(p.h.Admission, admission.Ask{
		Request: admission.Request{ID: p.id, Generation: s.Generation},
		Granted: func() { tell(admitted{launch: s}) },
		Waits:   func(why string) { tell(queued{generation: s.Generation, why: why}) },
	})
}

// admitted starts the host.
func (p *presence) admitted(m admitted) {
	if p.stale(m.launch) || p.rec.State != iapeer.Waking {
		p.h.Root.Send(p.h.Admission, admission.Leave{ID: p.id})
		return
	}
	p.asking, p.queuedFor, p.launching = nil, "", true
	p.arm(timerState, p.h.Config.BootDeadline)
	p.show(iapeer.Waking, "launching "+string(p.id.Runtime))
	p.h.Sessions.Launch(m.launch, p.report(&p.line))
}

// queued shows what the start waits for.
func (p *presence) queued(m queued) {
	if m.generation == p.rec.Generation && p.asking != nil && m.why != "" {
		p.queuedFor = m.why
		p.show(iapeer.Waking, "waits for its turn: "+m.why)
	}
}

// withdrawn gives up a start that was not admitted yet; it reports whether there
// was one.
func (p *presence) withdrawn() bool {
	if p.asking == nil {
		return false
	}
	p.asking, p.queuedFor = nil, ""
	return true
}

// settleAdmission tells who grants starts that this presence moved on.
func (p *presence) settleAdmission() {
	if p.session == nil && !p.launching && p.asking == nil {
		p.h.Root.Send(p.h.Admission, admission.Leave{ID: p.id})
		return
	}
	p.h.Root.Send(p.h.Admission, admission.Changed{})
}

// mayLeave reports whether the session could be ended without anybody missing it.
func (p *presence) mayLeave() bool {
	return p.rec.State == iapeer.Ready && !p.adopting && !p.loading && p.idleEnough() && p.policy().Mode != supervisor.Always
}

// makeRoom ends an idle session for the sake of one that wants to start.
func (p *presence) makeRoom() {
	if p.mayLeave() {
		p.rec.Parked = true
		p.end("parked to make room for another session")
	}
}

// used is when the session last had something to do.
func (p *presence) used() time.Time {
	if p.rec.LastSeen.After(p.rec.Since) {
		return p.rec.LastSeen
	}
	return p.rec.Since
}
