package client

import (
	"encoding/json"
	"fmt"
	"os"
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
	return New(To(r)).As(getenv("PEER_IDENTITY"), getenv("IAPEER_BEARER")), nil
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
