package runtimes

import (
	"regexp"
	"strings"
)

// A Press is one key for one dialog. It is typed once, while the screen it was
// decided on still stands; the next one is decided on a settled screen that
// differs. A key that changes nothing is not repeated before seconds have
// passed: lists wrap around, so that a second Down may undo the first.
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
	ask    bool           // the agent asks for a permission: see answer
	cause  string         // with no way on, or none without the risk accepted
	remedy string
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

// passable reports whether keys may lead on from d.
func (d dialog) passable() bool { return d.choose != nil || d.keys != "" }

func (d dialog) state(detail string) ScreenState {
	st := ScreenState{Word: ScreenModal, Dialog: d.name, Cause: d.cause, Remedy: d.remedy, Detail: detail, Asks: d.ask}
	if !d.passable() {
		st.Word = ScreenBlocked
	}
	return st
}

// unknownDialog is a dialog that no rule names.
var unknownDialog = dialog{
	name:  "unknown dialog",
	cause: "a dialog that iapeer does not know is up", remedy: "attach and answer it",
}

// unknown reports whether rows show a dialog that no rule names: by its footer,
// or by a cursor on one of at least two numbered options.
func (r rules) unknown(rows []string) bool {
	options, cursor := 0, false
	for _, row := range rows {
		if r.modal.MatchString(row) {
			return true
		}
		if numbered.MatchString(row) {
			options++
			cursor = cursor || strings.ContainsAny(row, "❯›")
		}
	}
	return cursor && options >= 2
}

var numbered = regexp.MustCompile(`^[\s│]*(?:[❯›] )?\d+\. \S`)

// Bounds of what a person is shown of a dialog.
const (
	detailRows  = 24
	detailBytes = 8192
)

// detail returns the dialog in rows, for people: what stands below the last
// rule that programs draw above a dialog.
func detail(rows []string) string {
	for i, row := range rows {
		if strings.HasPrefix(strings.TrimSpace(row), "────────") && i+1 < len(rows) {
			rows = rows[i+1:]
			return detail(rows)
		}
	}
	text := Screen{Rows: rows}.Last(detailRows)
	return strings.ToValidUTF8(text[:min(len(text), detailBytes)], "")
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
	return r.towards(s.Rows[first:end], *d, d.choose)
}

// Labels of options that give or refuse a permission once. Options that give
// it for longer are a person's.
var (
	yes = regexp.MustCompile(`^(Yes|Allow|Yes, proceed)( \(y\))?$`)
	no  = regexp.MustCompile(`^(No|Deny|Cancel|Decline)\b`)
)

// answer returns the one key that gives or refuses the permission that the
// dialog on s asks for. An unknown dialog is only ever refused, by Escape.
func (r rules) answer(s Screen, allow bool) (p Press, ok bool) {
	first, end := s.window()
	row := r.composerRow(s, first, end)
	d := r.dialog(s, row, first, end)
	switch {
	case d == nil && !allow && r.unknown(s.Rows[max(first, row+1):end]):
		return Press{Keys: keyEscape, Dialog: unknownDialog.name, Why: "refused"}, true
	case d == nil || !d.ask:
		return Press{}, false
	case allow:
		return r.towards(s.Rows[first:end], *d, yes)
	}
	return r.towards(s.Rows[first:end], *d, no)
}

// towards returns the key that brings the cursor nearer to the lowest option
// that label fits, or Enter when it stands there.
func (r rules) towards(rows []string, d dialog, label *regexp.Regexp) (Press, bool) {
	at, want := -1, -1
	for i, row := range rows {
		if r.cursor.MatchString(row) {
			at = i
		}
		if m := r.option.FindStringSubmatch(row); m != nil && label.MatchString(strings.TrimRight(m[1], " │")) {
			want = i
		}
	}
	p := Press{Dialog: d.name, Why: "towards “" + label.String() + "”"}
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

// words compiles patterns.
func words(patterns ...string) []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		out[i] = regexp.MustCompile(p)
	}
	return out
}
