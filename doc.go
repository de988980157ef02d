// Package iapeer is the vocabulary of the house: names, identities, natures,
// envelopes, receipts, events and paths. Every other room imports it; it
// imports none of them.
//
// A peer is an agent, a person or a service with a stable [Name]. It is
// reached on a [Runtime]; both together are an [Identity]. What one peer tells
// another travels in an [Envelope] and is kept as a [Message], whose [State]
// moves only along the table in [State.Next]. What a session says about itself
// is a [SessionEvent]; what the fleet says to its observers is an [Event].
//
// The package holds no state and starts no goroutine. All values may be copied
// and read concurrently.
package iapeer
