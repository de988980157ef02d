package actors

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// host is a session host with the program in it. It outlives daemons, executes
// an offer whole and at most once an attempt, and tells its last word.
type host struct {
	w            *world
	k            *script
	id           iapeer.Identity
	traits       house.Traits
	generation   int64
	pid          int
	conversation string
	resumed      bool
	dead         chan struct{}
	offers       chan *order
	work         chan struct{} // there is something in the queue

	// under w.mu
	conns                     []*conn
	listening                 bool
	prompt                    bool // it has been ready
	busy, dialog, interrupted bool
	attached                  int
	since                     time.Time // of the dialog
	known                     map[iapeer.MessageID]house.Known
	under                     map[iapeer.MessageID]*order // offers that have no result yet
	outcomes                  map[iapeer.MessageID]iapeer.ExecDone
	composer, queue           []iapeer.Message
	hooks                     []iapeer.SessionEvent // kept while no daemon answers
	turns                     int
}

// order is one offer on its way.
type order struct {
	m       iapeer.Message
	attempt int
	reports []func(house.Report) // w.mu
}

// newHost makes a host that holds its lock. w.mu is held.
func newHost(w *world, l house.Launch, k *script) *host {
	w.keys++
	h := &host{
		w: w, k: k, id: l.Identity, traits: traitsOf[l.Identity.Runtime], generation: l.Generation, pid: 1000 + w.keys,
		conversation: fmt.Sprintf("s-%d", w.keys), dead: make(chan struct{}), offers: make(chan *order, 4096), work: make(chan struct{}, 1),
		known: map[iapeer.MessageID]house.Known{}, under: map[iapeer.MessageID]*order{}, outcomes: map[iapeer.MessageID]iapeer.ExecDone{},
	}
	resume := l.Mode == house.StartResume || l.Mode == house.StartNatural && l.Presence.Parked && !l.Presence.FreshNext
	if resume && w.records[l.Presence.SessionID] != nil {
		h.conversation, h.resumed = l.Presence.SessionID, true
	}
	return h
}

func (h *host) over() bool {
	select {
	case <-h.dead:
		return true
	default:
		return false
	}
}

// sleep reports whether the host still lives after d.
func (h *host) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return !h.over()
	case <-h.dead:
		return false
	}
}

// say tells the daemon that is connected.
func (h *host) say(events ...iapeer.SessionEvent) {
	h.w.mu.Lock()
	h.conns = slices.DeleteFunc(h.conns, func(c *conn) bool { return c.released })
	conns := slices.Clone(h.conns)
	h.w.mu.Unlock()
	for _, c := range conns {
		for _, e := range events {
			c.report(house.Said{Event: e})
		}
	}
}

// hook lets the program wait until a daemon took its word; the host keeps what
// none took, unless the script says that the runtime does not repeat itself.
func (h *host) hook(events ...iapeer.SessionEvent) {
	h.w.mu.Lock()
	lost := h.k.loseHooks
	h.w.mu.Unlock()
	if lost {
		return
	}
	if d := h.w.live(); d != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if d.sys.Hook(ctx, h.id, h.generation, events) == nil && !d.dead.Load() {
			return
		}
	}
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.hooks = append(h.hooks, events...)
}

// adopted gives a new daemon what the old one missed.
func (h *host) adopted(c *conn) {
	h.w.mu.Lock()
	h.conns = append(h.conns, c)
	var known []house.Known
	for _, k := range h.known {
		known = append(known, k)
	}
	hooks := h.hooks
	h.hooks = nil
	var done []iapeer.ExecDone
	for _, o := range h.outcomes {
		done = append(done, o)
	}
	turn := h.w.conversation(h.conversation).turn
	h.w.mu.Unlock()
	c.report(house.Started{
		Session: c, SessionID: h.conversation, Resumed: true, Adopted: true, Cause: "adopted", HostPID: h.pid, Socket: "/run/" + h.id.String(), Known: known,
	})
	for _, o := range done {
		c.report(house.Said{Event: o})
	}
	for _, e := range hooks {
		c.report(house.Said{Event: e})
	}
	if len(turn.IDs) > 0 {
		c.report(turn)
	}
	h.settled()
}

// settled tells what the screen shows at rest.
func (h *host) settled() {
	if h.traits.Exec || h.traits.WriteIsEvidence {
		return
	}
	h.w.mu.Lock()
	ready, busy, dialog := h.prompt, h.busy, h.dialog
	h.w.mu.Unlock()
	switch {
	case dialog:
		h.say(iapeer.SessionWaiting{For: "a question"})
	case busy:
		h.say(iapeer.SessionBusy{})
	case ready:
		h.say(iapeer.SessionIdle{})
	}
}

