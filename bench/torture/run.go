package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/iapeer/iapeer/bench/torture/oracle"
	"github.com/iapeer/iapeer/session"
)

// torture runs one house and returns how many violations the oracle found.
func torture(ctx context.Context, o options, out io.Writer) (int, error) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		return 0, errors.New("torture looks at processes through /proc: run it on Linux")
	}
	bin, clean, err := programs(ctx, o.bin)
	if err != nil {
		return 0, err
	}
	defer clean()
	h, err := newHouse(o, bin)
	if err != nil {
		return 0, err
	}
	if h.stderr, err = os.Create(filepath.Join(h.books, "daemon-stderr.log")); err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "torture: seed %d, %.2g minutes, %d exec peers, %d senders, in %s\n", o.seed, o.minutes, o.peers, o.senders, h.paths.Home)
	r := &run{options: o, house: h, out: out, hub: newHub()}
	bad, err := r.all(ctx)
	if err != nil {
		fmt.Fprintf(out, "the run broke off: %v\n", err)
	}
	h.end()
	if h.model != nil {
		err = errors.Join(err, h.model.close())
	}
	if o.keep || bad > 0 || err != nil {
		fmt.Fprintf(out, "kept: %s\n", h.paths.Home)
	} else {
		if o.inside {
			err = unmount(h.paths.Home)
		}
		err = errors.Join(err, os.RemoveAll(h.paths.Home), os.RemoveAll(h.books))
	}
	return bad, err
}

// programs returns a folder with the three programs.
func programs(ctx context.Context, given string) (dir string, clean func(), err error) {
	if dir, err = os.MkdirTemp("", "torture-bin"); err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) }
	list := []string{"./bench/torture/witness"}
	if given == "" {
		list = append(list, "./cmd/iapeer", "./cmd/iapeerd")
	}
	root, err := moduleRoot()
	if err != nil {
		return dir, clean, err
	}
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", dir}, list...)...)
	build.Dir, build.Stderr = root, os.Stderr
	if err := build.Run(); err != nil {
		clean()
		return "", nil, fmt.Errorf("build: %w", err)
	}
	for _, name := range []string{"iapeer", "iapeerd"} {
		if given == "" {
			break
		}
		path, err := filepath.Abs(filepath.Join(given, name))
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			clean()
			return "", nil, err
		}
	}
	return dir, clean, nil
}

// moduleRoot is the folder of this module's source.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output() //nolint:noctx // it ends
	if err != nil {
		return "", fmt.Errorf("run it inside the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// A run is one torture from beginning to end.
type run struct {
	options
	house   *house
	hub     *hub
	traffic *traffic
	con     *conductor
	person  *person
	out     io.Writer
	began   time.Time
	took    time.Duration // of the torture itself
}

// all prepares, tortures, lets everything come to rest, and judges.
func (r *run) all(ctx context.Context) (int, error) {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	h := r.house
	r.con = &conductor{
		house: h, hub: r.hub, rng: rand.New(rand.NewPCG(r.seed, 0)), stops: r.stops, small: r.inside,
		tally: &tally{hits: map[point]int{}, late: map[point]int{}},
	}
	if err := os.MkdirAll(h.paths.Hosts(), 0o700); err != nil {
		return 0, err
	}
	if err := r.hub.watchFiles(following, h); err != nil {
		return 0, err
	}
	if err := r.con.bringUp(following); err != nil {
		return 0, err
	}
	if err := h.wakeSenders(ctx); err != nil {
		return 0, err
	}
	r.traffic = newTraffic(h, r.hub, r.seed)
	r.con.traffic = r.traffic
	before := h.descriptors(r.con.now.pid)
	r.person = &person{house: h, last: map[string]string{}}
	r.con.streams.Go(func() { r.person.look(following) })
	r.began = time.Now()
	r.traffic.run(following)
	err := r.con.play(following, r.began.Add(time.Duration(r.minutes*float64(time.Minute))))
	r.took = time.Since(r.began)
	if err != nil {
		cancel()
		r.traffic.halt()
		return 0, err
	}
	nap(ctx, calm)
	r.traffic.halt()
	h.continueAll()
	unsettled := h.settle(ctx)
	a, err := r.accounts(ctx, before)
	if err != nil {
		return 0, err
	}
	if unsettled != nil {
		fmt.Fprintln(r.out, unsettled)
	}
	if len(a.Leaks) > 0 {
		text, _ := h.cli(ctx, nil, "list")
		fmt.Fprintf(r.out, "\nthe fleet at rest:\n%s", text)
	}
	v := oracle.Judge(a)
	r.report(ctx, v, a)
	cancel()
	r.con.streams.Wait()
	return len(v.Violations), nil
}

// calm is how long the senders go on when nothing is killed any more, so that
// the last daemon has done work, too.
const calm = 2 * time.Second

// continueAll wakes every process that the schedule stopped.
func (h *house) continueAll() {
	for _, pid := range h.processes() {
		_ = h.signal(pid, syscall.SIGCONT)
	}
}

// end ends the daemon and every session, by pid.
func (h *house) end() {
	if d, err := h.running(); err == nil && h.owns(d.pid) {
		_ = h.signal(d.pid, syscall.SIGTERM)
		select {
		case <-d.gone:
		case <-time.After(10 * time.Second):
		}
	}
	found, _ := session.Scan(h.paths.Hosts())
	for _, f := range found {
		if f.State == session.Alive || f.State == session.Locked {
			_ = session.KillHost(f.Files.PID())
		}
	}
	for _, f := range found {
		session.WaitUnlocked(f.Files, 5*time.Second)
	}
	for _, pid := range h.processes() {
		_ = h.signal(pid, syscall.SIGKILL)
	}
	if h.stderr != nil {
		_ = h.stderr.Close()
	}
}
