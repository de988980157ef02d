package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A point is a moment at which something is killed.
type point string

// The points at which the daemon is killed.
const (
	pointWritten  point = "daemon: request written, not answered"
	pointOffered  point = "daemon: between offer and evidence"
	pointMidFrame point = "daemon: in the middle of a frame to a terminal"
	pointOutcome  point = "daemon: evidence on the host's disk, not recorded"
	pointLaunch   point = "daemon: while a session is launched"
	pointIdle     point = "daemon: idle"
	pointStopping point = "daemon: while it stops"
	pointRandom   point = "daemon: at random"
	pointStart    point = "daemon: while it starts"
	pointAdoption point = "daemon: while it adopts sessions"
)

// What else happens.
const (
	pointHostRunning point = "host: running a message"
	pointHostIdle    point = "host: idle"
	pointHostStart   point = "host: coming up"
	pointHostAlone   point = "host: while no daemon runs"
	pointChild       point = "child: running a message"
	pointStopChild   point = "(child stopped for a while)"
	pointStopHost    point = "(host stopped for a while)"
	pointRestart     point = "(iapeer daemon restart)"
	pointClock       point = "(clock set to another time)"
)

// points lists them in the order of the table.
var points = []point{
	pointWritten, pointOffered, pointMidFrame, pointOutcome, pointLaunch, pointIdle, pointStopping, pointRandom, pointStart, pointAdoption,
	pointHostRunning, pointHostIdle, pointHostStart, pointHostAlone, pointChild, pointStopChild, pointStopHost, pointRestart, pointClock, pointFull, pointFullKill, pointReadOnly,
}

// A tally counts what happened at each point, and how often the sign that
// should have told the moment did not come.
type tally struct {
	mu   sync.Mutex
	hits map[point]int
	late map[point]int // no sign came: killed all the same
}

func (t *tally) add(p point, aimed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hits[p]++
	if !aimed {
		t.late[p]++
	}
}

// kills counts the kills of one kind of process: "daemon", "host", "child".
func (t *tally) kills(of string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, c := range t.hits {
		if strings.HasPrefix(string(p), of+":") {
			n += c
		}
	}
	return n
}

// A conductor carries out the schedule that a seed makes.
type conductor struct {
	house   *house
	hub     *hub
	traffic *traffic
	rng     *rand.Rand
	tally   *tally
	now     *daemon
	told    bool     // now was told to end
	crashes []string // daemons that ended by themselves
	stops   bool     // SIGSTOP is allowed
	small   bool     // the house is on a small disk
	streams sync.WaitGroup
}

// patience bounds the wait for the sign of a moment.
const patience = 400 * time.Millisecond

// A move is one thing the conductor does, and how often in proportion.
type move struct {
	weight int
	point  point
	do     func(context.Context, *conductor) error
}

// moves is the schedule's repertoire.
func moves() []move {
	return []move{
		{16, pointWritten, killAt(pointWritten, signWritten, 4000)},
		{12, pointOffered, killAt(pointOffered, signOffered, 3000)},
		{10, pointOutcome, killAt(pointOutcome, signOutcome, 800)},
		{7, pointLaunch, killAt(pointLaunch, signSpec, 30000)},
		{5, pointMidFrame, midFrame},
		{3, pointIdle, killIdle},
		{5, pointStopping, killStopping},
		{8, pointRandom, func(ctx context.Context, c *conductor) error { return c.fell(ctx, pointRandom, true) }},
		{3, pointRestart, restart},
		{4, pointHostRunning, killHost(pointHostRunning, signOffered)},
		{2, pointHostIdle, killIdleHost},
		{3, pointHostStart, killHost(pointHostStart, signHost)},
		{5, pointChild, killChild},
		{5, pointStopChild, stopChild},
		{3, pointStopHost, stopHost},
		{5, pointClock, jump},
	}
}

