// Package daemon builds the daemon from its rooms, runs it, and stops it in
// reverse. It is the only place that knows all rooms; it decides nothing that a
// room could decide.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors"
	"github.com/iapeer/iapeer/actors/approvals"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/cmd/iapeerd/eventlog"
	"github.com/iapeer/iapeer/cmd/iapeerd/hosting"
	"github.com/iapeer/iapeer/config"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/gate"
	"github.com/iapeer/iapeer/mcp"
	"github.com/iapeer/iapeer/registry"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/board"
	"github.com/iapeer/iapeer/store/mailbox"
)

// Options are what the caller decides.
type Options struct {
	Getenv func(string) string
	Iapeer string // the thin client, which is also the session host
	Log    *zap.Logger
	Ready  func() // called once, when both listeners serve
}

// Daemon is the daemon of one root.
type Daemon struct {
	paths   iapeer.Paths
	getenv  func(string) string
	wall    func() time.Time // see wallClock
	cfg     config.Config
	log     *zap.Logger
	started time.Time

	lock     *os.File
	db       *store.DB
	box      *mailbox.Box
	index    *mailbox.Index
	board    *board.Board
	tokens   tokens
	reg      *registry.Registry
	sessions *hosting.Sessions
	system   *actors.System
	desk     atomic.Pointer[approvals.Desk] // sessions speak before it is there
	events   *eventlog.Log
	server   *http.Server
	unix     net.Listener
	tcp      net.Listener // nil while another program has the port
	port     int          // the root's own; set before anything asks for it

	stopping context.Context // ends when the daemon begins to stop
	stop     context.CancelFunc
	life     context.Context // ends when everything has stopped
	die      context.CancelFunc
}

// Time limits of the shutdown's steps; together they stay below five seconds.
const (
	drainLimit = 1500 * time.Millisecond // requests under way
	actorLimit = 2 * time.Second         // actors finishing what they handle
	eventLimit = 500 * time.Millisecond  // the last events reaching their logs
)

// Run runs the daemon until ctx ends.
func Run(ctx context.Context, o Options) error {
	d := newDaemon(ctx, o)
	defer d.close()
	if err := d.open(o); err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	if err := d.startActors(); err != nil {
		return err
	}
	if err := d.startDesk(); err != nil {
		return err
	}
	failed := d.serve()
	if err := d.announce(); err != nil {
		return err
	}
	go d.keepHouse()
	go d.keepPanes()
	go d.keepAwake()
	if o.Ready != nil {
		o.Ready()
	}
	d.log.Info("ready", zap.String("root", d.paths.Root), zap.String("socket", d.socket()), zap.String("url", d.url()), zap.String("version", iapeer.Version))
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// newDaemon is a daemon of which nothing is open yet. ctx ends its service, not
// its life: what is under way is finished first.
func newDaemon(ctx context.Context, o Options) *Daemon {
	d := &Daemon{getenv: o.Getenv, wall: wallClock(o.Getenv), paths: iapeer.PathsFromEnv(o.Getenv), log: o.Log, started: time.Now()}
	d.stopping, d.stop = context.WithCancel(ctx)
	d.life, d.die = context.WithCancel(context.WithoutCancel(ctx))
	return d
}

// open opens everything on disk.
func (d *Daemon) open(o Options) (err error) {
	if d.cfg, err = config.Load(d.paths, d.getenv); err != nil {
		d.log.Warn("configuration", zap.Error(err)) // the other sources still hold
	}
	for _, w := range d.cfg.Warnings() {
		d.log.Warn("configuration", zap.String("warning", w))
	}
	if d.lock, err = lockRoot(d.paths); err != nil {
		return err
	}
	if d.db, err = store.Open(d.life, d.paths.Store(), d.log, mailbox.Migrations(), board.Migrations()); err != nil {
		return err
	}
	if d.box, err = mailbox.Open(d.life, d.db); err != nil {
		return err
	}
	if d.index, err = mailbox.OpenIndex(d.life, filepath.Join(d.paths.State(), "search.db"), d.box, d.log); err != nil {
		d.log.Error("no full-text search", zap.Error(err)) // the mailbox searches without it
	}
	d.board = board.New(d.db)
	d.tokens = tokens{table: new(gate.Table), board: d.board, log: d.log, wall: d.wall}
	if err := d.tokens.load(d.life); err != nil {
		return err
	}
	if d.reg, err = registry.Open(d.paths, d.log); err != nil {
		return err
	}
	d.sessions = hosting.New(hosting.Config{
		Paths: d.paths, Config: d.cfg, Getenv: d.getenv, Iapeer: o.Iapeer, Registry: d.reg, Tokens: d.tokens, Witness: d, Log: d.log, Life: d.life,
	})
	return nil
}

// startActors starts the actor system. Both listeners exist by then, so a
// session that is launched finds somebody to call.
func (d *Daemon) startActors() (err error) {
	d.sessions.URL = d.url()
	d.events = eventlog.New(d.eventLog())
	d.system, err = actors.Start(limits(d.cfg, d.wall), house.Ports{
		Mailbox: mail{box: d.box, ctx: d.life}, Board: memory{board: d.board, ctx: d.life, log: d.log}, Peers: peers{d.reg},
		Sessions: eventlog.Sessions{Sessions: d.sessions, Log: d.events}, Onboarder: onboarder{d: d, ctx: d.life}, Log: d.log,
	})
	if err != nil {
		d.events = nil // nothing will come
		return err
	}
	if dmg := d.db.Damage(); dmg != nil {
		d.system.Notify(house.Notice{Kind: "store-damaged", Summary: "the store was damaged and set aside as " + dmg.Path, Content: dmg.Reason})
	}
	d.events.Start(d.stopping, api{d}.Subscribe)
	d.watchRegistry()
	return nil
}

// watchRegistry keeps actors in line with the registry, whoever writes it.
func (d *Daemon) watchRegistry() {
	d.reg.Watch(d.life, func(c iapeer.PeerChanged) {
		d.events.PeerChanged(c)
		if c.Action == "removed" {
			if err := os.RemoveAll(attachments(d.paths, c.Peer)); err != nil {
				d.log.Warn("cannot remove a peer's attachments", zap.String("peer", string(c.Peer)), zap.Error(err))
			}
			go d.forgetPanes(c.Peer)
		}
		d.system.Refresh(c.Peer)
	})
}

// serve serves both listeners with one handler behind the gate.
func (d *Daemon) serve() <-chan error {
	a := api{d}
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.New(mcp.Config{Sender: a, Version: iapeer.Version, Wait: d.cfg.SendWait, Observe: d.events.Attempt, Log: d.log}))
	mux.Handle("/", fleet.New(fleet.Deps{
		Version: iapeer.Version, Started: d.started, Log: d.log, Caller: gate.CallerFrom, Stopping: d.stopping.Done(),
		Sender: a, Fleet: a, Messages: a, Events: a, Hooks: a, Notices: a, Screens: a, Config: settings{d}, Attempted: d.events.Attempt,
		Approvals: a, Permissions: a, Explainer: a,
	}))
	d.server = d.gate().Server(mux)
	failed := make(chan error, 2)
	for _, l := range []net.Listener{d.unix, d.tcp} {
		if l == nil {
			continue
		}
		go func() {
			if err := d.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		}()
	}
	return failed
}

