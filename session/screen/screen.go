// Package screen is a small terminal model: it reads what a program writes to
// its terminal and knows what a person would see.
//
// [Screen.Feed] takes bytes in any portions; how they are cut never changes the
// result. The model keeps the main screen with a packed scrollback, the
// alternate screen, cursor, colours, modes, title, and answers the capability
// queries that programs send. [Screen.Snapshot] returns bytes that draw all of
// it on a fresh terminal; [Screen.Rows] returns it as text. [Screen.Resize]
// wraps soft-wrapped lines of the main screen anew.
//
// Not modelled, because nothing here needs them: line drawing character sets,
// left and right margins, images, hyperlinks (their text is kept), selective
// erase, 132 columns, double height.
//
// A Screen is not safe for concurrent use. Bad input never panics. To add a
// control sequence, add its case in csi.go, esc.go or osc.go.
package screen

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/parser"
)

// Limits of a screen's size in cells; other sizes are clamped.
const (
	minCols, maxCols = 2, 1000
	minRows, maxRows = 1, 1000
)

const (
	maxStyles   = 8192 // styles in use at a time; beyond it colours are dropped
	maxClusters = 4096 // composed characters in use at a time
	maxString   = 4096 // bytes kept of a title or another string sequence
)

// Listener holds what the model tells its owner while it is fed. Each function
// may be nil.
type Listener struct {
	Title  func(string) // OSC 0 or 2, when it changes
	Status func(string) // payload of OSC 7501
	Alt    func(bool)   // the alternate screen came or went
	Reply  func([]byte) // answers to capability queries, to be written to the program
}

// Screen is the model of one terminal. Take it from [New].
type Screen struct {
	tell Listener
	name string // answered to XTVERSION

	cols, rows int
	main, alt  buffer
	cur        *buffer // &main or &alt
	hist       history
	styles     pool[style]
	clusters   pool[string]
	classes    classes
	modes      modes
	tabs       []bool
	title      string
	status     string

	pen     style
	penID   uint16
	lastX   int // column of the last character's first cell, -1 when a cluster cannot go on
	lastY   int
	zwj     bool // the last character ended in a zero width joiner
	repeat  rune // last character, for REP
	printed bool // the main screen has been written to

	parser  *ansi.Parser
	params  [parser.MaxParamsSize]ansi.Param // of fastCSI
	partial [utf8.UTFMax]byte                // a character cut by the end of a portion
	npart   int
	strKind byte // introducer of the string sequence being read, 0 if none
	str     []byte
}

// buffer is one of the two screens.
type buffer struct {
	lines     []row
	x, y      int
	wrapNext  bool // the cursor stands behind the last column
	top, bot  int  // scroll region, both inclusive
	saved     savedCursor
	keepLines bool // lines that leave the top go to the scrollback
}

type savedCursor struct {
	x, y     int
	pen      style
	wrapNext bool
	origin   bool
}

// New returns a blank screen of cols×rows cells that keeps up to scrollback
// lines. Sizes are clamped to the limits. name is what XTVERSION is answered.
func New(cols, rows, scrollback int, name string, tell Listener) *Screen {
	s := &Screen{
		tell: tell, name: name, lastX: -1,
		hist:     history{limit: scrollback},
		styles:   newPool[style](maxStyles),
		clusters: newPool[string](maxClusters),
	}
	s.cols, s.rows = clampSize(cols, rows)
	s.main, s.alt = newBuffer(s.cols, s.rows), buffer{}
	s.main.keepLines = true
	s.cur = &s.main
	s.modes = defaultModes()
	s.resetTabs()
	s.initParser()
	return s
}

func clampSize(cols, rows int) (int, int) {
	return min(max(cols, minCols), maxCols), min(max(rows, minRows), maxRows)
}

func newBuffer(cols, rows int) buffer {
	return buffer{lines: newLines(cols, rows), bot: rows - 1}
}

// newLines cuts all rows from one slice: one allocation, neighbours in memory.
func newLines(cols, rows int) []row {
	cells, lines := make([]cell, cols*rows), make([]row, rows)
	for y := range lines {
		lines[y].cells = cells[y*cols : (y+1)*cols : (y+1)*cols]
	}
	return lines
}

// Size returns the size in cells.
func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

// Cursor returns the cursor's position, counted from zero, and whether it is
// shown.
func (s *Screen) Cursor() (x, y int, shown bool) {
	return s.cur.x, s.cur.y, s.modes.showCursor
}

// Title returns the title that the program set last.
func (s *Screen) Title() string { return s.title }

// Status returns the last OSC 7501 payload.
func (s *Screen) Status() string { return s.status }

// Alt reports whether the alternate screen is shown.
func (s *Screen) Alt() bool { return s.cur == &s.alt }

// AppCursor reports whether cursor keys are to be sent in application mode.
func (s *Screen) AppCursor() bool { return s.modes.appCursor }

// Synchronized reports whether the program is in the middle of an update that
// should not be shown yet (mode 2026).
func (s *Screen) Synchronized() bool { return s.modes.sync }

// Scrollback returns the number of lines above the main screen.
func (s *Screen) Scrollback() int { return s.hist.lines }

// ClearScrollback forgets the lines above the main screen.
func (s *Screen) ClearScrollback() { s.hist.clear() }

// Idle reports whether the model stands between sequences: bytes sent from
// here on make sense to a terminal that has seen nothing before.
func (s *Screen) Idle() bool { return s.npart == 0 && s.strKind == 0 && s.ground() }

// setPen makes st the style of what is printed next.
func (s *Screen) setPen(st style) {
	s.pen = st
	s.penID = s.styleID(st)
}

func (s *Screen) styleID(st style) uint16 {
	if id, ok := s.styles.id(st); ok {
		return id
	}
	s.sweep()
	if id, ok := s.styles.id(st); ok {
		return id
	}
	id, _ := s.styles.id(style{attr: st.attr})
	return id
}

// eraser is the cell that erasing leaves: blank in the pen's background.
func (s *Screen) eraser() cell {
	if s.pen.bg == 0 {
		return 0
	}
	return blankOf(s.styleID(style{bg: s.pen.bg}))
}

// sweep frees the styles and clusters that no cell uses any more.
func (s *Screen) sweep() {
	styles, clusters := map[uint16]bool{s.penID: true}, map[uint16]bool{}
	mark := func(c cell) {
		styles[c.style()] = true
		if c&clusterBit != 0 {
			clusters[uint16(c)] = true
		}
	}
	for _, b := range []*buffer{&s.main, &s.alt} {
		for y := range b.lines {
			for _, c := range b.lines[y].cells {
				mark(c)
			}
		}
	}
	for i := range s.hist.lines {
		walkPacked(s.hist.line(i), mark)
	}
	s.styles.sweep(styles)
	s.clusters.sweep(clusters)
}
