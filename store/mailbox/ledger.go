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
	from  iapeer.Name
	to    iapeer.Identity
	bytes int64
}

func entryOf(m iapeer.Message) entry {
	return entry{from: m.From.Name, to: m.To, bytes: int64(len(m.Body))}
}

// A pair is one sender to one recipient.
type pair struct{ from, to iapeer.Name }

// A ledger counts open messages. Only the store's goroutine changes it, within
// the write that it stands for, so an append that is not committed yet counts
// too; anybody may read it.
type ledger struct {
	mu     sync.Mutex
	names  map[iapeer.Name]*tally
	boxes  map[iapeer.Identity]int
	pairs  map[pair]int
	limits limits
}

type tally struct {
	open  int
	bytes int64
}

// limits bound what may be open at one time.
type limits struct {
	messages  int   // per recipient
	bytes     int64 // per recipient, of bodies
	perSender int   // from one sender to one recipient
}

func (l *ledger) init() {
	l.names = make(map[iapeer.Name]*tally)
	l.boxes = make(map[iapeer.Identity]int)
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

// add counts e in (sign +1) or out (-1).
func (l *ledger) add(e entry, sign int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.names[e.to.Name]
	if t == nil {
		t = new(tally)
		l.names[e.to.Name] = t
	}
	t.open += sign
	t.bytes += int64(sign) * e.bytes
	if t.open == 0 {
		delete(l.names, e.to.Name)
	}
	bump(l.boxes, e.to, sign)
	bump(l.pairs, pair{e.from, e.to.Name}, sign)
}

// bump changes a counter and forgets one that is zero.
func bump[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}

// move counts what a change of state does and returns how to take it back.
func (l *ledger) move(before, after iapeer.Message) (undo func()) {
	sign := 0
	switch {
	case after.State.Open() && !before.State.Open():
		sign = +1
	case !after.State.Open() && before.State.Open():
		sign = -1
	default:
		return func() {}
	}
	e := entryOf(before)
	l.add(e, sign)
	return func() { l.add(e, -sign) }
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
	list := make([]iapeer.Identity, 0, len(l.boxes))
	for id := range l.boxes {
		list = append(list, id)
	}
	slices.SortFunc(list, func(a, b iapeer.Identity) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Runtime, b.Runtime))
	})
	return list
}

func (l *ledger) openFor(id iapeer.Identity) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.boxes[id]
}

// blocked completes the refusal with the message that has been open longest.
func blocked(refusal error, oldest iapeer.MessageID, state iapeer.State) error {
	return fmt.Errorf("%w; the oldest, %s, is %s: wait for it, or withdraw it with \"iapeer msg cancel %s\"",
		refusal, oldest, state, oldest)
}
