package hosting

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session"
)

// askLimit bounds a question to a host, which answers from memory.
const askLimit = 5 * time.Second

// lastRows is how much of a screen is shown to people who are told about it.
const lastRows = 12

// live is one session that is up. It implements [house.Session].
type live struct {
	s          *Sessions
	adapter    runtimes.Adapter
	id         iapeer.Identity
	generation int64
	conn       *session.Conn
	report     func(house.Report)
	hostPID    int
	childPID   int
	token      string
	cwd        string
	env        []string
	initial    string      // what a fresh session is told before its first message
	accepted   bool        // a person accepted the risk of bypass mode
	greeted    atomic.Bool // a message was written by this daemon

	// of the goroutine that listens
	drawn   bool     // the program has drawn its own screen
	fresh   bool     // launched by this daemon, and its composer was not seen yet
	up      bool     // the program has given its first signal
	pressed []string // the screen on which a key was pressed last

	mu         sync.Mutex
	sessionID  string
	statusPath string // of the program's own status file, once found
	reading    runtimes.Reading
	signals    []iapeer.SessionEvent // what the terminal said last of its state
	released   bool                  // nobody listens any more
	offers     []offer               // waiting for their turn
	offering   bool                  // a goroutine makes them
	attached   int                   // people who look at the terminal
	composing  bool                  // text stands in the composer, as was said last
	entering   iapeer.MessageID      // the first message, while its Enter waits for the text to be shown
}

var _ house.Session = (*live)(nil)

func newLive(s *Sessions, a runtimes.Adapter, order house.Launch, conn *session.Conn, report func(house.Report)) *live {
	f := conn.Facts()
	return &live{
		s: s, adapter: a, id: order.Identity, generation: order.Generation, conn: conn, report: report,
		hostPID: f.Host.PID, childPID: f.Child.PID, attached: f.Attached, sessionID: order.Presence.SessionID,
	}
}

func (l *live) socket() string {
	return session.Files{Dir: l.s.Paths.Hosts(), ID: l.id}.Sock()
}

func (l *live) say(events ...iapeer.SessionEvent) {
	l.mu.Lock()
	released := l.released
	l.mu.Unlock()
	if released {
		return
	}
	if w := l.s.Witness; w != nil {
		w.Heard(l.id, l.generation, events)
	}
	for _, e := range events {
		l.report(house.Said{Event: e})
	}
}

// glanceEvery is the pause between looks at a first screen that does not come
// to rest: some programs animate the very screen that says what is missing.
const glanceEvery = time.Second

// listen translates the host's events until the session or the connection
// ends.
func (l *live) listen() {
	glance := time.NewTicker(glanceEvery)
	defer glance.Stop()
	for {
		select {
		case e, ok := <-l.conn.Events():
			if !ok {
				l.lost()
				return
			}
			if e.Kind == session.EventExit {
				l.ended(e.Exit)
				return
			}
			l.hear(e)
		case <-glance.C:
			l.glance()
		}
		if l.drawn || l.adapter.Screen == nil {
			glance.Stop()
		}
	}
}

func (l *live) hear(e session.Event) {
	switch e.Kind {
	case session.EventTitle:
		l.signal(runtimes.SignalTitle, e.Text)
		l.settled() // a program sets its title when it is ready, before its screen has come to rest
	case session.EventStatus:
		l.signal(runtimes.SignalStatus, e.Text)
	case session.EventSettled:
		l.settled()
	case session.EventDrawn:
		l.paused()
	case session.EventAttached:
		l.mu.Lock()
		l.attached = e.Attached
		l.mu.Unlock()
		l.say(iapeer.SessionAttached{Clients: e.Attached})
	case session.EventOutcome:
		if e.Outcome != nil {
			l.say(execDone(*e.Outcome))
		}
	case session.EventHook:
		l.replay()
	case session.EventStarted, session.EventActive, session.EventAlt, session.EventExit:
	}
}

func execDone(o session.Outcome) iapeer.ExecDone {
	d := iapeer.ExecDone{
		ID: o.ID, PID: o.PID, Code: o.Code, Signal: o.Signal, Answer: o.Answer, Stderr: o.Stderr, ReadBytes: o.ReadBytes, At: o.At,
	}
	if o.Error != "" {
		d.Stderr = o.Error
	}
	return d
}

func (l *live) signal(kind, value string) {
	l.up = l.up || kind == l.adapter.Up && value != ""
	if l.adapter.Signal == nil {
		return
	}
	events := l.adapter.Signal(kind, value)
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	l.signals = events
	l.mu.Unlock()
	if !l.fresh { // nothing is offered before the composer was seen
		l.say(events...)
	}
}

// probe reads the program's own status file, if it has one, and reports whether
// that says what the program does: a new file names the session only.
func (l *live) probe() bool {
	st, ok := l.status()
	if ok {
		l.named(st.SessionID)
		l.say(st.Events()...)
	}
	return ok && st.State != ""
}

