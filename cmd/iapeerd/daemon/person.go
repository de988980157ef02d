package daemon

import (
	"context"
	"fmt"

	"github.com/iapeer/iapeer"
)

// person is the identity of whoever sits at this host's terminals; zero when no
// name could be made.
func (d *Daemon) person() iapeer.Identity {
	if d.cfg.Me == "" {
		return iapeer.Identity{}
	}
	return iapeer.Identity{Runtime: iapeer.RuntimeCLI, Name: d.cfg.Me}
}

// ensurePerson makes the person a peer by their first use.
func (d *Daemon) ensurePerson(ctx context.Context) error {
	me := d.person()
	if me == (iapeer.Identity{}) {
		return &iapeer.FieldError{Field: "me", Reason: "no name could be made of the user's; set one: iapeer config set me <name>"}
	}
	if p, ok := (peers{d.reg}).Peer(me.Name); ok {
		if p.Nature != iapeer.Natural {
			return fmt.Errorf("you would be %q, but a peer of that name lives in %s; choose another name for yourself: iapeer config set me <name>, then iapeer daemon restart", me.Name, d.paths.Abbreviate(p.CWD))
		}
		return nil
	}
	_, err := d.system.Onboard(ctx, iapeer.Onboarding{
		Verb: "create", Name: string(me.Name), Runtime: string(iapeer.RuntimeCLI), Nature: string(iapeer.Natural),
		Description: "the person at this host", NoBootstrap: true, DaemonURL: d.url(), Env: map[string]string{"HOME": d.paths.Home, "IAPEER_ROOT": d.paths.Root},
	})
	return err
}
