package screen

import "github.com/rivo/uniseg"

// A class says how a code point behaves in the grid: its width in cells, and
// whether it may join the cluster before it.
type class uint8

const (
	widthMask class = 3
	joinsBit  class = 4
	knownBit  class = 128
)

const zeroWidthJoiner = 0x200d

func (c class) width() int  { return int(c & widthMask) }
func (c class) joins() bool { return c&joinsBit != 0 }

// classes remembers classes by blocks of 256 code points. The lookup of one
// code point in the Unicode tables costs a microsecond, a remembered one
// nothing; blocks nobody prints are never made.
type classes struct{ blocks map[rune]*[256]class }

func (k *classes) of(r rune) class {
	block := k.blocks[r>>8]
	if block == nil {
		if k.blocks == nil {
			k.blocks = map[rune]*[256]class{}
		}
		block = new([256]class)
		k.blocks[r>>8] = block
	}
	c := block[r&255]
	if c == 0 {
		c = classify(r) | knownBit
		block[r&255] = c
	}
	return c
}

// classify asks the Unicode tables about one code point.
func classify(r rune) class {
	s := string(r)
	c := class(min(uniseg.StringWidth(s), 2))
	switch {
	case r >= 0x1f1e6 && r <= 0x1f1ff: // regional indicators pair up
		return c | joinsBit
	case r >= 0x1160 && r <= 0x11ff, r >= 0xd7b0 && r <= 0xd7ff: // vowels and trailing consonants of Hangul
		return c | joinsBit
	case joined("a" + s):
		return c | joinsBit
	}
	return c
}

// joined reports whether s is a single grapheme cluster.
func joined(s string) bool {
	_, rest, _, _ := uniseg.FirstGraphemeClusterInString(s, -1)
	return rest == ""
}

// clusterWidth returns the cells of a composed character, at most two.
func clusterWidth(s string) int { return min(uniseg.StringWidth(s), 2) }
