package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/anchor"
	"github.com/iapeer/iapeer/bench/load"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/registry"
	"github.com/iapeer/iapeer/session"
)

// A plan says who lives in a house.
type plan struct {
	routers int // p0…: sessions whose terminal is a sink; they send, too
	execs   int // x0…: a command a message
	inboxes int // n0…: people, whose mail waits until it is read
	others  int // registered, and otherwise not there
	kept    int // settled messages in the store
	open    int // messages that nobody has read, from the others to the inboxes
	env     []string
	bin     string // folder of the programs, "" for those under test
}

// A house is a home folder with iapeer in it: its own root, daemon and peers.
type house struct {
	plan
	paths  iapeer.Paths
	env    []string
	cmd    *exec.Cmd
	addr   string
	tokens []string // of the routers' sessions
	sinks  *load.Sinks
	fleet  *client.Client
	hosts  []int // pids
}

// upLimit bounds the start of anything.
const upLimit = 60 * time.Second

// newHouse makes the house, starts its daemon, and wakes its routers.
func (b *bench) newHouse(p plan) (h *house, err error) {
	home, err := os.MkdirTemp("/tmp", "ib") // short: sockets below it have room for about a hundred bytes
	if err != nil {
		return nil, err
	}
	h = &house{plan: p, paths: iapeer.Paths{Root: filepath.Join(home, ".iapeer"), Home: home}}
	if h.bin == "" {
		h.bin = b.bin
	}
	b.opened = append(b.opened, h)
	h.env = append([]string{
		"HOME=" + home, "USER=ada", "LOGNAME=ada", "SHELL=/bin/sh", "LANG=C.UTF-8", "NO_COLOR=1",
		"PATH=" + h.bin + ":" + os.Getenv("PATH"), "IAPEER_ACCEPT_RISK=1", "IAPEER_BIN=" + filepath.Join(h.bin, "iapeer"),
	}, p.env...)
	for _, step := range []func() error{
		h.furnish, h.register, func() error { return b.fill(h) }, func() error { return leaveOpen(h) }, func() error { return h.start(b) }, h.wake,
	} {
		if err := step(); err != nil {
			return h, fmt.Errorf("house of %d peers: %w", p.routers+p.execs+p.inboxes+p.others, err)
		}
	}
	return h, nil
}

// furnish writes what sessions find: their environment, and the package of the
// runtime "bench", whose program is a sink.
func (h *house) furnish() error {
	sink := "#!/bin/sh\n" + strings.Replace(anchor.Sink, "$0", "fifo", 1) + "\n"
	program := filepath.Join(h.paths.Home, "bin", "bench-runtime")
	for path, text := range map[string]string{
		filepath.Join(h.paths.State(), "environment"):              "PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH") + "\nLANG=C.UTF-8\n",
		filepath.Join(h.paths.Runtimes(), "bench", "runtime.json"): `{"name":"bench"}`,
		program: sink,
	} {
		if err := put(path, text, 0o700); err != nil {
			return err
		}
	}
	return nil
}

