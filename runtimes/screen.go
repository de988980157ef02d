package runtimes

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Keys as terminals send them.
const (
	keyEnter  = "\r"
	keyEscape = "\x1b"
	keyCtrlU  = "\x15"
	keyUp     = "\x1b[A"
	keyDown   = "\x1b[B"
)

// nudgeAfter is how long evidence of a written message may take: records come
// within 0.3 s, once in a while within 1.4 s.
const nudgeAfter = 1500 * time.Millisecond

// clearLines is how often a line is deleted to empty a composer. Longer texts
// stand there as one chip.
const clearLines = 40

// A Screen is a settled screen: what a person would see. Rows are text without
// escapes, from the top. Ink, if known, is the same rows with every cell that is
// faint or coloured left blank: programs draw their hints and suggestions so.
type Screen struct {
	Rows []string
	Ink  []string
}

// ParseScreen splits plain text into a screen without ink.
func ParseScreen(text string) Screen {
	return Screen{Rows: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
}

// Last returns the last n rows that are not empty, for people.
func (s Screen) Last(n int) string {
	var rows []string
	for _, r := range s.Rows {
		if r = strings.TrimRight(r, " \u00a0"); r != "" {
			rows = append(rows, r)
		}
	}
	return strings.Join(rows[max(0, len(rows)-n):], "\n")
}

// A ScreenWord is what a settled screen shows.
type ScreenWord string

// What a screen can show.
const (
	ScreenUnknown ScreenWord = "unknown" // nothing known: offer nothing
	ScreenReady   ScreenWord = "ready"   // the composer is there, no turn is seen
	ScreenBusy    ScreenWord = "busy"    // a turn runs
	ScreenModal   ScreenWord = "modal"   // a dialog is up; a key may pass it, see [Adapter.DialogKey]
	ScreenBlocked ScreenWord = "blocked" // a person must act: see Cause and Remedy
	ScreenDead    ScreenWord = "dead"    // the program has ended
)

// A ScreenState is what a settled screen means. Composing may stand beside
// ready and busy: a person's text is in the composer.
type ScreenState struct {
	Word      ScreenWord
	Composing bool
	Row       int    // with ready and busy: the composer's, from the top; a complete picture leaves the cursor in it
	Dialog    string // name of the dialog, with modal and blocked
	Cause     string // with blocked: what is wrong
	Remedy    string // with blocked: what a person can do
	Detail    string // with modal and blocked: the dialog as it stands, for people
	Asks      bool   // the agent asks for a permission: its session works and waits
}

// rules are how one program's screens read. Later versions get rules of their
// own beside the old ones, for both must be read.
type rules struct {
	composer *regexp.Regexp // the composer's row; group 1 is what stands in it
	cursor   *regexp.Regexp // the selected option of a dialog; group 1 is its label
	option   *regexp.Regexp // any option; group 1 is its label
	hints    *regexp.Regexp // what stands in an empty composer
	busy     *regexp.Regexp // a row above the composer that shows a running turn
	busyFoot *regexp.Regexp // a row below it that does
	dead     *regexp.Regexp
	ready    *regexp.Regexp // a row that must stand below the composer; nil: none
	header   *regexp.Regexp // what the program draws first; nil: it draws nothing before it is up
	starting *regexp.Regexp // one of the two rows below the header that says that the program is not up yet
	bare     *regexp.Regexp // a row below the composer that stands there only before the program is up; nil: none
	dialogs  []dialog
	modal    *regexp.Regexp // footer of a dialog that is not known
}

// tail is how many rows from the last written one can belong to what the
// program shows now; above it stands history.
const tail = 40

// window returns the last rows that can belong to what is up now, with the
// number of the first one.
func (s Screen) window() (first, end int) {
	end = len(s.Rows)
	for end > 0 && strings.TrimSpace(s.Rows[end-1]) == "" {
		end--
	}
	return max(0, end-tail), end
}

// read tells what s means.
func (r rules) read(s Screen) ScreenState {
	first, end := s.window()
	row := r.composerRow(s, first, end)
	d := r.dialog(s, row, first, end)
	below := s.Rows[max(first, row+1):end]
	switch {
	case d != nil && !d.passable():
		return d.state(detail(below))
	case slices.ContainsFunc(below, r.dead.MatchString):
		return ScreenState{Word: ScreenDead}
	case d != nil:
		return d.state(detail(below))
	case r.unknown(below):
		return unknownDialog.state(detail(below))
	case row < 0 || r.early(s, row, below):
		return ScreenState{Word: ScreenUnknown}
	}
	st := ScreenState{Word: ScreenReady, Composing: r.composing(s, row, end), Row: row}
	if slices.ContainsFunc(s.Rows[max(first, row-reach):row], r.busy.MatchString) || slices.ContainsFunc(below, r.busyFoot.MatchString) {
		st.Word = ScreenBusy
	} else if r.ready != nil && !slices.ContainsFunc(below, r.ready.MatchString) {
		st.Word = ScreenUnknown
	}
	return st
}

// headerRows is how many rows above the composer the header of a program that
// is not up yet begins at most.
const headerRows = 8

// early reports whether the composer belongs to the picture that the program
// draws before it is up: whatever it asks still comes.
func (r rules) early(s Screen, row int, below []string) bool {
	if r.bare != nil && slices.ContainsFunc(below, r.bare.MatchString) {
		return true
	}
	if r.header == nil {
		return false
	}
	above := s.Rows[max(0, row-headerRows):row]
	head := slices.IndexFunc(above, r.header.MatchString)
	return head >= 0 && slices.ContainsFunc(above[head+1:min(head+3, len(above))], r.starting.MatchString)
}

// reach is how many rows above the composer can tell of the running turn.
const reach = 12

// composerRow is the bottom-most row that is a composer and no option of a
// dialog, or -1.
func (r rules) composerRow(s Screen, first, end int) int {
	for i := end - 1; i >= first; i-- {
		if r.composer.MatchString(s.Rows[i]) {
			return i
		}
	}
	return -1
}

// composing reports whether the composer holds text, hints aside.
func (r rules) composing(s Screen, row, end int) bool {
	m := r.composer.FindStringSubmatch(s.Rows[row])
	typed := strings.Trim(m[1], " \u00a0")
	if typed == "" {
		return r.continued(s, row, end)
	}
	if r.hints.MatchString(typed) {
		return false
	}
	if row >= len(s.Ink) || coloured.MatchString(typed) {
		return true
	}
	// The cursor's cell is never faint, so that a hint leaves one character.
	ink := strings.Trim(strings.TrimLeft(s.Ink[row], "❯› \u00a0"), " \u00a0")
	return utf8.RuneCountInString(ink) > 1 || ink == typed
}

// continued reports whether the row below an empty first line of the composer
// holds more of its text.
func (r rules) continued(s Screen, row, end int) bool {
	if r.ready != nil || row+1 >= end {
		return false
	}
	next := s.Rows[row+1]
	return strings.HasPrefix(next, "  ") && strings.TrimSpace(next) != ""
}

// coloured is what programs colour although somebody typed or pasted it.
var coloured = regexp.MustCompile(`^([/!]|\[(Pasted|Image))`)
