package screen

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// pageLines is how many packed lines share one buffer. A whole page is reused
// at once, so that a full history makes no garbage.
const pageLines = 100

// Marks in a packed line. They cannot begin a UTF-8 sequence.
const (
	markCluster = 0xff // a cluster number follows
	markWide    = 0xfe // the next character is two cells wide
)

// history keeps the lines that left the top of the main screen, packed: style
// runs and UTF-8 instead of cells, a few bytes more than the text itself.
type history struct {
	pages []page // oldest first
	skip  int    // lines of the first page that are already forgotten
	lines int
	limit int
}

type page struct {
	buf  []byte
	ends []uint32
}

// push packs r and forgets the oldest line beyond the limit.
func (h *history) push(r *row) {
	if h.limit == 0 {
		return
	}
	if n := len(h.pages); n == 0 || len(h.pages[n-1].ends) == pageLines {
		h.grow()
	}
	p := &h.pages[len(h.pages)-1]
	p.buf = packRow(p.buf, r)
	p.ends = append(p.ends, uint32(len(p.buf)))
	h.lines++
	if h.lines > h.limit {
		h.lines--
		h.skip++
	}
}

// grow adds a page, taking the first one's buffers when it is all forgotten.
// The page before it is full: it keeps no room to grow.
func (h *history) grow() {
	if n := len(h.pages); n > 0 {
		if b := h.pages[n-1].buf; cap(b)-len(b) > len(b)/8 {
			h.pages[n-1].buf = bytes.Clone(b)
		}
	}
	if h.skip < pageLines {
		h.pages = append(h.pages, page{ends: make([]uint32, 0, pageLines)})
		return
	}
	old := h.pages[0]
	copy(h.pages, h.pages[1:])
	h.pages[len(h.pages)-1] = page{buf: old.buf[:0], ends: old.ends[:0]}
	h.skip -= pageLines
}

// line returns packed line i, 0 being the oldest.
func (h *history) line(i int) []byte {
	i += h.skip
	p, i := &h.pages[i/pageLines], i%pageLines
	from := uint32(0)
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.buf[from:p.ends[i]]
}

func (h *history) clear() { h.pages, h.skip, h.lines = nil, 0, 0 }

// packRow appends r to b: one byte of flags, then runs of style, number of
// characters, characters.
func packRow(b []byte, r *row) []byte {
	var flags byte
	if r.wrapped {
		flags = 1
	}
	b = append(b, flags)
	cells := r.cells[:r.used()]
	for len(cells) > 0 {
		id, n, count := cells[0].style(), 0, uint64(0)
		for n < len(cells) && cells[n].style() == id {
			if cells[n]&tailBit == 0 {
				count++
			}
			n++
		}
		b = binary.AppendUvarint(b, uint64(id))
		b = binary.AppendUvarint(b, count)
		for _, c := range cells[:n] {
			b = packCell(b, c)
		}
		cells = cells[n:]
	}
	return b
}

func packCell(b []byte, c cell) []byte {
	if c&tailBit != 0 {
		return b
	}
	if c&leadBit != 0 {
		b = append(b, markWide)
	}
	if c&clusterBit != 0 {
		b = append(b, markCluster)
		return binary.AppendUvarint(b, uint64(c&0xffff))
	}
	return utf8.AppendRune(b, rune(c&runeMask))
}

// unpackRow is the inverse of packRow; the row has at least cols cells.
func unpackRow(b []byte, cols int) row {
	r := row{cells: make([]cell, 0, cols), wrapped: b[0] == 1}
	walkPacked(b, func(c cell) {
		r.cells = append(r.cells, c)
		if c&leadBit != 0 {
			r.cells = append(r.cells, tailBit|c&styleMask)
		}
	})
	for len(r.cells) < cols {
		r.cells = append(r.cells, 0)
	}
	return r
}

// walkPacked calls f for each character of a packed line.
func walkPacked(b []byte, f func(cell)) {
	b = b[1:]
	for len(b) > 0 {
		id, n := binary.Uvarint(b)
		count, m := binary.Uvarint(b[n:])
		b = b[n+m:]
		for ; count > 0; count-- {
			var c cell
			c, b = unpackCell(b)
			f(c | cell(id)<<styleShift)
		}
	}
}

func unpackCell(b []byte) (cell, []byte) {
	var c cell
	if b[0] == markWide {
		c, b = leadBit, b[1:]
	}
	if b[0] == markCluster {
		id, n := binary.Uvarint(b[1:])
		return c | clusterBit | cell(id), b[1+n:]
	}
	r, n := utf8.DecodeRune(b)
	return c | cell(r), b[n:]
}
