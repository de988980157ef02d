// Package house is what all actors share: the [Config], the [Ports] through which
// they reach the world, the messages that actors of different packages send each
// other, the [View] for readers that cannot wait for an actor, and the [House]
// itself, which accepts and marks messages, posts them to presences, and tells
// observers and notices.
//
// The messages of a receiver that only its own package sends stand beside that
// receiver. Each set of messages is sealed here: [PeerMessage] for roster, peer
// and presence, [Happening] for the observers, [Report] for what a session tells
// its presence, and [Raise] alone for the notices.
package house

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/loop"
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

	Quiet     time.Duration    // an ephemeral session that has replied ends after so long; default 20 s
	Unarmed   time.Duration    // one that has not, after so long without a sign; default 10 min
	Hold      time.Duration    // a half-typed line keeps mail waiting: people are told; default 2 min
	StuckTurn time.Duration    // a turn without a sign: people are told; 0: not looked at
	Loop      loop.Limits      // of agents that answer each other; the zero value sets none
	Admission admission.Limits // of sessions that start and live; the zero value sets none

	// Wall is the clock on the wall, by which messages expire and rests end; it may
	// be set at any time. Default time.Now, without its monotonic reading.
	Wall func() time.Time
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
	orDuration(&c.Quiet, 20*time.Second)
	orDuration(&c.Unarmed, 10*time.Minute)
	orDuration(&c.Hold, 2*time.Minute)
	if c.CrashMax <= 0 {
		c.CrashMax = 3
	}
	if c.Wall == nil {
		c.Wall = func() time.Time { return time.Now().Round(0) }
	}
	return c
}

// House is what every actor shares. What is exported is set before the first
// message is handled and not changed afterwards; its methods may be called from
// any goroutine.
type House struct {
	Ports

	Config Config // with its defaults
	Root   *actor.RootContext
	View   *View
	Epoch  int64                               // tells this run of the system from others: Unix milliseconds of its start
	seq    atomic.Uint64                       // of the last event
	lines  atomic.Int64                        // numbers handed out
	probe  func(actorKind string, message any) // tests inject panics here; nil otherwise

	// The addresses of the actors that there is one of, set when the system starts.
	Router, Roster, Observers, Notices, Loops, Admission *actor.PID
}

// New makes the house of a system that starts now. probe, which may be nil, is
// shown each message before it is handled, with the kind of its actor.
func New(cfg Config, ports Ports, root *actor.RootContext, probe func(actorKind string, message any)) *House {
	return &House{Ports: ports, Config: cfg.withDefaults(), Root: root, View: newView(), Epoch: time.Now().UnixMilli(), probe: probe}
}

// Now is the time on the wall.
func (h *House) Now() time.Time { return h.Config.Wall() }

// NextSeq numbers an event. Only the observers actor calls it.
func (h *House) NextSeq() uint64 { return h.seq.Add(1) }

// NextLine tells one report callback, or one setting of a timer, from another.
func (h *House) NextLine() int64 { return h.lines.Add(1) }

// Inspect lets a test look at, or panic on, a message.
func (h *House) Inspect(kind string, message any) {
	if h.probe != nil {
		h.probe(kind, message)
	}
}

// Publish tells the observers of an event.
func (h *House) Publish(e iapeer.Event) { h.Root.Send(h.Observers, Publish{Event: e}) }

// Notify asks for a notice.
func (h *House) Notify(n Notice) { h.Root.Send(h.Notices, Raise{Notice: n}) }

// Presence returns the address of a presence. It is a name, made anew for each
// use: a restarted parent gives its children other processes.
func (h *House) Presence(id iapeer.Identity) *actor.PID {
	return actor.NewPID(h.Roster.Address, h.Roster.Id+"/"+string(id.Name)+"/"+string(id.Runtime))
}

// Post sends a message to a presence: straight to it when it is there, else by
// way of the roster, which spawns it. A presence that is spawned reads its mail,
// so what is durable before it is posted is met in one way or the other.
func (h *House) Post(to iapeer.Identity, m PeerMessage) {
	pid, there := h.Presence(to), h.View.Here(to)
	switch _, delivers := m.(Deliver); {
	case !there:
		h.Root.Send(h.Roster, m)
	case delivers && h.Sessions.Traits(to.Runtime).Inbox: // it stays in the mailbox, whatever else there is
	default:
		h.Root.Send(pid, m)
	}
}

// Hand gives a presence what only its own package can say, by the way that
// [House.Post] takes.
func (h *House) Hand(to iapeer.Identity, m any) {
	if !h.View.Here(to) {
		h.Root.Send(h.Roster, Relay{To: to, Message: m})
		return
	}
	h.Root.Send(h.Presence(to), m)
}

// stuckPause is the pause before what the disk did not take is tried again.
const stuckPause = 2 * time.Second

// stuck tells that the disk did not take something, and tries again.
func (h *House) stuck(why error, again func()) {
	h.Log.Error("the mailbox cannot be written, trying again", zap.Error(why))
	h.Notify(Notice{Kind: "store", Summary: "messages and their states cannot be stored, trying again", Content: why.Error()})
	time.AfterFunc(stuckPause, again)
}

