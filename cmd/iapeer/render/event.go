package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Event writes one event of the fleet as one line.
func Event(s Style, e client.Event) string {
	return fmt.Sprintf("%s  %s\n", s.Dim(s.clock(e.At, "15:04:05.000")), s.eventText(e))
}

func (s Style) eventText(e client.Event) string {
	switch e.Name {
	case "delivery":
		text := fmt.Sprintf("%s  %s  %s → %s", Safe(e.Text("id")), s.state(iapeer.State(e.Text("state")), 9),
			s.who(e.Text("caller")), s.who(e.Text("rt")+"-"+e.Text("to")))
		if by := strings.TrimSpace(e.Text("by") + " " + e.Text("proof")); by != "" && e.Text("by") != "daemon" {
			text += "  " + s.Dim(Line(by, 60))
		}
		return text
	case "presence":
		return fmt.Sprintf("%s  %s → %s  %s", s.who(e.Text("identity")), Safe(e.Text("from")), Safe(e.Text("to")), s.Dim(Line(e.Text("cause"), 60)))
	case "turn-started", "turn-ended":
		return fmt.Sprintf("%s  %s  %s", s.who(e.Text("runtime")+"-"+e.Text("personality")), strings.ReplaceAll(e.Name, "-", " "), Line(e.Text("failed"), 60))
	case "notice-raised":
		return s.paint(yellow, "notice") + "  " + Line(e.Text("summary"), 100)
	}
	return Safe(e.Name) + "  " + fields(e)
}

// fields writes the fields of an event that has no form of its own.
func fields(e client.Event) string {
	var keys []string
	for k := range e.Fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var parts []string
	for _, k := range keys {
		if v := e.Text(k); v != "" && k != "at" {
			parts = append(parts, k+"="+Line(v, 60))
		}
	}
	return strings.Join(parts, " ")
}
