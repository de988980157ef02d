// Package actors is the living part of the daemon: a router that decides, a
// roster that owns the peers, one peer actor per registered peer, one presence
// actor per runtime that a peer is used on, observers, and notices.
//
//	root
//	├─ router              name → peer; checks a draft; holds nobody's state
//	├─ roster              owns peers; takes onboarding orders
//	│   └─ <name>          one peer
//	│       └─ <runtime>   one presence: the state machine of a session
//	├─ observers           event fan-out, replay, callers waiting for evidence
//	└─ notices             what people must know
//
// What is accepted lives in the [Mailbox], never only in a queue: an actor that
// restarts reads its mail again, asks the session host what was typed, and asks
// the runtime's record what was seen, exactly as after a restart of the daemon.
// Therefore actors are addressed by name, never by a kept PID, and a report of a
// session carries the generation of the launch it belongs to.
//
// Receive never blocks: ports start their work and report through a callback,
// which posts a message. Everything outside the package is reached through the
// interfaces in ports.go. To add a state to the presence, write its function in
// a file of its own and name it in the transition that leads to it.
package actors

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// Config are the system's limits. Zero durations take the defaults of
// [Config.withDefaults].
type Config struct {
	Idle         time.Duration // a ready session without mail is parked after this long; default 1 h
	BootDeadline time.Duration // from launch to ready; default 240 s
	Evidence     time.Duration // from written to the first look at the record; default 1.5 s
	Settle       time.Duration // an idle session without an end of turn: the turn was interrupted; default 2 s
	CrashMax     int           // deaths within CrashWindow that lead to rest; default 3
	CrashWindow  time.Duration // default 300 s
	TTL          time.Duration // of an accepted message; default iapeer.DefaultTTL
	Wait         time.Duration // bounded wait of a send; default 20 s
}

func (c Config) withDefaults() Config {
	orDuration := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	orDuration(&c.Idle, time.Hour)
	orDuration(&c.BootDeadline, 240*time.Second)
	orDuration(&c.Evidence, 1500*time.Millisecond)
	orDuration(&c.Settle, 2*time.Second)
	orDuration(&c.CrashWindow, 300*time.Second)
	orDuration(&c.TTL, iapeer.DefaultTTL)
	orDuration(&c.Wait, 20*time.Second)
	if c.CrashMax <= 0 {
		c.CrashMax = 3
	}
	return c
}

// Ports are what the system needs of the world. All are required.
type Ports struct {
	Mailbox   Mailbox
	Board     Board
	Peers     Peers
	Sessions  Sessions
	Onboarder Onboarder
	Log       *zap.Logger
}

// house is what every actor shares: immutable after start.
type house struct {
	cfg      Config
	mailbox  Mailbox
	board    Board
	peers    Peers
	sessions Sessions
	onboard  Onboarder
	log      *zap.Logger
	root     *actor.RootContext
	view     *View
	epoch    int64
	seq      atomic.Uint64                       // of the last event; only the observers actor adds to it
	lines    atomic.Int64                        // report callbacks handed out; tells one line from another
	probe    func(actorKind string, message any) // tests inject panics here; nil otherwise

	router, roster, observers, notices *actor.PID
}

// inspect lets a test look at, or panic on, a message.
func (h *house) inspect(kind string, message any) {
	if h.probe != nil {
		h.probe(kind, message)
	}
}

func (h *house) publish(e iapeer.Event) { h.root.Send(h.observers, publish{event: e}) }

func (h *house) notify(n Notice) { h.root.Send(h.notices, raise{notice: n}) }

// presence returns the address of a presence. It is a name, made anew for each
// use: a restarted parent gives its children other processes.
func (h *house) presence(id iapeer.Identity) *actor.PID {
	return actor.NewPID(h.roster.Address, h.roster.Id+"/"+string(id.Name)+"/"+string(id.Runtime))
}

