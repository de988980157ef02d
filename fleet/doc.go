// Package fleet is the daemon's HTTP surface for people, programs and hooks:
// /fleet/v1, /hooks/v1, /healthz and /version. The MCP surface is another room.
//
// [New] returns one handler. The whole API is one table, in routes.go: method,
// path, who may, handler; the handlers of a noun live in the file named for it.
// A new endpoint is one line of that table and one function.
//
// What the handlers need of the daemon is declared in deps.go as small
// interfaces over root types; the daemon's wiring implements them over actors
// and store. The wire types belong to package client, so that the daemon
// writes exactly what a client reads.
//
// Rules:
//
//   - Who calls is told by [Deps.Caller], which the gate fills in before a
//     request comes here. A body never says who it is from, except to choose
//     among the identities that [Sender.Resolve] grants the caller.
//   - A handler translates and decides nothing: refusals come from the
//     interfaces and are mapped to a status in one place (client.Refusal).
//   - Nothing here blocks without a bound: bodies, waits, writes to slow
//     readers and replays are limited by the constants of this package.
//   - A panic in a handler ends that request with 500 and an id to be found in
//     the log, never the daemon.
package fleet
