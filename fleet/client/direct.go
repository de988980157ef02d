package client

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
)

// Direct is [Transport] for a program that asks once or twice and ends: each
// request has a connection of its own, with no pool and no goroutines around it,
// which would cost more than the request.
func Direct(r Router) (base string, rt http.RoundTripper) {
	d, base := way(r)
	return base, direct{d}
}

// direct is the transport of [Direct].
type direct struct{ dialer }

// RoundTrip implements http.RoundTripper. The end of the request's context
// closes the connection.
func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	conn, err := d.dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, ctx: ctx, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	res, err := l.ask(req)
	if err != nil {
		_ = l.Close()
		return nil, l.blame(err)
	}
	l.body, res.Body = res.Body, l
	return res, nil
}

// A line is a connection that carries one request and its answer. As a reader it
// is the answer's body.
type line struct {
	conn net.Conn
	ctx  context.Context
	stop func() bool // ends the watch on the context
	body io.ReadCloser
}

// ask writes the request and reads the answer's head. A daemon that refuses a
// request may answer before it has read all of it, so a failed write counts only
// when no answer comes.
func (l *line) ask(req *http.Request) (*http.Response, error) {
	single := req.WithContext(l.ctx) // a copy: a transport must not change its request
	single.Close = true
	unsent := single.Write(l.conn)
	r := bufio.NewReader(l.conn)
	if _, err := r.Peek(1); err != nil { // io.EOF, where ReadResponse would hide that nothing came
		return nil, cmp.Or(unsent, err)
	}
	return http.ReadResponse(r, req)
}

// Read implements io.Reader.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.body.Read(p)
	if err != nil && err != io.EOF {
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
func (l *line) blame(err error) error {
	return cmp.Or(context.Cause(l.ctx), err)
}
