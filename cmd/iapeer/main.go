// Command iapeer is what a person types: a thin client of the daemon, and the
// program that runs as the host of a session.
//
// Every verb is a struct in a file named for it: its fields are its grammar,
// its Run method is its deed, its Help method its manual with an example. A verb
// touches the world only through *world and the daemon only through package
// fleet/client, as any outsider would. Nothing of actors, MCP or the store is
// linked, so that the program starts in milliseconds. A new verb is one file
// and one line in grammar.go.
//
// Exit codes: 0 done (a message reached what was waited for), 1 refused or
// failed, 2 usage, 3 not yet (the message is kept; its id is printed).
//
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"github.com/iapeer/iapeer/session"
)

func main() {
	session.HostMain() // a host carries nothing of the grammar
	growStack(len(os.Args) == 0)
	os.Exit(start(os.Args[1:], newWorld()))
}
