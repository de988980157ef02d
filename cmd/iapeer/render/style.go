// Package render turns what the daemon says into what a person reads. It is
// pure: the same values give the same text.
//
// Rules: what needs a person comes first; every figure has its unit; the next
// step is the last line; a line is whole without its colours. A name has the
// same colour everywhere. Text that came from a peer never reaches the terminal
// with control characters in it.
package render

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Style says how to write: with colours or without, for whom, and when.
type Style struct {
	Color bool
	Home  string    // written as ~
	Now   time.Time // for "3m ago"; also sets the time zone
}

// SGR parameters of the colours (ECMA-48, 8.3.117).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// nameColors are the colours of names; red and yellow are kept for trouble.
var nameColors = []string{"34", "35", "36", "32", "94", "95", "96", "92"}

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Name returns a peer's name in its own colour.
func (s Style) Name(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return s.paint(nameColors[h.Sum32()%uint32(len(nameColors))], name)
}

// Dim returns text that may be overlooked.
func (s Style) Dim(text string) string { return s.paint(dim, text) }

// Bold returns text that must not be overlooked.
func (s Style) Bold(text string) string { return s.paint(bold, text) }

// path writes a path with the home folder as ~.
func (s Style) path(p string) string {
	if s.Home != "" && (p == s.Home || strings.HasPrefix(p, s.Home+"/")) {
		return "~" + p[len(s.Home):]
	}
	return p
}

// Since writes how long ago t was: "4s", "12m", "3h", "2d"; "·" for no time.
func (s Style) Since(t time.Time) string {
	if t.IsZero() {
		return "·"
	}
	return Span(s.Now.Sub(t))
}

// Span writes a duration in its largest unit.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// clock writes a time of day, with the date when it is another day's.
func (s Style) clock(t time.Time, layout string) string {
	t = t.In(s.Now.Location())
	if t.YearDay() != s.Now.YearDay() || t.Year() != s.Now.Year() {
		layout = "2006-01-02 " + layout
	}
	return t.Format(layout)
}

// Safe returns text that cannot command a terminal: control characters other
// than line ends and tabs become "�", and so do characters that reorder lines.
func Safe(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return -1
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == utf8.RuneError:
			return utf8.RuneError
		}
		return r
	}, text)
}

// Line returns text as one line of at most width characters.
func Line(text string, width int) string {
	text = strings.Join(strings.Fields(Safe(text)), " ")
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	r := []rune(text)
	return string(r[:max(0, width-1)]) + "…"
}

// pad fills text up to width; painted text counts as its letters.
func pad(text, painted string, width int) string {
	if n := width - utf8.RuneCountInString(text); n > 0 {
		return painted + strings.Repeat(" ", n)
	}
	return painted
}

// plural writes a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
