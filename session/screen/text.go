package screen

import "strings"

// A Row is one line of the screen as text. Plain has the same code points as
// Text, except that every character which is coloured, dim or hidden is
// replaced by a space: what a person typed, without the program's chrome. Both
// end at the last visible character of Text.
type Row struct {
	Text    string `json:"text"`
	Plain   string `json:"plain"`
	Wrapped bool   `json:"wrapped,omitempty"` // goes on in the next row without a line break
}

// Rows returns the visible screen, one Row a line.
func (s *Screen) Rows() []Row {
	rows := make([]Row, s.rows)
	for y := range rows {
		rows[y] = s.rowText(&s.cur.lines[y])
	}
	return rows
}

// History returns line i of the scrollback, 0 being the oldest.
func (s *Screen) History(i int) Row {
	r := unpackRow(s.hist.line(i), 0)
	return s.rowText(&r)
}

func (s *Screen) rowText(r *row) Row {
	var text, plain strings.Builder
	end := len(r.cells)
	for end > 0 && !r.cells[end-1].visible() && r.cells[end-1]&tailBit == 0 {
		end--
	}
	for _, c := range r.cells[:end] {
		if c&tailBit != 0 {
			continue
		}
		t := s.text(c)
		if t == "" {
			t = " "
		}
		text.WriteString(t)
		if s.plain(c.style()) {
			plain.WriteString(t)
			continue
		}
		for range t {
			plain.WriteByte(' ')
		}
	}
	return Row{Text: text.String(), Plain: plain.String(), Wrapped: r.wrapped}
}

// plain reports whether a style has the default foreground and is neither dim
// nor hidden.
func (s *Screen) plain(id uint16) bool {
	st := s.styles.vals[id]
	return st.fg == 0 && st.attr&(attrDim|attrHidden) == 0
}
