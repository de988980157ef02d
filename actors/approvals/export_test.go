package approvals

import (
	"math"
	"time"

	"github.com/iapeer/iapeer/supervisor"
)

// WithProbe lets a test look at, or panic on, each message of the desk, which
// then starts again at once.
func (c Config) WithProbe(f func(any)) Config {
	c.probe = f
	c.restarts = &supervisor.Policy{Intensity: math.MaxInt, Window: time.Second, First: time.Millisecond, Limit: time.Millisecond}
	return c
}
