package gate

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/iapeer/iapeer"
)

// A pass is one request that was let in. Who makes it is worked out when it is
// first asked: most of what needs no identity never asks.
type pass struct {
	gate  *Gate // nil: made by WithCaller
	conn  *conn
	token *TokenFacts // nil: no session's token
	named string      // the identity header, "" when it is missing
	hooks bool        // the request reports what a session did

	once   sync.Once
	caller iapeer.Caller
	err    error // why caller has no identity
}

type passKey struct{}

func (p *pass) into(ctx context.Context) context.Context {
	return context.WithValue(ctx, passKey{}, p)
}

// CallerFrom returns who makes the request. With an error the caller's
// Identity is zero, and the error, a [*RefusedError], says why: the header is
// missing or malformed, the peer is unknown, or the claim is not proven. The
// other fields hold either way.
func CallerFrom(ctx context.Context) (iapeer.Caller, error) {
	p, ok := ctx.Value(passKey{}).(*pass)
	if !ok {
		return iapeer.Caller{}, refuse(http.StatusForbidden, "connection", "the request did not pass the gate")
	}
	p.once.Do(p.resolve)
	return p.caller, p.err
}

// Speaking returns the caller as the identity id, which the request names
// elsewhere than in its header, or a [*RefusedError] when the caller may not
// speak for it. The rules are those of the header.
func Speaking(ctx context.Context, id iapeer.Identity) (iapeer.Caller, error) {
	p, ok := ctx.Value(passKey{}).(*pass)
	if !ok {
		return iapeer.Caller{}, refuse(http.StatusForbidden, "connection", "the request did not pass the gate")
	}
	return p.speak(id)
}

// WithCaller returns a context in which [CallerFrom] and [Speaking] answer c.
// It is for handlers that are driven without a gate: tests, and the daemon's
// own requests.
func WithCaller(ctx context.Context, c iapeer.Caller) context.Context {
	return (&pass{caller: c}).into(ctx)
}

// token reads the Authorization header.
func (g *Gate) token(h http.Header) (TokenFacts, bool, error) {
	token, err := bearer(h)
	if err != nil {
		return TokenFacts{}, false, err
	}
	if token == "" || token == PublicStub {
		return TokenFacts{}, false, g.needHostToken()
	}
	hash := HashToken(token)
	if g.cfg.HostToken != "" && hash == g.host {
		return TokenFacts{}, false, nil
	}
	if g.cfg.Tokens != nil {
		if f, ok := g.cfg.Tokens.Lookup(hash); ok {
			return f, true, nil
		}
	}
	return TokenFacts{}, false, needToken("the token in Authorization is not known: its session ended, or it was never this daemon's; start the session again")
}

func (g *Gate) needHostToken() error {
	if g.cfg.HostToken == "" {
		return nil
	}
	return needToken("this daemon asks for a token: send Authorization: Bearer with IAPEER_BEARER_TOKEN, or a session's own")
}

func (g *Gate) holdsHostToken(h http.Header) bool {
	token, err := bearer(h)
	return err == nil && g.cfg.HostToken != "" && HashToken(token) == g.host
}

// bearer returns the token of the Authorization header, "" when there is none.
func bearer(h http.Header) (string, error) {
	v := h.Get("Authorization")
	if v == "" {
		return "", nil
	}
	scheme, token, _ := strings.Cut(v, " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t,") {
		return "", needToken("Authorization is not understood: send Bearer and one token")
	}
	return token, nil
}

// agree refuses a header that does not say what the token says. A token
// without the header stands for it.
func (p *pass) agree() error {
	if p.token == nil {
		return nil
	}
	id := p.token.Identity.String()
	if p.named == "" {
		p.named = id
	}
	if p.named != id {
		return refuse(http.StatusForbidden, "identity", fmt.Sprintf("header %s says %s, and the token is that of %s: they must agree", IdentityHeader, quote(p.named), id))
	}
	return nil
}

// resolve works out the caller: the identity of the header, else that of the
// token, else the person at a terminal.
func (p *pass) resolve() {
	switch {
	case p.gate == nil:
	case p.hooks:
		p.caller = p.asSession() // a session's last hooks may come when the next one is live
	case p.named == "":
		p.caller, p.err = p.unnamed()
	default:
		id, err := iapeer.ParseIdentity(p.named)
		if err != nil {
			p.caller, p.err = p.bare(), &RefusedError{Status: http.StatusBadRequest, Reason: "identity", Err: err,
				Message: fmt.Sprintf("header %s %s: write <runtime>-<name> of the calling peer, such as claude-anna", IdentityHeader, quote(p.named))}
			return
		}
		p.caller, p.err = p.speak(id)
	}
}

// bare is the caller without an identity.
func (p *pass) bare() iapeer.Caller {
	c := iapeer.Caller{UID: p.conn.uid, PID: p.conn.pid, Proof: iapeer.ProofUID}
	if p.token != nil {
		c.Session, c.Generation, c.Proof = true, p.token.Generation, iapeer.ProofSession
		return c
	}
	if p.conn.unasked {
		c.Proof = iapeer.ProofNone
		return c
	}
	s := p.conn.standing(p.gate)
	c.PID = s.pid
	if s.under {
		c.Session, c.Generation, c.Proof = true, s.session.Generation, iapeer.ProofNone
	}
	return c
}

