package screen

// lineFeed moves the cursor down one line and scrolls at the region's end.
func (s *Screen) lineFeed() {
	b := s.cur
	b.wrapNext = false
	switch {
	case b.y == b.bot:
		s.scrollUp(1)
	case b.y < s.rows-1:
		b.y++
	}
}

// reverseLineFeed moves the cursor up one line and scrolls at the region's
// beginning.
func (s *Screen) reverseLineFeed() {
	b := s.cur
	b.wrapNext = false
	switch {
	case b.y == b.top:
		s.scrollDown(b.top, 1)
	case b.y > 0:
		b.y--
	}
}

// scrollUp moves the scroll region up by n lines. Lines that leave the top of
// the main screen go to the scrollback.
func (s *Screen) scrollUp(n int) {
	b := s.cur
	s.deleteRows(b.top, n, b.keepLines && b.top == 0)
}

// deleteRows takes n rows out of the region from at on.
func (s *Screen) deleteRows(at, n int, keep bool) {
	b := s.cur
	n = min(n, b.bot-at+1)
	erase := s.eraser()
	for range n {
		first := b.lines[at]
		if keep {
			s.hist.push(&first)
		} else if at > 0 {
			b.lines[at-1].wrapped = false
		}
		copy(b.lines[at:b.bot], b.lines[at+1:b.bot+1])
		first.fill(0, s.cols, erase)
		first.wrapped = false
		b.lines[b.bot] = first
	}
	s.lastX = -1
}

// scrollDown puts n blank rows in at row at of the region.
func (s *Screen) scrollDown(at, n int) {
	b := s.cur
	n = min(n, b.bot-at+1)
	erase := s.eraser()
	for range n {
		last := b.lines[b.bot]
		copy(b.lines[at+1:b.bot+1], b.lines[at:b.bot])
		last.fill(0, s.cols, erase)
		last.wrapped = false
		b.lines[at] = last
	}
	if at > 0 {
		b.lines[at-1].wrapped = false
	}
	s.lastX = -1
}

// insertCells shifts the rest of the cursor's line right by n cells.
func (s *Screen) insertCells(n int) {
	b := s.cur
	line := &b.lines[b.y]
	n = min(n, s.cols-b.x)
	line.mend(b.x, s.cols-n)
	copy(line.cells[b.x+n:], line.cells[b.x:s.cols-n])
	line.fill(b.x, b.x+n, s.eraser())
	line.mendEnd()
}

// deleteCells shifts the rest of the cursor's line left over n cells.
func (s *Screen) deleteCells(n int) {
	b := s.cur
	line := &b.lines[b.y]
	n = min(n, s.cols-b.x)
	line.mend(b.x, b.x+n)
	copy(line.cells[b.x:], line.cells[b.x+n:])
	line.fill(s.cols-n, s.cols, s.eraser())
	line.wrapped = false
}

// mendEnd blanks a wide character whose second half was pushed off the line.
func (r *row) mendEnd() {
	if n := len(r.cells); r.cells[n-1]&leadBit != 0 {
		r.cells[n-1] = blankOf(r.cells[n-1].style())
	}
}

// eraseCells blanks [from, to) of row y.
func (s *Screen) eraseCells(y, from, to int) {
	line := &s.cur.lines[y]
	from, to = min(from, s.cols), min(to, s.cols)
	line.mend(from, to)
	line.fill(from, to, s.eraser())
	if to == s.cols {
		line.wrapped = false
	}
}

// eraseLine is EL.
func (s *Screen) eraseLine(how int) {
	b := s.cur
	switch how {
	case 0:
		s.eraseCells(b.y, b.x, s.cols)
	case 1:
		s.eraseCells(b.y, 0, b.x+1)
	case 2:
		s.eraseCells(b.y, 0, s.cols)
	}
}

// eraseDisplay is ED. A program that clears the whole main screen means to
// redraw it, so the old picture is not kept in the scrollback.
func (s *Screen) eraseDisplay(how int) {
	b := s.cur
	switch how {
	case 0:
		s.eraseLine(0)
		s.eraseRows(b.y+1, s.rows)
	case 1:
		s.eraseRows(0, b.y)
		s.eraseLine(1)
	case 2:
		s.eraseRows(0, s.rows)
	case 3:
		s.hist.clear()
	}
}

func (s *Screen) eraseRows(from, to int) {
	for y := from; y < to; y++ {
		s.eraseCells(y, 0, s.cols)
	}
}

// moveTo sets the cursor, counted from zero, honouring origin mode.
func (s *Screen) moveTo(x, y int) {
	b := s.cur
	top, bot := 0, s.rows-1
	if s.modes.origin {
		top, bot = b.top, b.bot
	}
	b.x = min(max(x, 0), s.cols-1)
	b.y = min(max(y+top, top), bot)
	b.wrapNext, s.lastX = false, -1
}

// moveBy moves the cursor without leaving the scroll region it is in.
func (s *Screen) moveBy(dx, dy int) {
	b := s.cur
	top, bot := 0, s.rows-1
	if b.y >= b.top {
		top = b.top
	}
	if b.y <= b.bot {
		bot = b.bot
	}
	b.x = min(max(b.x+dx, 0), s.cols-1)
	if dy != 0 {
		b.y = min(max(b.y+dy, min(top, b.y)), max(bot, b.y))
	}
	b.wrapNext, s.lastX = false, -1
}

func (s *Screen) resetTabs() {
	s.tabs = make([]bool, s.cols)
	for x := 0; x < s.cols; x += 8 {
		s.tabs[x] = true
	}
}

// tab moves the cursor over n tab stops, back when n is negative.
func (s *Screen) tab(n int) {
	b := s.cur
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for ; n > 0; n-- {
		x := b.x + step
		for x > 0 && x < s.cols-1 && !s.tabs[x] {
			x += step
		}
		b.x = min(max(x, 0), s.cols-1)
	}
	b.wrapNext = false
}

func (s *Screen) saveCursor() {
	b := s.cur
	b.saved = savedCursor{x: b.x, y: b.y, pen: s.pen, wrapNext: b.wrapNext, origin: s.modes.origin}
}

func (s *Screen) restoreCursor() {
	b := s.cur
	b.x, b.y = min(b.saved.x, s.cols-1), min(b.saved.y, s.rows-1)
	b.wrapNext = b.saved.wrapNext
	s.modes.origin = b.saved.origin
	s.setPen(b.saved.pen)
	s.lastX = -1
}
