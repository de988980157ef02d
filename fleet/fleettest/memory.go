// Package fleettest has a small working fleet in memory, for the tests of
// whatever speaks the fleet API. Nothing that ships imports it.
package fleettest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/why"
	"github.com/iapeer/iapeer/gate"
)

// A Memory is a fleet whose peers see a message at once and answer it, when an
// answer is waited for, with "echo: …". The peer "sleepy" never wakes; a
// message to "crash" panics. Its methods are those that package fleet asks of
// a daemon; it is safe for concurrent use.
type Memory struct {
	Caller iapeer.Caller // who makes every request; set it before the first

	mu     sync.Mutex
	peers  []iapeer.PeerStatus
	msgs   []iapeer.Message
	steps  map[iapeer.MessageID][]iapeer.Step
	kept   []iapeer.Stamped
	subs   map[chan iapeer.Stamped]bool
	hooks  []string
	orders []iapeer.Command
	config map[string]string
}

// Epoch is that of all its events.
const Epoch = 1750000000000

// New returns a fleet of exec peers with these names, used by the person
// cli-ada.
func New(names ...string) *Memory {
	m := &Memory{
		steps: map[iapeer.MessageID][]iapeer.Step{}, subs: map[chan iapeer.Stamped]bool{}, config: map[string]string{},
		Caller: iapeer.Caller{Proof: iapeer.ProofPerson, UID: 501},
	}
	for _, n := range names {
		m.add(n)
	}
	return m
}

func (m *Memory) add(name string) {
	id := iapeer.Identity{Runtime: iapeer.RuntimeExec, Name: iapeer.Name(name)}
	m.peers = append(m.peers, iapeer.PeerStatus{
		Peer:      iapeer.Peer{Name: id.Name, DefaultRuntime: id.Runtime, Runtimes: []iapeer.Runtime{id.Runtime}, Nature: iapeer.Artificial, CWD: "/peers/" + name},
		Presences: []iapeer.PresenceStatus{{Identity: id, State: iapeer.Asleep}},
	})
}

// Deps returns what a handler over the fleet needs.
func (m *Memory) Deps() fleet.Deps {
	return fleet.Deps{
		Version: iapeer.Version, Started: time.Now(), Caller: m.who,
		Sender: m, Fleet: m, Messages: m, Events: m, Hooks: m, Screens: m, Config: m, Notices: m, Explainer: m,
	}
}

// who is the gate: an identity that the test gave, else none.
func (m *Memory) who(context.Context) (iapeer.Caller, error) {
	if m.Caller.Identity == (iapeer.Identity{}) {
		return m.Caller, &gate.RefusedError{Status: 400, Reason: "identity", Message: "not proven", Err: iapeer.ErrNotProven}
	}
	return m.Caller, nil
}

func (m *Memory) publish(e iapeer.Event) {
	s := iapeer.Stamped{Seq: uint64(len(m.kept) + 1), Epoch: Epoch, At: time.Now(), Event: e}
	m.kept = append(m.kept, s)
	for ch := range m.subs {
		select {
		case ch <- s:
		default:
			close(ch)
			delete(m.subs, ch)
		}
	}
}

// Subscribe implements fleet.Events.
func (m *Memory) Subscribe(ep int64, after uint64, replay int) ([]iapeer.Stamped, <-chan iapeer.Stamped, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan iapeer.Stamped, 64)
	m.subs[ch] = true
	kept := m.kept[max(0, len(m.kept)-replay):]
	if ep == Epoch {
		kept = m.kept[min(after, uint64(len(m.kept))):]
	}
	return slices.Clone(kept), ch, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, ch)
	}
}

// DropSubscribers ends every stream, as a daemon does with slow readers.
func (m *Memory) DropSubscribers() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ch := range m.subs {
		close(ch)
		delete(m.subs, ch)
	}
}

func (m *Memory) find(name iapeer.Name) int {
	return slices.IndexFunc(m.peers, func(p iapeer.PeerStatus) bool { return p.Name == name })
}

// Resolve implements fleet.Sender.
func (m *Memory) Resolve(_ context.Context, c iapeer.Caller, from string) (iapeer.Identity, error) {
	if from == "" {
		return iapeer.Identity{Runtime: iapeer.RuntimeCLI, Name: "ada"}, nil
	}
	id, err := iapeer.ParseIdentity(from)
	if err != nil {
		return id, err
	}
	if m.find(id.Name) < 0 {
		return id, &iapeer.PeerError{Op: "speak for", Peer: id.Name, Err: iapeer.ErrUnknownPeer}
	}
	return id, nil
}

