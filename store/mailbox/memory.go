package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
)

// Memory is a mailbox without a disk, for tests: it keeps every promise of
// [Box] but the durable one. Take [NewMemory]. All methods may be called
// concurrently; callbacks run one after the other, on the goroutine of one of
// the callers.
type Memory struct {
	ledger ledger

	mu      sync.Mutex
	todo    []func() (done func())
	running bool
	letters []*letter // by Seq; deleted ones are gone
	seq     int64
}

// A letter is a message with its history.
type letter struct {
	iapeer.Message
	history []iapeer.Step
}

// NewMemory returns an empty mailbox.
func NewMemory() *Memory {
	m := new(Memory)
	m.ledger.init()
	return m
}

// run queues op and works the queue off unless somebody does already. op runs
// with mu held; what it returns runs without.
func (y *Memory) run(op func() (done func())) {
	y.mu.Lock()
	y.todo = append(y.todo, op)
	if y.running {
		y.mu.Unlock()
		return
	}
	y.running = true
	for len(y.todo) > 0 {
		next := y.todo[0]
		y.todo = y.todo[1:]
		done := next()
		y.mu.Unlock()
		done()
		y.mu.Lock()
	}
	y.running = false
	y.mu.Unlock()
}

// Append is [Box.Append].
func (y *Memory) Append(m iapeer.Message, done func(stored iapeer.Message, repeated bool, err error)) {
	m, err := complete(m, time.Now())
	if err != nil {
		done(m, false, err)
		return
	}
	y.run(func() func() {
		stored, repeated, err := y.append(m)
		if err != nil {
			err = fmt.Errorf("store message: %w", err)
		}
		return func() { done(stored, repeated, err) }
	})
}

func (y *Memory) append(m iapeer.Message) (iapeer.Message, bool, error) {
	for _, l := range y.letters {
		if m.Key != "" && l.Key == m.Key && l.From == m.From && l.Proof == m.Proof {
			return l.Message, true, nil
		}
	}
	if err := y.ledger.room(entryOf(&m)); err != nil {
		for _, l := range y.letters {
			if l.To.Name == m.To.Name && l.State.Open() {
				return m, false, blocked(err, l.ID, l.State)
			}
		}
		return m, false, err
	}
	for y.find(m.ID) != nil {
		m.ID = iapeer.NewMessageID()
	}
	y.seq++
	m.Seq = y.seq
	m.Attachments = slices.Clone(m.Attachments)
	y.letters = append(y.letters, &letter{Message: m, history: []iapeer.Step{accepted(m, m.State)}})
	y.ledger.add(entryOf(&m), +1)
	return m, false, nil
}

