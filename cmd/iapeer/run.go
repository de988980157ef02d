package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/iapeer/iapeer"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitNotYet = 3
)

// An exitError ends the program with a code. Without text the verb has already
// said what there is to say.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, w *world) int {
	w.args = args
	topic, wantsHelp := helpWanted(args)
	if !wantsHelp {
		args = w.alias(args)
	}
	k, err := parser(w, verbsFor(verbOf(args)))
	if err != nil { // a mistake in the grammar; the tests find it
		w.note("iapeer: %v", err)
		return exitFailed
	}
	if wantsHelp {
		return help(w, topic)
	}
	if verb := args[0]; !strings.HasPrefix(verb, "-") && child(k.Model.Node, verb) == nil {
		return unknownVerb(w, verb)
	}
	kctx, err := k.Parse(args)
	if err != nil {
		return usageError(w, k.Model.Node, args, err)
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	return report(w, verbOf(args), kctx.Run(w))
}

// parser makes a parser for these verbs. Help is ours: see help.go.
func parser(w *world, list []verb) (*kong.Kong, error) {
	options := []kong.Option{kong.Name("iapeer"), kong.NoDefaultHelp(), kong.Writers(w.out, w.err), kong.Exit(func(int) {})}
	for _, v := range list {
		var tags []string
		if v.group == "" {
			tags = []string{`hidden:""`}
		}
		options = append(options, kong.DynamicCommand(v.name, v.help, v.group, v.cmd, tags...))
	}
	return kong.New(&struct{}{}, options...)
}

// alias turns the ways of other programs into ours, and a bare runtime into
// the launch of a session.
func (w *world) alias(args []string) []string {
	switch first := args[0]; {
	case first == "--version" || first == "-v":
		return append([]string{"version"}, args[1:]...)
	case first == "ls":
		return append([]string{"list"}, args[1:]...)
	case len(verbsFor(first)) > 1 && w.runsHere(first):
		return append([]string{"launch"}, args...)
	}
	return args
}

// runsHere reports whether verb is a runtime that a bare token may launch: one
// of the agents, or one that this folder's peer declares.
func (w *world) runsHere(verb string) bool {
	rt, err := iapeer.ParseRuntime(verb)
	if err != nil || rt.Agentic() {
		return err == nil
	}
	p, err := readProfile(w.cwd)
	return err == nil && (p.DefaultRuntime == verb || slices.Contains(p.Runtimes, verb))
}

// report tells what went wrong, once, and chooses the exit code.
func report(w *world, verb string, err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.text != "" {
			w.note("iapeer %s: %s", verb, exit.text)
		}
		return exit.code
	case errors.Is(err, context.Canceled):
		return exitFailed
	}
	w.note("iapeer %s: %s", verb, strings.TrimPrefix(err.Error(), verb+" "))
	if hint := hintFor(err); hint != "" {
		w.note("%s", hint)
	}
	return exitFailed
}

// hintFor returns the way out of an error that has one.
func hintFor(err error) string {
	switch {
	case errors.Is(err, iapeer.ErrNoDaemon):
		return "start it: iapeer daemon start"
	case errors.Is(err, iapeer.ErrUnknownPeer):
		return "see who there is: iapeer list"
	case errors.Is(err, iapeer.ErrUnknownID):
		return "see the last ones: iapeer msg list"
	}
	return ""
}

// missing returns the argument that the parser says is not there, "" when it
// says something else: expected "<peer> …", expected "send …".
func missing(said string) string {
	rest, ok := strings.CutPrefix(said, `expected "`)
	if strings.HasPrefix(rest, "<") {
		arg, _, closed := strings.Cut(rest, ">")
		if closed {
			return arg + ">"
		}
		return ""
	}
	if end := strings.IndexFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' }); ok && end > 0 {
		return rest[:end]
	}
	return ""
}

// usageError tells what a verb needs, in one line.
func usageError(w *world, root *kong.Node, args []string, err error) int {
	verb, text := verbOf(args), ": "+strings.ReplaceAll(err.Error(), `"",`, "") // "" stands for the default
	if arg := missing(err.Error()); arg != "" {
		text = " needs " + arg
	}
	if n := find(root, args); n != nil && n != root {
		verb = strings.TrimPrefix(n.FullPath(), "iapeer ")
		if strings.HasPrefix(err.Error(), "expected one of") {
			text = " needs a verb"
		}
		text += " — usage: " + usage(n)
	}
	w.note("iapeer: %s%s", verb, text)
	return exitUsage
}

func unknownVerb(w *world, verb string) int {
	w.note("iapeer: %s", notAVerb(verb))
	w.note("usage: iapeer <verb> [args] — iapeer help lists the verbs")
	return exitUsage
}

// notAVerb says so, and what may have been meant.
func notAVerb(verb string) string {
	text := fmt.Sprintf("%q is no verb", verb)
	if _, err := iapeer.ParseRuntime(verb); err == nil {
		text += ", and no runtime of a peer in this folder"
	}
	if near := nearest(verb); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}

// verbOf names the verb of a command line, for messages.
func verbOf(args []string) string {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return a
		}
	}
	return ""
}
