package iapeer

import "time"

// A SessionEvent is what a runtime, or the host process around it, says about
// one session. Adapters make them from hook payloads, records, status files,
// terminal escapes and exits; presence actors act on them.
//
//sumtype:decl
type SessionEvent interface{ sessionEvent() }

// SessionNamed tells the runtime's own id of the conversation and where it is
// recorded. It may change during a session (claude's /clear).
type SessionNamed struct {
	SessionID  string
	Transcript string // absolute path, "" if not known
}

// PromptTaken tells that the runtime queued a prompt: proof of Taken. IDs are
// those of the envelopes that the codec found in the prompt, in their order.
// TurnID tells prompts of one turn from another where the runtime gives one.
type PromptTaken struct {
	IDs      []MessageID
	TurnID   string
	Evidence Evidence
}

// PromptConsumed tells that a record shows the messages inside a turn: proof of
// Seen.
type PromptConsumed struct {
	IDs      []MessageID
	Evidence Evidence
}

// TurnMoved tells that a turn is running: a tool was called, text was shown.
// It turns a prompt that was taken while idle into one that was seen.
type TurnMoved struct {
	TurnID   string
	Evidence Evidence
}

// TurnEnded tells that a turn ended well. Text is the agent's last message.
// Background is the number of tasks that go on without a turn.
type TurnEnded struct {
	TurnID     string
	Text       string
	Background int
	Evidence   Evidence
}

// TurnFailed tells that a turn ended without an answer. ResetsAt is when a
// quota ends, zero when the runtime does not say.
type TurnFailed struct {
	TurnID   string
	Reason   string // "rate_limit", "api_error", "interrupted", …
	Text     string
	ResetsAt time.Time
	Evidence Evidence
}

// SessionIdle tells that no turn runs, in the runtime's own words or by its
// settled screen.
type SessionIdle struct{ Evidence Evidence }

// SessionBusy tells that a turn runs, in the runtime's own words or by its
// settled screen.
type SessionBusy struct{ Evidence Evidence }

// SessionWaiting tells that a dialog waits for a person, in the runtime's own
// words or by its settled screen.
type SessionWaiting struct {
	For      string // "permission prompt", "trust dialog", …
	Blocking bool   // a start cannot go on: cause and remedy are in For and Remedy
	Remedy   string
	Screen   string // last lines, for people
	Evidence Evidence
}

// SessionCompacted tells that the runtime has compacted the conversation.
type SessionCompacted struct{ Evidence Evidence }

// SessionComposing tells whether text stands in the session's composer.
type SessionComposing struct{ Occupied bool }

// SessionAttached tells how many interactive clients show the session's
// terminal.
type SessionAttached struct{ Clients int }

// SessionExited tells that the program ended. Code is -1 when a signal ended
// it.
type SessionExited struct {
	Code   int
	Signal string // "SIGKILL", "" if none
	Screen string // last lines, for people
	Err    string // why the host could not run it at all
	At     time.Time
}

// ExecDone tells the outcome of one exec message: the process that ran it, its
// exit code, its answer (standard output) and the tail of standard error.
type ExecDone struct {
	ID        MessageID
	PID       int
	Code      int
	Signal    string
	Answer    string
	Stderr    string
	ReadBytes int // bytes of the envelope that the process read
	At        time.Time
}

func (SessionNamed) sessionEvent()     {}
func (PromptTaken) sessionEvent()      {}
func (PromptConsumed) sessionEvent()   {}
func (TurnMoved) sessionEvent()        {}
func (TurnEnded) sessionEvent()        {}
func (TurnFailed) sessionEvent()       {}
func (SessionIdle) sessionEvent()      {}
func (SessionBusy) sessionEvent()      {}
func (SessionWaiting) sessionEvent()   {}
func (SessionAttached) sessionEvent()  {}
func (SessionCompacted) sessionEvent() {}
func (SessionComposing) sessionEvent() {}
func (SessionExited) sessionEvent()    {}
func (ExecDone) sessionEvent()         {}