// die ends the host. A killed one has no last word.
func (h *host) die(e iapeer.SessionExited, lastWord bool) {
	h.w.mu.Lock()
	if h.over() {
		h.w.mu.Unlock()
		return
	}
	close(h.dead)
	clear(h.w.conversation(h.conversation).taken) // what the program had not read is gone with it
	if h.w.hosts[h.id] == h {
		delete(h.w.hosts, h.id)
	}
	if lastWord {
		h.w.words[h.id] = append(h.w.words[h.id], lastWordOf(h))
	} else if h.traits.Exec {
		h.w.words[h.id] = append(h.w.words[h.id], lastWord0(h)) // outcomes are files of their own
	}
	h.w.mu.Unlock()
	h.say(e)
}

func lastWordOf(h *host) lastWord {
	return lastWord{generation: h.generation, known: maps.Clone(h.known), outcomes: maps.Clone(h.outcomes)}
}

func lastWord0(h *host) lastWord {
	return lastWord{generation: -1, outcomes: maps.Clone(h.outcomes)}
}

func (h *host) crash(lastWord bool) {
	h.die(iapeer.SessionExited{Code: -1, Signal: "SIGKILL"}, lastWord)
}

// count takes one from a counter of the script. w.mu is held.
func count(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

// writer executes offers one after the other.
func (h *host) writer() {
	for {
		select {
		case <-h.dead:
			return
		case o := <-h.offers:
			h.write(o)
		}
	}
}

// admit takes an offer in, unless this attempt or a later one is known: then it
// tells what is recorded, now or when the offer under way has its result.
func (h *host) admit(m iapeer.Message, attempt int, report func(house.Report)) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if o := h.under[m.ID]; o != nil {
		o.reports = append(o.reports, report)
		return
	}
	if k, ok := h.known[m.ID]; ok && k.Attempt >= attempt {
		go report(house.Offered{ID: m.ID, Attempt: k.Attempt, Written: k.Written, Begun: k.Begun, Detail: "told before", At: time.Now()})
		return
	}
	o := &order{m: m, attempt: attempt, reports: []func(house.Report){report}}
	h.under[m.ID] = o
	h.known[m.ID] = house.Known{ID: m.ID, Attempt: attempt, Begun: true}
	h.offers <- o
}

// told ends an offer and tells whoever waits for its result. w.mu is held.
func (h *host) told(o *order, r house.Offered) (tell func()) {
	delete(h.under, o.m.ID)
	r.ID, r.Attempt, r.At = o.m.ID, o.attempt, time.Now()
	return func() {
		for _, report := range o.reports {
			report(r)
		}
	}
}

func (h *host) write(o *order) {
	w, id := h.w, o.m.ID
	w.mu.Lock()
	if count(&h.k.notBegun) {
		delete(h.known, id)
		tell := h.told(o, house.Offered{Detail: "somebody types"})
		w.mu.Unlock()
		tell()
		return
	}
	midOffer := count(&h.k.dieMidOffer)
	w.mu.Unlock()
	if !h.sleep(h.k.write / 2) {
		return
	}
	if midOffer {
		h.crash(true)
		return
	}
	if !h.sleep(h.k.write / 2) {
		return
	}
	w.mu.Lock()
	if h.over() {
		w.mu.Unlock()
		return
	}
	w.typing(h, o.m, o.attempt)
	h.known[id] = house.Known{ID: id, Attempt: o.attempt, Begun: true, Written: true}
	tell := h.told(o, house.Offered{Written: true, Begun: true, Detail: "written", PID: h.pid})
	press := false
	switch {
	case h.traits.Exec:
		w.consume(h, o.m)
		go h.run(o.m)
	case h.traits.WriteIsEvidence:
		w.consume(h, o.m)
	case count(&h.k.losePaste):
	default:
		h.composer = append(h.composer, o.m)
		press = true
	}
	w.mu.Unlock()
	tell()
	if press {
		h.enter()
	}
}

// run is one exec process.
func (h *host) run(m iapeer.Message) {
	if !h.sleep(h.k.turn) {
		return
	}
	o := iapeer.ExecDone{ID: m.ID, PID: h.pid, ReadBytes: len(m.Body), At: time.Now()}
	if h.k.text != nil {
		o.Answer = h.k.text(m)
	}
	if h.k.fail != nil {
		o.Code = h.k.fail(m)
		o.Stderr = "it did not work"
	}
	h.w.mu.Lock()
	h.outcomes[m.ID] = o
	h.w.mu.Unlock()
	h.say(o)
}
