package client

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"

	"github.com/iapeer/iapeer"
)

// A Way carries requests to a daemon. It is safe for concurrent use.
type Way interface {
	// Do sends a request and returns its answer as soon as the head is there. The
	// end of ctx ends both, the reading of the body too.
	Do(ctx context.Context, req *Request) (*Response, error)
}

// To returns the way to the daemon at r. Each request has a connection of its
// own, with no pool and no goroutine around it: on one host that costs less than
// to keep them. Its errors match [iapeer.ErrNoDaemon] when nobody listens there.
func To(r Router) Way {
	d := direct{sock: r.Sock, host: "localhost"}
	if u, err := url.Parse(r.TCP); err == nil && u.Host != "" {
		d.tcp, d.host = u.Host, u.Host
	}
	return d
}

// direct reaches the daemon over its socket. TCP is for where sockets may not be
// used: a port that nobody's socket vouches for may have got another owner, who
// must not be told tokens and messages.
type direct struct{ sock, tcp, host string }

// Do implements Way.
func (d direct) Do(ctx context.Context, req *Request) (*Response, error) {
	text, err := req.Bytes(d.host)
	if err != nil {
		return nil, err
	}
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, ctx: ctx, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	res, err := l.ask(text)
	if err != nil {
		_ = l.Close()
		return nil, l.blame(err)
	}
	l.body, res.Body = res.Body, l
	return res, nil
}

func (d direct) dial(ctx context.Context) (net.Conn, error) {
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

// A line is a connection that carries one request and its answer. As a reader it
// is the answer's body.
type line struct {
	conn net.Conn
	ctx  context.Context
	stop func() bool // ends the watch on the context
	body io.Reader
}

// ask writes the request and reads the answer's head. A daemon that refuses a
// request may answer before it has read all of it, so a failed write counts only
// when no answer comes.
func (l *line) ask(text []byte) (*Response, error) {
	_, unsent := l.conn.Write(text)
	res, err := ReadResponse(bufio.NewReader(l.conn))
	if err != nil {
		return nil, cmp.Or(unsent, err)
	}
	return res, nil
}

// Read implements io.Reader.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = l.blame(err)
	}
	return n, err
}

// Close implements io.Closer.
func (l *line) Close() error {
	l.stop()
	return l.conn.Close()
}

// blame returns why the context ended, if it did: the error of a connection that
// was closed for it tells nothing.
func (l *line) blame(err error) error { return cmp.Or(context.Cause(l.ctx), err) }
