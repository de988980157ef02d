package main

import (
	"context"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// A person does what only people do: start a peer that rests because its
// session could not be started.
type person struct {
	house *house

	mu   sync.Mutex
	did  int
	last map[string]string // cause by peer, as it was told last
}

// restsBefore is how long a peer rests before a person looks: pauses between
// two starts end by themselves.
const restsBefore = 3 * time.Second

// look starts every resting peer now and then until ctx ends.
func (p *person) look(ctx context.Context) {
	for ctx.Err() == nil {
		nap(ctx, 500*time.Millisecond)
		p.round(ctx)
	}
}

func (p *person) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c := p.house.fleet()
	s, err := c.Snapshot(ctx)
	if err != nil {
		return // no daemon serves at this moment
	}
	for _, peer := range s.Peers {
		for _, rt := range peer.Runtimes {
			if rt.State != iapeer.Resting || time.Since(rt.Since) < restsBefore {
				continue
			}
			if _, err := c.Command(ctx, iapeer.VerbStart, peer.Personality, client.CommandRequest{}); err == nil {
				p.note(peer.Personality, rt.Cause)
			}
		}
	}
}

func (p *person) note(peer, cause string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.did++
	p.last[peer] = cause
}
