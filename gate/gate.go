package gate

import (
	"net/http"
	"time"

	"github.com/iapeer/iapeer"
	"go.uber.org/zap"
)

// Limits of the server that [Gate.Server] returns.
const (
	// HeaderTimeout ends a client that does not finish its request's head.
	HeaderTimeout = 5 * time.Second
	// BodyTimeout ends a client that does not finish its request's body.
	BodyTimeout = 15 * time.Second
	// IdleTimeout closes a kept connection on which nothing is asked.
	IdleTimeout = 5 * time.Minute
	// MaxHeaderBytes bounds a request's head.
	MaxHeaderBytes = 32 << 10
	// DefaultMaxBody bounds a request's body unless [Config.MaxBody] says
	// otherwise. Hook payloads repeat whole tool outputs, hence its size.
	DefaultMaxBody = 16 << 20
)

// Peers finds registered peers.
type Peers interface {
	// Peer returns the record of the peer called n.
	Peer(n iapeer.Name) (iapeer.Peer, bool)
}

// Sessions knows the supervised sessions.
type Sessions interface {
	// Live returns the generation of the identity's live supervised session.
	Live(id iapeer.Identity) (generation int64, live bool)
	// Under returns the session whose host process, or whose terminal's first
	// process, has this pid.
	Under(pid int) (Session, bool)
}

// A Session is one life of one identity under a session host.
type Session struct {
	Identity   iapeer.Identity
	Generation int64
}

// Config is what a [Gate] needs to know. Peers, Sessions and Tokens must be
// safe for concurrent use and answer from memory: they are asked on every
// request.
type Config struct {
	OwnUID   int // the user the daemon runs as; nobody else is let in
	Peers    Peers
	Sessions Sessions
	Tokens   Tokens
	Person   func() iapeer.Identity // the person at this host's terminals; nil or zero: nobody
	// Papers returns the file in a folder that says as whom a program there
	// speaks, and that name; "" when there is none. nil compares no folders. It
	// may read files: it is asked only for claims that the user alone proves.
	Papers    func(dir string) (file string, names iapeer.Name)
	HostToken string      // the optional token every request must carry, "" for none
	MaxBody   int64       // bytes; 0 means DefaultMaxBody
	Log       *zap.Logger // refusals, at debug level; nil for none
}

// A Gate is the middleware. It is safe for concurrent use.
type Gate struct {
	cfg  Config
	host TokenHash // of Config.HostToken
	log  *zap.Logger
}

// New returns a Gate.
func New(cfg Config) *Gate {
	g := &Gate{cfg: cfg, log: cfg.Log}
	if g.log == nil {
		g.log = zap.NewNop()
	}
	if cfg.HostToken != "" {
		g.host = HashToken(cfg.HostToken)
	}
	if g.cfg.MaxBody == 0 {
		g.cfg.MaxBody = DefaultMaxBody
	}
	return g
}

// Server returns a server of h behind the gate, bounded in time and size. The
// caller serves both listeners with it and shuts it down. There is no write
// time-out, because event streams live as long as their readers.
func (g *Gate) Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           g.Wrap(h),
		ConnContext:       g.ConnContext,
		ReadHeaderTimeout: HeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ErrorLog:          zap.NewStdLog(g.log),
	}
}

// Wrap returns h behind the gate. The server must use [Gate.ConnContext].
func (g *Gate) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		originForm(r)
		p, err := g.admit(r)
		if err != nil {
			g.log.Debug("refused", zap.String("path", r.URL.Path), zap.Error(err))
			WriteRefusal(w, r, err)
			return
		}
		bound(w, r, g.cfg.MaxBody)
		h.ServeHTTP(w, r.WithContext(p.into(r.Context())))
	})
}

// admit decides whether the request goes on at all. A claim of identity that
// does not hold is not its business; see [CallerFrom].
func (g *Gate) admit(r *http.Request) (*pass, error) {
	c := connOf(r.Context())
	if c == nil {
		return nil, refuse(http.StatusForbidden, "connection", "the connection is not known to the gate: serve it with Gate.Server")
	}
	if err := c.sameUser(g.cfg.OwnUID); err != nil {
		return nil, err
	}
	if err := checkShape(r, c.unix); err != nil {
		return nil, err
	}
	facts, ok, err := g.token(r.Header)
	if err != nil {
		return nil, err
	}
	p := &pass{gate: g, conn: c, named: r.Header.Get(IdentityHeader), hooks: isHooks(r.URL.Path)}
	if ok {
		p.token = &facts
	}
	if c.unasked && p.token == nil && !g.holdsHostToken(r.Header) {
		return nil, needToken("this system does not tell the owner of a TCP connection: send the session's token as Authorization: Bearer, or use the unix socket")
	}
	if p.hooks && p.token == nil {
		return nil, needToken("hooks need the token of their own session as Authorization: Bearer")
	}
	return p, p.agree()
}
