// Package vigil keeps the machine awake while sessions work, by a program of the
// system that holds off sleep as long as it runs: systemd-inhibit on Linux,
// caffeinate on macOS. The program ends with its standard input, so that a daemon
// that is killed leaves no machine awake.
package vigil

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// grace is how long the machine is kept awake behind the last work: the next
// message often follows at once.
const grace = 30 * time.Second

// A Keeper keeps the machine awake. Its fields are set before Keep is called.
type Keeper struct {
	Command []string      // holds off sleep until its standard input ends; see [Command]
	Busy    func() bool   // whether any session works now
	Grace   time.Duration // default 30 s
	Log     *zap.Logger
	// Failed is told why the machine cannot be kept awake; it is not tried again.
	// May be nil.
	Failed func(error)

	held  io.Closer
	ended chan struct{} // of the program that holds
	given bool          // up
}

// Command returns the command of this system.
func Command() []string {
	if runtime.GOOS == "darwin" {
		return []string{"caffeinate", "-i", "cat"}
	}
	return []string{"systemd-inhibit", "--what=idle:sleep", "--who=iapeer", "--why=agents are at work", "--mode=block", "cat"}
}

// Keep holds and lets go as events tell, until ctx ends or events are closed. It
// returns when nothing is held any more.
func (k *Keeper) Keep(ctx context.Context, events <-chan iapeer.Stamped) {
	if k.Grace <= 0 {
		k.Grace = grace
	}
	over := time.NewTimer(k.Grace)
	over.Stop()
	defer over.Stop()
	defer k.release()
	k.look(over)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			if _, moved := e.Event.(iapeer.PresenceChanged); moved {
				k.look(over)
			}
		case <-over.C:
			k.release()
		case <-k.ended:
			k.release()
			k.fail(fmt.Errorf("%s ended by itself", k.Command[0]))
		case <-ctx.Done():
			return
		}
	}
}

// look holds while something is busy, and lets the grace begin when nothing is.
func (k *Keeper) look(over *time.Timer) {
	if !k.Busy() {
		over.Reset(k.Grace)
		return
	}
	over.Stop()
	if k.held == nil && !k.given {
		k.hold()
	}
}

func (k *Keeper) hold() {
	cmd := exec.Command(k.Command[0], k.Command[1:]...) //nolint:gosec,noctx // the system's own program; it ends with its input
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.fail(err)
		return
	}
	ended := make(chan struct{})
	k.held, k.ended = in, ended
	go func() {
		_ = cmd.Wait() // it was let go, or its end is told
		close(ended)
	}()
	k.Log.Debug("keeping the machine awake", zap.Int("pid", cmd.Process.Pid))
}

// release lets the machine sleep, and waits for the program to end.
func (k *Keeper) release() {
	if k.held == nil {
		return
	}
	_ = k.held.Close()
	<-k.ended
	k.held, k.ended = nil, nil
}

func (k *Keeper) fail(err error) {
	k.given = true
	k.Log.Warn("cannot keep the machine awake", zap.Error(err))
	if k.Failed != nil {
		k.Failed(err)
	}
}
