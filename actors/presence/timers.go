package presence

import "time"

// tick tells that a timer ran out. Stale ones carry an old token.
type tick struct {
	kind  timerKind
	token int64
}

func (tick) presenceMessage() {}

// timerKind tells timers apart; a presence has one of each.
type timerKind int

const (
	timerState    timerKind = iota // the deadline of the current state
	timerEvidence                  // evidence of an offer is due
	timerSettle                    // an idle session whose turn has not ended
	timerReload                    // the mailbox could not be read
	timerOwed                      // offers are to be recorded without their outcome
	timerStuck                     // a turn gave no sign for long
	timerHold                      // a half-typed line keeps mail waiting
	timerReap                      // an ephemeral worker is idle
	timerCompact                   // a compaction takes too long
	timerKinds
)

// arm starts a timer of a kind anew.
func (p *presence) arm(kind timerKind, d time.Duration) {
	p.disarm(kind)
	tell, t := p.outside(), tick{kind: kind, token: p.tokens[kind]}
	p.timers[kind] = time.AfterFunc(d, func() { tell(t) })
}

// disarm makes a timer of a kind silent, also when its message is on the way.
func (p *presence) disarm(kind timerKind) {
	p.tokens[kind] = p.h.NextLine() // no other presence's either, should one take this one's place
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
	case timerStuck:
		p.stuck()
	case timerHold:
		p.held()
	case timerReap:
		p.reap()
	case timerCompact:
		p.compactOverdue()
	case timerKinds:
	}
}
