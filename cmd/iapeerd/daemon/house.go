package daemon

import (
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/panelog"
	"github.com/iapeer/iapeer/store/mailbox"
)

// paneEvery is how often the sessions' terminal logs are bounded.
const paneEvery = time.Hour

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
	var panes time.Time // when their logs were last bounded
	for {
		now := time.Now()
		d.clean(now)
		debug.FreeOSMemory() // reading the registry, or old messages, leaves much behind
		if now.Sub(panes) >= paneEvery {
			panes = now
			d.boundPanes(now)
		}
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

// boundPanes cuts, ages and removes the sessions' terminal logs.
func (d *Daemon) boundPanes(now time.Time) {
	s, err := panelog.Sweep(d.paths.PaneLogs(), panelog.Limits{
		MaxBytes: d.cfg.PaneLogMaxBytes, Keep: d.cfg.PaneLogKeep, Stale: d.cfg.PaneLogStaleFor, DirBudget: d.cfg.PaneLogDirBytes,
	}, now)
	if err != nil {
		d.log.Warn("cannot bound the terminal logs", zap.Error(err))
	}
	if s.OverBudget {
		d.log.Warn("terminal logs take more room than they may", zap.Int64("bytes", s.Bytes), zap.Int64("budget", d.cfg.PaneLogDirBytes))
	}
}
