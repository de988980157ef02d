package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "embed"

	"github.com/iapeer/iapeer/bench/anchor"
	"github.com/iapeer/iapeer/bench/load"
)

//go:embed testdata/server.ts
var serverTS []byte

// errAbsent tells that something to compare with is not installed.
var errAbsent = errors.New("not installed")

// A peer is a server that iapeer is measured against.
type peer struct {
	dir   string
	cmd   *exec.Cmd
	stdin *os.File
	addr  string
	sinks *load.Sinks
	tmux  string // its socket, "" for none
	pids  []int  // whose processor time is its own
}

// launch starts a server that prints its port.
func (b *bench) launch(withSinks bool, command func(dir string) ([]string, error)) (p *peer, err error) {
	p = &peer{}
	if p.dir, err = os.MkdirTemp("/tmp", "ia"); err != nil {
		return nil, err
	}
	b.opened = append(b.opened, p)
	if withSinks {
		var fifos []string
		for i := range anchor.Terminals {
			fifos = append(fifos, anchor.Fifo(p.dir, i))
		}
		if p.sinks, err = load.NewSinks(fifos); err != nil {
			return p, err
		}
	}
	argv, err := command(p.dir)
	if err != nil {
		return p, err
	}
	in, stdin, err := os.Pipe()
	if err != nil {
		return p, err
	}
	defer in.Close()
	p.stdin = stdin
	p.cmd = exec.Command(argv[0], argv[1:]...) //nolint:noctx // ended by close
	p.cmd.Stdin, p.cmd.Stderr = in, os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := p.cmd.Start(); err != nil {
		return p, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return p, fmt.Errorf("start %s: %w", strings.Join(argv, " "), err)
	}
	p.addr = "127.0.0.1:" + strings.TrimSpace(line)
	p.pids = append(p.pids, p.cmd.Process.Pid)
	return p, nil
}

func (p *peer) server() load.Server {
	return load.Server{Addr: p.addr, Request: unproven, Check: func(_ int, reply []byte) error {
		if !strings.Contains(string(reply), "ok") || strings.Contains(string(reply), "isError") {
			return fmt.Errorf("%w: %.300s", errAnswer, reply)
		}
		return nil
	}}
}

func (p *peer) close() {
	if p.sinks != nil {
		p.sinks.Close()
	}
	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.cmd != nil && p.cmd.Process != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
	if p.tmux != "" {
		_ = exec.Command("tmux", "-S", p.tmux, "kill-server").Run() //nolint:noctx // at once
	}
	if strings.HasPrefix(p.dir, "/tmp/ia") {
		_ = os.RemoveAll(p.dir)
	}
}

// own starts one of our own anchors.
func (b *bench) own(kind string) (*peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.launch(kind == "floor", func(dir string) ([]string, error) { return []string{self, "serve", kind, dir}, nil })
}

// bun returns the pinned bun.
func (b *bench) bun() (string, error) {
	exe := filepath.Join(b.npm, "node_modules", ".bin", "bun")
	if _, err := os.Stat(exe); err != nil {
		return "", fmt.Errorf("bun is %w in %s: scripts/bench.sh installs it where npm is there", errAbsent, b.npm)
	}
	return exe, nil
}

// typescript starts the TypeScript shape, with tmux as its way to deliver or
// without delivery.
func (b *bench) typescript(deliver bool) (*peer, error) {
	bun, err := b.bun()
	if err != nil {
		return nil, err
	}
	script := filepath.Join(b.npm, "server.ts") // beside node_modules, where its imports are looked for
	if err := os.WriteFile(script, serverTS, 0o600); err != nil {
		return nil, err
	}
	var tmux string
	var tmuxPID int
	p, err := b.launch(deliver, func(dir string) ([]string, error) {
		argv := []string{bun, script, filepath.Join(dir, "messages.db")}
		if !deliver {
			return argv, nil
		}
		tmux = filepath.Join(dir, "tmux")
		targets, pid, err := panes(dir, tmux)
		tmuxPID = pid
		return append(append(argv, tmux), targets...), err
	})
	if p != nil {
		p.tmux = tmux
		if tmuxPID > 0 {
			p.pids = append(p.pids, tmuxPID)
		}
	}
	return p, err
}

// panes starts a tmux of its own with a sink in each window.
func panes(dir, sock string) (targets []string, pid int, err error) {
	if _, err := exec.LookPath("tmux"); err != nil {
		return nil, 0, fmt.Errorf("tmux is %w", errAbsent)
	}
	for i := range anchor.Terminals {
		name := fmt.Sprintf("s%d", i)
		script := strings.Replace(anchor.Sink, "$0", anchor.Fifo(dir, i), 1)
		cmd := exec.Command("tmux", "-S", sock, "-f", "/dev/null", "new-session", "-d", "-s", name, "-x", "220", "-y", "50", script) //nolint:noctx // at once
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "TMUX=")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, 0, fmt.Errorf("tmux: %w: %s", err, out)
		}
		targets = append(targets, name+":")
	}
	out, err := exec.Command("tmux", "-S", sock, "display-message", "-p", "#{pid}").Output() //nolint:noctx // at once
	if err != nil {
		return nil, 0, fmt.Errorf("tmux: %w", err)
	}
	_, err = fmt.Sscan(string(out), &pid)
	time.Sleep(settle)
	return targets, pid, err
}

// settle lets programs in terminals reach their first read.
const settle = 300 * time.Millisecond
