package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"

	"github.com/iapeer/iapeer/bench/anchor"
	"github.com/iapeer/iapeer/bench/load"
	"github.com/iapeer/iapeer/session/screen"
)

func glob(pattern string) []string {
	list, _ := filepath.Glob(pattern)
	return list
}

func read(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// recorded are the streams that the terminal model is measured on.
var recorded = []string{"claude-140x45", "codex-140x45"}

// streamBytes is how much of a repeated stream is played.
const streamBytes = 4 << 20

// screen measures the terminal model beside tmux on recorded streams, tmux from
// the first byte that cat writes to the last one taken.
func (b *bench) screen() error {
	if _, err := exec.LookPath("tmux"); err != nil {
		return fmt.Errorf("tmux is %w", errAbsent)
	}
	for _, name := range recorded {
		in, err := os.ReadFile(filepath.Join("session", "screen", "testdata", name+".pty.raw"))
		if err != nil {
			return fmt.Errorf("run it in the module's root: %w", err)
		}
		in = []byte(strings.Repeat(string(in), max(1, streamBytes/len(in))))
		s, err := b.interleave(b.rounds,
			contender{"model", func(int) (figures, error) {
				took, err := playInModel(in)
				return figures{"rate": mibPerSecond(in, took)}, err
			}},
			contender{"tmux", func(int) (figures, error) {
				took, err := playInTmux(in)
				return figures{"rate": mibPerSecond(in, took)}, err
			}})
		if err != nil {
			return err
		}
		r := rateRow("screen model, MiB/s on "+name+", beside tmux", s, "model", "tmux", 1.5, 3)
		r.cpu = ""
		b.table.add(r)
	}
	return nil
}

func mibPerSecond(in []byte, took time.Duration) float64 {
	return float64(len(in)) / (1 << 20) / took.Seconds()
}

// playInModel plays a stream through a terminal into the model, from the first
// byte that cat writes to the last one taken.
func playInModel(in []byte) (time.Duration, error) {
	dir, err := os.MkdirTemp("/tmp", "it")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "stream")
	if err := os.WriteFile(file, in, 0o600); err != nil {
		return 0, err
	}
	cmd := exec.Command("sh", "-c", `stty raw -echo; read go; exec cat "$0"`, file) //nolint:noctx // it ends with the stream
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 140, Rows: 45})
	if err != nil {
		return 0, err
	}
	defer tty.Close()
	time.Sleep(settle)
	m := screen.New(140, 45, 5000, "", screen.Listener{})
	start := time.Now()
	if _, err := tty.WriteString("\n"); err != nil {
		return 0, err
	}
	buf := make([]byte, 32<<10)
	for left := len(in); left > 0; {
		n, err := tty.Read(buf)
		if err != nil {
			return 0, err
		}
		m.Feed(buf[:n])
		left -= n
	}
	took := time.Since(start)
	return took, cmd.Wait()
}

// playInTmux plays a stream in a tmux of its own.
func playInTmux(in []byte) (time.Duration, error) {
	dir, err := os.MkdirTemp("/tmp", "it")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	sock, file := filepath.Join(dir, "s"), filepath.Join(dir, "stream")
	if err := os.WriteFile(file, in, 0o600); err != nil {
		return 0, err
	}
	tmux := func(args ...string) error {
		cmd := exec.Command("tmux", append([]string{"-S", sock, "-u", "-f", "/dev/null"}, args...)...) //nolint:noctx // ended by kill-server
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "TMUX=")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
		}
		return nil
	}
	defer func() { _ = tmux("kill-server") }()
	script := fmt.Sprintf("stty raw -echo; tmux -S %s wait-for go; cat %s; tmux -S %s wait-for -S done; exec sleep 60", sock, file, sock)
	if err := tmux("new-session", "-d", "-s", "play", "-x", "140", "-y", "45", script); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := tmux("wait-for", "-S", "go"); err != nil {
		return 0, err
	}
	err = tmux("wait-for", "done")
	return time.Since(start), err
}

// helloTS is the least that a program compiled with bun does.
const helloTS = `console.log("hello");`

// list measures "iapeer list" on a running daemon, from exec to exit, beside a
// hello compiled with bun.
func (b *bench) list() error {
	h, err := b.newHouse(plan{routers: 1, others: anchor.Terminals})
	if err != nil {
		return err
	}
	bun, err := b.bun()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/tmp", "il")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source, hello := filepath.Join(dir, "hello.ts"), filepath.Join(dir, "hello")
	if err := put(source, helloTS, 0o600); err != nil {
		return err
	}
	if out, err := exec.Command(bun, "build", "--compile", source, "--outfile", hello).CombinedOutput(); err != nil { //nolint:noctx // it ends
		return fmt.Errorf("bun build: %w: %s", err, out)
	}
	const runs = 15
	s, err := b.interleave(b.rounds,
		contender{"list", func(int) (figures, error) {
			return repeat(runs, h.env, h.paths.Home, filepath.Join(h.bin, "iapeer"), "list")
		}},
		contender{"hello", func(int) (figures, error) { return repeat(runs, h.env, dir, hello) }})
	if err != nil {
		return err
	}
	r := p50Row("iapeer list on a running daemon, ms from exec to exit, beside a bun-compiled hello", s, "wall", "list", "hello", 0.8, 0.5)
	r.ours, r.theirs = fmt.Sprintf("%.1f", load.Median(s["list/wall"])), fmt.Sprintf("%.1f", load.Median(s["hello/wall"]))
	r.cpu = processor(s, "list", "hello")
	b.table.add(r)
	return nil
}

// repeat runs a program and returns the median of its wall times in
// milliseconds, and its mean processor time in microseconds.
func repeat(runs int, env []string, dir string, argv ...string) (figures, error) {
	var wall []float64
	var cpu time.Duration
	for range runs {
		ctx, cancel := context.WithTimeout(context.Background(), upLimit)
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Env, cmd.Dir, cmd.Stdout = env, dir, io.Discard
		start := time.Now()
		err := cmd.Run()
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
		}
		wall = append(wall, float64(time.Since(start))/float64(time.Millisecond))
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return figures{"wall": load.Median(wall), "cpu": micros(cpu) / float64(runs)}, nil
}
