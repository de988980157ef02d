package screen

import (
	"bytes"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// escape acts on one escape sequence without parameters.
func (s *Screen) escape(cmd ansi.Cmd) {
	b := s.cur
	if cmd.Intermediate() != 0 {
		if cmd.Intermediate() == '#' && cmd.Final() == '8' {
			s.alignmentTest()
		}
		return
	}
	switch cmd.Final() {
	case '7':
		s.saveCursor()
	case '8':
		s.restoreCursor()
	case 'c':
		s.hardReset()
	case 'D':
		s.lineFeed()
	case 'E':
		b.x = 0
		s.lineFeed()
	case 'M':
		s.reverseLineFeed()
	case 'H':
		s.tabs[b.x] = true
	case '=':
		s.modes.appKeypad = true
	case '>':
		s.modes.appKeypad = false
	case 'Z':
		s.reply("\x1b[?62;22c")
	}
	s.lastX = -1
}

// alignmentTest is DECALN: every cell shows E.
func (s *Screen) alignmentTest() {
	for y := range s.cur.lines {
		s.cur.lines[y].fill(0, s.cols, 'E')
		s.cur.lines[y].wrapped = false
	}
	s.cur.top, s.cur.bot = 0, s.rows-1
	s.moveTo(0, 0)
}

// endString acts on a string sequence that is complete. Only OSC means
// anything here.
func (s *Screen) endString() {
	kind := s.strKind
	s.strKind = 0
	s.lastX = -1
	if kind != ']' {
		return
	}
	num, data, _ := bytes.Cut(s.str, []byte{';'})
	text := strings.ToValidUTF8(string(data), "\ufffd")
	switch string(num) {
	case "0", "2":
		s.setTitle(text)
	case "7501":
		s.setStatus(text)
	case "10":
		s.replyColour(text, "10", "d4d4/d4d4/d4d4")
	case "11":
		s.replyColour(text, "11", "1e1e/1e1e/1e1e")
	}
}

func (s *Screen) replyColour(query, num, rgb string) {
	if query == "?" {
		s.reply("\x1b]" + num + ";rgb:" + rgb + "\x1b\\")
	}
}

func (s *Screen) setTitle(t string) {
	if t == s.title {
		return
	}
	s.title = t
	if s.tell.Title != nil {
		s.tell.Title(t)
	}
}

// setStatus takes the payload of OSC 7501; a lone question mark asks whether
// the terminal knows it, and means nothing here.
func (s *Screen) setStatus(t string) {
	if t == "?" {
		return
	}
	s.status = t
	if s.tell.Status != nil {
		s.tell.Status(t)
	}
}
