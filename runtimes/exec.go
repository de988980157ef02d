package runtimes

import (
	"github.com/iapeer/iapeer"
)

// ExecCommand runs a command for each message: the envelope on its stdin, its
// stdout is the answer. It needs nothing installed.
func ExecCommand() Adapter {
	return Adapter{Runtime: iapeer.RuntimeExec, Kind: Exec, Command: execCommand}
}

func execCommand(l Launch) (Command, error) {
	argv := l.ExecArgv
	if len(argv) == 0 && l.Bin != "" {
		argv = []string{l.Bin}
	}
	if len(argv) == 0 {
		return Command{}, &StartError{
			Cause:  l.Identity.String() + " has no command to run",
			Remedy: `set "exec": ["<program>", "<argument>", …] in its profile`,
		}
	}
	argv = append(append([]string{}, argv...), l.ExtraArgs...)
	return Command{Argv: argv, Env: l.env(nil, map[string]string{"IAPEER_BEARER": l.Token})}, nil
}

// Telegram is the router of a person's Telegram chat.
func Telegram() Adapter {
	a := router(iapeer.RuntimeTelegram)
	a.Natures = []Nature{iapeer.Natural, iapeer.Absent}
	return a
}

// Notifier is the router of timers and watchers.
func Notifier() Adapter { return router(iapeer.RuntimeNotifier) }

// Package serves any other runtime package; its Runtime is "".
func Package() Adapter { return router("") }

func router(rt iapeer.Runtime) Adapter {
	a := Adapter{Runtime: rt, Kind: Router, Command: routerCommand}
	if rt != "" {
		a.Bin = string(rt) + "-runtime"
	}
	return a
}

// routerCommand composes a start of a router: "<runtime>-runtime run". Runtime
// packages read their token under the older name, and the registry below the
// root that the base environment names.
func routerCommand(l Launch) (Command, error) {
	env := l.env(nil, map[string]string{"IAPEER_BEARER": l.Token, "IAPEER_BEARER_TOKEN": l.Token})
	argv := append([]string{l.bin(string(l.Identity.Runtime) + "-runtime"), "run"}, l.ExtraArgs...)
	return Command{Argv: argv, Env: env}, nil
}

// Person is someone at a terminal: nothing is started, messages wait until
// they are read.
func Person() Adapter {
	return Adapter{Runtime: iapeer.RuntimeCLI, Kind: Inbox, Natures: []Nature{iapeer.Natural}}
}
