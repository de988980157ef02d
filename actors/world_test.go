package actors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/store/mailbox"
)

// world is all that outlives a daemon: the disk, the registry, session hosts,
// and the records that the programs in them keep. It watches over what must
// never happen there, whoever drives it.
type world struct {
	tb  testing.TB
	cfg house.Config
	box *mailbox.Memory

	commit, read func() time.Duration // of the disk; nil: at once
	probe        func(kind string, message any)
	portPanic    func(call string) // called in a port that actors call
	sessions     house.Sessions    // in place of the hosts; nil: the hosts

	mu        sync.Mutex
	daemon    *daemon
	keys      int
	hosts     map[iapeer.Identity]*host
	records   map[string]*record // by conversation
	words     map[iapeer.Identity][]lastWord
	scripts   map[iapeer.Identity]*script
	peers     map[iapeer.Name]iapeer.Peer
	presences map[iapeer.Identity]iapeer.Presence
	notices   []house.Notice
	launches  map[iapeer.Identity][]house.Launch
	typed     map[string]int // "<id>/<attempt>" into which host
	consumed  []consumption  // in their order
	expired   bool           // the checks of the end are over
}

// script says how sessions of one identity behave. Counters count down.
type script struct {
	lock, boot, ready  time.Duration // until the host holds its lock, is connected, shows its prompt
	write, think, turn time.Duration // of one offer, until the first sign of a turn, until its end
	text               func(iapeer.Message) string
	reply              func(iapeer.Message) (iapeer.Name, string) // what the agent sends during a turn
	fail               func(iapeer.Message) int                   // exit code of exec

	loseEnter, losePaste, notBegun     int
	dieMidOffer, dieMidTurn, dieAtBoot int
	dieAfterPrompt                     int // dies taken, before any sign of the turn
	failTurn                           int
	resets                             time.Duration // from a failed turn until the quota is renewed, 0: not told
	background                         int           // tasks that go on behind an ended turn
	loseHooks                          bool
	refuse                             *house.StartFailed
	hand                               time.Duration // a session started by hand holds the folder so long
	mute                               bool          // never gets ready
}

// record is what a runtime wrote down of one conversation.
type record struct {
	taken, seen map[iapeer.MessageID]bool
	turn        house.TurnKnown
}

// lastWord is the exit record of a host: what it had been asked to write.
type lastWord struct {
	generation int64
	known      map[iapeer.MessageID]house.Known
	outcomes   map[iapeer.MessageID]iapeer.ExecDone
}

// consumption is one message that reached a mind, or a process.
type consumption struct {
	msg  iapeer.Message
	host *host
	at   time.Time
}

func newWorld(tb testing.TB, peers ...string) *world {
	tb.Helper()
	w := &world{
		tb: tb, box: mailbox.NewMemory(), hosts: map[iapeer.Identity]*host{}, records: map[string]*record{},
		words: map[iapeer.Identity][]lastWord{}, scripts: map[iapeer.Identity]*script{}, peers: map[iapeer.Name]iapeer.Peer{},
		presences: map[iapeer.Identity]iapeer.Presence{}, launches: map[iapeer.Identity][]house.Launch{}, typed: map[string]int{},
	}
	for _, p := range peers {
		id, err := iapeer.ParseIdentity(p)
		if err != nil {
			tb.Fatal(err)
		}
		r := w.peers[id.Name]
		if r.Name == "" {
			r = iapeer.Peer{Name: id.Name, DefaultRuntime: id.Runtime, Nature: iapeer.DefaultNature(id.Runtime)}
		}
		r.Runtimes = append(r.Runtimes, id.Runtime)
		w.peers[id.Name] = r
	}
	return w
}

// inWorld runs a test over a world with a daemon, in virtual time, and checks
// at the end that nothing is left behind.
func inWorld(t *testing.T, peers []string, run func(*world)) {
	t.Helper()
	inWorldOf(t, peers, func(*world) {}, run)
}