// Send implements fleet.Sender.
func (m *Memory) Send(_ context.Context, d iapeer.Draft) (iapeer.SendResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(d.To)
	if i < 0 {
		return iapeer.SendResult{}, &iapeer.PeerError{Op: "send", Peer: d.To, Err: iapeer.ErrUnknownPeer}
	}
	if d.To == "crash" {
		panic("the message broke it")
	}
	for _, old := range m.msgs {
		if d.Key != "" && old.Key == d.Key {
			return m.receipt(old, true), nil
		}
	}
	msg := iapeer.Message{Seq: int64(len(m.msgs) + 1), To: m.peers[i].Identity(d.Runtime), State: iapeer.Accepted, AcceptedAt: time.Now(), Key: d.Key}
	msg.ID, msg.From, msg.Body, msg.Topic, msg.SentAt = iapeer.NewMessageID(), d.Caller, d.Body, d.Topic, time.Now()
	m.msgs = append(m.msgs, msg)
	m.record(msg.ID, "", iapeer.Evidence{Source: "daemon"})
	if d.To != "sleepy" {
		m.publish(iapeer.PresenceChanged{Identity: msg.To, From: iapeer.Asleep, To: iapeer.Waking, Cause: "message"})
		m.record(msg.ID, iapeer.ChangeOffer, iapeer.Evidence{Source: "host"})
		m.record(msg.ID, iapeer.ChangeSee, iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit"})
	}
	if d.To != "sleepy" && d.WaitFor == iapeer.Answered {
		m.record(msg.ID, iapeer.ChangeAnswer, iapeer.Evidence{Source: "hook", Detail: "Stop"})
	}
	return m.receipt(m.msgs[len(m.msgs)-1], false), nil
}

func (m *Memory) receipt(msg iapeer.Message, repeated bool) iapeer.SendResult {
	steps := m.steps[msg.ID]
	return iapeer.SendResult{Evidence: &steps[len(steps)-1].Evidence, OK: true, DeliveredTo: iapeer.DeliveredTo{Personality: msg.To.Name, Runtime: msg.To.Runtime}, ID: msg.ID,
		State: msg.State, Queued: !msg.State.Delivered(), TS: msg.SentAt.Format(time.RFC3339), Repeated: repeated, Answer: msg.Answer}
}

// record changes a message by the state table.
func (m *Memory) record(id iapeer.MessageID, c iapeer.Change, ev iapeer.Evidence) {
	i := slices.IndexFunc(m.msgs, func(x iapeer.Message) bool { return x.ID == id })
	msg := &m.msgs[i]
	if c != "" {
		msg.State, _ = msg.State.Next(c)
	}
	if c == iapeer.ChangeAnswer {
		msg.Answer = "echo: " + msg.Body
	}
	ev.At = time.Now()
	m.steps[id] = append(m.steps[id], iapeer.Step{Change: c, State: msg.State, Evidence: ev})
	m.publish(iapeer.MessageChanged{ID: id, From: msg.From, To: msg.To, State: msg.State, Change: c, Len: len(msg.Body), Evidence: ev})
}

// Change records a change of one message, as evidence does.
func (m *Memory) Change(id iapeer.MessageID, c iapeer.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record(id, c, iapeer.Evidence{Source: "hook"})
}

// Message implements fleet.Messages.
func (m *Memory) Message(_ context.Context, prefix string) (iapeer.Message, []iapeer.Step, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.msgs {
		if strings.HasPrefix(string(msg.ID), prefix) {
			return msg, slices.Clone(m.steps[msg.ID]), nil
		}
	}
	return iapeer.Message{}, nil, fmt.Errorf("%s: %w", prefix, iapeer.ErrUnknownID)
}

// Messages implements fleet.Messages.
func (m *Memory) Messages(_ context.Context, q iapeer.MessageQuery) ([]iapeer.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []iapeer.Message
	for _, msg := range slices.Backward(m.msgs) {
		if (q.To == "" || msg.To.Name == q.To) && (q.State == "" || msg.State == q.State) && len(out) < q.Limit {
			out = append(out, msg)
		}
	}
	return out, nil
}

// Mark implements fleet.Messages.
func (m *Memory) Mark(_ context.Context, id iapeer.MessageID, c iapeer.Change, ev iapeer.Evidence) (iapeer.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.msgs, func(x iapeer.Message) bool { return x.ID == id })
	if _, err := m.msgs[i].State.Next(c); err != nil {
		return iapeer.Message{}, err
	}
	m.record(id, c, ev)
	return m.msgs[i], nil
}

// Snapshot implements fleet.Fleet.
func (m *Memory) Snapshot(context.Context) ([]iapeer.PeerStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.peers), nil
}

