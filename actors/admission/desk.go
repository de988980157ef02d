package admission

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// message is what the desk accepts.
//
//sumtype:decl
type message interface{ message() }

// Ask asks to start a session. Granted is called once, on the desk's goroutine;
// Waits is called each time the reason to wait changes. A repeated Ask of the
// same identity takes the place of the first.
type Ask struct {
	Request
	Granted func()
	Waits   func(why string)
	told    string
}

// Leave tells that an identity neither wants to start any more nor starts.
type Leave struct{ ID iapeer.Identity }

// Changed tells that a session began, became idle or ended.
type Changed struct{}

// again looks once more, because memory comes back without a word.
type again struct{}

func (Ask) message()     {}
func (Leave) message()   {}
func (Changed) message() {}
func (again) message()   {}

// lookAgain is the pause between looks at the memory while somebody waits.
const lookAgain = time.Second

// A Desk is the actor that grants starts. It survives its own restarts: the
// value is the same before and after.
type Desk struct {
	Limits   Limits
	Sessions func() []Session       // what starts and lives now
	Park     func(iapeer.Identity)  // asks a session to make room, if it still can
	Stalled  func() (share float64) // part of the time tasks stall for lack of memory; nil where that cannot be measured
	Inspect  func(message any)      // is shown each message before it is handled

	queue   []Ask
	granted map[iapeer.Identity]int64 // generations that do not show in Sessions yet
	looking bool
}

// Receive implements actor.Actor.
func (d *Desk) Receive(c actor.Context) {
	m, ok := c.Message().(message)
	if !ok {
		return
	}
	d.Inspect(m)
	switch m := m.(type) {
	case Ask:
		d.ask(m)
	case Leave:
		d.leave(m.ID)
	case again:
		d.looking = false
	case Changed:
	}
	d.serve(c)
}

func (d *Desk) ask(m Ask) {
	if g, ok := d.granted[m.ID]; ok && g == m.Generation {
		m.Granted() // the answer was lost with an actor that restarted
		return
	}
	if i := slices.IndexFunc(d.queue, func(q Ask) bool { return q.ID == m.ID }); i >= 0 {
		m.told = d.queue[i].told
		d.queue[i] = m
		return
	}
	d.queue = append(d.queue, m)
}

func (d *Desk) leave(id iapeer.Identity) {
	delete(d.granted, id)
	d.queue = slices.DeleteFunc(d.queue, func(q Ask) bool { return q.ID == id })
}

// serve grants what may start now and tells the rest what it waits for.
func (d *Desk) serve(c actor.Context) {
	sessions := d.sessions()
	if len(d.queue) == 0 {
		return
	}
	requests := make([]Request, len(d.queue))
	for i, q := range d.queue {
		requests[i] = q.Request
	}
	v := d.Limits.Plan(requests, sessions, d.stalled())
	granted := d.queue[:v.Granted]
	d.queue = append([]Ask(nil), d.queue[v.Granted:]...)
	for _, q := range granted {
		if d.granted == nil {
			d.granted = make(map[iapeer.Identity]int64)
		}
		d.granted[q.ID] = q.Generation
		q.Granted()
	}
	for i := range d.queue {
		if q := &d.queue[i]; q.told != v.Why {
			q.told = v.Why
			q.Waits(v.Why)
		}
	}
	for _, id := range v.Park {
		d.Park(id)
	}
	if len(d.queue) > 0 && d.Stalled != nil && !d.looking {
		d.looking = true
		root, self := c.ActorSystem().Root, c.Self()
		time.AfterFunc(lookAgain, func() { root.Send(self, again{}) })
	}
}

// sessions adds to what shows what was granted and does not show yet.
func (d *Desk) sessions() []Session {
	list := d.Sessions()
	for _, s := range list {
		if g, ok := d.granted[s.ID]; ok && s.Generation >= g {
			delete(d.granted, s.ID)
		}
	}
	for id, g := range d.granted {
		list = append(list, Session{ID: id, Generation: g, Starting: true})
	}
	return list
}

func (d *Desk) stalled() float64 {
	if d.Stalled == nil {
		return 0
	}
	return d.Stalled()
}
