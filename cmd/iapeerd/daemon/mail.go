package daemon

import (
	"context"
	"errors"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// pendingAtOnce is how many open messages of one identity are read: all that
// the backlog limit lets in.
const pendingAtOnce = iapeer.MaxOpenMessages

// mail plugs the mailbox into the actors. Reads run in goroutines of their own,
// so that no actor waits for the disk.
type mail struct {
	box *mailbox.Box
	ctx context.Context // the daemon's life
}

var (
	_ house.Mailbox = mail{}
	_ house.Counter = mail{}
)

func (m mail) Append(msg iapeer.Message, done func(iapeer.Message, bool, error)) {
	m.box.Append(msg, func(stored iapeer.Message, repeated bool, err error) {
		if errors.Is(err, store.ErrClosed) {
			err = house.ErrClosed
		}
		done(stored, repeated, err)
	})
}

func (m mail) Mark(marks []iapeer.Mark, done func([]house.Marked)) {
	m.box.Mark(marks, func(out []mailbox.Marked) {
		res := make([]house.Marked, len(out))
		for i, o := range out {
			res[i] = house.Marked{Message: o.Message, Changed: o.Changed(), Err: o.Err}
			if errors.Is(o.Err, store.ErrClosed) {
				res[i].Err = house.ErrClosed
			}
		}
		done(res)
	})
}

// OpenFor implements [house.Counter].
func (m mail) OpenFor(id iapeer.Identity) int { return m.box.OpenFor(id) }

func (m mail) Pending(to iapeer.Identity, done func([]iapeer.Message, error)) {
	if m.box.OpenFor(to) == 0 {
		go done(nil, nil)
		return
	}
	go func() { done(m.box.Pending(m.ctx, to, pendingAtOnce)) }()
}

func (m mail) Message(id iapeer.MessageID, done func(iapeer.Message, error)) {
	go func() {
		msg, _, err := m.box.Message(m.ctx, string(id))
		done(msg, err)
	}()
}