// Command implements fleet.Fleet.
func (m *Memory) Command(_ context.Context, c iapeer.Command) (iapeer.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(c.Peer)
	if i < 0 {
		return iapeer.Outcome{}, &iapeer.PeerError{Op: string(c.Verb), Peer: c.Peer, Err: iapeer.ErrUnknownPeer}
	}
	m.orders = append(m.orders, c)
	pr, d := &m.peers[i].Presences[0], deeds[c.Verb]
	if d.state != "" {
		pr.State = d.state
	}
	return iapeer.Outcome{Verb: c.Verb, Identity: pr.Identity, Action: d.action, State: pr.State}, nil
}

// deeds are what the verbs come to: the state after it, "" for the one before.
var deeds = map[iapeer.Verb]struct {
	action string
	state  iapeer.PresenceState
}{
	iapeer.VerbWake: {"woke", iapeer.Ready}, iapeer.VerbAttach: {"woke", iapeer.Ready}, iapeer.VerbAdopt: {"woke", iapeer.Ready},
	iapeer.VerbNew: {"fresh", iapeer.Ready}, iapeer.VerbLaunch: {"fresh", iapeer.Ready}, iapeer.VerbRestart: {"restarted", iapeer.Ready},
	iapeer.VerbStart: {"started", iapeer.Asleep}, iapeer.VerbSleep: {"parked", iapeer.Asleep}, iapeer.VerbStop: {"stopped", iapeer.Stopped},
	iapeer.VerbRefresh: {"refresh-armed", ""}, iapeer.VerbSelfFresh: {"refresh-armed", ""}, iapeer.VerbSelfDone: {"inert", ""},
	iapeer.VerbCompact: {"compacted", iapeer.Ready}, iapeer.VerbInterrupt: {"interrupted", iapeer.Ready},
}

// Known implements fleet.Explainer.
func (m *Memory) Known(_ context.Context, id iapeer.Identity) (why.Known, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := why.Known{Record: iapeer.Presence{Identity: id}, Restarts: client.Restarts{Policy: "on-demand", Limit: 3, WindowSecs: 300}}
	for _, msg := range m.msgs {
		if msg.To == id && msg.State == iapeer.Accepted {
			k.Open = append(k.Open, msg)
		}
	}
	return k, nil
}

// Commands returns the commands that were given, oldest first.
func (m *Memory) Commands() []iapeer.Command {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.orders)
}

// Onboard implements fleet.Fleet.
func (m *Memory) Onboard(_ context.Context, o iapeer.Onboarding) (iapeer.OnboardingReport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.Verb == "remove" {
		i := m.find(iapeer.Name(o.Name))
		if i >= 0 {
			m.peers = slices.Delete(m.peers, i, i+1)
		}
		return iapeer.OnboardingReport{Verb: "remove"}, nil // as a removal: no runtime any more
	}
	m.add(o.Name)
	return iapeer.OnboardingReport{Verb: o.Verb, Name: iapeer.Name(o.Name), Runtime: "exec", Next: "iapeer send " + o.Name}, nil
}

// Hook implements fleet.Hooks.
func (m *Memory) Hook(_ context.Context, c iapeer.Caller, rt iapeer.Runtime, event string, b []byte) (int, []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks = append(m.hooks, fmt.Sprintf("%s %s %s %s", c.Identity, rt, event, b))
	return http.StatusOK, nil
}

// Screen implements fleet.Screens.
func (m *Memory) Screen(_ context.Context, id iapeer.Identity) (string, error) {
	return "screen of " + string(id.Name) + "\n", nil
}

// Notices implements fleet.Notices.
func (m *Memory) Notices(context.Context) ([]iapeer.NoticeRaised, error) {
	return []iapeer.NoticeRaised{{ID: "n1", Peer: "docs", Kind: "quota", Summary: "docs rests until 16:40", At: time.UnixMilli(Epoch)}}, nil
}

// Settings implements fleet.Config.
func (m *Memory) Settings(context.Context) ([]client.Setting, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []client.Setting{{Key: "me", Value: m.config["me"], Origin: "file"}}, nil
}

// Set implements fleet.Config.
func (m *Memory) Set(_ context.Context, key, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key != "me" {
		return &iapeer.FieldError{Field: "key", Value: key, Reason: "is not a setting; iapeer config show lists them"}
	}
	m.config[key] = value
	return nil
}

// Environment implements fleet.Config.
func (m *Memory) Environment(context.Context, bool) ([]string, error) {
	return []string{"PATH=/usr/bin"}, nil
}

// Add keeps a message as it is, without an event.
func (m *Memory) Add(msg iapeer.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.msgs = append(m.msgs, msg)
}

// Tell publishes that peers were registered.
func (m *Memory) Tell(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range names {
		m.publish(iapeer.PeerChanged{Peer: iapeer.Name(n), Action: "registered"})
	}
}

// Hooks returns the hooks that were reported, one line each.
func (m *Memory) Hooks() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.hooks)
}
