package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Progress writes one thing that happened while a sender waits, and how long
// after the start; "" when it is not worth a line.
func Progress(s Style, p client.Progress, since time.Duration) string {
	text := ""
	switch {
	case p.Kind == "presence" && p.State == string(iapeer.Waking):
		text = fmt.Sprintf("%s is %s · waking", s.who(p.Identity), p.From)
	case p.Kind == "presence" && p.State == string(iapeer.Waiting):
		text = fmt.Sprintf("%s waits for a person", s.who(p.Identity))
	case p.Kind == "presence" && p.State == string(iapeer.Resting):
		text = fmt.Sprintf("%s rests", s.who(p.Identity))
	case p.Kind == "message" && (p.State == string(iapeer.Seen) || p.State == string(iapeer.Answered)):
		text = p.State + " by " + s.who(p.Identity)
	default:
		return ""
	}
	if p.Cause != "" {
		text += " · " + Line(p.Cause, 60)
	}
	return s.margin(text, since)
}

// margin puts a duration at the right.
func (s Style) margin(text string, d time.Duration) string {
	n := 72 - visible(text)
	return text + strings.Repeat(" ", max(2, n)) + s.Dim(fmt.Sprintf("%.1f s", d.Seconds()))
}

// visible counts the letters of painted text.
func visible(text string) int {
	n, in := 0, false
	for _, r := range text {
		switch {
		case r == '\x1b':
			in = true
		case in:
			in = r != 'm'
		default:
			n++
		}
	}
	return n
}

// wayOn is the verb with which a person ends what a message waits for.
var wayOn = map[string]string{"stopped": "start", "rest": "start", "dialog": "attach", "hand": "adopt"}

// Receipt writes what a person learns at the end of a send.
func Receipt(s Style, r client.SendReply) string {
	var b strings.Builder
	res := r.Result
	to := string(res.DeliveredTo.Personality)
	line := []string{s.Bold(string(res.ID)), "from " + s.who(r.From)}
	if res.Repeated {
		line = append(line, "(sent before: this is that receipt)")
	}
	switch {
	case res.Evidence != nil && res.State.Delivered():
		line = append(line, "proof: "+Evidence(*res.Evidence)+", "+s.clock(res.Evidence.At, "15:04:05"))
	case !res.State.Delivered():
		line = append(line, string(res.State))
	}
	b.WriteString(strings.Join(line, "  ") + "\n")
	if res.Next != "" {
		b.WriteString(Safe(res.Next) + "\n")
	}
	if verb := wayOn[res.QueuedBy]; verb != "" && !res.State.Delivered() {
		fmt.Fprintf(&b, "Go on now: iapeer %s %s\n", verb, to)
	}
	if !res.State.Delivered() {
		fmt.Fprintf(&b, "Wait for it: iapeer msg wait %s\n", res.ID)
	} else if res.State == iapeer.Seen && person(r.From) {
		fmt.Fprintf(&b, "The answer of %s comes to `iapeer inbox`. Wait for it: iapeer msg wait %s --for answered\n", s.Name(to), res.ID)
	}
	return b.String()
}

func person(identity string) bool {
	return strings.HasPrefix(identity, string(iapeer.RuntimeCLI)+"-")
}

// Delivered writes the line that programs know.
func Delivered(r client.SendReply) string {
	to := r.Result.DeliveredTo
	if r.Result.State.Delivered() {
		return fmt.Sprintf("delivered to %s (%s)\n", to.Personality, to.Runtime)
	}
	next := Line(or(r.Result.Next, "kept on disk as "+string(r.Result.ID)), 200)
	return fmt.Sprintf("queued for %s (%s), depth %d — %s\n", to.Personality, to.Runtime, max(1, r.Result.QueueDepth), next)
}
