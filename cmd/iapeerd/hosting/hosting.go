// Package hosting lets presences have sessions: it composes what a runtime's
// adapter says, what the profile, launch.env and the documents hold, and a
// session host process into one live session, and translates what host, hooks,
// status files, screens and records show into the words that presences
// understand.
//
// It keeps no state that a restart would miss: a host that lives is adopted,
// everything else is read from disk at the next start. Each session has one
// goroutine that listens to its host; every order to it runs in a goroutine of
// its own and is answered through the presence's report.
package hosting

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/config"
	"github.com/iapeer/iapeer/registry"
	"github.com/iapeer/iapeer/runtimes"
)

// Tokens mints and ends the secrets of sessions.
type Tokens interface {
	Mint(id iapeer.Identity, generation int64, natural bool) string
	End(token string)
}

// A Witness is told what sessions say of themselves, besides their presences.
// Calls return at once.
type Witness interface {
	Heard(id iapeer.Identity, generation int64, events []iapeer.SessionEvent)
	// Payload is the report of a hook, as the runtime wrote it.
	Payload(id iapeer.Identity, generation int64, payload []byte)
}

// Config is what the sessions need of the daemon.
type Config struct {
	Paths    iapeer.Paths
	Config   config.Config
	Getenv   func(string) string
	Iapeer   string // the thin client: session host and hook command
	Registry *registry.Registry
	Tokens   Tokens
	Witness  Witness
	Log      *zap.Logger
	Life     context.Context // ends when the daemon has stopped
}

// Sessions starts, adopts and examines sessions. It is safe for concurrent use.
type Sessions struct {
	Config
	URL string // of the MCP endpoint; set once, before the first launch

	known    map[iapeer.Runtime]runtimes.Adapter // the runtimes that need no package; read-only
	packages sync.Map                            // by runtime: the pack that was found last
	scans    scans
	mu       sync.Mutex
	live     map[iapeer.Identity]*live
	versions map[string]runtimes.Version // by path and change time of the program
	environ  []string                    // recorded base environment, nil until read
}

var _ house.Sessions = (*Sessions)(nil)

// New returns Sessions without any session.
func New(c Config) *Sessions {
	s := &Sessions{
		Config: c, known: make(map[iapeer.Runtime]runtimes.Adapter), live: make(map[iapeer.Identity]*live), versions: make(map[string]runtimes.Version),
	}
	for _, a := range runtimes.Adapters() {
		if a.Runtime != "" {
			s.known[a.Runtime] = a
		}
	}
	return s
}

// Traits implements [house.Sessions].
func (s *Sessions) Traits(rt iapeer.Runtime) house.Traits {
	a, err := s.adapter(rt)
	if err != nil {
		return house.Traits{}
	}
	return house.Traits{
		Known: true, Inbox: a.Kind == runtimes.Inbox, Exec: a.Kind == runtimes.Exec,
		WriteIsEvidence: a.Kind == runtimes.Router, TakesWhileBusy: a.Queues,
		Talks: a.Kind == runtimes.TUI, Compacts: a.Compact != nil,
	}
}

// pack is the adapter of a package that was installed at a time.
type pack struct {
	adapter runtimes.Adapter
	at      time.Time
}

// packSure is how long a package that was found is not looked for again.
const packSure = time.Second

// adapter is asked for several times with every message, hence the tables. A
// package that is not there is looked for each time, for it may be installed at
// any moment.
func (s *Sessions) adapter(rt iapeer.Runtime) (runtimes.Adapter, error) {
	if a, ok := s.known[rt]; ok {
		return a, nil
	}
	now := time.Now()
	if p, ok := s.packages.Load(rt); ok && now.Sub(p.(pack).at) < packSure {
		return p.(pack).adapter, nil
	}
	a, err := runtimes.For(rt, s.packaged(rt))
	if err != nil {
		s.packages.Delete(rt)
		return a, err
	}
	s.packages.Store(rt, pack{adapter: a, at: now})
	return a, nil
}

// Launch implements [house.Sessions].
func (s *Sessions) Launch(l house.Launch, report func(house.Report)) {
	go func() {
		st := &starting{s: s, order: l, report: report}
		if err := st.run(); err != nil {
			report(st.failed(err))
		}
	}()
}

// Adopt implements [house.Sessions].
func (s *Sessions) Adopt(l house.Launch, report func(house.Report)) {
	go func() {
		if err := s.adopt(l, report); err != nil {
			report(house.StartFailed{Err: err, Gone: true, Cleanly: true})
		}
	}()
}

// Under returns the session whose host, or whose terminal's first process, has
// this pid.
func (s *Sessions) Under(pid int) (iapeer.Identity, int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.live {
		if pid > 1 && (l.hostPID == pid || l.childPID == pid) { // exec hosts have no child: 0
			return id, l.generation, true
		}
	}
	return iapeer.Identity{}, 0, false
}

func (s *Sessions) add(l *live) {
	s.Registry.Follow(l.id.Name) // while it lives, its profile is watched
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[l.id] = l
}

// drop forgets a session, unless a later one took its place.
func (s *Sessions) drop(l *live) {
	s.Registry.Unfollow(l.id.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[l.id] == l {
		delete(s.live, l.id)
	}
}

func (s *Sessions) get(id iapeer.Identity) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[id]
}
