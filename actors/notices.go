package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// raised tells that the board has it.
type raised struct {
	notice house.Notice
	id     string
	first  bool
}

// notices puts what people must know on the board and tells the observers.
type notices struct{ h *house.House }

// Receive implements actor.Actor.
func (n *notices) Receive(c actor.Context) {
	n.h.Inspect("notices", c.Message())
	switch m := c.Message().(type) {
	case house.Raise:
		self, root := c.Self(), c.ActorSystem().Root
		n.h.Board.RaiseNotice(m.Notice, func(id string, first bool) {
			root.Send(self, raised{notice: m.Notice, id: id, first: first})
		})
	case raised:
		if m.first {
			n.h.Publish(iapeer.NoticeRaised{
				ID: m.id, Peer: m.notice.Identity.Name, Runtime: m.notice.Identity.Runtime,
				Kind: m.notice.Kind, Summary: m.notice.Summary, At: time.Now(),
			})
		}
	}
}