// play makes moves until the time is over.
func (c *conductor) play(ctx context.Context, until time.Time) error {
	list, sum := moves(), 0
	if c.small {
		list = append(list, diskMoves()...)
	}
	for _, m := range list {
		sum += m.weight
	}
	for time.Now().Before(until) && ctx.Err() == nil {
		nap(ctx, time.Duration(50+c.rng.IntN(350))*time.Millisecond)
		n := c.rng.IntN(sum)
		for _, m := range list {
			if n -= m.weight; n >= 0 {
				continue
			}
			if err := m.do(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", m.point, err)
			}
			break
		}
	}
	return ctx.Err()
}

// micros is a random pause of at most so many microseconds.
func (c *conductor) micros(most int) time.Duration {
	return time.Duration(c.rng.IntN(most)) * time.Microsecond
}

// killAt kills the daemon a moment after a sign.
func killAt(p point, k signKind, delay int) func(context.Context, *conductor) error {
	return func(ctx context.Context, c *conductor) error {
		pause := c.micros(delay)
		_, ok := c.hub.await(ctx, patience, of(k))
		nap(ctx, pause)
		return c.fell(ctx, p, ok)
	}
}

// fell kills the daemon, perhaps a host while it is down, and brings it up
// again, which may itself be cut short.
func (c *conductor) fell(ctx context.Context, p point, aimed bool) error {
	if err := c.killNow(p, aimed); err != nil {
		return err
	}
	return c.revive(ctx)
}

// killNow kills the daemon, and notes when it has ended before without a reason.
func (c *conductor) killNow(p point, aimed bool) error {
	select {
	case <-c.now.gone:
		if !c.told {
			c.crashes = append(c.crashes, fmt.Sprintf("pid %d was gone when it was to be killed (%s); see the end of daemon-stderr.log and daemon.log", c.now.pid, p))
		}
	default:
	}
	c.tally.add(p, aimed)
	return c.now.kill(c.house)
}

// revive starts a daemon, and kills some while they start or adopt.
func (c *conductor) revive(ctx context.Context) error {
	if c.rng.IntN(12) == 0 {
		c.killSomeHost(pointHostAlone, true)
	}
	for c.rng.IntN(100) < 20 {
		if err := c.cutStart(ctx); err != nil {
			return err
		}
	}
	for c.rng.IntN(100) < 25 {
		if err := c.cutAdoption(ctx); err != nil {
			return err
		}
	}
	return c.bringUp(ctx)
}

// cutStart kills a daemon somewhere in its start.
func (c *conductor) cutStart(ctx context.Context) error {
	pause := c.micros(60000)
	d, err := c.house.spawn()
	if err != nil {
		return err
	}
	nap(ctx, pause)
	return c.cut(d, pointStart, true)
}

// cut kills a daemon, unless it has ended by itself: it found another one.
func (c *conductor) cut(d *daemon, p point, aimed bool) error {
	select {
	case <-d.gone:
		return nil
	default:
	}
	c.tally.add(p, aimed)
	return d.kill(c.house)
}

// cutAdoption kills a daemon from the moment its socket exists: then actors and
// hosts find each other.
func (c *conductor) cutAdoption(ctx context.Context) error {
	pause := c.micros(25000)
	found := make(chan bool, 1)
	wait, cancel := context.WithCancel(ctx)
	go func() {
		_, ok := c.hub.await(wait, upLimit, of(signRouter))
		found <- ok
	}()
	defer cancel()
	d, err := c.house.spawn()
	if err != nil {
		return err
	}
	aimed := false
	select {
	case aimed = <-found:
	case <-d.ready:
	case <-d.gone:
	}
	nap(ctx, pause)
	return c.cut(d, pointAdoption, aimed)
}

// bringUp starts a daemon and waits until it serves. Another process may have
// the root for a moment: a command without a daemon.
func (c *conductor) bringUp(ctx context.Context) error {
	for limit := time.Now().Add(upLimit); ; {
		d, err := c.house.spawn()
		if err != nil {
			return err
		}
		if err = d.up(ctx); err == nil {
			c.follow(ctx, d)
			return nil
		}
		if d, found := c.house.running(); found == nil && c.house.owns(d.pid) && c.house.serves(ctx) {
			c.follow(ctx, d) // a command that found none has started it
			return nil
		}
		if !strings.Contains(err.Error(), "already running") || time.Now().After(limit) {
			return err
		}
		nap(ctx, 10*time.Millisecond)
	}
}

