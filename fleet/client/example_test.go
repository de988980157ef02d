package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
)

// A program asks a peer and waits for the answer. Where a daemon runs, the
// client comes from client.Dial(os.Getenv).
func Example() {
	daemon := httptest.NewServer(fleet.New(fleettest.New("web").Deps()))
	defer daemon.Close()
	c := client.New(daemon.URL, daemon.Client())

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
	c := client.New(daemon.URL, daemon.Client())
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
