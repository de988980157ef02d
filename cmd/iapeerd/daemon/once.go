package daemon

import (
	"context"
	"io"
	"os"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/gate"
)

// Once does one request of the fleet API without listening: the same actors
// run, do it and stop. It is for onboarding where no daemon is wanted. While a
// daemon has the root, it is refused: that one is to be asked.
func Once(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	d := newDaemon(ctx, o)
	defer d.close()
	if err := d.open(o); err != nil {
		return err
	}
	d.port, _ = d.wanted() // nobody listens, but the address goes into configurations
	if err := d.startActors(); err != nil {
		return err
	}
	a := api{d}
	h := fleet.New(fleet.Deps{
		Version: iapeer.Version, Started: d.started, Log: d.log, Caller: gate.CallerFrom, Stopping: d.stopping.Done(),
		Sender: a, Fleet: a, Messages: a, Events: a, Notices: a, Config: settings{d}, Explainer: a, Attempted: d.events.Attempt,
	})
	// whoever runs this program stands behind the same gate as one who connects
	g := d.gate()
	return fleet.ServeOnce(g.WithProcess(ctx, os.Getppid()), g.Wrap(h), in, out)
}
