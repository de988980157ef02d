package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/iapeer/iapeer/bench/load"
)

// crowd is how many callers send at once.
const crowd = 32

// The measured rows of the anchors on the machine they were set on: requests a
// second of 32 callers, and the median of one, in microseconds. What counts is
// their proportion to the floor.
var (
	floorRow  = anchorRow{name: "floor (bare HTTP, fdatasync, terminal echo)", rate: 11_400, p50: 331}
	commitRow = anchorRow{name: "F2 (bare HTTP, commit)", rate: 22_500, p50: 265}
	t1Row     = anchorRow{name: "T1 (TypeScript SDK, bun:sqlite)", rate: 2_300, p50: 440}
	t2Row     = anchorRow{name: "T2 (T1, tmux send-keys)", rate: 630, p50: 2_620}
)

type anchorRow struct {
	name      string
	rate, p50 float64
}

// soundness is how slow an anchor may be, in proportion, before a table is
// void.
const soundness = 0.85

// weigh voids the table when an anchor was slower than its row, scaled by the
// floor of the same run.
func (b *bench) weigh(s series, floor string, anchors map[string]anchorRow) {
	floorRate, floorP50 := load.Median(s[key(floor, "rate")]), load.Median(s[key(floor, "p50")])
	if floorRate == 0 {
		return
	}
	b.table.note("anchor %s: %.0f req/s, p50 %.0f µs (row: %.0f, %.0f)", floorRow.name, floorRate, floorP50, floorRow.rate, floorRow.p50)
	for name, row := range anchors {
		rate, p50 := load.Median(s[key(name, "rate")]), load.Median(s[key(name, "p50")])
		if rate == 0 {
			continue
		}
		byRate, byP50 := rate/row.rate/(floorRate/floorRow.rate), row.p50/p50/(floorRow.p50/floorP50)
		b.table.note("anchor %s: %.0f req/s, p50 %.0f µs (row: %.0f, %.0f); scaled by the floor %.0f %% and %.0f %%",
			row.name, rate, p50, row.rate, row.p50, 100*byRate, 100*byP50)
		if byRate < soundness {
			b.table.void = append(b.table.void, fmt.Sprintf("%s reached %.0f %% of its rate", row.name, 100*byRate))
		}
		if byP50 < soundness {
			b.table.void = append(b.table.void, fmt.Sprintf("%s reached %.0f %% of its speed alone", row.name, 100*byP50))
		}
	}
}

// serve measures one server for a round: many callers, then one. Requests go on
// with *n.
func (b *bench) serve(s load.Server, n *int, pids []int) (figures, error) {
	cpu, own := load.CPU(pids...), load.OwnCPU()
	many, err := s.Run(crowd, *n, unlimited, b.slice)
	if err != nil {
		return nil, err
	}
	*n += many.Count
	cpu, own = load.CPU(pids...)-cpu, load.OwnCPU()-own
	one, err := s.Run(1, *n, unlimited, b.slice/2)
	*n += one.Count
	return served(many, one, cpu, own), err
}

const unlimited = 1 << 40

