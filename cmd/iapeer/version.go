package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// versionCmd implements "iapeer version".
type versionCmd struct{ jsonFlag }

// Help implements kong.HelpProvider.
func (*versionCmd) Help() string { return "Starts nothing.\n\nExample:\n  iapeer version --json" }

// versions is what "iapeer version --json" prints.
type versions struct {
	Client string          `json:"client"`
	Daemon *client.Version `json:"daemon"` // null when none runs
	Hosts  []hostVersion   `json:"hosts,omitempty"`
}

type hostVersion struct {
	Identity string `json:"identity"`
	PID      int    `json:"pid"`
}

// Run prints the versions of a daemon that runs already, or that none does.
func (c *versionCmd) Run(ctx context.Context, w *world) error {
	v := versions{Client: iapeer.Version}
	fleet := w.running("")
	d, err := fleet.Version(ctx)
	if err != nil && !errors.Is(err, iapeer.ErrNoDaemon) {
		return err
	}
	if err == nil {
		v.Daemon = &d
		if snap, err := fleet.Snapshot(ctx); err == nil {
			v.Hosts = hosts(snap)
		}
	}
	if c.JSON {
		return w.json(v)
	}
	w.printf("iapeer  %s\n", v.Client)
	if v.Daemon == nil {
		w.printf("daemon  not running: iapeer daemon start\n")
		return nil
	}
	w.printf("daemon  %s, pid %d\n", d.Version, d.PID)
	if n := len(v.Hosts); n > 0 {
		w.printf("hosts   %s\n", hostLine(v.Hosts))
	}
	if line := fleet.Mismatch(); line != "" {
		w.note("%s", line)
	}
	return nil
}

func hosts(snap client.Snapshot) []hostVersion {
	var out []hostVersion
	for _, p := range snap.Peers {
		for _, rt := range p.Runtimes {
			if rt.HostPID != 0 {
				out = append(out, hostVersion{Identity: rt.Runtime + "-" + p.Personality, PID: rt.HostPID})
			}
		}
	}
	return out
}

func hostLine(list []hostVersion) string {
	text := fmt.Sprintf("%d live:", len(list))
	for _, h := range list {
		text += fmt.Sprintf(" %s (pid %d)", h.Identity, h.PID)
	}
	return text
}
