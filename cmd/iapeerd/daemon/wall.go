package daemon

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// clockEnv names a file with the seconds by which the daemon's clock on the wall
// is off, so that a test can set the clock of one daemon while it runs.
const clockEnv = "IAPEER_TEST_CLOCK"

// wallClock returns the clock by which messages expire, rests end and old things
// are forgotten. Time that passes is counted without it.
func wallClock(getenv func(string) string) func() time.Time {
	path := getenv(clockEnv)
	if path == "" {
		return func() time.Time { return time.Now().Round(0) }
	}
	return func() time.Time {
		b, _ := os.ReadFile(path)                                       // not there: not off
		secs, _ := strconv.ParseFloat(strings.TrimSpace(string(b)), 64) // half written: not off for a moment
		return time.Now().Round(0).Add(time.Duration(secs * float64(time.Second)))
	}
}