func served(many, one load.Result, cpu, own time.Duration) figures {
	return figures{
		"rate": many.Rate(), "p50": micros(one.P50()), "p99": micros(load.Quantile(many.Latency, 0.99)),
		"cpu": micros(cpu) / float64(many.Count), "client": micros(own) / float64(many.Count),
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// peerContender measures an anchor.
func (b *bench) peerContender(name string, p *peer) contender {
	n := 0
	return contender{name, func(int) (figures, error) {
		begin, before := n, 0
		if p.sinks != nil {
			before = p.sinks.Seen()
		}
		f, err := b.serve(p.server(), &n, p.pids)
		if err == nil && p.sinks != nil {
			err = p.sinks.AwaitSeen(before+n-begin, upLimit)
		}
		return f, err
	}}
}

// accepted measures send_to_peer up to the receipt: the message is on disk, and
// its recipient is a person's inbox.
func (b *bench) accepted() error {
	inboxes := 16
	if b.profile != "" {
		inboxes = 500 // room for everything: withdrawing would be in the profile
	}
	field, err := b.inboxField(plan{routers: 8, inboxes: inboxes})
	if err != nil {
		return err
	}
	absent := b.anchors(&field, map[string]func() (*peer, error){
		"floor": func() (*peer, error) { return b.own("floor") },
		"F2":    func() (*peer, error) { return b.own("commit") },
		"T1":    func() (*peer, error) { return b.typescript(false) },
	})
	if absent != nil && !errors.Is(absent, errAbsent) {
		return absent
	}
	s, err := b.interleave(b.rounds, field...)
	if err != nil {
		return err
	}
	b.table.add(rateRow("send_to_peer accepted durably, 32 callers, req/s, beside T1", s, "iapeer", "T1", 3, 6))
	b.table.add(rateRow("the same beside F2", s, "iapeer", "F2", 0, 0))
	b.table.add(p50Row("accepted, one caller, p50 µs, beside F2", s, "p50", "iapeer", "F2", 1.6, 1.25))
	b.table.add(p50Row("the same beside T1", s, "p50", "iapeer", "T1", 0, 0))
	if b.before != "" {
		b.table.add(rateRow("accepted, 32 callers, req/s, beside the earlier build", s, "iapeer", earlier, 0, 0))
		b.table.add(p50Row("accepted, one caller, p50 µs, beside the earlier build", s, "p50", "iapeer", earlier, 0, 0))
	}
	b.weigh(s, "floor", map[string]anchorRow{"F2": commitRow, "T1": t1Row})
	return absent
}

// earlier is the name of the build that -before names.
const earlier = "earlier build"

// inboxField is iapeer and, if asked for, an earlier build of it.
func (b *bench) inboxField(p plan) ([]contender, error) {
	h, err := b.newHouse(p)
	if err != nil {
		return nil, err
	}
	field := []contender{b.inboxContender("iapeer", h)}
	if b.before != "" {
		p.bin = b.before
		if h, err = b.newHouse(p); err != nil {
			return nil, err
		}
		field = append(field, b.inboxContender(earlier, h))
	}
	return field, nil
}

// inboxContender measures sends to inboxes.
func (b *bench) inboxContender(name string, h *house) contender {
	run, n := &inboxRun{h: h, keep: b.profile != ""}, 0
	return contender{name, func(int) (figures, error) {
		before := load.CPU(h.pid())
		many, err := run.run(crowd, n, b.slice)
		if err != nil {
			return nil, err
		}
		n += many.Count
		cpu := load.CPU(h.pid()) - before - run.tidied
		if b.profile != "" {
			return served(many, many, cpu, 0), nil
		}
		one, err := run.run(1, n, b.slice/2)
		n += one.Count
		return served(many, one, cpu, 0), err
	}}
}

// anchors starts servers and adds them to the field. It returns what is absent.
func (b *bench) anchors(field *[]contender, list map[string]func() (*peer, error)) error {
	var absent error
	for _, name := range sortedKeys(list) {
		p, err := list[name]()
		if errors.Is(err, errAbsent) {
			absent = errors.Join(absent, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*field = append(*field, b.peerContender(name, p))
	}
	return absent
}

func rateRow(what string, s series, ours, theirs string, must, aim float64) row {
	o, t := s[key(ours, "rate")], s[key(theirs, "rate")]
	r := row{what: what, must: must, aim: aim, more: true, cpu: processor(s, ours, theirs)}.of(o, t)
	r.ours, r.theirs = fmt.Sprintf("%.0f", load.Median(o)), fmt.Sprintf("%.0f", load.Median(t))
	return r
}

func p50Row(what string, s series, figure, ours, theirs string, must, aim float64) row {
	o, t := s[key(ours, figure)], s[key(theirs, figure)]
	r := row{what: what, must: must, aim: aim}.of(o, t)
	r.ours, r.theirs = fmt.Sprintf("%.0f", load.Median(o)), fmt.Sprintf("%.0f", load.Median(t))
	return r
}

// processor tells the processor time a request takes on each side.
func processor(s series, ours, theirs string) string {
	return fmt.Sprintf("%.0f / %.0f µs", load.Median(s[key(ours, "cpu")]), load.Median(s[key(theirs, "cpu")]))
}
