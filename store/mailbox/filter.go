package mailbox

import "encoding/binary"

// The measures of a filter. At 16 bits a word it takes a foreign word for a
// known one about once in a thousand times.
const (
	lineWords   = 8 // 64 bytes: a test reads one line of the processor's cache
	bitsPerWord = 16
)

// A filter is a Bloom filter of one era's words: it may take a word for known
// that is not, never the other way round. A nil filter knows nothing.
type filter []uint64

// newFilter returns an empty filter for so many words.
func newFilter(words int) filter { return make(filter, max(words*bitsPerWord/64, lineWords)) }

// spread mixes a word's bits, because the words of ids made in tests or by
// other programs may have little in them (the finalizer of SplitMix64).
func spread(word int64) uint64 {
	h := uint64(word) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// line returns where the word with that spread has its bits.
func (f filter) line(h uint64) []uint64 {
	at := int(h%uint64(len(f)/lineWords)) * lineWords
	return f[at : at+lineWords]
}

func (f filter) add(h uint64) {
	line := f.line(h)
	for rest := spread(int64(h)); rest != 0; rest >>= 9 {
		line[rest&7] |= 1 << (rest >> 3 & 63)
	}
}

func (f filter) has(h uint64) bool {
	if f == nil {
		return false
	}
	line := f.line(h)
	for rest := spread(int64(h)); rest != 0; rest >>= 9 {
		if line[rest&7]&(1<<(rest>>3&63)) == 0 {
			return false
		}
	}
	return true
}

// bytes is how a filter is kept.
func (f filter) bytes() []byte {
	out := make([]byte, 0, len(f)*8)
	for _, w := range f {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return out
}

// readFilter is the reverse of bytes, for so many words. What does not have the
// length becomes a filter that takes every word for known, which is only
// slower.
func readFilter(b []byte, words int) filter {
	f := newFilter(words)
	for i := range f {
		f[i] = ^uint64(0)
		if len(b) == len(f)*8 {
			f[i] = binary.LittleEndian.Uint64(b[i*8:])
		}
	}
	return f
}
