package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// maxFolder is how far the folders' column pads; longer ones push what follows.
const maxFolder = 32

// maxWhy is how much is said of what needs a person; iapeer status says all.
const maxWhy = 110

// A row is one line of the list: a peer on one of its runtimes.
type row struct {
	glyph, color               string
	peer, runtime, state       string
	since, mail, folder, extra string
	branch                     string
	needs                      bool
	way                        string // the command to go on with, when it needs somebody
	order                      int    // awake before asleep before stopped
}

// List writes the fleet: first what needs a person, then all other peers, awake
// ones first, then the totals. branch tells the git branch of a folder, "" if
// it has none; it may be nil.
func List(s Style, snap client.Snapshot, branch func(dir string) string) string {
	if len(snap.Peers) == 0 {
		return "no peers registered\nMake one: iapeer create helper, or iapeer init in a project's folder.\n"
	}
	var rows []row
	for _, p := range snap.Peers {
		rows = append(rows, s.rows(p)...)
	}
	var b strings.Builder
	b.WriteString(s.needs(rows, snap))
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.needs })
	slices.SortStableFunc(rows, func(x, y row) int { return x.order - y.order })
	b.WriteString(s.table(rows, branch))
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
	r := row{peer: p.Personality, runtime: rt.Runtime, state: string(rt.State), since: s.Since(rt.Since), mail: "·", folder: p.Dir(), order: order(rt.State)}
	r.glyph, r.color = glyph(rt.State)
	if rt.Open > 0 {
		r.mail = fmt.Sprint(rt.Open)
	}
	s.trouble(&r, p, rt)
	return r
}

// trouble says what is the matter with a runtime, and whether it needs a person.
func (s Style) trouble(r *row, p client.Peer, rt client.RuntimeStatus) {
	switch {
	case rt.Runtime == string(iapeer.RuntimeCLI):
		r.state, r.since = "person", "·"
		if rt.Open > 0 {
			r.extra = "iapeer inbox"
		}
	case p.Problem != "":
		r.glyph, r.color, r.needs, r.state = "✗", red, true, "set aside"
		r.extra, r.way = p.Problem, "iapeer explain "+p.Personality
	case rt.State == iapeer.Waiting:
		r.needs, r.extra, r.way = true, rt.Cause, "iapeer attach "+p.Personality
	case rt.State == iapeer.Resting && rt.Rest == iapeer.RestBackOff: // it goes on by itself
		r.glyph, r.color, r.order, r.extra = "◌", cyan, 1, s.rest(rt)
	case rt.State == iapeer.Resting:
		r.needs, r.extra, r.way = true, s.rest(rt), "iapeer explain "+p.Personality
	case rt.State == iapeer.ByHand:
		r.extra = "not started by iapeer: can send, cannot be woken"
	case rt.Typing && rt.Open > 0:
		r.glyph, r.color, r.needs, r.way = "▲", yellow, true, "iapeer attach "+p.Personality
		r.extra = "a half-typed line keeps " + plural(rt.Open, "message", "messages") + " waiting"
	case rt.Typing:
		r.extra = "somebody types"
	case rt.Stopped && rt.Status == "live":
		r.extra = "is stopped when its turn has ended"
	case rt.Attached:
		r.extra = "attached"
	default:
		r.extra = rt.Start
	}
}

// rest says why a runtime rests, and until when if that is not in the reason.
func (s Style) rest(rt client.RuntimeStatus) string {
	if rt.RestUntil.IsZero() || strings.Contains(rt.Cause, "until ") {
		return rt.Cause
	}
	return "until " + s.moment(rt.RestUntil) + ", " + rt.Cause
}