// inWorldOf is inWorld with something to be set before the daemon starts.
func inWorldOf(t *testing.T, peers []string, set, run func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, peers...)
		set(w)
		w.boot(t)
		synctest.Wait()
		run(w)
		w.end(t)
	})
}

// end stops what runs, and lets the library's own timers run out.
func (w *world) end(tb testing.TB) {
	tb.Helper()
	if d := w.live(); d != nil {
		d.stop(tb)
	}
	w.mu.Lock()
	var hosts []*host
	for _, h := range w.hosts {
		hosts = append(hosts, h)
	}
	w.expired = true
	w.mu.Unlock()
	for _, h := range hosts {
		h.die(iapeer.SessionExited{}, true)
	}
	time.Sleep(2 * time.Minute)
	synctest.Wait()
}

func (w *world) mayPanic(call string) {
	if w.portPanic != nil {
		w.portPanic(call)
	}
}

// script returns the knobs of an identity, made with usual times.
func (w *world) script(id string) *script {
	i, err := iapeer.ParseIdentity(id)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scriptOf(i)
}

func (w *world) scriptOf(id iapeer.Identity) *script {
	s := w.scripts[id]
	if s == nil {
		s = &script{
			lock: 10 * time.Millisecond, boot: 40 * time.Millisecond, ready: time.Second,
			write: 5 * time.Millisecond, think: 100 * time.Millisecond, turn: 5 * time.Second,
		}
		w.scripts[id] = s
	}
	return s
}

// accepted is called when a message is on disk.
func (w *world) accepted(iapeer.Message) {}

// type records that a host typed a message, and fails the test when it may
// not. w.mu is held.
func (w *world) typing(h *host, m iapeer.Message, attempt int) {
	key := fmt.Sprintf("%s/%d", m.ID, attempt)
	if w.typed[key] > 0 {
		w.tb.Errorf("%s attempt %d was typed twice", m.ID, attempt)
	}
	w.typed[key]++
	if *trace {
		w.tb.Logf("%s: %s typed into %s of generation %d", time.Now().Format("05.000"), key, h.id, h.generation)
	}
	if h.dialog && time.Since(h.since) > 200*time.Millisecond { // before, the offer was on its way
		w.tb.Errorf("%s was typed into an open dialog of %s", m.ID, h.id)
	}
	if m.To != h.id {
		w.tb.Errorf("%s for %s was typed into %s", m.ID, m.To, h.id)
	}
	if h.traits.Exec || h.traits.WriteIsEvidence {
		return
	}
	if h.busy && !h.traits.TakesWhileBusy {
		w.tb.Errorf("%s was typed into a busy %s", m.ID, h.id)
	}
	if len(h.composer) > 0 {
		w.tb.Errorf("%s was typed behind %s, which stands in the composer of %s", m.ID, h.composer[0].ID, h.id)
	}
	for conv, r := range w.records {
		if r.taken[m.ID] || r.seen[m.ID] {
			w.tb.Errorf("%s was typed (attempt %d) although the record %s shows it", m.ID, attempt, conv)
		}
	}
}

// consume records that a message reached its mind. w.mu is held.
func (w *world) consume(h *host, m iapeer.Message) {
	if w.expired {
		return
	}
	for _, c := range w.consumed {
		if c.msg.ID == m.ID {
			w.tb.Errorf("%s was consumed twice: by %s of generation %d and of %d", m.ID, h.id, c.host.generation, h.generation)
		}
	}
	w.consumed = append(w.consumed, consumption{m, h, time.Now()})
}

// conversation returns the record of a conversation. w.mu is held.
func (w *world) conversation(id string) *record {
	r := w.records[id]
	if r == nil {
		r = &record{taken: map[iapeer.MessageID]bool{}, seen: map[iapeer.MessageID]bool{}}
		w.records[id] = r
	}
	return r
}

