package mailbox

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// eraBits tells how many numbers an era of the finder has: 32 768. An era that
// is full does not change any more. The tables depend on it.
const eraBits = 15

// wordBits is how much of an id or of a key's hash is kept: what SQLite stores
// in six bytes, with the sign that tells keys from ids.
const wordBits = 47

// A finder tells which messages may have an id or a key; whoever asks compares
// with the message itself. It stands where an index would, because an index
// over random values has every append write a page of its own, at a place
// that is the less likely in memory the more messages are kept. The words of
// the newest messages are in memory only; some thousand at a time they are
// folded into the tables, in their own order, so that a page takes many of
// them. The tables are parted by eras, each with a [filter] in memory, so that
// a word that is nowhere costs no read.
//
// A word whose message was never committed or is deleted does no harm.
type finder struct {
	eraBits int

	mu    sync.RWMutex
	tail  []entryWord     // of the newest messages, in their order
	heads map[int64]int32 // the last one in tail of a word, counted from 1
	packs []*pack         // of eras that are full, oldest first
	eras  []eraFilter     // the rest of them and the one that is being filled, oldest first
}

// An entryWord is one word of one message.
type entryWord struct {
	word, seq int64
	next      int32 // the one before it in tail with the same word, counted from 1
}

// An eraFilter is the filter of one era.
type eraFilter struct {
	era int64
	filter
}

func (f *finder) init(eraBits int) {
	f.eraBits = eraBits
	f.heads = make(map[int64]int32)
}

// era is the one that a number is in; first is an era's lowest number, and nth a
// number's place in its era.
func (f *finder) era(seq int64) int64   { return seq >> f.eraBits }
func (f *finder) first(era int64) int64 { return era << f.eraBits }
func (f *finder) nth(seq int64) int64   { return seq & (1<<f.eraBits - 1) }

// words is how many words an era has at most: of an id and of a key each.
func (f *finder) words() int { return 2 << f.eraBits }

// idWord is an id's word: its characters' five bits each, so that ids with one
// beginning have words in one range.
func idWord(id iapeer.MessageID) int64 { return idBits(string(id), 0) }

// idChars is how many characters an id has behind its "m-".
const idChars = 10

// idBits fills up what is missing with one digit.
func idBits(id string, fill int) int64 {
	id = strings.TrimPrefix(id, "m-")
	var bits int64
	for i := range idChars {
		d := fill
		if i < len(id) {
			ours := false
			if d, ours = digit(id[i]); !ours {
				id, fill = id[:i], 0 // a neighbour stands for it: what follows must not decide
				if d > lastDigit {
					d, fill = lastDigit, lastDigit
				}
			}
		}
		bits = bits<<5 | int64(d)
	}
	return bits >> (idChars*5 - wordBits)
}

// lastDigit is the value of the last character that ids have.
const lastDigit = 31

// digit is the value of a character of an id. One that no id of ours has gets the
// value of the next one, and false; behind the last that is lastDigit + 1.
func digit(c byte) (value int, ours bool) {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	for i := range len(digits) {
		if digits[i] >= c {
			return i, digits[i] == c
		}
	}
	return len(digits), false
}

// keyWord is the word of what makes messages the same, below 0; false when the
// message has no key. It is FNV-1a, which stays the same for ever.
func keyWord(key, name, runtime, proof string) (int64, bool) {
	if key == "" {
		return 0, false
	}
	h := uint64(14695981039346656037)
	for _, s := range [...]string{key, name, runtime, proof} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h *= 1099511628211 // a zero byte between two
	}
	return -1 - int64(spread(int64(h))>>(64-wordBits)), true
}

func keyWordOf(m *iapeer.Message) (int64, bool) {
	return keyWord(m.Key, string(m.From.Name), string(m.From.Runtime), string(m.Proof))
}

// enter takes a message's words in.
func (f *finder) enter(seq, id, key int64, hasKey bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.push(id, seq)
	if hasKey {
		f.push(key, seq)
	}
}

func (f *finder) push(word, seq int64) {
	f.tail = append(f.tail, entryWord{word: word, seq: seq, next: f.heads[word]})
	f.heads[word] = int32(len(f.tail))
}

