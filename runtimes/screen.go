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
	keyCtrlC  = "\x03"
	keyUp     = "\x1b[A"
	keyDown   = "\x1b[B"
)

// nudgeAfter is how long evidence of a written message may take: records come
// within 0.3 s, once in a while within 1.4 s.
const nudgeAfter = 1500 * time.Millisecond

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
	Dialog    string // name of the dialog, with modal and blocked
	Cause     string // with blocked: what is wrong
	Remedy    string // with blocked: what a person can do
}

// A Press is one key for one dialog. It must be typed only while the screen it
// was decided on still stands, and the next one be decided anew.
type Press struct {
	Keys   string
	Dialog string
	Why    string
}

// A dialog is something that takes the place of the composer. It is up when
// all of its words are in one window of the last rows.
type dialog struct {
	name   string
	words  []*regexp.Regexp
	choose *regexp.Regexp // the option to stand on before Enter; nil: no option is chosen
	keys   string         // pressed at once, where the dialog has no options
	risk   bool           // only for a person who accepted the risk
	cause  string         // with no way on, or none without the risk accepted
	remedy string
}

// rules are how one program's screens read. Later versions get rules of their
// own beside the old ones, for both must be read.
type rules struct {
	composer *regexp.Regexp // the composer's row; group 1 is what stands in it
	cursor   *regexp.Regexp // the selected option of a dialog; group 1 is its label
	option   *regexp.Regexp // any option; group 1 is its label
	hints    *regexp.Regexp // what stands in an empty composer
	busy     *regexp.Regexp // a row that shows a running turn
	dead     *regexp.Regexp
	ready    *regexp.Regexp // a row that must stand below the composer; nil: none
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
	switch {
	case d != nil && !d.passable():
		return d.state()
	case r.ended(s, max(first, row), end):
		return ScreenState{Word: ScreenDead}
	case d != nil:
		return d.state()
	case row < 0:
		return r.unplaced(s, first, end)
	}
	st := ScreenState{Word: ScreenReady, Composing: r.composing(s, row, end)}
	if r.turning(s, first, row, end) {
		st.Word = ScreenBusy
	} else if r.ready != nil && !r.below(s, row, end) {
		st.Word = ScreenUnknown
	}
	return st
}

// unplaced reads a screen without a composer.
func (r rules) unplaced(s Screen, first, end int) ScreenState {
	for i := first; i < end; i++ {
		if r.modal.MatchString(s.Rows[i]) {
			return ScreenState{
				Word: ScreenModal, Dialog: "unknown dialog",
				Cause: "a dialog that iapeer does not know is up", Remedy: "attach and answer it",
			}
		}
	}
	return ScreenState{Word: ScreenUnknown}
}

// ended reports whether the program said goodbye below the composer.
func (r rules) ended(s Screen, from, end int) bool {
	return slices.ContainsFunc(s.Rows[from:end], r.dead.MatchString)
}

// passable reports whether keys may lead on from d.
func (d dialog) passable() bool { return d.choose != nil || d.keys != "" }

func (d dialog) state() ScreenState {
	st := ScreenState{Word: ScreenModal, Dialog: d.name, Cause: d.cause, Remedy: d.remedy}
	if !d.passable() {
		st.Word = ScreenBlocked
	}
	return st
}

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

// dialog returns the dialog that is up: all its words stand below the composer
// or in place of it. Quoted words above a composer are history.
func (r rules) dialog(s Screen, composer, first, end int) *dialog {
	text := strings.Join(s.Rows[max(first, composer+1):end], "\n")
	for i, d := range r.dialogs {
		up := true
		for _, w := range d.words {
			up = up && w.MatchString(text)
		}
		if up {
			return &r.dialogs[i]
		}
	}
	return nil
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

// turning reports whether a row shows a running turn: above the composer back
// to the last finished one, or below it.
func (r rules) turning(s Screen, first, row, end int) bool {
	for i := max(first, row-12); i < end; i++ {
		if i != row && r.busy.MatchString(s.Rows[i]) {
			return true
		}
	}
	return false
}

func (r rules) below(s Screen, row, end int) bool {
	for i := row; i < end; i++ {
		if r.ready.MatchString(s.Rows[i]) {
			return true
		}
	}
	return false
}

// key returns the one key that leads on from the dialog on s. accepted says
// that a person accepted the risk of bypass mode. Where the wanted option is
// not on the screen, or a person has to decide, ok is false.
func (r rules) key(s Screen, accepted bool) (p Press, ok bool) {
	first, end := s.window()
	d := r.dialog(s, r.composerRow(s, first, end), first, end)
	if d == nil || d.risk && !accepted {
		return Press{}, false
	}
	if d.choose == nil {
		return Press{Keys: d.keys, Dialog: d.name, Why: "the only way on"}, d.keys != ""
	}
	at, want := -1, -1
	for i := first; i < end; i++ {
		if r.cursor.MatchString(s.Rows[i]) {
			at = i
		}
		if m := r.option.FindStringSubmatch(s.Rows[i]); m != nil && d.choose.MatchString(m[1]) {
			want = i
		}
	}
	p = Press{Dialog: d.name, Why: "towards “" + d.choose.String() + "”"}
	switch {
	case at < 0 || want < 0:
		return Press{}, false
	case at < want:
		p.Keys = keyDown
	case at > want:
		p.Keys = keyUp
	default:
		p.Keys, p.Why = keyEnter, "the cursor stands on it"
	}
	return p, true
}

// coloured is what programs colour although somebody typed or pasted it.
var coloured = regexp.MustCompile(`^([/!]|\[(Pasted|Image))`)

// words compiles patterns.
func words(patterns ...string) []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		out[i] = regexp.MustCompile(p)
	}
	return out
}
