package daemon

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/gate"
)

// Once does one request of the fleet API without listening: the same actors
// run, do it and stop. It is for onboarding where no daemon is wanted. While a
// daemon has the root, it is refused: that one is to be asked.
func Once(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	d := &Daemon{getenv: o.Getenv, paths: iapeer.PathsFromEnv(o.Getenv), log: o.Log, started: time.Now()}
	d.stopping, d.stop = context.WithCancel(ctx)
	d.life, d.die = context.WithCancel(context.WithoutCancel(ctx))
	defer d.close()
	if err := d.open(o); err != nil {
		return err
	}
	if err := d.startActors(); err != nil {
		return err
	}
	a := api{d}
	h := fleet.New(fleet.Deps{
		Version: iapeer.Version, Started: d.started, Log: d.log, Caller: gate.CallerFrom, Stopping: d.stopping.Done(),
		Sender: a, Fleet: a, Messages: a, Events: a, Notices: a, Config: settings{d},
	})
	// whoever runs this program as this user needs no gate to change the user's files
	caller := gate.WithCaller(ctx, iapeer.Caller{Proof: iapeer.ProofUID, UID: os.Getuid(), PID: os.Getppid()})
	return fleet.ServeOnce(caller, h, in, out)
}
