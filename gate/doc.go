// Package gate decides who is calling: one middleware in front of the daemon's
// single handler, served on loopback TCP and on the unix socket.
//
// # What it establishes
//
// Once per connection, at accept: which user is at the other end. On the unix
// socket the kernel tells it with the credentials of the peer; on TCP an exact
// inet_diag look-up names the owner of the other half of the connection. Where
// the kernel cannot be asked, every TCP request needs a token.
//
// Once per request: that the Host is loopback (DNS rebinding), that the Origin
// is absent or ours and a write carries JSON (cross-site requests), that no
// header which names the caller comes twice (smuggling), which token the
// Authorization header holds, and which identity is claimed.
//
// # Who may speak for an identity
//
//   - The token of a session speaks for that session's identity only; header
//     and token must agree.
//   - While an identity has a live supervised session, nothing but that
//     session's token speaks for it.
//   - Without one, a process of the same user outside every session may speak
//     for it; the message then carries [iapeer.ProofUID].
//   - It may not from a folder that is not the peer's and carries its papers:
//     a copy, a clone or a work tree of the peer's folder.
//   - A process under a session host acts only as that session.
//   - A natural peer speaks through a person's proof: an interactive terminal
//     on the unix socket, outside every session and every agent program, or
//     the token of that person's own router.
//
// A request that may be served without an identity (a snapshot, the list of
// tools) is let through although its claim does not hold; [CallerFrom] returns
// why, and whoever needs the identity refuses with that error. Everything else
// is refused at once, with a status, a JSON body and the way out.
//
// # What it never does
//
// It keeps no identity between requests, starts no goroutine, trusts no
// environment variable of the daemon, and never logs a token.
package gate
