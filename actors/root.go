package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/presence"
)

// Root is where other rooms of the daemon start actors of their own.
func (s *System) Root() *actor.RootContext { return s.system.Root }

// Publish tells all observers what an actor of another room has to say.
func (s *System) Publish(e iapeer.Event) { s.h.Publish(e) }

// Waits tells a session's presence what of it waits for a person's word, "" for
// nothing any more. With doze, which says why, the session is parked as soon as
// it is idle.
func (s *System) Waits(id iapeer.Identity, generation int64, what, doze string) {
	presence.Ask(s.h, id, generation, what, doze)
}

// Tell sends a peer a message of the daemon itself. key makes it be sent once.
func (s *System) Tell(to iapeer.Identity, key, body string) { s.h.Tell(to, key, body, "", nil) }
