package daemon

import (
	"os"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/actors/loop"
	"github.com/iapeer/iapeer/cmd/iapeerd/eventlog"
	"github.com/iapeer/iapeer/cmd/iapeerd/vigil"
	"github.com/iapeer/iapeer/config"
	"github.com/iapeer/iapeer/session"
	"github.com/iapeer/iapeer/session/host"
	"github.com/iapeer/iapeer/session/logfile"
	"github.com/iapeer/iapeer/session/panelog"
	"github.com/iapeer/iapeer/store/mailbox"
)

// paneEvery is how often the sessions' terminal logs are bounded while sessions
// do something, panesAtLeast while nothing is known to happen.
const (
	paneEvery    = 5 * time.Minute
	panesAtLeast = time.Hour
)

// endLimit is how long the logs of a removed peer wait for the end of its
// sessions.
const endLimit = 30 * time.Second

// startedAfter is when a start is over: what the profiles of many peers left
// behind is given back then, instead of minutes later.
const startedAfter = 5 * time.Second

// houseEvery is how often messages that are over are looked for. Deadlines of
// single messages are checked again when they are offered.
const houseEvery = 10 * time.Minute

// keepHouse expires and forgets what is over, until the daemon stops.
func (d *Daemon) keepHouse() {
	t := time.NewTicker(houseEvery)
	defer t.Stop()
	defer time.AfterFunc(startedAfter, debug.FreeOSMemory).Stop()
	for {
		d.clean(d.wall())
		debug.FreeOSMemory() // reading the registry, or old messages, leaves much behind
		select {
		case <-t.C:
		case <-d.stopping.Done():
			return
		}
	}
}

func (d *Daemon) clean(now time.Time) {
	over, err := d.box.Expire(d.stopping, now)
	if err != nil {
		d.log.Warn("cannot expire messages", zap.Error(err))
	}
	var gone []iapeer.Message
	for _, m := range over {
		gone = append(gone, m.Message)
	}
	d.system.Expired(gone)
	if _, err := d.box.Prune(d.stopping, now, mailbox.Retention{Age: d.cfg.RetainFor, Bytes: d.cfg.RetainBytes}); err != nil {
		d.log.Warn("cannot forget old messages", zap.Error(err))
	}
	if err := d.board.Prune(d.stopping, now); err != nil {
		d.log.Warn("cannot forget old notices and tokens", zap.Error(err))
	}
}

// eventLog says how the logs of events are kept.
func (d *Daemon) eventLog() eventlog.Config {
	c := eventlog.Config{
		Dir: d.paths.Logs(), Delivery: logfile.Limits{MaxBytes: d.cfg.DeliveryLogMaxBytes, Keep: d.cfg.DeliveryLogKeep},
		Daemon: d.unix != nil, Log: d.log,
	}
	if d.getenv("IAPEER_DAEMON_LOG") != "" {
		c.Echo = os.Stderr
	}
	return c
}

// keepPanes bounds the sessions' terminal logs while sessions do something, and
// from time to time besides, until the daemon stops.
func (d *Daemon) keepPanes() {
	t := time.NewTicker(paneEvery)
	defer t.Stop()
	last := time.Now()
	d.boundPanes(last)
	for {
		select {
		case now := <-t.C:
			if d.events.Active() || now.Sub(last) >= panesAtLeast {
				last = now
				d.boundPanes(now)
			}
		case <-d.stopping.Done():
			return
		}
	}
}

// keepAwake lets the machine not sleep while a session works, if that is wanted,
// until the daemon stops.
func (d *Daemon) keepAwake() {
	if d.cfg.KeepAwake != "busy" {
		return
	}
	k := &vigil.Keeper{
		Command: vigil.Command(), Busy: d.system.View().Working, Log: d.log,
		Failed: func(err error) {
			d.system.Notify(house.Notice{Kind: "keep-awake", Summary: "the machine cannot be kept awake while agents work", Content: err.Error() + "\nIt is tried again when the daemon restarts; the setting is keep_awake."})
		},
	}
	for d.stopping.Err() == nil {
		sub, _, err := d.system.Subscribe(d.stopping, 0, 0, 0)
		if err != nil {
			return
		}
		k.Keep(d.stopping, sub.C) // ends early when it fell behind
		sub.Close()
	}
}

// boundPanes cuts, ages and removes the sessions' terminal logs.
func (d *Daemon) boundPanes(now time.Time) {
	keep := d.cfg.PaneLogKeep
	if keep == 0 {
		keep = -1 // none, and not the default
	}
	s, err := panelog.Sweep(d.paths.PaneLogs(), panelog.Limits{
		MaxBytes: d.cfg.PaneLogMaxBytes, Keep: keep, Stale: d.cfg.PaneLogStaleFor, DirBudget: d.cfg.PaneLogDirBytes, Live: d.hosted,
	}, now)
	if err != nil {
		d.log.Warn("cannot bound the terminal logs", zap.Error(err))
	}
	if s.OverBudget {
		d.log.Warn("terminal logs take more room than they may", zap.Int64("bytes", s.Bytes), zap.Int64("budget", d.cfg.PaneLogDirBytes))
	}
}

// hosted reports whether a session host lives for the identity, known to the
// actors or not.
func (d *Daemon) hosted(id iapeer.Identity) bool {
	return host.Locked(session.Files{Dir: d.paths.Hosts(), ID: id}.Lock())
}

// forgetPanes removes the terminal logs of a peer that was removed, when its
// sessions have ended.
func (d *Daemon) forgetPanes(name iapeer.Name) {
	_, err := panelog.Remove(d.paths.PaneLogs(), name, func(id iapeer.Identity) bool {
		ended := session.WaitUnlocked(session.Files{Dir: d.paths.Hosts(), ID: id}, endLimit)
		_, again := (peers{d.reg}).Peer(name)
		return ended && !again && d.stopping.Err() == nil
	})
	if err != nil {
		d.log.Warn("cannot remove a peer's terminal logs", zap.String("peer", string(name)), zap.Error(err))
	}
}

// limits are the settings as the actors know them.
func limits(c config.Config, wall func() time.Time) house.Config {
	return house.Config{
		Idle: c.Idle, BootDeadline: c.BootDeadline, CrashMax: c.CrashLoopMax, CrashWindow: c.CrashLoopWindow,
		TTL: c.MessageTTL, Wait: c.SendWait, Quiet: c.EphemeralQuiet, Unarmed: c.EphemeralUnarmedIdle,
		Hold: c.ComposerHold, StuckTurn: c.StuckTurn,
		Loop:      loop.Limits{Pace: c.LoopHops, Window: c.LoopWindow, Height: c.MaxHops},
		Admission: admission.Limits{Starting: c.MaxStarting, Live: c.MaxLive, Pressure: float64(c.MemoryPressure) / 100}, Wall: wall,
	}
}
