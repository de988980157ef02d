package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// start carries out one command line and returns the exit code. Verbs in their
// plain form go the short way: nothing in them is left to parse, so the grammar
// need not be built, and they ask once and end, so a signal may have its own
// effect. Both would take as long as the daemon's answer.
func start(args []string, w *world) int {
	if cmd := plain(args); cmd != nil {
		w.args = args
		return report(w, args[0], cmd.Run(context.Background(), w))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, w)
}

// plain returns what the grammar would make of a verb that is typed, or called
// by runtimes, all day; nil when there is more to a command line than that.
func plain(args []string) interface {
	Run(context.Context, *world) error
} {
	switch strings.Join(args, " ") {
	case "list":
		return &listCmd{}
	case "status":
		return &statusCmd{}
	}
	if len(args) == 3 && args[0] == "hook" && isPlain(args[1]) && isPlain(args[2]) {
		return &hookCmd{Runtime: args[1], Event: args[2]}
	}
	return nil
}

// growStack makes the stack at once as large as reading an answer needs. In
// steps it would be copied four times, a twentieth of the time of "iapeer list".
// A frame has room for all that its function declares, executed or not.
//
//go:noinline
func growStack(execute bool) {
	if execute {
		var room [24 << 10]byte
		fill(&room)
	}
}

//go:noinline
func fill(room *[24 << 10]byte) { room[0] = 1 }

// isPlain reports whether the grammar takes a word for an argument, as it is.
func isPlain(word string) bool { return word != "" && !strings.HasPrefix(word, "-") }
