package mailbox

import "math/bits"

// packSize is how many eras one pack holds, and packAfter how many full eras
// make a pack worth its memory, which is that of packSize filters.
const (
	packSize  = 32
	packAfter = 8
)

// A pack is the filters of several full eras turned by a quarter: each of its
// words has one bit of each era, so a test of all of them reads little more
// memory than a test of one.
type pack struct {
	eras []int64 // at most packSize; forgotten ones are -1
	bits []uint32
}

func newPack(f filter) *pack { return &pack{bits: make([]uint32, len(f)*64)} }

func (p *pack) add(e eraFilter) {
	mine := uint32(1) << len(p.eras)
	p.eras = append(p.eras, e.era)
	for i, word := range e.filter {
		for ; word != 0; word &= word - 1 {
			p.bits[i*64+bits.TrailingZeros64(word)] |= mine
		}
	}
}

// likely appends the eras that may have the word with that spread; the places
// are those of [filter.has].
func (p *pack) likely(h uint64, eras []int64) []int64 {
	lines := uint64(len(p.bits) / (lineWords * 64))
	line := p.bits[h%lines*lineWords*64:][:lineWords*64]
	have := ^uint32(0)
	for rest := spread(int64(h)); rest != 0 && have != 0; rest >>= 9 {
		have &= line[rest&7<<6|rest>>3&63]
	}
	for ; have != 0; have &= have - 1 {
		if i := bits.TrailingZeros32(have); i < len(p.eras) && p.eras[i] >= 0 {
			eras = append(eras, p.eras[i])
		}
	}
	return eras
}

// pack moves the filters of full eras, all but the newest, into packs.
func (f *finder) pack() {
	if len(f.eras) <= packAfter {
		return
	}
	full := f.eras[:len(f.eras)-1]
	for _, e := range full {
		if n := len(f.packs); n == 0 || len(f.packs[n-1].eras) == packSize {
			f.packs = append(f.packs, newPack(e.filter))
		}
		f.packs[len(f.packs)-1].add(e)
	}
	f.eras = []eraFilter{f.eras[len(f.eras)-1]}
}
