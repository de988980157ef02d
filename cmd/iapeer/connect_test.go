package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
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
