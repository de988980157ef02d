package mailbox

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/iapeer/iapeer"
)

// An entry is what one open message weighs.
type entry struct {
	seq   int64
	from  iapeer.Name
	to    iapeer.Identity
	bytes int64
}

func entryOf(m *iapeer.Message) entry {
	return entry{seq: m.Seq, from: m.From.Name, to: m.To, bytes: int64(len(m.Body))}
}

// A pair is one sender to one recipient.
type pair struct{ from, to iapeer.Name }

// A ledger counts and numbers open messages. Only the store's goroutine changes
// it, within the write that it stands for, so an append that is not committed
// yet counts too; anybody may read it.
//
// The counts are those of the writes so far. Listed is every message that is
// open for a reader of the file or for the writer: it comes in with the write
// and goes after the commit. So a reader of the file finds all that is open
// there, and looks at the state of each.
type ledger struct {
	mu     sync.Mutex
	names  map[iapeer.Name]*tally
	pairs  map[pair]int
	limits limits
}

// A tally is what is open for one name.
type tally struct {
	open  int
	bytes int64
	piles []*pile // one for each runtime
}

// A pile is what is open for one identity.
type pile struct {
	runtime iapeer.Runtime
	open    int
	items   []item // ascending
}

// An item is one listed message. Its open is 1 or 0; while writes fail, what
// they take back one after the other may lead elsewhere in between.
type item struct {
	seq  int64
	open int
}

// limits bound what may be open at one time.
type limits struct {
	messages  int   // per recipient
	bytes     int64 // per recipient, of bodies
	perSender int   // from one sender to one recipient
}

func (l *ledger) init() {
	l.names = make(map[iapeer.Name]*tally)
	l.pairs = make(map[pair]int)
	l.limits = limits{messages: iapeer.MaxOpenMessages, bytes: iapeer.MaxOpenBytes, perSender: iapeer.MaxOpenPerSender}
}

// room returns nil when e fits, else why not, without naming what blocks.
func (l *ledger) room(e entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var t tally
	if have := l.names[e.to.Name]; have != nil {
		t = *have
	}
	switch {
	case t.open >= l.limits.messages:
		return fmt.Errorf("%w: %s has %d open messages, the limit", iapeer.ErrBacklogFull, e.to.Name, t.open)
	case t.bytes+e.bytes > l.limits.bytes:
		return fmt.Errorf("%w: %s has %d open messages of %d bytes, and the limit is %d bytes",
			iapeer.ErrBacklogFull, e.to.Name, t.open, t.bytes, l.limits.bytes)
	case l.pairs[pair{e.from, e.to.Name}] >= l.limits.perSender:
		return fmt.Errorf("%w: %s has %d open messages from %s, the limit for one sender",
			iapeer.ErrBacklogFull, e.to.Name, l.limits.perSender, e.from)
	}
	return nil
}

// add counts e in (sign +1) or out (-1). Whoever does so calls settle once the
// write is committed or, when it is not, add with the other sign and then
// settle.
func (l *ledger) add(e entry, sign int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, p := l.pile(e.to)
	t.open += sign
	t.bytes += int64(sign) * e.bytes
	p.open += sign
	who := pair{e.from, e.to.Name}
	if l.pairs[who] += sign; l.pairs[who] == 0 {
		delete(l.pairs, who)
	}
	i, have := p.find(e.seq)
	if !have {
		p.items = slices.Insert(p.items, i, item{seq: e.seq})
	}
	p.items[i].open += sign
}

func (p *pile) find(seq int64) (int, bool) {
	return slices.BinarySearchFunc(p.items, seq, func(i item, seq int64) int { return cmp.Compare(i.seq, seq) })
}

// move counts what a change of state does to m, which is as it was before, and
// returns the sign of it: 0 when m stays open or closed.
func (l *ledger) move(m *iapeer.Message, after iapeer.State) (sign int) {
	switch was, is := m.State.Open(), after.Open(); {
	case is && !was:
		sign = +1
	case was && !is:
		sign = -1
	default:
		return 0
	}
	l.add(entryOf(m), sign)
	return sign
}

// settle takes e from the list if it is not open.
func (l *ledger) settle(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, p := l.pile(e.to)
	if i, have := p.find(e.seq); have && p.items[i].open == 0 {
		p.items = slices.Delete(p.items, i, i+1)
	}
	if len(p.items) == 0 {
		t.piles = slices.DeleteFunc(t.piles, func(o *pile) bool { return o == p })
	}
	if len(t.piles) == 0 {
		delete(l.names, e.to.Name)
	}
}

// pile returns the place of an identity, made where it is missing.
func (l *ledger) pile(id iapeer.Identity) (*tally, *pile) {
	t := l.names[id.Name]
	if t == nil {
		t = new(tally)
		l.names[id.Name] = t
	}
	for _, p := range t.piles {
		if p.runtime == id.Runtime {
			return t, p
		}
	}
	p := &pile{runtime: id.Runtime}
	t.piles = append(t.piles, p)
	return t, p
}

func (l *ledger) backlog(n iapeer.Name) (int, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.names[n]; t != nil {
		return t.open, t.bytes
	}
	return 0, 0
}

func (l *ledger) waiting() []iapeer.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]iapeer.Identity, 0, len(l.names))
	for n, t := range l.names {
		for _, p := range t.piles {
			if p.open > 0 {
				list = append(list, iapeer.Identity{Runtime: p.runtime, Name: n})
			}
		}
	}
	slices.SortFunc(list, func(a, b iapeer.Identity) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Runtime, b.Runtime))
	})
	return list
}

func (l *ledger) openFor(id iapeer.Identity) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.names[id.Name]; t != nil {
		for _, p := range t.piles {
			if p.runtime == id.Runtime {
				return p.open
			}
		}
	}
	return 0
}

// lists reports whether a message is listed.
func (l *ledger) lists(to iapeer.Identity, seq int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.names[to.Name]; t != nil {
		for _, p := range t.piles {
			if p.runtime == to.Runtime {
				_, have := p.find(seq)
				return have
			}
		}
	}
	return false
}

// A span selects from what is listed; a zero field does not limit.
type span struct {
	name        iapeer.Name
	runtime     iapeer.Runtime
	after, upTo int64
}

// listed returns the numbers that s selects, ascending.
func (l *ledger) listed(s span) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []int64
	take := func(t *tally) {
		for _, p := range t.piles {
			if s.runtime != "" && p.runtime != s.runtime {
				continue
			}
			for _, i := range p.items {
				if i.seq > s.after && (s.upTo == 0 || i.seq <= s.upTo) {
					list = append(list, i.seq)
				}
			}
		}
	}
	if s.name == "" {
		for _, t := range l.names {
			take(t)
		}
	} else if t := l.names[s.name]; t != nil {
		take(t)
	}
	slices.Sort(list)
	return list
}

// blocked completes the refusal with the message that has been open longest.
func blocked(refusal error, oldest iapeer.MessageID, state iapeer.State) error {
	return fmt.Errorf("%w; the oldest, %s, is %s: wait for it, or withdraw it with \"iapeer msg cancel %s\"",
		refusal, oldest, state, oldest)
}