// named notes that the program uses another conversation now.
func (l *live) named(id string) {
	if id == "" {
		return
	}
	l.mu.Lock()
	known := l.sessionID == id
	if !known {
		l.sessionID, l.reading = id, runtimes.Reading{}
	}
	l.mu.Unlock()
	if !known {
		l.say(iapeer.SessionNamed{SessionID: id, Transcript: l.s.record(l.adapter, l.env, l.cwd, id)})
	}
}

// status finds and reads the status file of the program under this host. A
// wrapper script may stand between the two, so the file is found by whose
// process it is.
func (l *live) status() (runtimes.Status, bool) {
	r := l.adapter.Records
	if r.Status == nil {
		return runtimes.Status{}, false
	}
	home := r.Home(lookup(l.env), l.s.Paths.Home)
	l.mu.Lock()
	path := l.statusPath
	l.mu.Unlock()
	if path != "" {
		if b, err := os.ReadFile(path); err == nil {
			st, err := r.Status(b)
			return st, err == nil
		}
	}
	for _, st := range r.Sessions(os.DirFS(home)) {
		if alive(st.PID) && l.carries(st.PID) {
			l.mu.Lock()
			l.statusPath = filepath.Join(home, r.StatusPath(st.PID))
			l.mu.Unlock()
			return st, true
		}
	}
	return runtimes.Status{}, false
}

// carries reports whether pid runs under this session's host.
func (l *live) carries(pid int) bool {
	for range 8 {
		if pid == l.childPID || pid == l.hostPID {
			return true
		}
		if pid <= 1 {
			return false
		}
		pid = parent(pid)
	}
	return false
}

// replay takes the hook payloads that came while no daemon answered.
func (l *live) replay() {
	ctx, cancel := context.WithTimeout(l.s.Life, askLimit)
	defer cancel()
	payloads, dropped, err := l.conn.Hooks(ctx)
	if err != nil || l.adapter.Hook == nil {
		return
	}
	if dropped > 0 {
		l.s.Log.Warn("hook reports were lost while the daemon was away; the record is asked instead", iapeerField(l.id), zap.Uint64("count", dropped))
	}
	for _, p := range payloads {
		if w := l.s.Witness; w != nil {
			w.Payload(l.id, l.generation, p.Body)
		}
		events, err := l.adapter.Hook("", p.Body)
		if err != nil {
			l.s.Log.Warn("hook", iapeerField(l.id), errField(err))
		}
		l.heard(events)
		l.say(events...)
	}
	if n := len(payloads); n > 0 {
		_ = l.conn.AckHooks(ctx, payloads[n-1].Seq)
	}
}

// heard notes what a hook says about the conversation's id.
func (l *live) heard(events []iapeer.SessionEvent) {
	for _, e := range events {
		if n, ok := e.(iapeer.SessionNamed); ok && n.SessionID != "" {
			l.mu.Lock()
			if l.sessionID != n.SessionID {
				l.sessionID, l.reading = n.SessionID, runtimes.Reading{}
			}
			l.mu.Unlock()
		}
	}
}

// ended reports the session's end as its host recorded it.
func (l *live) ended(e *session.Exit) {
	x := iapeer.SessionExited{At: time.Now()}
	if e != nil {
		x.Code, x.Signal = e.Code, e.Signal
		x.Screen = strings.Join(e.Screen[max(0, len(e.Screen)-lastRows):], "\n")
		l.lastWords(e.Screen)
	}
	l.finish(x)
}

// lost handles a connection that broke without the word of an end: the daemon
// is stopping, or the host was killed and left survivors.
func (l *live) lost() {
	if l.s.Life.Err() != nil {
		return
	}
	files := session.Files{Dir: l.s.Paths.Hosts(), ID: l.id}
	if !session.WaitUnlocked(files, askLimit) {
		l.s.Log.Error("a session host does not answer and does not end", iapeerField(l.id))
		_ = session.KillHost(files.PID())
		session.WaitUnlocked(files, askLimit)
	}
	l.s.reap(l.id)
	l.finish(iapeer.SessionExited{Code: -1, Err: "the session host was killed", At: time.Now()})
}

func (l *live) finish(x iapeer.SessionExited) {
	l.s.drop(l)
	if l.token != "" {
		l.s.Tokens.End(l.token)
	}
	_ = l.conn.Close()
	l.say(x)
}

// reap ends what a killed host left behind.
func (s *Sessions) reap(id iapeer.Identity) {
	found, err := s.scan(id)
	if err != nil || found.State != session.Killed || found.Spec == nil {
		return
	}
	if n, err := session.ReapSurvivors(*found.Spec); err != nil {
		s.Log.Error("survivors of a killed session host", iapeerField(id), errField(err))
	} else if n > 0 {
		s.Log.Warn("ended survivors of a killed session host", iapeerField(id), zap.Int("processes", n))
	}
}

// errNoHost tells that nothing lives for an identity.
var errNoHost = errors.New("no session lives")
