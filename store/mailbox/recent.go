package mailbox

import "github.com/iapeer/iapeer"

// What [recent] holds at most.
const (
	recentMessages = 1024
	recentBytes    = 2 << 20 // of bodies
)

// A recent is the messages that were appended or marked last, as the writes so
// far left them, so that the marks which follow an append within moments read
// nothing. It is used by the store's goroutine only. What a failed write has
// touched must be dropped, and is read again when it is needed.
type recent struct {
	rows  map[iapeer.MessageID]*row
	order []*row // oldest first; what was dropped meanwhile is still in it
	bytes int
}

func (c *recent) init() { c.rows = make(map[iapeer.MessageID]*row) }

func (c *recent) put(r *row) {
	c.drop(r.ID)
	c.rows[r.ID] = r
	c.order = append(c.order, r)
	c.bytes += len(r.Body)
	for len(c.order) > recentMessages || c.bytes > recentBytes && len(c.order) > 1 {
		oldest := c.order[0]
		c.order[0] = nil
		c.order = c.order[1:]
		if c.rows[oldest.ID] == oldest {
			c.drop(oldest.ID)
		}
	}
}

func (c *recent) drop(id iapeer.MessageID) {
	if r := c.rows[id]; r != nil {
		delete(c.rows, id)
		c.bytes -= len(r.Body)
	}
}
