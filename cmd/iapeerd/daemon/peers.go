package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/onboarding"
	"github.com/iapeer/iapeer/registry"
)

// peers plugs the registry into everything that asks for peers.
type peers struct{ reg *registry.Registry }

var _ house.Peers = peers{}

// Peer returns one peer from memory.
func (p peers) Peer(n iapeer.Name) (iapeer.Peer, bool) {
	peer, err := p.reg.Peer(n)
	return peer, err == nil
}

// Peers returns all peers that are not set aside.
func (p peers) Peers() []iapeer.Peer { return p.reg.Peers() }

// profiles lets onboarding read and write the profiles in peers' folders.
type profiles struct{ reg *registry.Registry }

func (p profiles) Profile(cwd string) (iapeer.Peer, error) { return registry.ReadProfile(cwd) }

func (p profiles) PutProfile(peer iapeer.Peer) error {
	_, _, err := p.reg.EditProfile(peer.CWD, func(on *iapeer.Peer) error {
		cwd := on.CWD
		*on = peer
		on.CWD = cwd
		return nil
	})
	return err
}

// records lets onboarding read and change the registry.
type records struct{ reg *registry.Registry }

func (r records) Peers() ([]iapeer.Peer, error) { return r.reg.Peers(), nil }

func (r records) Register(peer iapeer.Peer) error {
	if _, err := r.reg.Upsert(peer); err != nil {
		return err
	}
	_, err := r.reg.Refresh(peer.Name)
	return err
}

func (r records) Unregister(n iapeer.Name) error {
	_, err := r.reg.Remove(n)
	if errors.Is(err, iapeer.ErrUnknownPeer) {
		return nil
	}
	return err
}

func (r records) Rename(from, to iapeer.Name, home string) error {
	_, err := r.reg.Rename(from, to, home)
	return err
}

// papers returns the file in dir that says as whom a program there speaks: what
// agents read first, then the profile.
func papers(dir string) (file string, names iapeer.Name) {
	file = filepath.Join(dir, ".mcp.json")
	if id := onboarding.MCPIdentity(file); id.Name != "" {
		return file, id.Name
	}
	p, err := registry.ReadProfile(dir)
	if err != nil {
		return "", ""
	}
	return iapeer.Profile(dir), p.Name
}

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
