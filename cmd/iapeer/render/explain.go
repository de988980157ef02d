package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Explanation writes why a peer is in its state, what waits, and what to type.
func Explanation(s Style, e client.Explanation) string {
	var b strings.Builder
	who := s.who(e.Runtime + "-" + e.Personality)
	if e.Problem != "" {
		who = s.Name(e.Personality)
	}
	fmt.Fprintf(&b, "%s is %s\n", who, s.Bold(Line(e.Is, 120)))
	for _, l := range s.because(e) {
		fmt.Fprintf(&b, "  %-9s %s\n", l[0], strings.TrimRight(l[1], " "))
	}
	b.WriteString(ways(e))
	if len(e.Not) > 0 {
		var parts []string
		for _, n := range e.Not {
			parts = append(parts, Safe(n.What)+" ("+Safe(n.Found)+")")
		}
		b.WriteString(s.Dim("Not the reason: "+strings.Join(parts, " · ")) + "\n")
	}
	return b.String()
}

// because are the lines between the headline and the commands.
func (s Style) because(e client.Explanation) (lines [][2]string) {
	add := func(key, text string) {
		if text != "" {
			lines = append(lines, [2]string{key, text})
		}
	}
	if !e.Since.IsZero() {
		add("since", s.moment(e.Since)+"  "+Line(e.Cause, 200))
	} else {
		add("because", Line(e.Cause, 200))
	}
	if e.Until.IsZero() {
		add("next", Line(e.Next, 200))
	} else {
		add("until", s.moment(e.Until)+"  "+Line(e.Next, 200))
	}
	add("session", s.session(e))
	for i, m := range e.Waiting {
		key := ""
		if i == 0 {
			key = "waiting"
		}
		add(key, s.waits(e, m))
	}
	if more := e.Open - len(e.Waiting); more > 0 && len(e.Waiting) > 0 {
		add("", "and "+plural(more, "message more", "messages more"))
	}
	add("costs", Line(e.Costs, 200))
	var others []string
	for _, rt := range e.Others {
		others = append(others, Line(rt.Runtime, 32)+" "+string(rt.State))
	}
	add("also on", strings.Join(others, ", "))
	return lines
}

// moment writes a time of day, to the second when it is near.
func (s Style) moment(t time.Time) string {
	if d := t.Sub(s.Now).Abs(); d < 2*time.Minute {
		return s.clock(t, "15:04:05")
	}
	return s.clock(t, "15:04")
}

// session says which session it is, while one lives.
func (s Style) session(e client.Explanation) string {
	if e.HostPID == 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("host process %d", e.HostPID)}
	if e.SessionID != "" {
		parts = append([]string{Safe(e.SessionID[:min(len(e.SessionID), 8)])}, parts...)
	}
	if e.Start != "" {
		parts = append(parts, Line(e.Start, 80))
	}
	if e.Attached > 0 {
		parts = append(parts, plural(e.Attached, "terminal looks at it", "terminals look at it"))
	}
	return strings.Join(parts, ", ")
}

// waits writes one message that nobody has seen, and what its sender knows.
func (s Style) waits(e client.Explanation, m client.Waiting) string {
	from := s.who(m.From)
	if id, err := iapeer.ParseIdentity(m.From); err == nil && id.Runtime == iapeer.RuntimeCLI {
		from = "you"
	}
	text := fmt.Sprintf("%s from %s, %s ago", Safe(string(m.ID)), from, Span(s.Now.Sub(m.AcceptedAt)))
	if m.State != iapeer.Accepted {
		text += ", " + string(m.State)
	}
	if m.Topic != "" {
		text += ", about " + Line(m.Topic, 40)
	}
	if m.Told == "" {
		return text
	}
	told := strings.TrimPrefix(m.Told, fmt.Sprintf("%s waits at %s-%s: ", m.ID, e.Runtime, e.Personality))
	told, _, _ = strings.Cut(told, ". It is not lost")
	return text + "; told " + s.moment(m.ToldAt) + " " + quoted(Line(told, 100))
}

// ways writes the commands, under what they are for.
func ways(e client.Explanation) string {
	if len(e.Ways) == 0 {
		return ""
	}
	head := "You can"
	switch e.State {
	case iapeer.Resting, iapeer.Stopped, iapeer.Waiting, iapeer.ByHand, iapeer.Waking:
		head = "To go on sooner"
	case iapeer.Asleep, iapeer.Ready, iapeer.Busy, iapeer.Parking:
	}
	width := 0
	for _, w := range e.Ways {
		width = max(width, len(w.Command))
	}
	b := head + "\n"
	for _, w := range e.Ways {
		b += fmt.Sprintf("  %-*s   %s\n", min(width, 44), Safe(w.Command), Safe(w.Does))
	}
	return b
}
