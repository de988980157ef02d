package screen

import "strconv"

// Snapshot returns bytes that draw the scrollback, the screen, colours, cursor
// and modes on a fresh terminal of the same size. full leaves the scrollback
// out when false.
func (s *Screen) Snapshot(full bool) []byte {
	p := painter{s: s, b: make([]byte, 0, 16*1024)}
	p.b = append(p.b, "\x1b[0m"...)
	if full {
		p.history()
	}
	p.lines(s.main.lines)
	if s.Alt() {
		p.cursor(&s.main, s.main.saved.pen)
		p.b = append(p.b, "\x1b[?1049h\x1b[H"...)
		p.pen = style{}
		p.lines(s.alt.lines)
	}
	p.modes()
	p.savedCursor()
	p.region()
	p.cursor(s.cur, s.pen)
	return p.b
}

// A painter collects the bytes of a snapshot. pen is the style that the
// terminal has at this point.
type painter struct {
	s   *Screen
	b   []byte
	pen style
}

func (p *painter) history() {
	h := &p.s.hist
	if h.lines == 0 {
		return
	}
	r := unpackRow(h.line(0), p.s.cols)
	for i := 1; i < h.lines; i++ {
		next := unpackRow(h.line(i), p.s.cols)
		p.line(&r, &next)
		r = next
	}
	p.line(&r, &p.s.main.lines[0])
}

func (p *painter) lines(lines []row) {
	for y := range lines {
		if y == len(lines)-1 {
			p.text(&lines[y], lines[y].used())
			return
		}
		p.line(&lines[y], &lines[y+1])
	}
}

// line writes a row and goes to the next one, by the terminal's own wrap where
// the text goes on and there is text to go on with.
func (p *painter) line(r, next *row) {
	n := r.used()
	wraps := r.wrapped && !next.cells[0].blank()
	if wraps {
		n = len(r.cells)
		if r.cells[n-1] == 0 && r.used() == n-1 && next.cells[0]&leadBit != 0 {
			n-- // a wide character follows and wraps by itself
		}
	}
	p.text(r, n)
	if !wraps {
		p.setPen(style{})
		p.b = append(p.b, "\r\n"...)
	}
}

func (p *painter) text(r *row, n int) {
	for _, c := range r.cells[:n] {
		if c&tailBit != 0 {
			continue
		}
		p.setPen(p.s.styles.vals[c.style()])
		if t := p.s.text(c); t != "" {
			p.b = append(p.b, t...)
			continue
		}
		p.b = append(p.b, ' ')
	}
}

func (p *painter) setPen(st style) {
	if st != p.pen {
		p.pen = st
		p.b = st.append(p.b)
	}
}

// cursor moves to b's cursor and takes pen. The state behind the last column
// is reached by printing the last character again.
func (p *painter) cursor(b *buffer, pen style) {
	x := b.x
	if b.wrapNext && b.lines[b.y].cells[x]&tailBit != 0 {
		x--
	}
	y := b.y
	if p.s.modes.origin && b == p.s.cur {
		y -= b.top
	}
	p.moveTo(x, y)
	if b.wrapNext {
		p.setPen(p.s.styles.vals[b.lines[b.y].cells[x].style()])
		if t := p.s.text(b.lines[b.y].cells[x]); t != "" {
			p.b = append(p.b, t...)
		} else {
			p.b = append(p.b, ' ')
		}
	}
	p.setPen(pen)
}

func (p *painter) moveTo(x, y int) {
	p.b = append(p.b, "\x1b["...)
	p.b = strconv.AppendInt(p.b, int64(y+1), 10)
	p.b = append(p.b, ';')
	p.b = strconv.AppendInt(p.b, int64(x+1), 10)
	p.b = append(p.b, 'H')
}

// savedCursor sets what ESC 8 will restore.
func (p *painter) savedCursor() {
	sv := p.s.cur.saved
	if sv == (savedCursor{}) {
		return
	}
	p.moveTo(min(sv.x, p.s.cols-1), min(sv.y, p.s.rows-1))
	p.setPen(sv.pen)
	p.b = append(p.b, "\x1b7"...)
}

func (p *painter) region() {
	b := p.s.cur
	if b.top == 0 && b.bot == p.s.rows-1 {
		return
	}
	p.b = append(p.b, "\x1b["...)
	p.b = strconv.AppendInt(p.b, int64(b.top+1), 10)
	p.b = append(p.b, ';')
	p.b = strconv.AppendInt(p.b, int64(b.bot+1), 10)
	p.b = append(p.b, 'r')
	if p.s.modes.origin {
		p.b = append(p.b, "\x1b[?6h"...)
	}
}

// modes sets every mode that differs from a fresh terminal's, and the title.
func (p *painter) modes() {
	m := &p.s.modes
	p.b = appendPrivate(p.b, 25, m.showCursor)
	if m.appCursor {
		p.b = appendPrivate(p.b, 1, true)
	}
	if !m.wrap {
		p.b = appendPrivate(p.b, 7, false)
	}
	for _, n := range m.private {
		p.b = appendPrivate(p.b, n, true)
	}
	if m.appKeypad {
		p.b = append(p.b, "\x1b="...)
	}
	if m.insert {
		p.b = append(p.b, "\x1b[4h"...)
	}
	if m.otherKeys != 0 {
		p.number("\x1b[>4;", m.otherKeys, "m")
	}
	for _, flags := range m.keyboard {
		p.number("\x1b[>", flags, "u")
	}
	if m.cursorStyle != 0 {
		p.number("\x1b[", m.cursorStyle, " q")
	}
	if p.s.title != "" {
		p.b = append(append(append(p.b, "\x1b]0;"...), p.s.title...), bel)
	}
}

func (p *painter) number(before string, n int, after string) {
	p.b = append(p.b, before...)
	p.b = strconv.AppendInt(p.b, int64(n), 10)
	p.b = append(p.b, after...)
}
