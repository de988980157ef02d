package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// What is done to the disk.
const (
	pointFull     point = "(disk full for a while)"
	pointFullKill point = "daemon: while the disk is full"
	pointReadOnly point = "(start on a read-only store)"
)

// diskBytes is the size of the small disk: room for the store of a short run.
const diskBytes = 256 << 20

// errNoDisk tells why the disk cannot be tortured here.
var errNoDisk = errors.New("needs root and unshare(1)")

// diskRun tortures a house whose home is a small disk of its own. It is this
// program again, in a mount namespace of its own, so that nothing is mounted
// for anybody else.
func diskRun(ctx context.Context, o options, out io.Writer) (bad int, err error) {
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Geteuid() != 0 {
		return 0, errNoDisk
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	args := []string{
		"--mount", "--propagation", "private", self, "-inside", "-minutes", strconv.FormatFloat(o.minutes, 'g', -1, 64),
		"-seed", strconv.FormatUint(o.seed, 10), "-peers", strconv.Itoa(o.peers), "-senders", strconv.Itoa(o.senders), "-bin", o.bin,
	}
	cmd := exec.CommandContext(ctx, unshare, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, out, upLimit
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitBad {
		return 1, nil
	}
	return 0, err
}

// smallDisk gives the house's home a file system of its own.
func (h *house) smallDisk() error {
	return mount("-t", "tmpfs", "-o", fmt.Sprintf("size=%d,mode=700", diskBytes), "tmpfs", h.paths.Home)
}

func mount(args ...string) error {
	out, err := exec.Command("mount", args...).CombinedOutput() //nolint:noctx // it ends
	if err != nil {
		return fmt.Errorf("mount %v: %w: %s", args, err, out)
	}
	return nil
}

func unmount(path string) error {
	out, err := exec.Command("umount", path).CombinedOutput() //nolint:noctx // it ends
	if err != nil {
		return fmt.Errorf("umount %s: %w: %s", path, err, out)
	}
	return nil
}

// diskMoves are the moves besides the usual ones.
func diskMoves() []move {
	return []move{
		{10, pointFull, fillDisk},
		{5, pointReadOnly, startReadOnly},
	}
}

// fillDisk fills the disk to its last byte for a while; now and then the daemon
// is killed meanwhile, and started when there is room again.
func fillDisk(ctx context.Context, c *conductor) (err error) {
	length, kills := time.Duration(100+c.rng.IntN(1200))*time.Millisecond, c.rng.IntN(3) == 0
	free, err := c.fill()
	if err != nil {
		return err
	}
	c.tally.add(pointFull, true)
	nap(ctx, length)
	if kills {
		err = c.killNow(pointFullKill, true)
	}
	if err := free(); err != nil {
		return err
	}
	if !kills || err != nil {
		return err
	}
	return c.revive(ctx)
}

// fill writes until nothing more can be written, and returns how to make room.
func (c *conductor) fill() (free func() error, err error) {
	path := filepath.Join(c.house.paths.Home, "filler")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		piece := make([]byte, size)
		for err = nil; err == nil; {
			_, err = f.Write(piece)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			_ = os.Remove(path)
			return nil, err
		}
	}
	return func() error { return os.Remove(path) }, nil
}

// readOnlyFor is how long a daemon may take to refuse, or to serve, a store that
// it cannot write.
const readOnlyFor = 3 * time.Second

// startReadOnly kills the daemon and starts another one on a store that cannot
// be written; whatever that one does, the store is as good as before.
func startReadOnly(ctx context.Context, c *conductor) error {
	if err := c.killNow(pointRandom, true); err != nil {
		return err
	}
	thaw, err := c.freezeStore()
	if err != nil {
		return errors.Join(err, thaw())
	}
	c.tally.add(pointReadOnly, true)
	d, err := c.house.spawn()
	if err == nil {
		limit := time.NewTimer(readOnlyFor)
		select {
		case <-d.gone:
		case <-d.ready:
			nap(ctx, 200*time.Millisecond) // senders meet it
		case <-limit.C:
		}
		limit.Stop()
		err = d.kill(c.house)
	}
	return errors.Join(err, thaw(), c.revive(ctx))
}

// freezeStore makes the store's files read-only by mounting each over itself.
func (c *conductor) freezeStore() (thaw func() error, err error) {
	var done []string
	thaw = func() (err error) {
		for _, path := range done {
			err = errors.Join(err, unmount(path))
		}
		return err
	}
	list, err := filepath.Glob(c.house.paths.Store() + "*")
	for _, path := range list {
		if err = errors.Join(err, mount("--bind", path, path)); err != nil {
			return thaw, err
		}
		done = append(done, path)
		if err = mount("-o", "remount,bind,ro", path); err != nil {
			return thaw, err
		}
	}
	return thaw, err
}
