package screen

import (
	"slices"
	"strconv"

	"github.com/charmbracelet/x/ansi"
)

// modes are the switches of a terminal. Those in private are kept only to be
// set again in a snapshot: they change what the person's terminal sends.
type modes struct {
	appCursor   bool // 1, DECCKM
	appKeypad   bool // ESC = and ESC >
	origin      bool // 6
	wrap        bool // 7
	insert      bool // IRM
	showCursor  bool // 25
	sync        bool // 2026
	cursorStyle int
	otherKeys   int // modifyOtherKeys
	keyboard    []int
	private     []int // those of kept that are on, in order of their setting
}

// kept are the private modes that a snapshot restores: mouse reports and their
// encodings, focus reports, bracketed paste, theme reports.
var kept = []int{9, 1000, 1001, 1002, 1003, 1005, 1006, 1015, 1016, 1004, 2004, 2031}

func defaultModes() modes { return modes{wrap: true, showCursor: true} }

// kitty acts on the progressive keyboard protocol: '>' pushes flags, '<' pops,
// '=' changes the top.
func (m *modes) kitty(prefix byte, flags, arg int) {
	const depth = 16
	switch prefix {
	case '>':
		m.keyboard = append(m.keyboard, flags)
		if len(m.keyboard) > depth {
			m.keyboard = m.keyboard[1:]
		}
	case '<':
		m.keyboard = m.keyboard[:max(len(m.keyboard)-max(flags, 1), 0)]
	case '=':
		m.changeKitty(flags, arg)
	}
}

func (m *modes) changeKitty(flags, how int) {
	if len(m.keyboard) == 0 {
		m.keyboard = []int{0}
	}
	top := &m.keyboard[len(m.keyboard)-1]
	switch how {
	case 2:
		*top |= flags
	case 3:
		*top &^= flags
	default:
		*top = flags
	}
}

func (m *modes) keep(n int, on bool) {
	m.private = slices.DeleteFunc(m.private, func(k int) bool { return k == n })
	if on {
		m.private = append(m.private, n)
	}
}

func (s *Screen) setANSIModes(p ansi.Params, on bool) {
	for i := range p {
		if number(p, i) == 4 {
			s.modes.insert = on
		}
	}
}

// setMode switches one private mode.
func (s *Screen) setMode(n int, on bool) {
	m := &s.modes
	switch n {
	case 1:
		m.appCursor = on
	case 6:
		m.origin = on
		s.moveTo(0, 0)
	case 7:
		m.wrap = on
		s.cur.wrapNext = s.cur.wrapNext && on
	case 25:
		m.showCursor = on
	case 2026:
		m.sync = on
	case 47, 1047:
		s.switchTo(on)
	case 1048:
		s.saveOrRestore(on)
	case 1049:
		s.fullscreen(on)
	default:
		if slices.Contains(kept, n) {
			m.keep(n, on)
		}
	}
}

func (s *Screen) saveOrRestore(save bool) {
	if save {
		s.saveCursor()
		return
	}
	s.restoreCursor()
}

// fullscreen is mode 1049: the cursor is kept with the main screen.
func (s *Screen) fullscreen(on bool) {
	if on == s.Alt() {
		return
	}
	if on {
		s.saveCursor()
		s.switchTo(true)
		s.cur.x, s.cur.y = s.main.x, s.main.y
		return
	}
	s.switchTo(false)
	s.restoreCursor()
}

// switchTo shows the alternate screen, blank, or the main one again.
func (s *Screen) switchTo(alt bool) {
	if alt == s.Alt() {
		return
	}
	s.lastX = -1
	if alt {
		s.alt = newBuffer(s.cols, s.rows)
		s.alt.x, s.alt.y = s.main.x, s.main.y
		s.cur = &s.alt
	} else {
		s.main.x, s.main.y = min(s.alt.x, s.cols-1), min(s.alt.y, s.rows-1)
		s.alt = buffer{}
		s.cur = &s.main
	}
	if s.tell.Alt != nil {
		s.tell.Alt(alt)
	}
}

// softReset is DECSTR.
func (s *Screen) softReset() {
	m := &s.modes
	m.insert, m.origin, m.appCursor, m.appKeypad = false, false, false, false
	m.showCursor, m.wrap = true, true
	s.cur.top, s.cur.bot = 0, s.rows-1
	s.cur.saved = savedCursor{}
	s.setPen(style{})
}

// hardReset is RIS. The scrollback stays, as it does in other terminals.
func (s *Screen) hardReset() {
	s.switchTo(false)
	s.setPen(style{})
	s.eraseRows(0, s.rows)
	s.softReset()
	s.modes = defaultModes()
	s.cur.x, s.cur.y, s.cur.wrapNext = 0, 0, false
	s.resetTabs()
	s.lastX = -1
}

// appendPrivate adds the sequence that sets or resets one private mode.
func appendPrivate(b []byte, n int, on bool) []byte {
	b = append(b, "\x1b[?"...)
	b = strconv.AppendInt(b, int64(n), 10)
	if on {
		return append(b, 'h')
	}
	return append(b, 'l')
}
