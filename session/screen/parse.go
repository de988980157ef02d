package screen

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

// Control characters.
const (
	bel = 0x07
	bs  = 0x08
	ht  = 0x09
	lf  = 0x0a
	vt  = 0x0b
	ff  = 0x0c
	cr  = 0x0d
	can = 0x18
	sub = 0x1a
	esc = 0x1b
)

// initParser sets up the library's state machine for escape and control
// sequences. String sequences (OSC, DCS, APC …) are read here instead, because
// the library ends them at byte 0x9C, which is part of UTF-8 text.
func (s *Screen) initParser() {
	s.parser = new(ansi.Parser)
	s.parser.SetParamsSize(parser.MaxParamsSize)
	s.parser.SetDataSize(1)
	s.parser.SetHandler(ansi.Handler{
		Print:     s.print,
		Execute:   s.execute,
		HandleCsi: s.csi,
		HandleEsc: s.escape,
	})
}

func (s *Screen) ground() bool { return s.parser.State() == parser.GroundState }

// Feed reads program output.
func (s *Screen) Feed(b []byte) {
	for len(b) > 0 {
		switch {
		case s.strKind != 0:
			b = s.feedString(b)
		case s.npart > 0:
			b = s.feedPartial(b)
		case s.ground():
			b = s.feedText(b)
		default:
			s.step(b[0])
			b = b[1:]
		}
	}
}

// step gives one byte of an escape sequence to the library and takes over
// where a string begins.
func (s *Screen) step(c byte) {
	s.parser.Advance(c)
	switch s.parser.State() {
	case parser.OscStringState:
		s.beginString(']')
	case parser.DcsEntryState:
		s.beginString('P')
	case parser.SosStringState:
		s.beginString('X')
	case parser.PmStringState:
		s.beginString('^')
	case parser.ApcStringState:
		s.beginString('_')
	}
}

func (s *Screen) beginString(kind byte) {
	s.strKind, s.str = kind, s.str[:0]
	s.parser.Reset()
}

// feedString reads up to the end of a string sequence. ESC ends it whatever
// follows; the backslash of a proper end then does nothing.
func (s *Screen) feedString(b []byte) []byte {
	for i, c := range b {
		switch {
		case c == bel && s.strKind == ']':
			s.endString()
			return b[i+1:]
		case c == can || c == sub:
			s.strKind = 0
			return b[i+1:]
		case c == esc:
			s.endString()
			s.parser.Advance(esc)
			return b[i+1:]
		case len(s.str) < maxString:
			s.str = append(s.str, c)
		}
	}
	return nil
}

// feedPartial completes a character that the last portion cut.
func (s *Screen) feedPartial(b []byte) []byte {
	s.partial[s.npart] = b[0]
	n := s.npart + 1
	if !utf8.FullRune(s.partial[:n]) {
		s.npart = n
		return b[1:]
	}
	r, size := utf8.DecodeRune(s.partial[:n])
	s.npart = 0
	s.print(r)
	if size == n {
		return b[1:]
	}
	// The bytes before b[0] were the beginning of nothing: each of them but
	// the first, which was printed, stands for itself.
	for range n - 1 - size {
		s.print(utf8.RuneError)
	}
	return b
}

// feedText reads text and plain controls up to the next escape sequence.
func (s *Screen) feedText(b []byte) []byte {
	for len(b) > 0 {
		n := plainRun(b)
		if n > 0 {
			s.printASCII(b[:n])
			b = b[n:]
			continue
		}
		switch c := b[0]; {
		case c == esc:
			return s.feedEscape(b)
		case c < utf8.RuneSelf:
			s.execute(c)
			b = b[1:]
		case !utf8.FullRune(b):
			s.npart = copy(s.partial[:], b)
			return nil
		default:
			r, size := utf8.DecodeRune(b)
			s.print(r)
			b = b[size:]
		}
	}
	return nil
}

// feedEscape reads from an ESC to the end of its sequence without leaving the
// library's state machine for each byte.
func (s *Screen) feedEscape(b []byte) []byte {
	if n := s.fastCSI(b); n > 0 {
		return b[n:]
	}
	for i, c := range b {
		s.step(c)
		if s.strKind != 0 || s.ground() {
			return b[i+1:]
		}
	}
	return nil
}

// maxDigits is the longest number that the short way reads.
const maxDigits = 8

// fastCSI acts on a control sequence that is whole and plain, which nearly all
// are, and returns its length. It returns 0, having done nothing, for anything
// the library's state machine must judge. Both ways must agree on every input.
func (s *Screen) fastCSI(b []byte) int {
	if len(b) < 3 || b[1] != '[' {
		return 0
	}
	i, cmd := 2, 0
	if c := b[i]; c >= '<' && c <= '?' {
		cmd, i = int(c)<<parser.PrefixShift, i+1
	}
	first, n := i, 0
	for i < len(b) && n < len(s.params)-2 {
		value, digits := fastNumber(b[i:])
		if i += digits; i == len(b) || digits > maxDigits {
			return 0
		}
		s.params[n] = value
		switch c := b[i]; {
		case c == ':':
			s.params[n] |= parser.HasMoreFlag
		case c == ';':
		case c < 0x40 || c > 0x7e:
			return 0
		default:
			if i > first {
				n++
			}
			s.csi(ansi.Cmd(cmd|int(c)), s.params[:n])
			return i + 1
		}
		i, n = i+1, n+1
	}
	return 0
}

// fastNumber reads the digits at the front of b, and how many there are.
func fastNumber(b []byte) (ansi.Param, int) {
	value, n := ansi.Param(parser.MissingParam), 0
	for n < len(b) && n <= maxDigits && b[n] >= '0' && b[n] <= '9' {
		if n == 0 {
			value = 0
		}
		value = value*10 + ansi.Param(b[n]-'0')
		n++
	}
	return value, n
}

// plainRun returns how many bytes at the front of b are printable ASCII.
func plainRun(b []byte) int {
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			return i
		}
	}
	return len(b)
}

// execute acts on one control character.
func (s *Screen) execute(c byte) {
	b := s.cur
	switch c {
	case bs:
		b.x, b.wrapNext = max(b.x-1, 0), false
	case ht:
		s.tab(1)
	case lf, vt, ff:
		s.lineFeed()
	case cr:
		b.x, b.wrapNext = 0, false
	}
	s.lastX = -1
}
