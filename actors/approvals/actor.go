package approvals

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// Bounds of what the desk holds. A session that asks more than that at once is
// denied.
const (
	maxOpen   = 64  // requests of one identity that wait
	maxRecent = 256 // decided ones whose asker may come back
)

// reloadAfter is the pause before the board is read again after an error.
const reloadAfter = time.Second

// desk is the actor.
type desk struct {
	cfg    Config
	life   int64 // tells this desk from one before it
	self   *actor.PID
	root   *actor.RootContext
	state  func(deskMessage)
	stash  []deskMessage // until the board is read
	byID   map[string]*request
	byKey  map[string]*request
	order  []*request // oldest first
	grants []iapeer.Grant

	lastApproval, lastGrant int64
}

func newDesk(cfg Config) *desk {
	return &desk{cfg: cfg, life: rand.Int64(), byID: make(map[string]*request), byKey: make(map[string]*request)}
}

// Receive implements actor.Actor.
func (d *desk) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		d.self, d.root = c.Self(), c.ActorSystem().Root
		d.state = d.loading
		d.load()
	case *actor.Restarting:
		d.leave(func(_ *request, w *waiter) { w.tell(told{again: true}) })
	case *actor.Stopping:
		d.leave(d.goodbye)
	case deskMessage:
		defer answerPanic(m)
		if d.cfg.probe != nil {
			d.cfg.probe(m)
		}
		d.state(m)
	}
}

// leave stops all timers and gives each waiter its last word.
func (d *desk) leave(last func(*request, *waiter)) {
	for _, r := range d.order {
		r.disarm()
		for _, w := range r.waiters {
			last(r, w)
		}
	}
	for _, m := range d.stash {
		if a, ok := m.(asked); ok {
			last(&request{returns: a.q.Returns, rec: a.q.Approval}, a.by)
			continue
		}
		d.refuse(m, iapeer.ErrShuttingDown)
	}
}

// goodbye tells a waiter that the daemon stops. Who cannot come back is gone.
func (d *desk) goodbye(r *request, w *waiter) {
	if r.returns {
		w.tell(told{err: iapeer.ErrShuttingDown})
		return
	}
	if !r.kept {
		w.tell(told{answer: Answer{Reason: "the daemon is stopping"}})
		return
	}
	gone := r.rec
	gone.State, gone.Reason, gone.By, gone.Via, gone.Resolved = iapeer.ApprovalGone, "the daemon is stopping", "iapeer", "daemon", d.cfg.Clock.Now()
	d.cfg.Board.KeepApproval(gone, nil, func(error) {}) // else the next start finds nobody who waits
	w.tell(told{answer: Answer{ID: gone.ID, Reason: gone.Reason}})
}

func (d *desk) post(m deskMessage) { d.root.Send(d.self, m) }

func (d *desk) load() {
	life := d.life
	go func() {
		kept, err := d.cfg.Board.Load()
		d.post(loaded{kept: kept, err: err, life: life})
	}()
}

// loading keeps what comes until it is known what waits.
func (d *desk) loading(m deskMessage) {
	switch m := m.(type) {
	case loaded:
		if m.life != d.life {
			return
		}
		if m.err != nil {
			d.cfg.Log.Error("cannot read the approvals", zap.Error(m.err))
			err := fmt.Errorf("the approvals cannot be read: %w", m.err)
			d.unstash(func(m deskMessage) { d.refuse(m, err) })
			d.cfg.Clock.AfterFunc(reloadAfter, d.load)
			return
		}
		d.restore(m.kept)
		d.state = d.serving
		d.unstash(d.serving)
	case asked, left, decide, list, revoke, observed, written, granted, lapsed:
		d.stash = append(d.stash, m)
	}
}

func (d *desk) unstash(serve func(deskMessage)) {
	stash := d.stash
	d.stash = nil
	for _, m := range stash {
		serve(m)
	}
}

// refuse answers a message that cannot be served.
func (d *desk) refuse(m deskMessage, err error) {
	switch m := m.(type) {
	case asked:
		m.by.tell(told{err: err, answer: Answer{Reason: err.Error()}})
	case decide:
		m.reply(Decided{}, err)
	case list:
		m.reply(Kept{}, err)
	case revoke:
		m.reply(iapeer.Grant{}, err)
	case written:
		m.change.reply(Decided{Approval: m.change.next, Grant: m.change.given}, m.err)
	case granted:
		m.reply(m.grant, m.err)
	case left, observed, loaded, lapsed:
	}
}

// restore takes up what the board holds. Who waited has some time to come back.
func (d *desk) restore(k Kept) {
	d.lastApproval, d.lastGrant = k.LastApproval, k.LastGrant
	d.grants = k.Grants
	for _, a := range k.Approvals {
		r := &request{rec: a, kept: true, returns: true}
		d.enter(r)
		if a.State == iapeer.ApprovalOpen {
			d.arm(r, timerGrace, d.cfg.Claim)
			d.arm(r, timerLimit, a.Expires.Sub(d.cfg.Clock.Now()))
			d.waits(a.Identity, a.Generation)
		}
	}
}

// serving is the desk's state once it knows what waits.
func (d *desk) serving(m deskMessage) {
	switch m := m.(type) {
	case asked:
		d.ask(m)
	case left:
		d.left(m.by)
	case decide:
		d.decide(m)
	case list:
		m.reply(d.list(), nil)
	case revoke:
		d.revoke(m)
	case observed:
		d.observe(m)
	case written:
		d.written(m)
	case granted:
		m.reply(m.grant, m.err)
	case lapsed:
		d.lapsed(m)
	case loaded:
	}
}

func (d *desk) list() Kept {
	k := Kept{Grants: slices.Clone(d.validGrants()), LastApproval: d.lastApproval, LastGrant: d.lastGrant}
	for _, r := range d.order {
		if r.kept && r.rec.State.Pending() {
			k.Approvals = append(k.Approvals, r.rec)
		}
	}
	return k
}

// enter adds a request, and forgets the oldest decided one when there are many.
func (d *desk) enter(r *request) {
	d.order = append(d.order, r)
	d.byID[r.rec.ID] = r
	if r.rec.Key != "" {
		d.byKey[r.rec.Key] = r
	}
	decided := 0
	for _, o := range d.order {
		if !o.rec.State.Pending() {
			decided++
		}
	}
	if decided <= maxRecent {
		return
	}
	if i := slices.IndexFunc(d.order, func(o *request) bool { return !o.rec.State.Pending() && o.writing == nil }); i >= 0 {
		d.forget(d.order[i])
	}
}

func (d *desk) forget(r *request) {
	d.order = slices.DeleteFunc(d.order, func(o *request) bool { return o == r })
	delete(d.byID, r.rec.ID)
	if d.byKey[r.rec.Key] == r {
		delete(d.byKey, r.rec.Key)
	}
}

// waits tells a session's presence what is asked first, or that nothing is.
func (d *desk) waits(id iapeer.Identity, generation int64) {
	what := ""
	for _, r := range d.order {
		if r.kept && r.rec.State == iapeer.ApprovalOpen && r.rec.Identity == id && r.rec.Generation == generation {
			what = "approval " + r.rec.ID + ": " + r.rec.Tool
			break
		}
	}
	d.cfg.World.Waits(id, generation, what)
}

func (d *desk) nextID() string {
	d.lastApproval++
	return "a" + strconv.FormatInt(d.lastApproval, 10)
}