// waiting returns how many words are in memory only.
func (f *finder) waiting() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.tail)
}

// likely returns the newest messages and the eras that may have the word. The
// newest are looked up first, because folding goes from them to the eras.
func (f *finder) likely(word int64) (seqs, eras []int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for i := f.heads[word]; i != 0; i = f.tail[i-1].next {
		seqs = append(seqs, f.tail[i-1].seq)
	}
	h := spread(word)
	for _, p := range f.packs {
		eras = p.likely(h, eras)
	}
	for _, e := range f.eras {
		if e.has(h) {
			eras = append(eras, e.era)
		}
	}
	return seqs, eras
}

// find calls is for each message that may have the word until it says yes, and
// reports whether it did.
func (f *finder) find(t *store.Tx, word int64, is func(seq int64) (bool, error)) (bool, error) {
	seqs, eras := f.likely(word)
	if found, err := anyOf(seqs, is); found || err != nil || len(eras) == 0 {
		return found, err
	}
	for _, era := range eras {
		seqs, err := f.inEra(t, era, word)
		if err != nil {
			return false, err
		}
		if found, err := anyOf(seqs, is); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (f *finder) inEra(t *store.Tx, era, word int64) (seqs []int64, err error) {
	err = t.Query(func(r store.Row) error {
		seqs = append(seqs, f.first(era)+r.Int(0))
		return nil
	}, "SELECT nth FROM finder WHERE era = ? AND word = ?", era, word)
	return seqs, err
}

func anyOf(seqs []int64, is func(int64) (bool, error)) (bool, error) {
	for _, seq := range seqs {
		if yes, err := is(seq); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}

// between returns the newest messages with words in a range, and all eras.
func (f *finder) between(low, high int64) (seqs, eras []int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, e := range f.tail {
		if e.word >= low && e.word <= high {
			seqs = append(seqs, e.seq)
		}
	}
	return seqs, f.all()
}

// all returns the eras, oldest first.
func (f *finder) all() (eras []int64) {
	for _, p := range f.packs {
		for _, era := range p.eras {
			if era >= 0 {
				eras = append(eras, era)
			}
		}
	}
	for _, e := range f.eras {
		eras = append(eras, e.era)
	}
	return eras
}

// upTo returns the words of the messages up to a number, in their own order,
// and lets the era's filter know them.
func (f *finder) upTo(last int64) []entryWord {
	f.mu.Lock()
	defer f.mu.Unlock()
	var words []entryWord
	into := f.filterOf(f.era(last))
	for _, e := range f.tail {
		if e.seq <= last {
			words = append(words, e)
			into.add(spread(e.word))
		}
	}
	slices.SortFunc(words, func(a, b entryWord) int { return cmp.Or(cmp.Compare(a.word, b.word), cmp.Compare(a.seq, b.seq)) })
	return words
}

func (f *finder) filterOf(era int64) filter {
	for _, e := range f.eras {
		if e.era == era {
			return e.filter
		}
	}
	f.eras = append(f.eras, eraFilter{era: era, filter: newFilter(f.words())})
	f.pack()
	return f.eras[len(f.eras)-1].filter
}

// folded lets go of the words up to a number, which are in the tables now.
func (f *finder) folded(last int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.tail
	f.tail = make([]entryWord, 0, cap(f.tail))
	clear(f.heads)
	for _, e := range rest {
		if e.seq > last {
			f.push(e.word, e.seq)
		}
	}
}

// bits returns a copy of an era's filter.
func (f *finder) bits(era int64) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.filterOf(era).bytes()
}

// list returns the eras, oldest first.
func (f *finder) list() []int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.all()
}

// forget drops an era.
func (f *finder) forget(era int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eras = slices.DeleteFunc(f.eras, func(e eraFilter) bool { return e.era == era })
	for _, p := range f.packs {
		if i := slices.Index(p.eras, era); i >= 0 {
			p.eras[i] = -1
		}
	}
	f.packs = slices.DeleteFunc(f.packs, func(p *pack) bool {
		return len(p.eras) == packSize && !slices.ContainsFunc(p.eras, func(era int64) bool { return era >= 0 })
	})
}
