package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer/bench/load"
)

// rest is how long a process is left alone before it counts as idle.
const rest = 8 * time.Second

// idleSessions is how many sessions lie idle when their processor time is
// measured.
const idleSessions = 100

// size measures memory, and the processor time of what does nothing.
func (b *bench) size() error {
	empty, err := b.newHouse(plan{routers: 1, others: 1})
	if err != nil {
		return err
	}
	full, err := b.newHouse(plan{routers: 1, others: 10_000})
	if err != nil {
		return err
	}
	time.Sleep(rest)
	own, _, err := load.Memory(empty.pid())
	if err != nil {
		return fmt.Errorf("%w: %w", errAbsent, err)
	}
	crowded, _, err := load.Memory(full.pid())
	if err != nil {
		return err
	}
	b.table.add(row{what: "10 000 registered peers, MiB added to the daemon", ours: mib(crowded), theirs: mib(own), ratio: crowded - own, must: 60, plain: true})
	if err := b.hostSize(empty); err != nil {
		return err
	}
	b.close()
	if err := b.idle(); err != nil {
		return err
	}
	return b.besideBun(own)
}

func mib(v float64) string { return fmt.Sprintf("%.1f MiB", v) }

// besideBun compares idle servers: the daemon that has served nobody, and the
// TypeScript shape that has served nobody.
func (b *bench) besideBun(own float64) error {
	p, err := b.typescript(false)
	if err != nil {
		return err
	}
	if _, err := p.server().Run(1, 0, 1, time.Minute); err != nil {
		return err
	}
	time.Sleep(rest)
	theirs, _, err := load.Memory(p.pids[0])
	if err != nil {
		return err
	}
	b.table.add(row{what: "idle daemon, resident MiB, beside T1's server", ours: mib(own), theirs: mib(theirs), ratio: own / theirs, must: 0.5})
	return nil
}

// hostSize measures a session host at 220×50: new, and after 1 MiB of output.
func (b *bench) hostSize(h *house) error {
	_, fresh, err := load.Memory(h.hosts[0])
	if err != nil {
		return err
	}
	n, err := h.wallpaper(1 << 20)
	if err != nil {
		return err
	}
	time.Sleep(rest)
	_, pss, err := load.Memory(h.hosts[0])
	if err != nil {
		return err
	}
	b.table.add(row{what: fmt.Sprintf("session host, PSS MiB, after %d KiB of output (new: %.1f)", n>>10, fresh), ours: mib(pss), ratio: pss, must: 5, plain: true})
	return nil
}

// wallpaper sends so many bytes to the first router, which echoes them.
func (h *house) wallpaper(bytes int) (int, error) {
	n := bytes / bodySize
	s := load.Server{Addr: h.addr, Request: func(i int) (string, string, []byte) {
		return "/fleet/v1/send", "X-IAPeer-Identity: claude-o0\r\n", fmt.Appendf(nil, `{"personality":"p0","message":%q}`, text(i))
	}}
	_, err := s.Run(1, 0, n, time.Minute)
	return n * bodySize, err
}

// idle measures what a hundred idle sessions cost, daemon and hosts together.
func (b *bench) idle() error {
	h, err := b.newHouse(plan{routers: idleSessions})
	if err != nil {
		return err
	}
	time.Sleep(rest)
	pids := append(h.hosts, h.pid())
	before, start := ticks(pids), time.Now()
	time.Sleep(max(20*time.Second, 4*b.slice))
	spent, took := ticks(pids)-before, time.Since(start)
	if len(h.hosts) != idleSessions {
		return errors.New("some session did not start")
	}
	b.table.add(row{what: fmt.Sprintf("%d idle sessions, %% of a core over %.0f s", idleSessions, took.Seconds()), ours: fmt.Sprint(spent), ratio: 100 * spent.Seconds() / took.Seconds(), must: 1, plain: true})
	return nil
}

// ticks is the processor time of the processes with all their threads, in
// nanoseconds as the scheduler counts them: clock ticks are too coarse for what
// does nothing.
func ticks(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		for _, f := range glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat") {
			first, _, _ := strings.Cut(read(f), " ")
			n, _ := strconv.ParseInt(first, 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}
