package screen

import (
	"strconv"

	"github.com/charmbracelet/x/ansi"
)

// A colour is 0 for the default, 1+n for palette entry n, or truecolor with
// the three components below it.
type colour uint32

const truecolor colour = 1 << 24

// attributes of a style, as bits.
const (
	attrBold uint16 = 1 << iota
	attrDim
	attrItalic
	attrBlink
	attrReverse
	attrHidden
	attrStrike
	attrOverline
	underlineShift = 12 // three bits: none, single, double, curly, dotted, dashed
)

// A style is how a cell is drawn. The zero style is the default.
type style struct {
	fg, bg, line colour
	attr         uint16
}

func (s style) underline() uint16 { return s.attr >> underlineShift }

func (s *style) setUnderline(n int) {
	s.attr = s.attr&(1<<underlineShift-1) | uint16(n&7)<<underlineShift
}

// attrCodes pairs each attribute with the SGR parameter that sets it.
var attrCodes = [...]struct {
	bit  uint16
	code int
}{
	{attrBold, 1}, {attrDim, 2}, {attrItalic, 3}, {attrBlink, 5},
	{attrReverse, 7}, {attrHidden, 8}, {attrStrike, 9}, {attrOverline, 53},
}

// sgr applies one CSI m sequence.
func (s *style) sgr(p ansi.Params) {
	if len(p) == 0 {
		*s = style{}
		return
	}
	for i := 0; i < len(p); i++ {
		n, more, _ := p.Param(i, 0)
		switch {
		case n == 38 || n == 48 || n == 58:
			i += s.extended(n, p[i:], more)
		case n == 4 && more:
			u, _, _ := p.Param(i+1, 1)
			s.setUnderline(min(u, 5))
			i++
		default:
			s.simple(n)
		}
	}
}

// simple applies one SGR parameter without arguments.
func (s *style) simple(n int) {
	switch {
	case n == 0:
		*s = style{}
	case n == 4:
		s.setUnderline(1)
	case n == 21:
		s.setUnderline(2)
	case n == 22:
		s.attr &^= attrBold | attrDim
	case n == 24:
		s.setUnderline(0)
	case n == 6:
		s.attr |= attrBlink
	case n == 55:
		s.attr &^= attrOverline
	case n >= 23 && n <= 29:
		s.unset(n - 20)
	case n >= 30 && n <= 37:
		s.fg = colour(1 + n - 30)
	case n == 39:
		s.fg = 0
	case n >= 40 && n <= 47:
		s.bg = colour(1 + n - 40)
	case n == 49:
		s.bg = 0
	case n == 59:
		s.line = 0
	case n >= 90 && n <= 97:
		s.fg = colour(1 + 8 + n - 90)
	case n >= 100 && n <= 107:
		s.bg = colour(1 + 8 + n - 100)
	default:
		s.set(n)
	}
}

func (s *style) set(code int) {
	for _, a := range attrCodes {
		if a.code == code {
			s.attr |= a.bit
		}
	}
}

func (s *style) unset(code int) {
	for _, a := range attrCodes {
		if a.code == code {
			s.attr &^= a.bit
		}
	}
}

// extended applies 38, 48 or 58 and returns how many further parameters it
// took. Both separators are known: 38;5;n and 38:2::r:g:b.
func (s *style) extended(which int, p ansi.Params, colon bool) int {
	sub := 1
	if colon {
		for sub < len(p) && p[sub-1].HasMore() {
			sub++
		}
	}
	at := func(i int) int { n, _, _ := p.Param(i, 0); return n & 0xff }
	kind := 0
	if len(p) > 1 {
		kind = at(1)
	}
	switch {
	case kind == 5 && len(p) > 2:
		s.assign(which, colour(1+at(2)))
		return max(sub-1, 2)
	case kind == 2 && colon && sub >= 6:
		s.assign(which, truecolor|colour(at(3)<<16|at(4)<<8|at(5)))
		return sub - 1
	case kind == 2 && len(p) > 4:
		s.assign(which, truecolor|colour(at(2)<<16|at(3)<<8|at(4)))
		return max(sub-1, 4)
	case colon:
		return sub - 1
	}
	return len(p) - 1
}

func (s *style) assign(which int, c colour) {
	switch which {
	case 38:
		s.fg = c
	case 48:
		s.bg = c
	case 58:
		s.line = c
	}
}

// append adds the SGR sequence that leads from any style to s.
func (s style) append(b []byte) []byte {
	b = append(b, "\x1b[0"...)
	for _, a := range attrCodes {
		if s.attr&a.bit != 0 {
			b = append(b, ';')
			b = strconv.AppendInt(b, int64(a.code), 10)
		}
	}
	switch u := s.underline(); u {
	case 0:
	case 1:
		b = append(b, ";4"...)
	default:
		b = append(b, ";4:"...)
		b = strconv.AppendInt(b, int64(u), 10)
	}
	b = appendColour(b, s.fg, 30, 38)
	b = appendColour(b, s.bg, 40, 48)
	b = appendColour(b, s.line, 0, 58)
	return append(b, 'm')
}

// appendColour adds the parameters of one colour. base is the code of the
// first of the eight plain colours, 0 if there are none.
func appendColour(b []byte, c colour, base, ext int64) []byte {
	if c == 0 {
		return b
	}
	b = append(b, ';')
	n := int64(c - 1)
	switch {
	case c&truecolor != 0:
		b = strconv.AppendInt(b, ext, 10)
		b = append(b, ";2"...)
		for shift := 16; shift >= 0; shift -= 8 {
			b = append(b, ';')
			b = strconv.AppendInt(b, int64(c>>shift&0xff), 10)
		}
		return b
	case base != 0 && n < 8:
		return strconv.AppendInt(b, base+n, 10)
	case base != 0 && n < 16:
		return strconv.AppendInt(b, base+60+n-8, 10)
	}
	b = strconv.AppendInt(b, ext, 10)
	b = append(b, ";5;"...)
	return strconv.AppendInt(b, n, 10)
}
