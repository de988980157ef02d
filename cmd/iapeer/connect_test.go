package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// dying is a daemon that was killed: it drops some connections, then it is gone.
type dying struct{ drops, asked int }

func (d *dying) Do(context.Context, *client.Request) (*client.Response, error) {
	d.asked++
	if d.asked <= d.drops {
		return nil, syscall.ECONNRESET
	}
	return nil, iapeer.ErrNoDaemon
}

// A request that only reads is asked again while a killed daemon drops
// connections, and finds out that none runs; one that writes never is.
func TestKilledDaemonDropsConnections(t *testing.T) {
	for _, tc := range []struct {
		method string
		asked  int
		err    error
	}{
		{"GET", 4, iapeer.ErrNoDaemon},
		{"POST", 1, syscall.ECONNRESET},
	} {
		d := &dying{drops: 3}
		w := &way{w: &world{now: time.Now}, direct: d, start: func(context.Context) error { return iapeer.ErrNoDaemon }}
		_, err := w.Do(t.Context(), &client.Request{Method: tc.method, Path: "/"})
		if !errors.Is(err, tc.err) || d.asked != tc.asked {
			t.Errorf("%s: asked %d times, %v; want %d times, %v", tc.method, d.asked, err, tc.asked, tc.err)
		}
	}
}

// forgetful is a daemon that was killed while it took a message, and does not know
// the caller's session at first when it is back.
type forgetful struct {
	refusals int
	keys     []string
}

func (f *forgetful) Do(_ context.Context, r *client.Request) (*client.Response, error) {
	f.keys = append(f.keys, r.Header[client.HeaderKey])
	answer := func(status int, body string) (*client.Response, error) {
		return &client.Response{Status: status, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	switch n := len(f.keys); {
	case n == 1:
		return nil, syscall.ECONNRESET
	case n <= 1+f.refusals:
		return answer(403, `{"error":"who calls is not proven","code":"not-proven"}`)
	}
	return answer(200, `{"result":{"id":"m-1","state":"accepted"}}`)
}

// A send that a killed daemon did not answer is not refused because the next one
// does not know the caller at once; where it never does, the words leave open what
// is not known.
func TestRefusedAfterNoAnswer(t *testing.T) {
	for _, refusals := range []int{2, 1000} {
		synctest.Test(t, func(t *testing.T) {
			f := &forgetful{refusals: refusals}
			reply, err := dispatch(t.Context(), &world{now: time.Now}, client.New(f), client.SendRequest{Personality: "bob", Message: "hi"}, 0)
			if len(slices.Compact(f.keys)) != 1 {
				t.Errorf("keys %v, want one", f.keys)
			}
			if refusals == 2 {
				if err != nil || reply.Result.ID != "m-1" {
					t.Errorf("got %+v, %v, want the receipt", reply, err)
				}
				return
			}
			if !errors.Is(err, iapeer.ErrNotProven) || !strings.Contains(err.Error(), "may have been accepted") {
				t.Errorf("got %v, want a refusal that says what is not known", err)
			}
		})
	}
}

// A root that another process has is tried again until patience or the command
// ends.
func TestPatience(t *testing.T) {
	if isHeld(nil) || isHeld(errors.New("the disk is full")) || !isHeld(fmt.Errorf("iapeerd once: %s (pid 7)", heldText)) {
		t.Error("a held root is not told from other failures")
	}
	now := time.Now()
	w := &world{now: func() time.Time { return now }}
	p := w.patience()
	if !p.wait(t.Context()) {
		t.Error("no second try")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if p.wait(ended) {
		t.Error("a try after the command's end")
	}
	if now = now.Add(heldFor + time.Second); p.wait(t.Context()) {
		t.Errorf("a try after %s", heldFor)
	}
}
