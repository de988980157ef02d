package screen

// A cell is one packed grid position. The zero cell is blank in the default
// style.
//
//	bits  0–20  code point, 0 for blank; with clusterBit an index of clusters
//	bit     21  clusterBit
//	bits 22–23  kind: narrow, lead of a wide pair, tail of a wide pair
//	bits 32–47  style index
type cell uint64

const (
	runeMask   cell = 1<<21 - 1
	clusterBit cell = 1 << 21
	leadBit    cell = 1 << 22
	tailBit    cell = 1 << 23
	styleShift      = 32
	styleMask  cell = 0xffff << styleShift
)

func (c cell) style() uint16 { return uint16(c >> styleShift) }
func (c cell) blank() bool   { return c&(runeMask|clusterBit|tailBit) == 0 }
func (c cell) visible() bool {
	return !c.blank() && c&tailBit == 0 && c&(runeMask|clusterBit) != ' '
}

// blankOf returns a blank in the given style; erasing keeps the background.
func blankOf(style uint16) cell { return cell(style) << styleShift }

// A row is one line of the grid. wrapped says that the text goes on in the
// next line without a line break.
type row struct {
	cells   []cell
	wrapped bool
}

func (r *row) fill(from, to int, c cell) {
	if c == 0 {
		clear(r.cells[from:to])
		return
	}
	for i := from; i < to; i++ {
		r.cells[i] = c
	}
}

// used returns the number of cells up to the last one that is not a default
// blank.
func (r *row) used() int {
	n := len(r.cells)
	for n > 0 && r.cells[n-1] == 0 {
		n--
	}
	return n
}

// mend blanks the other half of wide characters that a write to [from, to)
// cuts in two.
func (r *row) mend(from, to int) {
	if from > 0 && from < len(r.cells) && r.cells[from]&tailBit != 0 {
		r.cells[from-1] = blankOf(r.cells[from-1].style())
	}
	if to < len(r.cells) && r.cells[to]&tailBit != 0 {
		r.cells[to] = blankOf(r.cells[to].style())
	}
}

// A pool gives small stable numbers to values that repeat. Number 0 is the
// zero value. When it is full, sweep frees the numbers that mark does not name.
type pool[K comparable] struct {
	ids  map[K]uint16
	vals []K
	free []uint16
	max  int
}

func newPool[K comparable](limit int) pool[K] {
	var zero K
	return pool[K]{ids: map[K]uint16{zero: 0}, vals: []K{zero}, max: limit}
}

// id returns the number of v. It returns false when the pool is full.
func (p *pool[K]) id(v K) (uint16, bool) {
	if id, ok := p.ids[v]; ok {
		return id, true
	}
	var id uint16
	switch {
	case len(p.free) > 0:
		id = p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		p.vals[id] = v
	case len(p.vals) < p.max:
		id = uint16(len(p.vals))
		p.vals = append(p.vals, v)
	default:
		return 0, false
	}
	p.ids[v] = id
	return id, true
}

// sweep frees every number that used does not hold.
func (p *pool[K]) sweep(used map[uint16]bool) {
	for v, id := range p.ids {
		if id != 0 && !used[id] {
			delete(p.ids, v)
			p.free = append(p.free, id)
		}
	}
}
