// Package client speaks the fleet API of a running iapeer daemon. The iapeer
// command line uses nothing else, and anyone may import it:
//
//	c, err := client.Dial(os.Getenv)
//	if err != nil { … }
//	reply, err := c.Send(ctx, client.SendRequest{Personality: "web", Message: "hello"})
//
// The package owns the wire types of /fleet/v1: what the daemon writes and what
// a client reads are the same Go types, so the two cannot drift apart.
//
// Promises:
//
//   - [Dial] finds the daemon through <root>/state/iapeer/router.json and
//     prefers its unix socket to its TCP port. It starts nothing and connects
//     only with the first request.
//   - It speaks HTTP/1.1 itself, one connection a request, and links neither
//     net/http nor TLS: programs that ask once and end would spend more time on
//     starting those than on asking. Where more is needed, a [Way] over net/http
//     is a few lines.
//   - Every send carries an Idempotency-Key. Repeating one with the same key
//     returns the first receipt and never sends twice.
//   - Every call takes a context and ends with it.
//   - A refusal is an [*Error] that matches the sentinels of the root package
//     ([iapeer.ErrUnknownPeer], [iapeer.ErrBacklogFull], …) with errors.Is. A
//     daemon that cannot be reached is [iapeer.ErrNoDaemon].
//   - Unknown fields of a reply and unknown events are ignored, so that an older
//     client can talk to a newer daemon.
//
// A Client is safe for concurrent use.
package client
