package runtimes

import (
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// Render writes an envelope as the runtime takes it: the agent form for
// interactive programs, cleaned for a paste, the wire form for everything else.
func (a Adapter) Render(env iapeer.Envelope, now time.Time) string {
	if a.Kind == TUI {
		return Paste(env.Agent(now))
	}
	return env.Wire()
}

// Paste makes text safe to be pasted, see [iapeer.SanitizeBody]. Text that does
// not begin with an envelope gets a space in front: at the head of a composer !
// and / are commands.
func Paste(text string) string {
	text = iapeer.SanitizeBody(text)
	if !strings.HasPrefix(text, "<iap ") {
		text = " " + text
	}
	return text
}

// FirstMessage composes what a session is told first: a fresh one the peer's
// initial prompt, a blank line and the task; a resumed one the task alone.
// Either may be empty.
func FirstMessage(fresh bool, initial, task string) string {
	switch {
	case !fresh || initial == "":
		return task
	case task == "":
		return initial
	}
	return initial + "\n\n" + task
}
