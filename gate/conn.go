package gate

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// A conn is what is known about the other end of one connection, from accept
// to close.
type conn struct {
	unix    bool
	uid     int
	pid     int    // 0: not known yet, or not at all
	inode   uint32 // of the other half of a TCP connection
	unasked bool   // this system does not tell who owns a TCP connection
	err     error  // why the owner is not known

	once    sync.Once
	process standing

	folders folders // where the calling process works
}

type connKey struct{}

// ConnContext asks the kernel, at accept, who is at the other end of c. It is
// meant for http.Server.ConnContext.
func (g *Gate) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, examine(c))
}

// WithProcess returns a context in which a request is taken for one of the
// process pid of this user, which has no connection: it runs this program
// itself. It is as good as the unix socket.
func (g *Gate) WithProcess(ctx context.Context, pid int) context.Context {
	return context.WithValue(ctx, connKey{}, &conn{unix: true, uid: g.cfg.OwnUID, pid: pid})
}

func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

func examine(c net.Conn) *conn {
	switch c := c.(type) {
	case *net.UnixConn:
		uid, pid, err := peerCredentials(c)
		return &conn{unix: true, uid: uid, pid: pid, err: err}
	case *net.TCPConn:
		if !canAskOwner() {
			return &conn{uid: -1, unasked: true}
		}
		o, err := tcpOwner(c)
		return &conn{uid: o.uid, inode: o.inode, err: err}
	}
	return &conn{uid: -1, err: net.UnknownNetworkError(c.RemoteAddr().Network())}
}

// sameUser refuses every user but own. Where the kernel cannot be asked it
// lets the connection pass, and the request must carry a token.
func (c *conn) sameUser(own int) error {
	switch {
	case c.unasked:
		return nil
	case c.err != nil:
		return refuse(http.StatusForbidden, "owner", "the owner of this connection is not known ("+c.err.Error()+"): keep it open until the answer")
	case c.uid != own:
		return refuse(http.StatusForbidden, "other-user", "this daemon serves user "+strconv.Itoa(own)+" only, and the caller is user "+strconv.Itoa(c.uid))
	}
	return nil
}

// standing returns what is known about the calling process, looked up when it
// is first needed: most requests carry a token and never ask.
func (c *conn) standing(g *Gate) standing {
	c.once.Do(func() {
		pid := c.pid
		if pid == 0 && c.inode != 0 {
			pid = socketPID(c.inode)
		}
		c.process = g.examineProcess(pid)
	})
	return c.process
}
