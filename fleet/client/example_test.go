package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
)

// to is a way of its own to a daemon, as a program may have one.
type to struct{ daemon *httptest.Server }

// Do implements client.Way.
func (t to) Do(ctx context.Context, req *client.Request) (*client.Response, error) {
	r, err := http.NewRequestWithContext(ctx, req.Method, t.daemon.URL+req.Path, bytes.NewReader(req.Body))
	if err != nil {
		return nil, err
	}
	for key, value := range req.Header {
		r.Header.Set(key, value)
	}
	res, err := t.daemon.Client().Do(r) //nolint:bodyclose // whoever gets the answer closes it
	if err != nil {
		return nil, err
	}
	return &client.Response{Status: res.StatusCode, Reason: http.StatusText(res.StatusCode), Version: res.Header.Get(client.HeaderVersion), Body: res.Body}, nil
}

// A program asks a peer and waits for the answer. Where a daemon runs, the
// client comes from client.Dial(os.Getenv).
func Example() {
	daemon := httptest.NewServer(fleet.New(fleettest.New("web").Deps()))
	defer daemon.Close()
	c := client.New(to{daemon})

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reply, err := c.Send(ctx, client.SendRequest{Personality: "web", Message: "which port?", For: "answered", Wait: "30s"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Result.State, reply.Result.Evidence.Source)
	fmt.Println(reply.Result.Answer)
	// Output:
	// answered hook
	// echo: which port?
}

// Events goes on over a restart of the daemon; the loop decides when to stop.
func ExampleClient_Events() {
	fake := fleettest.New("web")
	daemon := httptest.NewServer(fleet.New(fake.Deps()))
	defer daemon.Close()
	c := client.New(to{daemon})
	fake.Tell("web")

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for e, err := range c.Events(ctx, 10) {
		if err != nil {
			continue // the daemon is away; Events tries again
		}
		fmt.Println(e.Name, e.Peer())
		break
	}
	// Output: peer-registered web
}

// A refusal is told apart with errors.Is.
func ExampleError() {
	err := client.Refusal(&iapeer.PeerError{Op: "send", Peer: "web", Err: iapeer.ErrStopped})
	fmt.Println(err.Status, err.Code)
	fmt.Println(err, errors.Is(err, iapeer.ErrStopped))
	// Output:
	// 502 stopped
	// send web: stopped and not accepting messages true
}