// post sends a message to a presence: straight to it when it is there, else by
// way of the roster, which spawns it. A presence that is spawned reads its mail,
// so what is durable before it is posted is met in one way or the other.
func (h *house) post(to iapeer.Identity, m rosterMessage) {
	pid := h.presence(to)
	_, there := h.root.ActorSystem().ProcessRegistry.GetLocal(pid.Id)
	switch _, delivers := m.(deliver); {
	case !there:
		h.root.Send(h.roster, m)
	case delivers && h.sessions.Traits(to.Runtime).Inbox: // it stays in the mailbox, whatever else there is
	default:
		h.root.Send(pid, m)
	}
}

// mark records changes and publishes each one that took effect; then, if given,
// is called with the outcome.
func (h *house) mark(marks []iapeer.Mark, then func([]Marked)) {
	if len(marks) == 0 {
		return
	}
	h.mailbox.Mark(marks, func(done []Marked) {
		for i, d := range done {
			if d.Err == nil && d.Changed {
				h.publish(changed(d.Message, marks[i].Change, marks[i].Evidence))
			}
			if d.Err != nil {
				h.log.Warn("cannot mark", zap.String("id", string(marks[i].ID)), zap.String("change", string(marks[i].Change)), zap.Error(d.Err))
			}
		}
		if then != nil {
			then(done)
		}
	})
}

func changed(m iapeer.Message, c iapeer.Change, e iapeer.Evidence) iapeer.MessageChanged {
	return iapeer.MessageChanged{ID: m.ID, From: m.From, To: m.To, State: m.State, Change: c, Evidence: e, Topic: m.Topic, Len: len(m.Body)}
}

// accept stores a message and, once it is durable, hands it to its recipient.
// reply may be nil.
func (h *house) accept(m iapeer.Message, reply func(submitted)) {
	h.mailbox.Append(m, func(stored iapeer.Message, repeated bool, err error) {
		if err == nil && !repeated {
			h.publish(changed(stored, "", iapeer.Evidence{Source: "daemon", Detail: "on disk", At: stored.AcceptedAt}))
			h.post(stored.To, deliver{message: stored})
		}
		if reply != nil {
			reply(submitted{message: stored, repeated: repeated, err: err})
		}
	})
}

// system is the sender of what the daemon itself has to say.
var system = iapeer.SystemIdentity()

// tell sends a message from the daemon itself. key makes it happen once.
func (h *house) tell(to iapeer.Identity, key, body string, caused iapeer.MessageID) {
	if to == system || to.Name == "" {
		return
	}
	now := time.Now()
	h.accept(iapeer.Message{
		Envelope: iapeer.Envelope{ID: iapeer.NewMessageID(), From: system, FromNature: iapeer.Absent, SentAt: now, Body: body, Proof: iapeer.ProofSystem},
		To:       to, State: iapeer.Accepted, AcceptedAt: now, ExpiresAt: now.Add(h.cfg.TTL), Key: key, Caused: caused,
	}, nil)
}

// noticeMessage is what the notices actor accepts.
//
//sumtype:decl
type noticeMessage interface{ noticeMessage() }

// raise asks for a notice. A repeat within the board's window only counts.
type raise struct{ notice Notice }

// raised tells that the board has it.
type raised struct {
	notice Notice
	id     string
	first  bool
}

func (raise) noticeMessage()  {}
func (raised) noticeMessage() {}

// notices puts what people must know on the board and tells the observers.
type notices struct{ h *house }

// Receive implements actor.Actor.
func (n *notices) Receive(c actor.Context) {
	n.h.inspect("notices", c.Message())
	if m, ok := c.Message().(noticeMessage); ok {
		n.handle(c, m)
	}
}

func (n *notices) handle(c actor.Context, m noticeMessage) {
	switch m := m.(type) {
	case raise:
		self, root := c.Self(), c.ActorSystem().Root
		n.h.board.RaiseNotice(m.notice, func(id string, first bool) {
			root.Send(self, raised{notice: m.notice, id: id, first: first})
		})
	case raised:
		if m.first {
			n.h.publish(iapeer.NoticeRaised{
				ID: m.id, Peer: m.notice.Identity.Name, Runtime: m.notice.Identity.Runtime,
				Kind: m.notice.Kind, Summary: m.notice.Summary, At: time.Now(),
			})
		}
	}
}