// asSession is the caller that the token proves.
func (p *pass) asSession() iapeer.Caller {
	c := p.bare()
	c.Identity = p.token.Identity
	if p.token.Natural {
		c.Session, c.Proof = false, iapeer.ProofPerson
	}
	return c
}

// unnamed resolves a request with neither the identity header nor a token: the
// person at a terminal, or nobody.
func (p *pass) unnamed() (iapeer.Caller, error) {
	c := p.bare()
	if me := p.gate.person(); me != (iapeer.Identity{}) && p.atTerminal() {
		c.Identity, c.Proof = me, iapeer.ProofPerson
		return c, nil
	}
	return c, &RefusedError{Status: http.StatusBadRequest, Reason: "identity", Err: iapeer.ErrNotProven,
		Message: fmt.Sprintf("header %s is missing: send <runtime>-<name> of the calling peer, such as claude-anna", IdentityHeader)}
}

// speak decides whether the caller may speak for id.
func (p *pass) speak(id iapeer.Identity) (iapeer.Caller, error) {
	if p.gate == nil { // made by WithCaller
		c := p.caller
		c.Identity = id
		return c, nil
	}
	peer, err := p.gate.registered(id)
	if err != nil {
		return p.bare(), err
	}
	if p.token != nil {
		return p.speakByToken(id)
	}
	return p.speakByProcess(id, peer)
}

func (p *pass) speakByToken(id iapeer.Identity) (iapeer.Caller, error) {
	if p.token.Identity != id {
		return p.bare(), notProven("the token is that of %s and does not speak for %s", p.token.Identity, id)
	}
	if gen, live := p.gate.cfg.Sessions.Live(id); live && gen != p.token.Generation {
		return p.bare(), notProven("a newer session of %s is live: this token is that of an earlier one", id)
	}
	return p.asSession(), nil
}

func (p *pass) speakByProcess(id iapeer.Identity, peer iapeer.Peer) (iapeer.Caller, error) {
	c := p.bare()
	if _, live := p.gate.cfg.Sessions.Live(id); live {
		return c, notProven("%s has a live session, and only that session speaks for it: send its token (environment IAPEER_BEARER) as Authorization: Bearer, or iapeer stop %s first", id, id.Name)
	}
	s := p.conn.standing(p.gate)
	switch {
	case !s.known:
		return c, notProven("the calling process is not to be found, so nothing proves that it may speak for %s: keep it alive until the answer, or send a session's token", id)
	case s.under:
		return c, notProven("the calling process runs inside the session of %s and acts only as that session, not as %s", s.session.Identity, id)
	case peer.Nature == iapeer.Natural || id == p.gate.person():
		return p.asPerson(c, id)
	}
	if err := p.belongs(s.pid, peer); err != nil {
		return c, err
	}
	c.Identity, c.Proof = id, iapeer.ProofUID
	return c, nil
}

func (p *pass) asPerson(c iapeer.Caller, id iapeer.Identity) (iapeer.Caller, error) {
	if !p.atTerminal() {
		return c, notProven("%s is a person: only an interactive terminal outside every agent, or that person's own router, speaks for a person", id)
	}
	c.Identity, c.Proof = id, iapeer.ProofPerson
	return c, nil
}

// atTerminal reports whether a person's terminal makes the request. A TCP
// connection never proves it: an agent program started by hand holds the
// terminal too, and calls over TCP.
func (p *pass) atTerminal() bool {
	return p.conn.unix && p.conn.standing(p.gate).person
}

func (g *Gate) person() iapeer.Identity {
	if g.cfg.Person == nil {
		return iapeer.Identity{}
	}
	return g.cfg.Person()
}

// registered resolves an identity against the registry only.
func (g *Gate) registered(id iapeer.Identity) (iapeer.Peer, error) {
	peer, ok := g.cfg.Peers.Peer(id.Name)
	if !ok {
		return peer, &RefusedError{Status: http.StatusForbidden, Reason: "unknown-caller", Err: iapeer.ErrUnknownPeer,
			Message: fmt.Sprintf("unknown caller %q: not in the iapeer peers index; run iapeer init in its folder, or iapeer create %s", id.Name, id.Name)}
	}
	if !peer.Declares(id.Runtime) {
		return peer, &RefusedError{Status: http.StatusForbidden, Reason: "undeclared-runtime", Err: iapeer.ErrNotDeclared,
			Message: fmt.Sprintf("runtime %q is not declared for caller %q (declared: %s)", id.Runtime, id.Name, declared(peer))}
	}
	return peer, nil
}

func declared(p iapeer.Peer) string {
	names := make([]string, 0, len(p.Runtimes)+1)
	if len(p.Runtimes) == 0 {
		names = append(names, string(p.DefaultRuntime))
	}
	for _, rt := range p.Runtimes {
		names = append(names, string(rt))
	}
	return strings.Join(names, ", ")
}

func notProven(format string, args ...any) error {
	return refuse(http.StatusForbidden, "identity", fmt.Sprintf(format, args...))
}
