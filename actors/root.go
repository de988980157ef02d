package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/iapeer/iapeer"
)

// Root is where other rooms of the daemon start actors of their own.
func (s *System) Root() *actor.RootContext { return s.system.Root }

// Publish tells all observers what an actor of another room has to say.
func (s *System) Publish(e iapeer.Event) { s.h.Publish(e) }
