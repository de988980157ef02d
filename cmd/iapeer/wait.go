package main

import (
	"context"
	"errors"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// waitOnce is how long one request waits: below what the daemon allows, so that
// a long wait is several requests.
const waitOnce = 5 * time.Minute

// await returns the message once it has got as far as goal, has ended, or at
// the deadline as it is. A daemon that goes away meanwhile is waited for, or
// started: the message is on disk, so only the wait is interrupted.
func (w *world) await(ctx context.Context, fleet *client.Client, id string, goal iapeer.State, deadline time.Time) (client.Message, error) {
	for {
		left := deadline.Sub(w.now())
		m, err := fleet.Await(ctx, id, goal, max(0, min(left, waitOnce)))
		var refused *client.Error
		switch {
		case errors.As(err, &refused) && !errors.Is(err, iapeer.ErrShuttingDown), errors.Is(err, iapeer.ErrNoDaemon):
			return m, err
		case err == nil && settled(m.State, goal), left <= 0:
			return m, err
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(min(left, repeatEvery)):
		}
	}
}