func (y *Memory) find(id iapeer.MessageID) *letter {
	for _, l := range y.letters {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// Mark is [Box.Mark].
func (y *Memory) Mark(marks []iapeer.Mark, done func([]Marked)) {
	now := time.Now()
	y.run(func() func() {
		results := make([]Marked, len(marks))
		for i, k := range marks {
			results[i] = y.mark(stamped(k, now))
		}
		return func() { done(results) }
	})
}

func (y *Memory) mark(k iapeer.Mark) Marked {
	l := y.find(k.ID)
	if l == nil {
		r := Marked{Mark: k, Err: fmt.Errorf("%s: %w", k.ID, iapeer.ErrUnknownID)}
		r.Message.ID = k.ID
		return r
	}
	after, news, err := apply(l.Message, k)
	r := Marked{Mark: k, Message: after, Was: l.State, Err: err}
	if news {
		y.ledger.move(&l.Message, after.State)
		y.ledger.settle(entryOf(&after))
		l.Message = after
		l.history = append(l.history, step(after, k))
	}
	return r
}

// pick returns the messages that keep says, oldest first.
func (y *Memory) pick(keep func(iapeer.Message) bool) []iapeer.Message {
	y.mu.Lock()
	defer y.mu.Unlock()
	var list []iapeer.Message
	for _, l := range y.letters {
		if keep(l.Message) {
			list = append(list, l.Message)
		}
	}
	return list
}

func first(list []iapeer.Message, limit int) []iapeer.Message {
	return list[:min(len(list), bounded(limit))]
}

// Pending is [Box.Pending].
func (y *Memory) Pending(_ context.Context, to iapeer.Identity, limit int) ([]iapeer.Message, error) {
	return first(y.pick(func(m iapeer.Message) bool { return m.State.Open() && m.State != iapeer.Held && m.To == to }), limit), nil
}

// Open is [Box.Open].
func (y *Memory) Open(_ context.Context, to iapeer.Name) ([]iapeer.Message, error) {
	return y.pick(func(m iapeer.Message) bool { return m.State.Open() && m.To.Name == to }), nil
}

// Waiting is [Box.Waiting].
func (y *Memory) Waiting() []iapeer.Identity { return y.ledger.waiting() }

// Backlog is [Box.Backlog].
func (y *Memory) Backlog(n iapeer.Name) (open int, bytes int64) { return y.ledger.backlog(n) }

// OpenFor is [Box.OpenFor].
func (y *Memory) OpenFor(id iapeer.Identity) int { return y.ledger.openFor(id) }

// Message is [Box.Message].
func (y *Memory) Message(_ context.Context, prefix string) (iapeer.Message, []iapeer.Step, error) {
	from, _, err := idRange(prefix)
	if err != nil {
		return iapeer.Message{}, nil, err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	var found []string
	for _, l := range y.letters {
		if string(l.ID) == from {
			return l.Message, slices.Clone(l.history), nil
		}
		if strings.HasPrefix(string(l.ID), from) {
			found = append(found, string(l.ID))
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return iapeer.Message{}, nil, wrap("message "+prefix, iapeer.ErrUnknownID)
	case 1:
		l := y.find(iapeer.MessageID(found[0]))
		return l.Message, slices.Clone(l.history), nil
	}
	return iapeer.Message{}, nil, ambiguous(prefix, found)
}

// Messages is [Box.Messages]; Text is compared without an index.
func (y *Memory) Messages(_ context.Context, q iapeer.MessageQuery) ([]iapeer.Message, error) {
	list := y.pick(func(m iapeer.Message) bool {
		return (q.Peer == "" || m.From.Name == q.Peer || m.To.Name == q.Peer) &&
			(q.From == "" || m.From.Name == q.From) && (q.To == "" || m.To.Name == q.To) &&
			(q.State == "" || m.State == q.State) &&
			(q.Before <= 0 || m.Seq < q.Before) && (q.After <= 0 || m.Seq > q.After) &&
			(q.Text == "" || contains(m.Body, q.Text) || contains(m.Topic, q.Text))
	})
	if q.After <= 0 {
		slices.Reverse(list)
	}
	return first(list, q.Limit), nil
}

func contains(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// Inbox is [Box.Inbox].
func (y *Memory) Inbox(_ context.Context, to iapeer.Identity, read bool, limit int) ([]iapeer.Message, error) {
	list := y.pick(func(m iapeer.Message) bool { return m.To == to && (read || m.State.Open()) })
	slices.Reverse(list)
	return first(list, limit), nil
}

// Expire is [Box.Expire].
func (y *Memory) Expire(_ context.Context, now time.Time) ([]Marked, error) {
	var marks []iapeer.Mark
	for _, m := range y.pick(func(m iapeer.Message) bool { return m.State == iapeer.Accepted && !m.ExpiresAt.After(now) }) {
		marks = append(marks, expiry(m.ID, now))
	}
	end := make(chan []Marked, 1)
	y.Mark(marks, func(results []Marked) { end <- onlyChanged(results) })
	return <-end, nil
}

// Prune is [Box.Prune]; the size of a message is that of its body.
func (y *Memory) Prune(_ context.Context, now time.Time, r Retention) (deleted int, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	var used int64
	for _, l := range y.letters {
		used += int64(len(l.Body))
	}
	y.letters = slices.DeleteFunc(y.letters, func(l *letter) bool {
		old := r.Age > 0 && l.AcceptedAt.Before(now.Add(-r.Age))
		over := r.Bytes > 0 && used > r.Bytes
		if l.State.Open() || l.Seq == y.seq || !old && !over {
			return false
		}
		used -= int64(len(l.Body))
		deleted++
		return true
	})
	return deleted, nil
}