// order groups the states in the list.
func order(st iapeer.PresenceState) int {
	switch st {
	case iapeer.Ready, iapeer.Busy:
		return 0
	case iapeer.Waking, iapeer.Parking:
		return 1
	case iapeer.Stopped:
		return 3
	case iapeer.ByHand:
		return 4
	default:
		return 2
	}
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
	var list []row
	for _, r := range rows {
		if r.needs && !asks(snap.Approvals, r) {
			r.extra, r.folder = Line(r.state+needWhy(r.extra), maxWhy), r.way
			list = append(list, r)
		}
	}
	list = append(s.asked(snap.Approvals), list...)
	for _, n := range snap.Notices {
		list = append(list, row{glyph: "!", color: yellow, peer: n.Personality, runtime: n.Runtime, extra: Line(n.Summary, maxWhy), since: Span(s.Now.Sub(msTime(n.CreatedMs)))})
	}
	if len(list) == 0 {
		return ""
	}
	var w [4]int
	for _, r := range list {
		for i, cell := range []string{r.peer, r.runtime, r.extra, r.since} {
			w[i] = max(w[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	b.WriteString(s.Bold("NEEDS YOU") + "\n")
	for _, r := range list {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%s %s  %-*s  %-*s  %-*s  %s", s.paint(r.color, r.glyph), pad(r.peer, s.Name(r.peer), w[0]),
			w[1], r.runtime, w[2], r.extra, w[3], r.since, s.Dim(r.folder)), " ") + "\n")
	}
	return b.String() + "\n"
}

// asked are the lines of requests for a person's word.
func (s Style) asked(list []client.Approval) (rows []row) {
	for _, a := range list {
		rows = append(rows, row{
			glyph: "▲", color: yellow, peer: a.Personality, runtime: a.Runtime, extra: "asks: " + Line(a.Tool+" "+quoted(a.Summary), maxWhy-6),
			since: Span(s.Now.Sub(msTime(a.CreatedMs))), folder: "iapeer approve " + a.ID,
		})
	}
	return rows
}

// asks reports whether a row's peer waits for a word that has a line already.
func asks(list []client.Approval, r row) bool {
	return slices.ContainsFunc(list, func(a client.Approval) bool {
		return r.state == string(iapeer.Waiting) && a.Personality == r.peer && a.Runtime == r.runtime
	})
}

func needWhy(extra string) string {
	if extra == "" {
		return ""
	}
	return ": " + extra
}

// table writes all rows in aligned columns.
func (s Style) table(rows []row, branch func(string) string) string {
	if len(rows) == 0 {
		return ""
	}
	w := [6]int{4, 7, 5, 5, 4, 6}
	for i, r := range rows {
		dir := r.folder
		if rows[i].folder = s.path(dir); branch != nil {
			rows[i].branch = Line(branch(dir), 30)
		}
		for i, cell := range []string{r.peer, r.runtime, r.state, r.since, r.mail, s.path(dir)} {
			w[i] = max(w[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	b.WriteString(s.Dim(fmt.Sprintf("  %-*s  %-*s  %-*s  %-*s  %-*s  %s", w[0], "PEER", w[1], "RUNTIME", w[2], "STATE", w[3], "SINCE", w[4], "MAIL", "FOLDER")) + "\n")
	for _, r := range rows {
		line := fmt.Sprintf("%s %s  %-*s  %s  %-*s  %-*s  %s", s.paint(r.color, r.glyph), pad(r.peer, s.Name(r.peer), w[0]), w[1], r.runtime,
			pad(r.state, s.paint(r.color, r.state), w[2]), w[3], r.since, w[4], r.mail, pad(r.folder, r.folder, min(w[5], maxFolder)))
		for _, more := range []string{r.branch, Line(r.extra, 60)} {
			if more != "" {
				line += "  " + s.Dim(more)
			}
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
	Workdir           string          `json:"workdir,omitempty"` // where it works, when that is not its home
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
			Intelligence: p.Intelligence, Description: p.Description, CWD: p.CWD, Workdir: p.Workdir, Runtimes: []ListedRuntime{},
		}
		for _, rt := range p.Runtimes {
			l.Runtimes = append(l.Runtimes, ListedRuntime{rt.Runtime, rt.Status})
		}
		out = append(out, l)
	}
	return out
}
