package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// fleet returns a client that speaks as who, see speaker. The daemon is started
// by the first request that finds none; where none is wanted
// (IAPEER_NO_DAEMON=1) such a request is done by `iapeerd once`.
func (w *world) fleet(who string) *client.Client {
	if w.noDaemon() {
		return w.reach(who, &way{w: w, without: once{w}})
	}
	return w.reach(who, &way{w: w, start: w.start})
}

// running returns a client of a daemon that must be running already.
func (w *world) running(who string) *client.Client {
	return w.reach(who, &way{w: w, start: func(context.Context) error { return iapeer.ErrNoDaemon }})
}

func (w *world) reach(who string, way *way) *client.Client {
	base := "http://localhost"
	if r, err := client.Find(w.getenv); err == nil {
		base, way.rt = client.Direct(r)
	}
	return client.New(base, &http.Client{Transport: way}).As(who, w.bearer())
}

func (w *world) noDaemon() bool { return w.getenv("IAPEER_NO_DAEMON") == "1" }

// way is the transport to the daemon. When it finds none it starts one, or goes
// the other way, without.
type way struct {
	w       *world
	rt      http.RoundTripper // nil: nothing told of a daemon
	start   func(context.Context) error
	without http.RoundTripper // nil: start
}

// RoundTrip implements http.RoundTripper.
func (t *way) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.rt != nil {
		res, err := t.insist(req)
		if !errors.Is(err, iapeer.ErrNoDaemon) {
			return res, err
		}
	}
	if t.without != nil {
		return t.without.RoundTrip(req)
	}
	again, err := afresh(req)
	if err != nil {
		return nil, err
	}
	if err := t.start(req.Context()); err != nil {
		return nil, err
	}
	r, err := client.Find(t.w.getenv)
	if err != nil {
		return nil, err
	}
	_, t.rt = client.Direct(r)
	return t.rt.RoundTrip(again)
}

// A daemon that was killed may leave its socket open for a moment: whoever asks
// then loses the connection without an answer.
const (
	insistFor   = 2 * time.Second
	insistEvery = 20 * time.Millisecond
)

// insist asks again while connections are lost, if the request only reads.
func (t *way) insist(req *http.Request) (*http.Response, error) {
	for until := t.w.now().Add(insistFor); ; {
		res, err := t.rt.RoundTrip(req)
		dropped := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF)
		if !dropped || req.Method != http.MethodGet || t.w.now().After(until) {
			return res, err
		}
		select {
		case <-req.Context().Done():
			return nil, req.Context().Err()
		case <-time.After(insistEvery):
		}
	}
}

// once is the transport to no daemon: the same handlers run for one request in
// a process of their own.
type once struct{ w *world }

// RoundTrip implements http.RoundTripper. While another process has the root it
// waits for its turn; when that is a daemon which came up meanwhile, it is asked.
func (t once) RoundTrip(req *http.Request) (*http.Response, error) {
	for p := t.w.patience(); ; {
		res, err := t.serve(req.Context(), req)
		if !isHeld(err) || !p.wait(req.Context()) {
			return res, err
		}
		if t.w.answers(req.Context()) {
			return t.w.ask(req)
		}
	}
}

// serve has the request done by a process of its own.
func (t once) serve(ctx context.Context, req *http.Request) (*http.Response, error) {
	bin, err := daemonBinary(t.w)
	if err != nil {
		return nil, err
	}
	var in, out, said bytes.Buffer
	if req, err = afresh(req); err != nil {
		return nil, err
	}
	if err := req.Write(&in); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, bin, "once")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = daemonEnv(t.w.environ), &in, &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("iapeerd once: %w: %s", err, strings.TrimSpace(said.String()))
	}
	_, _ = io.Copy(t.w.err, &said) // warnings; the answer is what counts
	return http.ReadResponse(bufio.NewReader(&out), req)
}

// answers reports whether a daemon answers now.
func (w *world) answers(ctx context.Context) bool {
	c, err := client.Dial(w.getenv)
	return err == nil && c.Healthy(ctx) == nil
}

// ask puts a request to the daemon that the discovery file names.
func (w *world) ask(req *http.Request) (*http.Response, error) {
	r, err := client.Find(w.getenv)
	if err != nil {
		return nil, err
	}
	if req, err = afresh(req); err != nil {
		return nil, err
	}
	_, rt := client.Direct(r)
	return rt.RoundTrip(req)
}

// afresh is a request that was sent before, with its body from the beginning.
func afresh(req *http.Request) (_ *http.Request, err error) {
	again := req.Clone(req.Context())
	again.Body, err = req.GetBody()
	return again, err
}