// host returns the live host of an identity, nil if there is none.
func (w *world) host(id string) *host {
	i, _ := iapeer.ParseIdentity(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hosts[i]
}

// bodies lists what an identity consumed, in its order, without the daemon's
// own messages.
func (w *world) bodies(id string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, c := range w.consumed {
		if c.msg.To.String() == id && c.msg.From != iapeer.SystemIdentity() {
			out = append(out, c.msg.Body)
		}
	}
	return out
}

// fromSystem lists what the daemon itself wrote to a peer.
func (w *world) fromSystem(to string) []iapeer.Message {
	i, _ := iapeer.ParseIdentity(to)
	all, _ := w.box.Messages(context.Background(), iapeer.MessageQuery{To: i.Name, Limit: 1000})
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(m iapeer.Message) bool { return m.From != iapeer.SystemIdentity() || m.To != i })
}

// tune changes knobs of a session that runs.
func (w *world) tune(id string, change func(*script)) {
	k := w.script(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	change(k)
}

// message returns a message as it is on disk.
func (w *world) message(tb testing.TB, id iapeer.MessageID) (iapeer.Message, []iapeer.Step) {
	tb.Helper()
	m, steps, err := w.box.Message(context.Background(), string(id))
	if err != nil {
		tb.Fatal(err)
	}
	return m, steps
}

// all returns every message on disk, oldest first.
func (w *world) all() []iapeer.Message {
	var out []iapeer.Message
	for after := int64(0); ; {
		page, err := w.box.Messages(context.Background(), iapeer.MessageQuery{After: max(after, 0), Before: 1 << 60, Limit: 1000})
		if err != nil || len(page) == 0 {
			return out
		}
		if after == 0 { // the first page comes newest first
			slices.Reverse(page)
		}
		out = append(out, page...)
		if len(page) < 1000 {
			return out
		}
		after = out[len(out)-1].Seq
	}
}

func (w *world) wantState(tb testing.TB, id iapeer.MessageID, want iapeer.State) {
	tb.Helper()
	if m, steps := w.message(tb, id); m.State != want {
		tb.Errorf("%s is %s, want %s; history %v", id, m.State, want, steps)
	}
}

// state returns the state of a presence.
func (w *world) state(id string) iapeer.PresenceState {
	i, _ := iapeer.ParseIdentity(id)
	s, _, _ := w.live().sys.View().Presence(i)
	return s.State
}

func (w *world) wantPresence(tb testing.TB, id string, want iapeer.PresenceState) {
	tb.Helper()
	synctest.Wait()
	if got := w.state(id); got != want {
		i, _ := iapeer.ParseIdentity(id)
		s, _, _ := w.live().sys.View().Presence(i)
		tb.Errorf("%s is %s (%s), want %s", id, got, s.Cause, want)
	}
}

// wantCause checks what a stopped presence names as the cause.
func (w *world) wantCause(tb testing.TB, id, part string) {
	tb.Helper()
	w.wantPresence(tb, id, iapeer.Stopped)
	i, _ := iapeer.ParseIdentity(id)
	if s, _, _ := w.live().sys.View().Presence(i); !strings.Contains(s.Cause, part) {
		tb.Errorf("%s is stopped because %q, want %q in it", id, s.Cause, part)
	}
}

// noticed counts notices of a kind.
func (w *world) noticed(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, k := range w.notices {
		if k.Kind == kind {
			n++
		}
	}
	return n
}

// launched counts launches of an identity.
func (w *world) launched(id string) int {
	i, _ := iapeer.ParseIdentity(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.launches[i])
}

// draft is a message from a peer to another, not waiting for its fate.
func draft(from, to, body string) iapeer.Draft {
	f, _ := iapeer.ParseIdentity(from)
	t, _ := iapeer.ParseIdentity(to)
	return iapeer.Draft{Caller: f, To: t.Name, Runtime: t.Runtime, Body: body, WaitFor: iapeer.Accepted}
}

// verb gives a person's order to a peer.
func (w *world) verb(v iapeer.Verb, id string) (iapeer.Outcome, error) {
	i, _ := iapeer.ParseIdentity(id)
	return w.command(iapeer.Command{Verb: v, Peer: i.Name, Runtime: i.Runtime})
}

func (w *world) command(c iapeer.Command) (iapeer.Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	return w.live().sys.Command(ctx, c)
}