// follow makes d the daemon that is tortured.
func (c *conductor) follow(ctx context.Context, d *daemon) {
	c.now, c.told = d, false
	c.streams.Go(func() { c.hub.watchEvents(ctx, c.house) })
}

// midFrame stops the program behind a terminal, so that a long message gets
// stuck half written, and kills the daemon then.
func midFrame(ctx context.Context, c *conductor) error {
	to := c.house.senders[c.rng.IntN(len(c.house.senders))]
	pause, first := c.micros(40000), c.rng.IntN(2) == 0
	child := c.childOf(to)
	if child == 0 || c.house.signal(child, syscall.SIGSTOP) != nil {
		return c.fell(ctx, pointMidFrame, false)
	}
	goOn := func() { _ = c.house.signal(child, syscall.SIGCONT) }
	defer goOn()
	_, ok := c.hub.await(ctx, 3*patience, func(s sign) bool { return s.kind == signOffered && s.peer == to.name() })
	nap(ctx, pause)
	if err := c.killNow(pointMidFrame, ok); err != nil {
		return err
	}
	if first {
		goOn()
	}
	return c.revive(ctx)
}

// idleLimit bounds the wait for a moment at which nothing is under way.
const idleLimit = 5 * time.Second

// killIdle lets everything come to rest first.
func killIdle(ctx context.Context, c *conductor) error {
	c.traffic.pause()
	defer c.traffic.resume()
	quiet := false
	for limit := time.Now().Add(idleLimit); !quiet && time.Now().Before(limit); nap(ctx, 50*time.Millisecond) {
		open, err := underWay(ctx, c.house.fleet())
		quiet = err == nil && open == ""
	}
	return c.fell(ctx, pointIdle, quiet)
}

// killStopping kills a daemon that was told to end.
func killStopping(ctx context.Context, c *conductor) error {
	pause := c.micros(60000)
	if err := c.house.signal(c.now.pid, syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	c.told = true
	nap(ctx, pause)
	return c.fell(ctx, pointStopping, true)
}

// restart is what a person does.
func restart(ctx context.Context, c *conductor) error {
	limited, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	c.told = true
	if out, err := c.house.cli(limited, nil, "daemon", "restart"); err != nil {
		return fmt.Errorf("%w: %s%s", err, out, stderrOf(err))
	}
	d, err := c.house.running()
	if err != nil {
		return err
	}
	c.tally.add(pointRestart, true)
	c.follow(ctx, d)
	return nil
}

// stderrOf returns what a program that failed wrote to standard error.
func stderrOf(err error) string {
	var e interface{ Error() string }
	if errors.As(err, &e) {
		return e.Error()
	}
	return ""
}

// jumps are what the clock on the wall may be off: less than a message lives.
var jumps = []time.Duration{0, time.Second, -time.Minute, time.Hour, -time.Hour, 26 * time.Hour, -26 * time.Hour}

// clockFile holds by how many seconds the daemon's clock is off. Its ending tells
// it from the ledgers beside it.
func (h *house) clockFile() string { return filepath.Join(h.books, "clock.log") }

// setClock sets the clock of the daemon that runs, and of those that follow. Time
// goes on as before: only what it is called changes.
func (h *house) setClock(off time.Duration) error {
	path := h.clockFile()
	if err := os.WriteFile(path+".new", []byte(strconv.FormatFloat(off.Seconds(), 'f', -1, 64)), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// jump sets the clock to another time.
func jump(_ context.Context, c *conductor) error {
	c.tally.add(pointClock, true)
	return c.house.setClock(jumps[c.rng.IntN(len(jumps))])
}
