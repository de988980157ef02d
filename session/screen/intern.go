package screen

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
