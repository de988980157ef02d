package mailbox

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

func TestAFilterKnowsWhatWasAddedAndLittleElse(t *testing.T) {
	const n = 2 << eraBits
	f := newFilter(n)
	r := rand.New(rand.NewPCG(1, 2))
	var words []int64
	for range n {
		words = append(words, r.Int64N(1<<wordBits))
		f.add(spread(words[len(words)-1]))
	}
	f = readFilter(f.bytes(), n)
	for _, w := range words {
		if !f.has(spread(w)) {
			t.Fatalf("word %d is not known", w)
		}
	}
	taken := 0
	for range 100_000 {
		if f.has(spread(r.Int64N(1 << wordBits))) {
			taken++
		}
	}
	if taken > 500 {
		t.Errorf("%d of 100000 foreign words are taken for known", taken)
	}
	if !readFilter([]byte("torn"), n).has(spread(1)) || filter(nil).has(spread(1)) {
		t.Error("a torn filter must take every word for known, none no word")
	}
}

// Ids with one beginning have words in one range, whatever they are made of.
func FuzzIDWordsKeepTheOrderOfIDs(f *testing.F) {
	f.Add("m-0123456789", "m-0123456790")
	f.Add("m-a", "m-aaaaaaaaaa")
	f.Add("m-ILOU", "m-ilou\xff\x00")
	f.Add("z1", "\xf7")
	f.Add("i0", "iz")
	f.Add("", "m-")
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = "m-"+a, "m-"+b
		one, two := idWord(iapeer.MessageID(a)), idWord(iapeer.MessageID(b))
		if one < 0 || one >= 1<<wordBits {
			t.Fatalf("word of %q: %d", a, one)
		}
		if a < b && one > two {
			t.Fatalf("%q < %q, but %d > %d", a, b, one, two)
		}
		if w, has := keyWord(a, b, "", ""); !has || w >= 0 || w < -1<<wordBits {
			t.Fatalf("word of a key: %d", w)
		}
		if strings.HasPrefix(b, a) && (two < idBits(a, 0) || two > idBits(a, 31)) {
			t.Fatalf("%q begins %q, but %d is not from %d to %d", a, b, two, idBits(a, 0), idBits(a, 31))
		}
	})
}
