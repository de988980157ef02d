package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	if r, err := client.Find(w.getenv); err == nil {
		way.direct = client.To(r)
	}
	return client.New(way).As(who, w.bearer())
}

func (w *world) noDaemon() bool { return w.getenv("IAPEER_NO_DAEMON") == "1" }

// way is the way to the daemon. When it finds none it starts one, or goes the
// other way, without.
type way struct {
	w       *world
	direct  client.Way // nil: nothing told of a daemon
	start   func(context.Context) error
	without client.Way // nil: start
}

// Do implements client.Way.
func (t *way) Do(ctx context.Context, req *client.Request) (*client.Response, error) {
	if t.direct != nil {
		res, err := t.insist(ctx, req)
		if !errors.Is(err, iapeer.ErrNoDaemon) {
			return res, err
		}
	}
	if t.without != nil {
		return t.without.Do(ctx, req)
	}
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	r, err := client.Find(t.w.getenv)
	if err != nil {
		return nil, err
	}
	t.direct = client.To(r)
	return t.direct.Do(ctx, req)
}

// A daemon that was killed may leave its socket open for a moment: whoever asks
// then loses the connection without an answer.
const (
	insistFor   = 2 * time.Second
	insistEvery = 20 * time.Millisecond
)

// insist asks again while connections are lost, if the request only reads.
func (t *way) insist(ctx context.Context, req *client.Request) (*client.Response, error) {
	for until := t.w.now().Add(insistFor); ; {
		res, err := t.direct.Do(ctx, req)
		dropped := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF)
		if !dropped || req.Method != "GET" || t.w.now().After(until) {
			return res, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(insistEvery):
		}
	}
}

// once is the way to no daemon: the same handlers run for one request in
// a process of their own.
type once struct{ w *world }

// Do implements client.Way. While another process has the root it waits for its
// turn; when that is a daemon which came up meanwhile, it is asked.
func (t once) Do(ctx context.Context, req *client.Request) (*client.Response, error) {
	for p := t.w.patience(); ; {
		res, err := t.serve(ctx, req)
		if !isHeld(err) || !p.wait(ctx) {
			return res, err
		}
		if t.w.answers(ctx) {
			return t.w.ask(ctx, req)
		}
	}
}

// serve has the request done by a process of its own.
func (t once) serve(ctx context.Context, req *client.Request) (*client.Response, error) {
	bin, err := daemonBinary(t.w)
	if err != nil {
		return nil, err
	}
	text, err := req.Bytes("localhost")
	if err != nil {
		return nil, err
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, bin, "once")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = daemonEnv(t.w.environ), bytes.NewReader(text), &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("iapeerd once: %w: %s", err, strings.TrimSpace(said.String()))
	}
	_, _ = io.Copy(t.w.err, &said) // warnings; the answer is what counts
	return client.ReadResponse(bufio.NewReader(&out))
}

// answers reports whether a daemon answers now.
func (w *world) answers(ctx context.Context) bool {
	c, err := client.Dial(w.getenv)
	return err == nil && c.Healthy(ctx) == nil
}

// ask puts a request to the daemon that the discovery file names.
func (w *world) ask(ctx context.Context, req *client.Request) (*client.Response, error) {
	r, err := client.Find(w.getenv)
	if err != nil {
		return nil, err
	}
	return client.To(r).Do(ctx, req)
}