// gate decides who is calling.
func (d *Daemon) gate() *gate.Gate {
	return gate.New(gate.Config{
		OwnUID: os.Getuid(), Peers: peers{d.reg}, Sessions: supervised{d}, Tokens: d.tokens.table, Person: d.person,
		Papers: papers, HostToken: d.cfg.BearerToken, Log: d.log,
	})
}

// supervised tells the gate which sessions live.
type supervised struct{ d *Daemon }

func (s supervised) Live(id iapeer.Identity) (int64, bool) { return s.d.system.View().Live(id) }

func (s supervised) Under(pid int) (gate.Session, bool) {
	id, generation, ok := s.d.sessions.Under(pid)
	return gate.Session{Identity: id, Generation: generation}, ok
}

// close stops what was started, in the order that loses nothing.
func (d *Daemon) close() {
	began := time.Now()
	// waits are answered with what is known, streams end with a hint to return
	d.stop()
	d.stopDesk()
	if d.server != nil {
		ctx, cancel := context.WithTimeout(d.life, drainLimit)
		if err := d.server.Shutdown(ctx); err != nil {
			_ = d.server.Close() // who did not finish in time is cut off
		}
		cancel()
	}
	served := time.Since(began)
	// nobody can ask any more: the actors finish what they were told
	if d.system != nil {
		ctx, cancel := context.WithTimeout(d.life, actorLimit)
		if err := d.system.Stop(ctx); err != nil {
			d.log.Warn("actors did not stop in time", zap.Error(err))
		}
		cancel()
	}
	if d.events != nil {
		select {
		case <-d.events.Done():
		case <-time.After(eventLimit):
		}
	}
	acted := time.Since(began)
	// the store comes after everybody who writes into it
	d.die()
	if d.index != nil {
		_ = d.index.Close() // it can be rebuilt
	}
	if d.db != nil {
		if err := d.db.Close(); err != nil {
			d.log.Error("cannot close the store", zap.Error(err))
		}
	}
	// the sockets go last: while they exist, no other daemon starts
	if d.unix != nil {
		_ = os.Remove(d.paths.RouterFile()) // a stale one is told from a live one by who answers
		_ = os.Remove(d.socket())
	}
	if d.lock != nil {
		d.lock.Close()
	}
	d.log.Info("stopped", zap.Duration("drained", served), zap.Duration("actors", acted-served), zap.Duration("store", time.Since(began)-acted))
}

// settings lists the configuration with its origins.
func (d *Daemon) settings() ([]client.Setting, error) {
	cfg, err := config.Load(d.paths, d.getenv)
	var out []client.Setting
	for _, o := range cfg.Origins() {
		origin := string(o.From)
		if o.Where != "" {
			origin += " " + o.Where
		}
		out = append(out, client.Setting{Key: o.Key, Value: o.Value, Origin: origin})
	}
	return out, err
}

// set writes one key of the person's file; what it changes holds from the next
// start, except where it is read at use.
func (d *Daemon) set(key, value string) error { return config.Set(d.paths.Config(), key, value) }
