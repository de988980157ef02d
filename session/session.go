// Package session runs one agent program, service or command under a process of
// its own that outlives the daemon, and talks to such processes.
//
// The host process is [RunHost], a hidden verb of the thin client: it owns the
// terminal, models the screen, writes messages into the program whole and at
// most once, and records the program's death. Everything else here is its
// client: [Spawn] starts a host, [Dial] finds one that is alive again, [Scan]
// tells what a folder of hosts holds after a restart of the daemon, [ReapSurvivors] ends
// what a killed host left behind, [Attach] puts a person's terminal in front.
//
// Invariants: an identity has at most one host, held by a lock; a message
// id is written at most once per attempt; offers, keys and a person's input
// never interleave; no session ends because a client or the daemon does.
//
// The package knows no runtime and no daemon. A new request or event is one
// constant in package wire, one case in host/server.go and one method of
// [Conn].
package session

import (
	"os"

	"github.com/iapeer/iapeer/session/host"
	"github.com/iapeer/iapeer/session/screen"
	"github.com/iapeer/iapeer/session/wire"
)

// The vocabulary shared with the host process. Each type is documented where it
// is declared, in package host, screen or wire.
type (
	// Spec is everything a host must know.
	Spec = host.Spec
	// Files names one identity's files.
	Files = host.Files
	// Facts tell who a host is and where it stands.
	Facts = wire.Facts
	// Process is a process id and the token of its start.
	Process = wire.Process
	// Kind says what a host runs.
	Kind = wire.Kind
	// Mode says how a message is written.
	Mode = wire.Mode
	// OfferState says how far an offer came.
	OfferState = wire.OfferState
	// OfferResult tells how an offer ended.
	OfferResult = wire.OfferResult
	// ScreenState is what the terminal shows.
	ScreenState = wire.ScreenState
	// Row is one line of a [ScreenState].
	Row = screen.Row
	// Event is what a host tells its observers.
	Event = wire.EventBody
	// EventKind tells events apart.
	EventKind = wire.EventKind
	// Outcome tells how one exec run ended.
	Outcome = wire.Outcome
	// Exit is the record of a session's end.
	Exit = wire.Exit
	// HookPayload is what a hook handed over while no daemon answered.
	HookPayload = wire.HookPayload
)

// The kinds of session and modes of writing.
const (
	TUI    = wire.TUI
	Router = wire.Router
	Exec   = wire.Exec
	Paste  = wire.Paste
	Raw    = wire.Raw
	Run    = wire.Run
)

// The states of an offer.
const (
	NotBegun = wire.NotBegun
	Queued   = wire.Queued
	Partial  = wire.Partial
	Written  = wire.Written
	Unknown  = wire.Unknown
)

// The events.
const (
	EventTitle    = wire.EventTitle
	EventStatus   = wire.EventStatus
	EventAlt      = wire.EventAlt
	EventSettled  = wire.EventSettled
	EventActive   = wire.EventActive
	EventDrawn    = wire.EventDrawn
	EventAttached = wire.EventAttached
	EventStarted  = wire.EventStarted
	EventOutcome  = wire.EventOutcome
	EventHook     = wire.EventHook
	EventExit     = wire.EventExit
)

// RunHost is the host process: it serves the session that the spec at specPath
// describes until it ends, and returns the exit code.
func RunHost(specPath string) int { return host.Run(specPath) }

// HostMain turns the process into a host when its arguments are "host" and the
// path of a spec, as [Spawn] passes them to a test binary. Call it first in
// TestMain; it returns when the process is no host.
func HostMain() {
	if len(os.Args) == 3 && os.Args[1] == "host" {
		os.Exit(RunHost(os.Args[2]))
	}
}
