package main

import (
	"errors"
	"slices"
	"time"

	"github.com/iapeer/iapeer/bench/load"
)

// delivered measures messages into live sessions: eight terminals with a raw
// sink in each, the bytes counted where the sink gets them.
func (b *bench) delivered() error {
	h, err := b.newHouse(plan{routers: 8})
	if err != nil {
		return err
	}
	x, err := b.newHouse(plan{routers: 8, execs: 8})
	if err != nil {
		return err
	}
	field := []contender{
		b.liveContender("iapeer", h),
		b.execContender("exec", x),
	}
	if b.before != "" {
		old, err := b.newHouse(plan{routers: 8, bin: b.before})
		if err != nil {
			return err
		}
		field = append(field, b.liveContender(earlier, old))
	}
	peers := map[string]*peer{}
	keep := func(name string, start func() (*peer, error)) func() (*peer, error) {
		return func() (*peer, error) {
			p, err := start()
			peers[name] = p
			return p, err
		}
	}
	absent := b.anchors(&field, map[string]func() (*peer, error){
		"floor": keep("floor", func() (*peer, error) { return b.own("floor") }),
		"T2":    keep("T2", func() (*peer, error) { return b.typescript(true) }),
	})
	if absent != nil && !errors.Is(absent, errAbsent) {
		return absent
	}
	first := firstArrival
	bytes := func(name string, s load.Server, sinks *load.Sinks) contender {
		return contender{name, func(int) (figures, error) {
			list, err := arrivals(s, sinks, &first, b.slice/2)
			return figures{"byte": micros(load.Quantile(list, 0.5))}, err
		}}
	}
	field = append(field, bytes("iapeer", h.live(), h.sinks), bytes("floor", peers["floor"].server(), peers["floor"].sinks))
	s, err := b.interleave(b.rounds, field...)
	if err != nil {
		return err
	}
	b.table.add(rateRow("delivered into 8 live sessions, 32 callers, req/s, beside T2", s, "iapeer", "T2", 8, 12))
	b.table.add(rateRow("delivered with per-session evidence (exec), 32 callers, req/s, beside T2", s, "exec", "T2", 0, 0))
	b.table.add(rateRow("delivered, 32 callers, req/s, beside the floor", s, "iapeer", "floor", 0, 0))
	b.table.add(p50Row("delivered, one caller, p50 µs to the byte in the session, beside the floor", s, "byte", "iapeer", "floor", 1.6, 1.25))
	b.table.add(p50Row("one caller, p50 µs to the answer \"seen\" with its proof on disk, beside the floor's answer", s, "p50", "iapeer", "floor", 0, 0))
	if b.before != "" {
		b.table.add(rateRow("delivered, 32 callers, req/s, beside the earlier build", s, "iapeer", earlier, 0, 0))
	}
	b.weigh(s, "floor", map[string]anchorRow{"T2": t2Row})
	return absent
}

// liveContender measures sends between sessions. Every message must arrive.
func (b *bench) liveContender(name string, h *house) contender {
	n := 0
	return contender{name, func(int) (figures, error) {
		before, begin := h.sinks.Seen(), n
		f, err := b.serve(h.live(), &n, append(h.hosts, h.pid()))
		if err == nil {
			err = h.sinks.AwaitSeen(before+n-begin, upLimit)
		}
		return f, err
	}}
}

// execPortion is how many messages one round gives to commands: below every
// backlog limit, since they are accepted faster than commands run.
const execPortion = 2000

// execContender measures from the first send to the last command that has read
// its message.
func (b *bench) execContender(name string, h *house) contender {
	n := 0
	return contender{name, func(int) (figures, error) {
		before, cpu, start := h.sinks.Seen(), load.CPU(append(h.hosts, h.pid())...), time.Now()
		r, err := h.commands().Run(crowd, n, execPortion, b.slice)
		if err != nil {
			return nil, err
		}
		n += r.Count
		err = h.sinks.AwaitSeen(before+r.Count, upLimit)
		r.Took = time.Since(start)
		return served(r, r, load.CPU(append(h.hosts, h.pid())...)-cpu, 0), err
	}}
}

// firstArrival is the first number of messages that are timed to their arrival:
// beyond those of the other requests, and not beyond what a mark can hold.
const firstArrival = 900_000_000

// arrivals sends one message after the other and returns how long each took to
// its last byte in the session, sorted.
func arrivals(s load.Server, sinks *load.Sinks, next *int, limit time.Duration) ([]time.Duration, error) {
	c, err := s.Caller()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var list []time.Duration
	for end := time.Now().Add(limit); time.Now().Before(end); *next++ {
		wait := sinks.Await(*next)
		begin, err := c.Send(*next)
		if err != nil {
			return nil, err
		}
		at, err := wait(upLimit)
		if err != nil {
			return nil, err
		}
		list = append(list, at.Sub(begin))
	}
	slices.Sort(list)
	return list, nil
}
