// Package mcp is the surface that agents call: the Model Context Protocol over
// streamable HTTP, with the one tool send_to_peer.
//
// It keeps no session. Every request stands alone, so a daemon that restarted
// answers the next call of a client that knew the old one; Mcp-Session-Id is
// neither given nor read. Protocol version 2026-07-28 and the older ones with
// the initialize handshake are served side by side, as mcp-go speaks them.
//
// # Two paths to one server
//
// A well-formed tools/call takes the short path: its body is decoded once, the
// arguments stay out of mcp-go's own passes over the message, and the answer
// is written in one piece. Everything else, and everything odd, goes through
// mcp-go's transport ([Server.Streamable]), whose errors are then the
// protocol's own. Both run the same tools through the same middleware.
//
// # Adding a tool
//
// One new file with its arguments, its description and its function, and one
// line in [Server.tools].
//
// # What it never does
//
// It does not decide who is calling (that is the gate's), whether a message may
// be sent, or when it was delivered (those are the router's, behind [Sender]).
// Refusals are results that the model can read, never protocol errors.
package mcp
