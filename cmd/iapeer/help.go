package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// leftColumn is the widest that the left column of help may be.
const leftColumn = 44

// helpWanted reports whether a command line asks for help, and for which verb.
// --help and -h do so anywhere before "--"; nothing is executed then.
func helpWanted(args []string) (topic []string, ok bool) {
	if len(args) == 0 {
		return nil, true
	}
	if args[0] == "help" {
		return args[1:], true
	}
	end := slices.Index(args, "--")
	if end < 0 {
		end = len(args)
	}
	if !slices.Contains(args[:end], "--help") && !slices.Contains(args[:end], "-h") {
		return nil, false
	}
	for _, a := range args[:end] {
		if !strings.HasPrefix(a, "-") {
			topic = append(topic, a)
		}
	}
	return topic, true
}

// help prints a verb's page, or the list of verbs when there is no such verb.
func help(w *world, topic []string) int {
	if len(topic) > 0 && helpTopic(w, topic[0]) {
		return 0
	}
	if len(topic) > 0 && len(verbsFor(topic[0])) > 1 && w.runsHere(topic[0]) {
		topic = []string{"launch"}
	}
	if len(topic) == 0 || len(verbsFor(topic[0])) > 1 {
		verbList(w)
		if len(topic) > 0 {
			w.note("iapeer help: %s", notAVerb(topic[0]))
		}
		return 0
	}
	k, err := parser(w, verbsFor(topic[0]))
	if err != nil {
		w.note("iapeer: %v", err)
		return exitFailed
	}
	verbPage(w, find(k.Model.Node, topic))
	return 0
}

// find follows the words of args down the tree of verbs, as far as they go.
func find(n *kong.Node, args []string) *kong.Node {
	for _, a := range args {
		c := child(n, a)
		if c == nil {
			break
		}
		n = c
	}
	return n
}

func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func verbList(w *world) {
	p := page{w: w}
	p.line("usage: iapeer <verb> [args]")
	p.line("")
	p.line("A team of agents, people and services on this host, one message away from each other.")
	for _, g := range groups {
		var rows []row
		for _, v := range verbs() {
			if v.group == g.key {
				rows = append(rows, row{v.name, v.help})
			}
		}
		p.section(g.title, rows)
	}
	p.section("", []row{{"iapeer claude", "Begin a fresh claude (or codex) session of this folder's peer and attach."}})
	p.line("")
	p.line("Begin with: iapeer create helper, then iapeer send helper \"hi\".")
	p.line("More: iapeer help <verb>, iapeer help worktrees.")
	p.line("Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not yet (the message is kept).")
}

func verbPage(w *world, n *kong.Node) {
	p := page{w: w}
	p.line("usage: " + usage(n))
	p.line("")
	p.line(n.Help)
	if n.Detail != "" {
		p.line("")
		for _, l := range strings.Split(strings.TrimSpace(n.Detail), "\n") {
			p.line(l)
		}
	}
	p.section("", verbRows(n))
	p.section("", argumentRows(n))
	p.section("", flagRows(n))
}

func verbRows(n *kong.Node) (rows []row) {
	for _, c := range n.Children {
		if !c.Hidden {
			rows = append(rows, row{strings.TrimPrefix(usage(c), "iapeer "), c.Help})
		}
	}
	return rows
}

func argumentRows(n *kong.Node) (rows []row) {
	for _, a := range n.Positional {
		rows = append(rows, row{a.Summary(), a.Help})
	}
	return rows
}

func flagRows(n *kong.Node) (rows []row) {
	for _, f := range n.Flags {
		if f.Hidden {
			continue
		}
		name := "--" + f.Name
		if f.Short != 0 {
			name = "-" + string(f.Short) + ", " + name
		}
		if !f.IsBool() {
			name += "=" + strings.ToLower(f.FormatPlaceHolder())
		}
		rows = append(rows, row{name, f.Help})
	}
	return rows
}

// usage is a verb's line: its words, its arguments, and [flags] where it has
// some.
func usage(n *kong.Node) string {
	s := n.FullPath()
	if len(n.Children) > 0 && n.DefaultCmd == nil {
		s += " <verb>"
	}
	for _, a := range n.Positional {
		s += " " + a.Summary()
	}
	for _, f := range n.Flags {
		if !f.Hidden {
			return s + " [flags]"
		}
	}
	return s
}

// A page is help text that keeps to the width.
type page struct{ w *world }

// line prints text wrapped; continued lines keep its indent.
func (p page) line(text string) {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	for i, l := range wrap(text, p.w.columns()) {
		if i > 0 {
			l = indent + l
		}
		p.w.printf("%s\n", strings.TrimRight(l, " "))
	}
}

// A row is one line of a section: what to type, and what it does.
type row struct{ left, right string }

// section prints an empty line, a heading if there is one, and the rows in two
// columns; the left one is as wide as it needs to be, within bounds.
func (p page) section(title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	p.line("")
	if title != "" {
		p.line(title)
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r.left))
	}
	width = min(width, leftColumn-4)
	for _, r := range rows {
		left := "  " + r.left
		if len(r.left) > width {
			p.line(left)
			left = ""
		}
		for _, l := range wrap(r.right, p.w.columns()-width-4) {
			p.w.printf("%s\n", strings.TrimRight(fmt.Sprintf("%-*s  %s", width+2, left, l), " "))
			left = ""
		}
	}
}

// wrap breaks text at spaces into lines of at most width, but never breaks a
// word.
func wrap(text string, width int) []string {
	var lines []string
	for len(text) > width {
		at := strings.LastIndex(text[:width+1], " ")
		if at <= strings.IndexFunc(text, func(r rune) bool { return r != ' ' }) {
			if at = strings.Index(text[width:], " "); at < 0 {
				break
			}
			at += width
		}
		lines = append(lines, text[:at])
		text = strings.TrimLeft(text[at:], " ")
	}
	return append(lines, text)
}

// nearest returns the verb that a mistyped one is closest to, "" when none is
// close.
func nearest(word string) string {
	best, found := 3, ""
	for _, v := range verbs() {
		if d := distance(word, v.name); d < best && v.group != "" && d < len(v.name) {
			best, found = d, v.name
		}
	}
	return found
}

// distance is the number of letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
