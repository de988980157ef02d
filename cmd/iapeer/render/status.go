package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapeer/iapeer/fleet/client"
)

// Path writes a path with the home folder as ~.
func (s Style) Path(p string) string { return s.path(p) }

// Status writes the daemon and the fleet in a few lines.
func Status(s Style, snap client.Snapshot) string {
	var b strings.Builder
	up := Span(time.Duration(snap.Host.UptimeSecs) * time.Second)
	fmt.Fprintf(&b, "daemon  %s, pid %d, up %s\n", snap.Host.Version, snap.Host.PID, up)
	fmt.Fprintf(&b, "fleet   %s\n", totals(snap))
	var rows []row
	for _, p := range snap.Peers {
		rows = append(rows, s.rows(p)...)
	}
	if needs := s.needs(rows, snap); needs != "" {
		b.WriteString("\n" + strings.TrimRight(needs, "\n") + "\n")
	}
	return b.String()
}

// Peer writes one peer: what it is, its runtimes, its last events.
func Peer(s Style, r client.PeerReply) string {
	p := r.Peer
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s\n", s.Bold(s.Name(p.Personality)), p.Intelligence, s.path(p.CWD))
	if p.Workdir != "" {
		fmt.Fprintf(&b, "  works in %s\n", s.path(p.Workdir))
	}
	if p.Description != "" {
		fmt.Fprintf(&b, "  %s\n", Line(p.Description, 200))
	}
	if p.Problem != "" {
		fmt.Fprintf(&b, "  %s %s\n", s.paint(red, "set aside:"), Line(p.Problem, 200))
	}
	for _, rt := range p.Runtimes {
		g, color := glyph(rt.State)
		line := fmt.Sprintf("%s %-8s  %s", s.paint(color, g), rt.Runtime, s.paint(color, string(rt.State)))
		if !rt.Since.IsZero() {
			line += " for " + s.Since(rt.Since)
		}
		if rt.Cause != "" {
			line += "  " + Line(rt.Cause, 80)
		}
		if rt.SessionID != "" {
			line += "  " + s.Dim("session "+Line(rt.SessionID, 12))
		}
		if rt.Open > 0 {
			line += "  " + plural(rt.Open, "message waits", "messages wait")
		}
		b.WriteString(line + "\n")
	}
	for i, e := range r.Events {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(Event(s, e))
	}
	return b.String()
}

// Settings writes the configuration, with the origins if wanted.
func Settings(s Style, list []client.Setting, origin bool) string {
	width := 0
	for _, x := range list {
		width = max(width, len(x.Key))
	}
	var b strings.Builder
	for _, x := range list {
		line := fmt.Sprintf("%-*s  %s", width, x.Key, Line(x.Value, 200))
		if origin {
			line += "   " + s.Dim("("+x.Origin+")")
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
