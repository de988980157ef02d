// Package edit changes one thing in a file that belongs to somebody else: a key
// of a JSON object, a server in Codex's configuration, a line. Every function
// is pure, bytes in and bytes out, and keeps every other byte: order, comments,
// indentation, line ends. What it adds, its inverse takes away again to the
// byte. A file that is not what it should be gives an error, never a guess.
//
// A new kind of edit is one file here, with its inverse and a fuzz target that
// holds it to both promises.
package edit