func put(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

// register writes profiles and the registry.
func (h *house) register() error {
	var peers []iapeer.Peer
	for _, kind := range []struct {
		prefix  string
		count   int
		runtime iapeer.Runtime
		nature  iapeer.Nature
	}{
		{"p", h.routers, "bench", iapeer.Absent},
		{"x", h.execs, iapeer.RuntimeExec, iapeer.Absent},
		{"n", h.inboxes, iapeer.RuntimeCLI, iapeer.Natural},
		{"o", h.others, iapeer.RuntimeClaude, iapeer.Artificial},
	} {
		for i := range kind.count {
			peers = append(peers, iapeer.Peer{
				Name: iapeer.Name(fmt.Sprintf("%s%d", kind.prefix, i)), DefaultRuntime: kind.runtime, Runtimes: []iapeer.Runtime{kind.runtime},
				Nature: kind.nature, Description: "one of many peers, with a description of a usual length",
			})
		}
	}
	for i := range peers {
		p := &peers[i]
		p.CWD = h.paths.PeerHome(p.Name)
		profile := map[string]any{
			"personality": p.Name, "default_runtime": p.DefaultRuntime, "runtimes": p.Runtimes, "intelligence": p.Nature, "description": p.Description,
		}
		if p.DefaultRuntime == iapeer.RuntimeExec {
			profile["exec"] = []string{"cp", "/dev/stdin", filepath.Join(p.CWD, "fifo")}
		}
		text, err := json.Marshal(profile)
		if err != nil {
			return err
		}
		if err := put(iapeer.Profile(p.CWD), string(text), 0o600); err != nil {
			return err
		}
	}
	reg, err := registry.Open(h.paths, zap.NewNop())
	if err != nil {
		return err
	}
	_, err = reg.Upsert(peers...)
	return err
}

// start starts the daemon and waits until it is ready.
func (h *house) start(b *bench) error {
	args := []string{filepath.Join(h.bin, "iapeerd")}
	if b.profile != "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		args = []string{self, "profiled", fmt.Sprintf("%s.%d", b.profile, len(b.opened))}
	}
	h.cmd = exec.Command(args[0], args[1:]...) //nolint:noctx // ended by close
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	h.cmd.Env, h.cmd.Dir, h.cmd.Stderr = append(h.env, "IAPEER_READY_FD=3"), h.paths.Home, os.Stderr
	h.cmd.ExtraFiles = []*os.File{tell}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	tell.Close()
	_ = ready.SetReadDeadline(time.Now().Add(upLimit))
	if line, err := bufio.NewReader(ready).ReadString('\n'); strings.TrimSpace(line) != "ready" {
		return fmt.Errorf("the daemon did not come up: %q %w", line, err)
	}
	getenv := func(name string) string {
		v, _ := strings.CutPrefix(h.lookup(name), name+"=")
		return v
	}
	r, err := client.Find(getenv)
	if err != nil {
		return err
	}
	h.addr = strings.TrimSuffix(strings.TrimPrefix(r.TCP, "http://"), "/mcp")
	h.fleet = client.New(client.To(r))
	return nil
}

func (h *house) lookup(name string) string {
	for _, v := range h.env {
		if strings.HasPrefix(v, name+"=") {
			return v
		}
	}
	return ""
}

func (h *house) pid() int { return h.cmd.Process.Pid }

// wake starts the routers' sessions and learns their tokens.
func (h *house) wake() error {
	var fifos []string
	for prefix, count := range map[string]int{"p": h.routers, "x": h.execs} {
		for i := range count {
			fifos = append(fifos, filepath.Join(h.paths.PeerHome(iapeer.Name(fmt.Sprintf("%s%d", prefix, i))), "fifo"))
		}
	}
	var err error
	if h.sinks, err = load.NewSinks(fifos); err != nil {
		return err
	}
	for i := range h.routers {
		if err := h.wakeOne(fmt.Sprintf("p%d", i)); err != nil {
			return err
		}
	}
	return h.learn()
}

func (h *house) wakeOne(peer string) error {
	ctx, cancel := context.WithTimeout(context.Background(), upLimit)
	defer cancel()
	_, err := h.fleet.Command(ctx, iapeer.VerbWake, peer, client.CommandRequest{})
	return err
}

// learn reads the tokens of the routers' sessions from their hosts' specs.
func (h *house) learn() error {
	found, err := session.Scan(h.paths.Hosts())
	if err != nil {
		return err
	}
	tokens := map[string]string{}
	h.hosts = nil
	for _, f := range found {
		if f.State != session.Alive || f.Spec == nil {
			continue
		}
		h.hosts = append(h.hosts, f.Spec.Host.PID)
		for _, v := range f.Spec.Env {
			if token, ok := strings.CutPrefix(v, "IAPEER_BEARER="); ok {
				tokens[string(f.Identity.Name)] = token
			}
		}
	}
	h.tokens = nil
	for i := range h.routers {
		token, ok := tokens[fmt.Sprintf("p%d", i)]
		if !ok {
			return fmt.Errorf("p%d has no session", i)
		}
		h.tokens = append(h.tokens, token)
	}
	return nil
}

// close ends the daemon and every session, by pid, and removes the house.
func (h *house) close() {
	if h.sinks != nil {
		h.sinks.Close()
	}
	if h.cmd != nil && h.cmd.Process != nil {
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
		_ = h.cmd.Wait()
	}
	found, _ := session.Scan(h.paths.Hosts())
	for _, f := range found {
		if f.State == session.Alive || f.State == session.Locked {
			_ = session.KillHost(f.Files.PID())
		}
	}
	for _, f := range found {
		session.WaitUnlocked(f.Files, 10*time.Second)
		if f.Spec != nil {
			_, _ = session.ReapSurvivors(*f.Spec)
		}
	}
	if strings.HasPrefix(h.paths.Home, "/tmp/ib") {
		_ = os.RemoveAll(h.paths.Home)
	}
}

var errAnswer = errors.New("unexpected answer")
