package actors

import (
	"context"

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

// Wake has a peer go on with its last conversation, as far as it has one, and
// tells it something there. key makes it be told once.
func (s *System) Wake(ctx context.Context, id iapeer.Identity, key, body string) {
	// without a conversation to resume the message begins a fresh one
	_, _ = s.Command(ctx, iapeer.Command{Verb: iapeer.VerbAttach, Peer: id.Name, Runtime: id.Runtime})
	s.h.Tell(id, key, body, "")
}
