package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session"
)

// killHost kills the host of a peer a moment after a sign of it.
func killHost(p point, k signKind) func(context.Context, *conductor) error {
	return func(ctx context.Context, c *conductor) error {
		pause := c.micros(4000)
		s, ok := c.hub.await(ctx, patience, func(s sign) bool { return s.kind == k && c.isPeer(s.peer) })
		nap(ctx, pause)
		if ok {
			c.killHostOf(c.peer(s.peer).id, p, true)
		}
		return nil
	}
}

// isPeer reports whether a name is that of a peer whose processes may be
// killed. Routers are spared: what was written to their terminal counts as
// delivered, whether or not they live to read it.
func (c *conductor) isPeer(name string) bool { return c.peer(name).id.Name != "" }

func (c *conductor) peer(name string) member {
	for _, m := range c.house.peers {
		if m.name() == name {
			return m
		}
	}
	return member{}
}

func killIdleHost(_ context.Context, c *conductor) error {
	c.killSomeHost(pointHostIdle, true)
	return nil
}

// killSomeHost kills the host of a random peer, if it has one.
func (c *conductor) killSomeHost(p point, aimed bool) {
	c.killHostOf(c.house.peers[c.rng.IntN(len(c.house.peers))].id, p, aimed)
}

func (c *conductor) killHostOf(id iapeer.Identity, p point, aimed bool) {
	if pid := c.hostOf(id); pid > 0 && c.house.signal(pid, syscall.SIGKILL) == nil {
		c.tally.add(p, aimed)
	}
}

// hostOf returns the process of an identity's host, 0 without one.
func (c *conductor) hostOf(id iapeer.Identity) int {
	b, err := os.ReadFile(session.Files{Dir: c.house.paths.Hosts(), ID: id}.PID())
	if err != nil {
		return 0
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		return 0
	}
	return pid
}

// childOf returns the process that a member's host runs now, 0 if none.
func (c *conductor) childOf(m member) int {
	if host := c.hostOf(m.id); host > 0 {
		if list := children(host); len(list) > 0 {
			return list[0]
		}
	}
	return 0
}

// killChild kills the command that has just been given a message.
func killChild(ctx context.Context, c *conductor) error {
	pause := c.micros(6000)
	m, ok := c.awaitRun(ctx)
	nap(ctx, pause)
	if child := c.childOf(m); ok && child > 0 && c.house.signal(child, syscall.SIGKILL) == nil {
		c.tally.add(pointChild, true)
	}
	return nil
}

// awaitRun waits until a peer is offered a message.
func (c *conductor) awaitRun(ctx context.Context) (member, bool) {
	s, ok := c.hub.await(ctx, patience, func(s sign) bool { return s.kind == signOffered && c.isPeer(s.peer) })
	return c.peer(s.peer), ok
}

// stopChild makes a program silent for a while.
func stopChild(ctx context.Context, c *conductor) error {
	length := time.Duration(50+c.rng.IntN(600)) * time.Millisecond
	if !c.stops {
		return nil
	}
	m, ok := c.awaitRun(ctx)
	if !ok {
		return nil
	}
	c.freeze(ctx, c.childOf(m), pointStopChild, length)
	return nil
}

// stopHost makes a host silent for a while, also across restarts of the daemon.
func stopHost(ctx context.Context, c *conductor) error {
	length := time.Duration(50+c.rng.IntN(900)) * time.Millisecond
	m := c.house.everybody()[c.rng.IntN(len(c.house.everybody()))]
	if c.stops {
		c.freeze(ctx, c.hostOf(m.id), pointStopHost, length)
	}
	return nil
}

// freeze stops a process and lets it go on later; nobody waits for that.
func (c *conductor) freeze(ctx context.Context, pid int, p point, length time.Duration) {
	if pid == 0 || c.house.signal(pid, syscall.SIGSTOP) != nil {
		return
	}
	c.tally.add(p, true)
	c.streams.Go(func() {
		nap(ctx, length)
		_ = c.house.signal(pid, syscall.SIGCONT)
	})
}
