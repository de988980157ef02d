package screen

import "unicode/utf8"

// printASCII prints a run of characters one cell wide.
func (s *Screen) printASCII(t []byte) {
	if len(t) == 0 {
		return
	}
	s.repeat = rune(t[len(t)-1])
	style := cell(s.penID) << styleShift
	for len(t) > 0 {
		b := s.cur
		s.wrapIfDue()
		line := &b.lines[b.y]
		n := min(len(t), s.cols-b.x)
		if s.modes.insert {
			s.insertCells(n)
		}
		line.mend(b.x, b.x+n)
		cells := line.cells[b.x : b.x+n]
		for i, c := range t[:n] {
			cells[i] = cell(c) | style
		}
		s.advance(n, 1)
		t = t[n:]
	}
}

// advance moves the cursor behind n cells just printed, the last character of
// which is width cells wide.
func (s *Screen) advance(n, width int) {
	b := s.cur
	b.x += n
	s.lastX, s.lastY, s.zwj = b.x-width, b.y, false
	if b.x >= s.cols {
		b.x = s.cols - 1
		b.wrapNext = s.modes.wrap
	}
	if b.keepLines {
		s.printed = true
	}
}

// wrapIfDue goes to the next line when the cursor stands behind the last
// column.
func (s *Screen) wrapIfDue() {
	if s.cur.wrapNext {
		s.softWrap()
	}
}

func (s *Screen) softWrap() {
	b := s.cur
	b.lines[b.y].wrapped = true
	s.lineFeed()
	b.x, b.wrapNext = 0, false
}

// print prints one character, or joins it to the one before.
func (s *Screen) print(r rune) {
	if r < utf8.RuneSelf {
		s.printASCII([]byte{byte(r)})
		return
	}
	k := s.classes.of(r)
	if (k.joins() || s.zwj || k.width() == 0) && s.join(r) {
		return
	}
	if k.width() == 0 {
		return // nothing to combine with
	}
	s.place(cell(r), k.width())
	s.repeat = r
}

// place writes one character of one or two cells at the cursor.
func (s *Screen) place(c cell, width int) {
	b := s.cur
	s.wrapIfDue()
	if b.x+width > s.cols {
		if !s.modes.wrap {
			b.x = s.cols - width
		} else {
			b.lines[b.y].fill(b.x, s.cols, 0)
			s.softWrap()
		}
	}
	if s.modes.insert {
		s.insertCells(width)
	}
	line := &b.lines[b.y]
	line.mend(b.x, b.x+width)
	s.set(line, b.x, c, width)
	s.advance(width, width)
}

func (s *Screen) set(line *row, x int, c cell, width int) {
	st := cell(s.penID) << styleShift
	if width == 2 {
		line.cells[x] = c | leadBit | st
		line.cells[x+1] = tailBit | st
		return
	}
	line.cells[x] = c | st
}

// join adds r to the character printed last when both are one grapheme
// cluster. A cluster may grow from one cell to two.
func (s *Screen) join(r rune) bool {
	if s.lastX < 0 {
		return false
	}
	line := &s.cur.lines[s.lastY]
	old := line.cells[s.lastX]
	text := s.text(old) + string(r)
	if len(text) > 64 || !joined(text) {
		return len(text) > 64 && s.classes.of(r).width() == 0
	}
	id, ok := s.clusters.id(text)
	if !ok {
		s.sweep()
		if id, ok = s.clusters.id(text); !ok {
			return true
		}
	}
	c := clusterBit | cell(id) | old&(styleMask|leadBit)
	line.cells[s.lastX] = c
	s.zwj = r == zeroWidthJoiner
	s.widen(line, text)
	return true
}

// widen gives the character at lastX its second cell when the cluster became
// two cells wide.
func (s *Screen) widen(line *row, text string) {
	b, x := s.cur, s.lastX
	if line.cells[x]&leadBit != 0 || clusterWidth(text) < 2 || x+1 >= s.cols || b.x != x+1 {
		return
	}
	line.mend(x+1, x+2)
	line.cells[x] |= leadBit
	line.cells[x+1] = tailBit | line.cells[x]&styleMask
	if b.x++; b.x >= s.cols {
		b.x, b.wrapNext = s.cols-1, s.modes.wrap
	}
}

// text returns the characters of a cell, "" for a blank one.
func (s *Screen) text(c cell) string {
	switch {
	case c&clusterBit != 0:
		return s.clusters.vals[c&0xffff]
	case c&runeMask == 0:
		return ""
	}
	return string(rune(c & runeMask))
}
