package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
)

// dialTimeout bounds one attempt to connect on this host.
const dialTimeout = 2 * time.Second

// A Router is the content of router.json, by which the daemon tells where it
// listens.
type Router struct {
	Sock    string `json:"sock"`
	TCP     string `json:"tcp"` // URL of the MCP endpoint: http://127.0.0.1:8765/mcp
	Version string `json:"version,omitempty"`
	Fleet   int    `json:"fleet,omitempty"` // number of the fleet API
}

// Dial returns a client for the daemon of the root that getenv names
// (IAPEER_ROOT, HOME), over its unix socket, or its TCP port where sockets may
// not be used. It speaks as
// PEER_IDENTITY with the token IAPEER_BEARER where these are set; see
// [Client.As] for another. Nothing is connected before the first request.
//
// The error is [iapeer.ErrNoDaemon] when nothing tells of a daemon. One that has
// died shows at the first request, with the same error.
func Dial(getenv func(string) string) (*Client, error) {
	r, err := Find(getenv)
	if err != nil {
		return nil, err
	}
	base, rt := Transport(r)
	return New(base, &http.Client{Transport: rt}).As(getenv("PEER_IDENTITY"), getenv("IAPEER_BEARER")), nil
}

// Transport returns the way to the daemon at r, and the base URL for [New]. Its
// errors match [iapeer.ErrNoDaemon] when nobody listens there.
func Transport(r Router) (base string, rt http.RoundTripper) {
	d, base := way(r)
	return base, &http.Transport{DialContext: d.dial, DisableCompression: true}
}

func way(r Router) (d dialer, base string) {
	d, base = dialer{sock: r.Sock}, "http://localhost"
	if u, err := url.Parse(r.TCP); err == nil && u.Host != "" {
		d.tcp, base = u.Host, "http://"+u.Host
	}
	return d, base
}

// Find tells where the daemon of the root that getenv names listens, without
// connecting. IAPEER_DAEMON_SOCKET wins over router.json. The error is
// [iapeer.ErrNoDaemon] when there is neither a file nor a socket.
func Find(getenv func(string) string) (Router, error) {
	paths := iapeer.PathsFromEnv(getenv)
	var r Router
	b, err := os.ReadFile(paths.RouterFile())
	if err == nil {
		if err := json.Unmarshal(b, &r); err != nil {
			return r, fmt.Errorf("%s: %w (restart the daemon: iapeer daemon restart)", paths.RouterFile(), err)
		}
	}
	if s := getenv("IAPEER_DAEMON_SOCKET"); s != "" {
		r.Sock = s
	}
	if r.Sock == "" {
		r.Sock = paths.RouterSocket()
	}
	if _, err := os.Stat(r.Sock); err != nil && r.TCP == "" {
		return r, iapeer.ErrNoDaemon
	}
	return r, nil
}

// dialer reaches the daemon over its socket. TCP is for where sockets may not be
// used: a port that nobody's socket vouches for may have got another owner, who
// must not be told tokens and messages.
type dialer struct{ sock, tcp string }

func (d dialer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	nd := net.Dialer{Timeout: dialTimeout}
	c, err := nd.DialContext(ctx, "unix", d.sock)
	gone := errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
	if err != nil && !gone && d.tcp != "" {
		c, err = nd.DialContext(ctx, "tcp", d.tcp)
	}
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w (%s)", iapeer.ErrNoDaemon, d.sock)
	}
	return c, err
}
