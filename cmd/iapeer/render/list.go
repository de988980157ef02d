package render

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// A row is one line of the list: a peer on one of its runtimes.
type row struct {
	glyph, color               string
	peer, runtime, state       string
	since, mail, folder, extra string
	needs                      bool
}

// List writes the fleet: first what needs a person, then every peer, then the
// totals.
func List(s Style, snap client.Snapshot) string {
	if len(snap.Peers) == 0 {
		return "no peers registered\nMake one: iapeer create helper, or iapeer init in a project's folder.\n"
	}
	var rows []row
	for _, p := range snap.Peers {
		rows = append(rows, s.rows(p)...)
	}
	var b strings.Builder
	b.WriteString(s.needs(rows, snap))
	b.WriteString(s.table(rows))
	b.WriteString(s.Dim(totals(snap)) + "\n")
	return b.String()
}

// rows returns a peer's lines: one for each runtime that is up or in trouble,
// else one for its default.
func (s Style) rows(p client.Peer) []row {
	var out []row
	for i, rt := range p.Runtimes {
		if i > 0 && (rt.State == iapeer.Asleep || rt.State == iapeer.Stopped) && rt.Open == 0 {
			continue
		}
		out = append(out, s.row(p, rt))
	}
	if len(out) > 1 && p.Runtimes[0].State == iapeer.Asleep && p.Runtimes[0].Open == 0 {
		out = out[1:] // it lives on another runtime
	}
	return out
}

func (s Style) row(p client.Peer, rt client.RuntimeStatus) row {
	r := row{peer: p.Personality, runtime: rt.Runtime, state: string(rt.State), since: s.Since(rt.Since), mail: "·", folder: s.path(p.CWD)}
	r.glyph, r.color = glyph(rt.State)
	if rt.Open > 0 {
		r.mail = fmt.Sprint(rt.Open)
	}
	switch {
	case p.Problem != "":
		r.glyph, r.color, r.needs, r.state = "✗", red, true, "set aside"
		r.extra = p.Problem
	case rt.State == iapeer.Waiting || rt.State == iapeer.Resting:
		r.needs, r.extra = true, rt.Cause
	case rt.State == iapeer.ByHand:
		r.extra = "not started by iapeer: can send, cannot be woken"
	case rt.Attached:
		r.extra = "attached"
	}
	return r
}

func glyph(st iapeer.PresenceState) (glyph, color string) {
	switch st {
	case iapeer.Ready, iapeer.Busy:
		return "●", green
	case iapeer.Waking, iapeer.Parking:
		return "◌", cyan
	case iapeer.Waiting, iapeer.Resting:
		return "▲", yellow
	case iapeer.Stopped:
		return "✕", dim
	case iapeer.ByHand:
		return "◇", cyan
	default:
		return "○", dim
	}
}

// needs writes what a person must look at, with the command that shows or
// settles it.
func (s Style) needs(rows []row, snap client.Snapshot) string {
	var b strings.Builder
	for _, r := range rows {
		if r.needs {
			fmt.Fprintf(&b, "%s %s %s  %s  %s  %s\n", s.paint(r.color, r.glyph), pad(r.peer, s.Name(r.peer), 10), pad(r.runtime, r.runtime, 8),
				Line(r.state+needWhy(r.extra), 60), r.since, s.Dim(wayOut(r)))
		}
	}
	for _, n := range snap.Notices {
		fmt.Fprintf(&b, "%s %s %s  %s  %s\n", s.paint(yellow, "!"), pad(n.Personality, s.Name(n.Personality), 10), pad(n.Runtime, n.Runtime, 8),
			Line(n.Summary, 80), Span(s.Now.Sub(msTime(n.CreatedMs))))
	}
	if b.Len() == 0 {
		return ""
	}
	return s.Bold("NEEDS YOU") + "\n" + b.String() + "\n"
}

func needWhy(extra string) string {
	if extra == "" {
		return ""
	}
	return ": " + extra
}

// wayOut is the command to go on with.
func wayOut(r row) string {
	switch iapeer.PresenceState(r.state) {
	case iapeer.Waiting:
		return "iapeer attach " + r.peer
	case iapeer.Resting:
		return "iapeer start " + r.peer
	default:
		return ""
	}
}

// table writes all rows in aligned columns.
func (s Style) table(rows []row) string {
	w := [5]int{4, 7, 5, 5, 4}
	for _, r := range rows {
		for i, cell := range []string{r.peer, r.runtime, r.state, r.since, r.mail} {
			w[i] = max(w[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	b.WriteString(s.Dim(fmt.Sprintf("  %-*s  %-*s  %-*s  %-*s  %-*s  %s", w[0], "PEER", w[1], "RUNTIME", w[2], "STATE", w[3], "SINCE", w[4], "MAIL", "FOLDER")) + "\n")
	for _, r := range rows {
		line := fmt.Sprintf("%s %s  %-*s  %s  %-*s  %-*s  %s", s.paint(r.color, r.glyph), pad(r.peer, s.Name(r.peer), w[0]), w[1], r.runtime,
			pad(r.state, s.paint(r.color, r.state), w[2]), w[3], r.since, w[4], r.mail, r.folder)
		if r.extra != "" && !r.needs {
			line += "   " + s.Dim(Line(r.extra, 60))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// totals is the last line.
func totals(snap client.Snapshot) string {
	awake, wait := 0, 0
	for _, p := range snap.Peers {
		wait += p.Waiting
		for _, rt := range p.Runtimes {
			if rt.Status == "live" {
				awake++
				break
			}
		}
	}
	parts := []string{plural(len(snap.Peers), "peer", "peers"), fmt.Sprintf("%d awake", awake)}
	if wait > 0 {
		parts = append(parts, plural(wait, "message waits", "messages wait"))
	}
	return strings.Join(parts, " · ")
}

// A ListedPeer is one element of `iapeer list --json`, as programs know it.
type ListedPeer struct {
	Personality       string          `json:"personality"`
	DefaultRuntime    string          `json:"default_runtime"`
	LastActiveRuntime string          `json:"last_active_runtime,omitempty"`
	LastActiveMs      int64           `json:"last_active_ms,omitempty"`
	Intelligence      string          `json:"intelligence"`
	Description       string          `json:"description"`
	CWD               string          `json:"cwd"`
	Runtimes          []ListedRuntime `json:"runtimes"`
}

// A ListedRuntime is one runtime of a [ListedPeer].
type ListedRuntime struct {
	Runtime string `json:"runtime"`
	Status  string `json:"status"` // "live", "asleep" or "stopped"
}

// ListJSON returns what `iapeer list --json` prints.
func ListJSON(snap client.Snapshot) []ListedPeer {
	out := []ListedPeer{}
	for _, p := range snap.Peers {
		l := ListedPeer{
			Personality: p.Personality, DefaultRuntime: p.DefaultRuntime, LastActiveRuntime: p.LastActiveRuntime, LastActiveMs: p.LastActiveMs,
			Intelligence: p.Intelligence, Description: p.Description, CWD: p.CWD, Runtimes: []ListedRuntime{},
		}
		for _, rt := range p.Runtimes {
			l.Runtimes = append(l.Runtimes, ListedRuntime{rt.Runtime, rt.Status})
		}
		out = append(out, l)
	}
	return out
}
