package screen

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
)

// csi acts on one control sequence.
func (s *Screen) csi(cmd ansi.Cmd, p ansi.Params) {
	if cmd.Intermediate() != 0 {
		s.csiIntermediate(cmd, p)
		return
	}
	switch cmd.Prefix() {
	case 0:
		if !s.csiMove(cmd.Final(), p) && !s.csiEdit(cmd.Final(), p) {
			s.csiOther(cmd.Final(), p)
		}
	case '?':
		s.csiPrivate(cmd.Final(), p)
	case '>', '<', '=':
		s.csiKeyboard(cmd.Prefix(), cmd.Final(), p)
	}
}

// count returns parameter i, where missing and 0 mean 1.
func count(p ansi.Params, i int) int { return max(number(p, i), 1) }

// number returns parameter i, 0 when it is missing.
func number(p ansi.Params, i int) int {
	n, _, _ := p.Param(i, 0)
	return min(max(n, 0), 1<<16)
}

// csiMove moves the cursor. It reports whether final is a movement.
func (s *Screen) csiMove(final byte, p ansi.Params) bool {
	b, n := s.cur, count(p, 0)
	switch final {
	case 'A':
		s.moveBy(0, -n)
	case 'B', 'e':
		s.moveBy(0, n)
	case 'C', 'a':
		s.moveBy(n, 0)
	case 'D':
		s.moveBy(-n, 0)
	case 'E':
		s.moveBy(-b.x, n)
	case 'F':
		s.moveBy(-b.x, -n)
	case 'G', '`':
		s.moveBy(n-1-b.x, 0)
	case 'd':
		s.moveTo(b.x, n-1)
	case 'H', 'f':
		s.moveTo(count(p, 1)-1, n-1)
	case 'I':
		s.tab(n)
	case 'Z':
		s.tab(-n)
	default:
		return false
	}
	s.lastX = -1
	return true
}

// csiEdit erases, inserts and deletes. It reports whether final does.
func (s *Screen) csiEdit(final byte, p ansi.Params) bool {
	b, n := s.cur, count(p, 0)
	inRegion := b.y >= b.top && b.y <= b.bot
	switch final {
	case 'J':
		s.eraseDisplay(number(p, 0))
	case 'K':
		s.eraseLine(number(p, 0))
	case 'X':
		s.eraseCells(b.y, b.x, b.x+n)
	case '@':
		s.insertCells(n)
	case 'P':
		s.deleteCells(n)
	case 'L':
		if inRegion {
			s.scrollDown(b.y, n)
			b.x = 0
		}
	case 'M':
		if inRegion {
			s.deleteRows(b.y, n, false)
			b.x = 0
		}
	case 'S':
		s.scrollUp(n)
		return true // the cursor keeps its place, also behind the last column
	case 'T':
		s.scrollDown(b.top, n)
		return true
	default:
		return false
	}
	b.wrapNext, s.lastX = false, -1
	return true
}

// csiOther acts on what neither moves nor edits.
func (s *Screen) csiOther(final byte, p ansi.Params) {
	switch final {
	case 'm':
		st := s.pen
		st.sgr(p)
		s.setPen(st)
	case 'r':
		s.setRegion(p)
	case 's':
		s.saveCursor()
	case 'u':
		s.restoreCursor()
	case 'b':
		s.repeatLast(count(p, 0))
	case 'g':
		s.clearTabs(number(p, 0))
	case 'h', 'l':
		s.setANSIModes(p, final == 'h')
	case 'c':
		s.reply("\x1b[?62;22c")
	case 'n':
		s.deviceStatus(number(p, 0), "")
	case 't':
		if number(p, 0) == 18 {
			s.reply(fmt.Sprintf("\x1b[8;%d;%dt", s.rows, s.cols))
		}
	}
}

func (s *Screen) csiPrivate(final byte, p ansi.Params) {
	switch final {
	case 'h', 'l':
		for i := range p {
			s.setMode(number(p, i), final == 'h')
		}
	case 'J':
		s.eraseDisplay(number(p, 0))
	case 'K':
		s.eraseLine(number(p, 0))
	case 'n':
		s.deviceStatus(number(p, 0), "?")
	}
}

// csiIntermediate acts on the few sequences with an intermediate byte.
func (s *Screen) csiIntermediate(cmd ansi.Cmd, p ansi.Params) {
	switch {
	case cmd.Intermediate() == ' ' && cmd.Final() == 'q':
		s.modes.cursorStyle = min(number(p, 0), 6)
	case cmd.Intermediate() == '!' && cmd.Final() == 'p':
		s.softReset()
	case cmd.Intermediate() == '$' && cmd.Final() == 'p':
		s.reply(fmt.Sprintf("\x1b[%s%d;0$y", prefixText(cmd.Prefix()), number(p, 0)))
	}
}

func prefixText(c byte) string {
	if c == 0 {
		return ""
	}
	return string(rune(c))
}

// csiKeyboard acts on keyboard protocols and on queries with a prefix.
func (s *Screen) csiKeyboard(prefix, final byte, p ansi.Params) {
	switch {
	case final == 'u':
		s.modes.kitty(prefix, number(p, 0), number(p, 1))
	case prefix == '>' && final == 'm' && number(p, 0) == 4:
		s.modes.otherKeys = min(number(p, 1), 3)
	case prefix == '>' && final == 'n' && number(p, 0) == 4:
		s.modes.otherKeys = 0
	case prefix == '>' && final == 'c':
		s.reply("\x1b[>0;276;0c")
	case prefix == '>' && final == 'q':
		s.reply("\x1bP>|" + s.name + "\x1b\\")
	}
}

func (s *Screen) deviceStatus(n int, prefix string) {
	switch n {
	case 5:
		s.reply("\x1b[0n")
	case 6:
		s.reply(fmt.Sprintf("\x1b[%s%d;%dR", prefix, s.cur.y+1, s.cur.x+1))
	}
}

func (s *Screen) reply(text string) {
	if s.tell.Reply != nil {
		s.tell.Reply([]byte(text))
	}
}

func (s *Screen) setRegion(p ansi.Params) {
	top, bot := count(p, 0)-1, number(p, 1)-1
	if bot < 0 || bot > s.rows-1 {
		bot = s.rows - 1
	}
	if top >= bot {
		return
	}
	s.cur.top, s.cur.bot = top, bot
	s.moveTo(0, 0)
}

// repeatLast is REP: programs use it for rules and padding.
func (s *Screen) repeatLast(n int) {
	if s.repeat == 0 {
		return
	}
	for range min(n, s.cols*s.rows) {
		s.print(s.repeat)
	}
}

func (s *Screen) clearTabs(how int) {
	switch how {
	case 0:
		s.tabs[s.cur.x] = false
	case 3:
		clear(s.tabs)
	}
}
