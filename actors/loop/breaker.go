// Package loop notices agents that answer each other for ever. A message that
// an agent sends in a turn is one hop further than the messages that caused the
// turn, so a cycle of any length, and of any number of agents, climbs without
// end, while a conversation that fans out to many peers, or that a person takes
// part in, stays low: what a person says begins at one again.
//
// Two bounds stop a climb: a pace, so many hops within a while, which no pair of
// agents that work between their messages keeps up, and a height, for the slow
// ones. What passes a bound is held, not lost: a person releases it, and that
// conversation may climb as far again.
package loop

import (
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
)

// Limits are the bounds. A zero bound is off.
type Limits struct {
	Pace   int           // hops a conversation may climb within Window
	Window time.Duration // see Pace
	Height int           // hops a conversation may climb without a person
}

// maxConversations is how many conversations are remembered; the one that was
// quiet longest is forgotten first.
const maxConversations = 1024

// A Breaker watches conversations. It belongs to one goroutine.
type Breaker struct {
	limits Limits
	climbs map[iapeer.ConversationID]*climb
}

// climb is the way of one conversation.
type climb struct {
	floor int         // hops at the beginning, or when a person let it go on
	top   int         // the highest hop so far
	times []time.Time // when each of the last Pace hops was first reached, oldest first
	last  time.Time
}

// New returns a breaker that knows no conversation.
func New(l Limits) *Breaker {
	return &Breaker{limits: l, climbs: make(map[iapeer.ConversationID]*climb)}
}

// Weigh takes a message that is about to be accepted. why is "" when it may go
// on, else the reason to hold it, for people and for the sender.
func (b *Breaker) Weigh(c iapeer.ConversationID, hops int, now time.Time) (why string) {
	if c == "" || hops <= 0 {
		return ""
	}
	way := b.climbs[c]
	if way == nil || hops <= 1 { // a person, or a beginning
		b.forgetOldest()
		way = &climb{floor: hops - 1, top: hops - 1}
		b.climbs[c] = way
	}
	way.last = now
	if hops <= way.top {
		return ""
	}
	if l := b.limits; l.Height > 0 && hops-way.floor > l.Height {
		return fmt.Sprintf("it would be message %d in a row that no person had a part in, and the limit is %d (max_hops)", hops-way.floor, l.Height)
	}
	if l := b.limits; l.Pace > 0 && len(way.times) >= l.Pace && now.Sub(way.times[0]) < l.Window {
		return fmt.Sprintf("the agents answered each other %d times within %s, and the limit is %d within %s (loop_hops, loop_window_secs)",
			l.Pace, now.Sub(way.times[0]).Round(time.Second), l.Pace, l.Window)
	}
	way.reach(hops, now, b.limits.Pace)
	return ""
}

// reach notes that a hop was reached, and those below it that were not seen.
func (w *climb) reach(hops int, now time.Time, keep int) {
	for n := max(w.top, hops-keep); n < hops; n++ {
		w.times = append(w.times, now)
	}
	w.top = hops
	w.times = w.times[max(0, len(w.times)-keep):]
}

// Release lets a conversation climb as far again from where it stands.
func (b *Breaker) Release(c iapeer.ConversationID, hops int) {
	if way := b.climbs[c]; way != nil {
		way.floor, way.top, way.times = hops, max(way.top, hops), nil
	}
}

func (b *Breaker) forgetOldest() {
	if len(b.climbs) < maxConversations {
		return
	}
	var oldest iapeer.ConversationID
	for c, way := range b.climbs {
		if oldest == "" || way.last.Before(b.climbs[oldest].last) {
			oldest = c
		}
	}
	delete(b.climbs, oldest)
}