// Mark records changes and publishes each one that took effect; then, if given,
// is called with the outcome. What the disk does not take is tried again until it
// does, because evidence that is lost lets a message run twice.
func (h *House) Mark(marks []iapeer.Mark, then func([]Marked)) {
	if len(marks) == 0 {
		return
	}
	h.Mailbox.Mark(marks, func(done []Marked) {
		if untaken(done) {
			h.stuck(done[0].Err, func() { h.Mark(marks, then) })
			return
		}
		for i, d := range done {
			if d.Err == nil && d.Changed {
				h.Publish(Changed(d.Message, marks[i].Change, marks[i].Evidence))
			}
			if d.Err != nil {
				h.Log.Warn("cannot mark", zap.String("id", string(marks[i].ID)), zap.String("change", string(marks[i].Change)), zap.Error(d.Err))
			}
		}
		if then != nil {
			then(done)
		}
	})
}

// untaken reports whether marks failed for a reason of the disk, not of their own.
func untaken(done []Marked) bool {
	return slices.ContainsFunc(done, func(d Marked) bool { return ofDisk(d.Err) })
}

// ofDisk reports whether err tells that the disk did not take something: it is no
// word about what was to be stored, and may be over soon.
func ofDisk(err error) bool {
	if err == nil {
		return false
	}
	for _, word := range []error{iapeer.ErrBadChange, iapeer.ErrUnknownID, iapeer.ErrBadDraft, iapeer.ErrBacklogFull, ErrClosed} {
		if errors.Is(err, word) {
			return false
		}
	}
	return true
}

// Recorded reports whether every mark is on disk, or never will be because the
// message is in a state that refuses it.
func Recorded(done []Marked) bool {
	return !slices.ContainsFunc(done, func(d Marked) bool { return errors.Is(d.Err, ErrClosed) })
}

// Changed is the event of a message that stands after a change as m tells.
func Changed(m iapeer.Message, c iapeer.Change, e iapeer.Evidence) iapeer.MessageChanged {
	return iapeer.MessageChanged{ID: m.ID, From: m.From, To: m.To, State: m.State, Change: c, Evidence: e, Topic: m.Topic, Len: len(m.Body)}
}

// Accept stores a message and, once it is durable, hands it to its recipient.
// One that an agent's turn caused is weighed by the loop breaker first. reply may
// be nil.
func (h *House) Accept(m iapeer.Message, reply func(Submitted)) { h.accept(m, false, reply) }

// Keep accepts a message that the daemon itself has to send: nobody would send it
// again, so it is tried until the disk takes it. Its key makes it happen once.
func (h *House) Keep(m iapeer.Message, reply func(Submitted)) { h.accept(m, true, reply) }

func (h *House) accept(m iapeer.Message, insist bool, reply func(Submitted)) {
	if m.Hops <= 1 || m.Proof == iapeer.ProofSystem {
		h.store(m, "", insist, reply)
		return
	}
	h.Root.Send(h.Loops, loop.Weigh{Conversation: m.Conversation, Hops: m.Hops, Verdict: func(why string) { h.store(m, why, insist, reply) }})
}

// store keeps a message. One that is to be held for a reason goes to nobody.
func (h *House) store(m iapeer.Message, held string, insist bool, reply func(Submitted)) {
	e := iapeer.Evidence{Source: "daemon", Detail: "on disk"}
	if held != "" {
		m.State, e = iapeer.Held, iapeer.Evidence{Source: "loop breaker", Detail: held}
	}
	h.Mailbox.Append(m, func(stored iapeer.Message, repeated bool, err error) {
		if insist && ofDisk(err) {
			h.stuck(err, func() { h.store(m, held, insist, reply) })
			return
		}
		if err == nil && !repeated {
			e.At = stored.AcceptedAt
			h.Publish(Changed(stored, "", e))
			if held == "" {
				h.Post(stored.To, Deliver{Message: stored})
			} else {
				h.Notify(loopNotice(stored, held))
			}
		}
		if reply != nil {
			reply(Submitted{Message: stored, Repeated: repeated, Held: held, Err: err})
		}
	})
}

func loopNotice(m iapeer.Message, why string) Notice {
	return Notice{
		Identity: m.To, Kind: "loop", Summary: fmt.Sprintf("%s from %s to %s is held: agents answer each other in a circle", m.ID, m.From.Name, m.To.Name),
		Content: fmt.Sprintf("%s. Nothing is lost.\nLet them go on: iapeer msg release %s\nEnd it: iapeer msg cancel %s", why, m.ID, m.ID),
	}
}

// Tell sends a message from the daemon itself. key makes it happen once. then, if
// given, is called once it is on disk, or refused for good.
func (h *House) Tell(to iapeer.Identity, key, body string, caused iapeer.MessageID, then func()) {
	if to == iapeer.SystemIdentity() || to.Name == "" {
		if then != nil {
			then()
		}
		return
	}
	now := h.Now()
	h.Keep(iapeer.Message{
		Envelope: iapeer.Envelope{ID: iapeer.NewMessageID(), From: iapeer.SystemIdentity(), FromNature: iapeer.Absent, SentAt: now, Body: body, Proof: iapeer.ProofSystem},
		To:       to, State: iapeer.Accepted, AcceptedAt: now, ExpiresAt: now.Add(h.Config.TTL), Key: key, Caused: caused,
	}, func(Submitted) {
		if then != nil {
			then()
		}
	})
}
