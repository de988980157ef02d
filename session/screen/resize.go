package screen

// Resize changes the size. Soft-wrapped lines of the main screen are wrapped
// anew; what does not fit goes to the scrollback, what fits again comes back
// from it. The alternate screen is cut or padded, since its program redraws it.
func (s *Screen) Resize(cols, rows int) {
	cols, rows = clampSize(cols, rows)
	if cols == s.cols && rows == s.rows {
		return
	}
	s.lastX = -1
	s.reflow(cols, rows)
	if s.Alt() {
		s.alt.crop(cols, rows)
	}
	s.cols, s.rows = cols, rows
	for _, b := range []*buffer{&s.main, &s.alt} {
		b.top, b.bot = 0, rows-1
		b.x, b.y = min(b.x, cols-1), min(b.y, rows-1)
	}
	s.resetTabs()
}

// crop cuts or pads the lines; the cursor's line stays.
func (b *buffer) crop(cols, rows int) {
	lines := newLines(cols, rows)
	skip := max(0, b.y-rows+1)
	for y := range lines {
		if y+skip < len(b.lines) {
			copy(lines[y].cells, b.lines[y+skip].cells)
			lines[y].mendEnd()
		}
	}
	b.lines, b.y, b.wrapNext = lines, b.y-skip, false
}

// reflow rebuilds the main screen and its scrollback for a new size.
func (s *Screen) reflow(cols, rows int) {
	b := &s.main
	used := b.usedRows()
	blankBelow := len(b.lines) - used
	w := wrapper{cols: cols, hist: history{limit: s.hist.limit}, keep: rows + used}
	for i := range s.hist.lines {
		r := unpackRow(s.hist.line(i), s.cols)
		w.add(&r, -1)
	}
	w.endHistory()
	for y := range used {
		mark := -1
		if y == b.y {
			mark = b.x
			if b.wrapNext {
				mark++
			}
		}
		w.add(&b.lines[y], mark)
	}
	w.flush()
	s.hist = w.hist
	s.arrange(&w, cols, rows, blankBelow)
}

// arrange puts the wrapped rows on the new screen: blank rows below the text
// go first when there is too little room, then rows at the top go to the
// scrollback, but never past the cursor; room that is left is filled from the
// scrollback.
func (s *Screen) arrange(w *wrapper, cols, rows, blankBelow int) {
	b := &s.main
	text := len(w.rows) - w.first
	top := w.first
	switch {
	case text > rows:
		top += min(text-rows, w.markY-w.first)
	case text+blankBelow < rows:
		top -= min(rows-text-blankBelow, w.first)
	}
	for i := range w.rows[:top] {
		s.hist.push(&w.rows[i])
	}
	lines := newLines(cols, rows)
	shown := w.rows[top:]
	for y := range lines {
		if y < len(shown) {
			copy(lines[y].cells, shown[y].cells)
			lines[y].wrapped = shown[y].wrapped
		}
	}
	b.lines = lines
	b.y = min(max(w.markY-top, 0), rows-1)
	b.x, b.wrapNext = w.markX, false
	if b.x >= cols {
		b.x, b.wrapNext = cols-1, true
	}
}

// usedRows counts the rows down to the cursor or the last visible character.
func (b *buffer) usedRows() int {
	n := len(b.lines)
	for n > b.y+1 && b.lines[n-1].used() == 0 {
		n--
	}
	return n
}

// A wrapper joins soft-wrapped rows to lines and cuts them at a new width. Rows
// beyond the window it keeps go to the packed history.
type wrapper struct {
	cols, keep   int
	hist         history
	rows         []row // the window, oldest first
	first        int   // index in rows of the first row that came from the screen
	line         []cell
	mark         int // cell of line where the cursor is, -1 if elsewhere
	markX, markY int
	open         bool
	screen       bool // the rows read now are those of the screen
	carry        int  // cells of the open line that came from the history
}

// add takes one old row; mark is the cursor's column in it or -1.
func (w *wrapper) add(r *row, mark int) {
	if !w.open {
		w.line, w.mark, w.open = w.line[:0], -1, true
	}
	if mark >= 0 {
		w.mark = len(w.line) + mark
	}
	cells := r.cells
	if !r.wrapped {
		cells = cells[:r.used()]
	} else if n := len(cells); n > 0 && cells[n-1] == 0 {
		cells = cells[:n-1] // left free for a wide character
	}
	w.line = append(w.line, cells...)
	if !r.wrapped {
		w.flush()
	}
}

// endHistory marks where the screen begins. Of a line that began in the history
// and goes on here, the rows that are all history stay there.
func (w *wrapper) endHistory() {
	w.first, w.screen = len(w.rows), true
	if w.open {
		w.carry = len(w.line)
	}
}

// flush cuts the line that was collected.
func (w *wrapper) flush() {
	if !w.open {
		return
	}
	w.open = false
	for start := 0; ; {
		end := w.cut(start)
		last := end >= len(w.line)
		w.emit(w.line[start:end], !last)
		if w.carry > 0 && end <= w.carry && !last {
			w.first = len(w.rows)
		}
		if w.mark >= start && (w.mark < end || last) {
			w.markX, w.markY = w.mark-start, len(w.rows)-1
			w.placeMark()
			w.mark = -1
		}
		if last {
			w.carry = 0
			return
		}
		start = end
	}
}

// placeMark puts a cursor far behind the end of its line at the last column.
func (w *wrapper) placeMark() {
	if w.markX > w.cols {
		w.markX = w.cols - 1
	}
}

// cut returns where the row that begins at start ends, never inside a wide
// character.
func (w *wrapper) cut(start int) int {
	end := min(start+w.cols, len(w.line))
	if end < len(w.line) && w.line[end]&tailBit != 0 && end-1 > start {
		end--
	}
	return end
}

func (w *wrapper) emit(cells []cell, wrapped bool) {
	r := row{cells: make([]cell, w.cols), wrapped: wrapped}
	copy(r.cells, cells)
	w.rows = append(w.rows, r)
	if !w.screen && len(w.rows) > 2*w.keep {
		w.spill()
	}
}

// spill packs all but the last rows of the window while history is being read.
func (w *wrapper) spill() {
	n := len(w.rows) - w.keep
	for i := range w.rows[:n] {
		w.hist.push(&w.rows[i])
	}
	w.rows = append(w.rows[:0], w.rows[n:]...)
}
