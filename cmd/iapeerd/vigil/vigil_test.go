package vigil_test

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"
	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeerd/vigil"
)

// told opens a fifo and returns what is written to it, line by line.
func told(t *testing.T) (path string, line func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	in := bufio.NewScanner(f)
	return path, func() string {
		in.Scan()
		return in.Text()
	}
}

// TestKeepsAwakeWhileBusy: held from the first work to the last, and let go with
// the daemon's stop.
func TestKeepsAwakeWhileBusy(t *testing.T) {
	fifo, line := told(t)
	var busy atomic.Bool
	k := &vigil.Keeper{
		Command: []string{"sh", "-c", "echo held >" + fifo + "; cat; echo released >" + fifo},
		Busy:    busy.Load, Grace: time.Millisecond, Log: zaptest.NewLogger(t),
		Failed: func(err error) { t.Error(err) },
	}
	events := make(chan iapeer.Stamped)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { k.Keep(ctx, events); close(done) }()
	move := func(b bool) {
		busy.Store(b)
		events <- iapeer.Stamped{Event: iapeer.PresenceChanged{}}
	}
	for range 2 {
		move(true)
		move(true) // a second session
		if got := line(); got != "held" {
			t.Fatalf("%q, want held", got)
		}
		move(false)
		if got := line(); got != "released" {
			t.Fatalf("%q, want released", got)
		}
	}
	move(true)
	line()
	stop()
	if got := line(); got != "released" {
		t.Errorf("%q at the end, want released", got)
	}
	<-done
}

// TestCannotKeepAwake is told once, whatever is wrong.
func TestCannotKeepAwake(t *testing.T) {
	for _, command := range [][]string{{"/no/such/program"}, {"false"}} {
		failed := make(chan error, 10)
		k := &vigil.Keeper{Command: command, Busy: func() bool { return true }, Log: zaptest.NewLogger(t), Failed: func(err error) { failed <- err }}
		events := make(chan iapeer.Stamped)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { k.Keep(ctx, events); close(done) }()
		if err := <-failed; err == nil {
			t.Error("no reason is given")
		}
		for range 3 {
			events <- iapeer.Stamped{Event: iapeer.PresenceChanged{}}
		}
		stop()
		<-done
		if len(failed) != 0 {
			t.Errorf("%v: told %d times more", command, len(failed))
		}
	}
}
