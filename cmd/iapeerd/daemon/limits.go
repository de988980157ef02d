package daemon

import (
	"github.com/iapeer/iapeer/actors/admission"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/actors/loop"
	"github.com/iapeer/iapeer/config"
)

// limits are the settings as the actors know them.
func limits(c config.Config) house.Config {
	return house.Config{
		Idle: c.Idle, BootDeadline: c.BootDeadline, CrashMax: c.CrashLoopMax, CrashWindow: c.CrashLoopWindow,
		TTL: c.MessageTTL, Wait: c.SendWait, Quiet: c.EphemeralQuiet, Unarmed: c.EphemeralUnarmedIdle,
		Hold: c.ComposerHold, StuckTurn: c.StuckTurn,
		Loop:      loop.Limits{Pace: c.LoopHops, Window: c.LoopWindow, Height: c.MaxHops},
		Admission: admission.Limits{Starting: c.MaxStarting, Live: c.MaxLive, Pressure: float64(c.MemoryPressure) / 100},
	}
}
