// Package runtimes knows the programs that carry peers: how each is started
// and resumed, what its hooks, status files, terminal escapes and settled
// screens mean, and what its records prove.
//
// It owns the facts about claude, codex, exec commands, routers and people's
// inboxes, one agent program a file, as an [Adapter] of data and pure
// functions. It performs no I/O of its own: callers hand it bytes, an
// [io.ReaderAt] or an [fs.FS], write the files a [Command] asks for, and type
// the keys that it names.
//
// Invariants:
//   - A message is proven by the codec reading an envelope's opening tag in a
//     prompt or a user's record, never by a search for a string.
//   - A secret travels in the environment, never in argv or in a file.
//   - A session is resumed by its own id, never as "the last one here".
//   - Keys are pressed at dialogs one at a time, each against the screen it was
//     decided on, and never where a person has to decide.
//
// To add a program: one file with its adapter, one line in [Adapters].
package runtimes

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// A Kind says how a runtime is talked to.
type Kind string

// The kinds.
const (
	TUI    Kind = "tui"    // an interactive program: messages are pasted, its hooks prove them
	Router Kind = "router" // a long-lived service that reads wire envelopes on its terminal; the write is the proof
	Exec   Kind = "exec"   // one process a message: the envelope on stdin, the answer on stdout
	Inbox  Kind = "inbox"  // a person at a terminal: no session, messages wait until they are read
)

// An Adapter is everything the house knows about one runtime. A nil function
// means that the runtime has nothing of that sort. Adapters are read-only and
// may be used concurrently.
type Adapter struct {
	Runtime iapeer.Runtime // "" for the adapter that serves any runtime package
	Kind    Kind
	Bin     string   // program looked for when nothing else is configured, "" if there is none
	BinEnv  string   // variable that names the program instead
	Known   []Range  // versions on which the facts were measured
	Natures []Nature // natures a peer on it may have; nil means any

	// Queues tells that a busy session takes a paste into a queue of its own.
	// Without it a message waits until the turn ended.
	Queues bool
	// FixesID tells that a fresh session can be given its id; otherwise the id
	// is learned from the first hook.
	FixesID bool
	// Hooks lists the events its sessions report, as the injected set names them.
	Hooks []string

	// Command composes argv, environment and files of one start.
	Command func(Launch) (Command, error)
	// Hook reads one hook payload. event may be "": the payload names it too.
	// Unknown events are no error and give nothing.
	Hook func(event string, payload []byte) ([]iapeer.SessionEvent, error)
	// Signal reads what the terminal pushed: kind is [SignalTitle] or
	// [SignalStatus].
	Signal func(kind, value string) []iapeer.SessionEvent
	// Screen reads a settled screen.
	Screen func(Screen) ScreenState
	// DialogKey returns the one key to press at a known dialog of a start;
	// accepted says that a person accepted the risk of working without asking.
	// ok is false where a person has to decide.
	DialogKey func(s Screen, accepted bool) (p Press, ok bool)
	// Answer returns the one key to press, on a person's word, at a dialog that
	// asks for a permission. An unknown dialog can only be refused.
	Answer func(s Screen, allow bool) (p Press, ok bool)
	// Records reads the program's own record of a conversation.
	Records Records

	Interrupt []Stroke // ends the running turn; nil if there is no such thing
	Compact   []Stroke // compacts the context; nil if there is no such thing
	// Clear deletes our own text that came back into the composer, line by line
	// from the cursor at its end. It is harmless on an empty composer; Ctrl-C
	// would be quicker, but ends the programs there.
	Clear []Stroke

	// Up is the kind of signal that the program gives when the questions of its
	// start are behind it, "" if none. From then on the first complete picture
	// that shows an empty composer is enough; before, only a settled screen counts.
	Up string
	// FirstGap is the longest pause between the paste and the Enter of the first
	// message of a started session; the Enter follows as soon as the composer
	// shows the text. Later ones are written with their Enter at once.
	FirstGap time.Duration
	// Nudge is typed when a message was written, no evidence of it came for
	// NudgeAfter, and the settled screen shows the composer composing: the
	// Enter was lost, as programs do in the first second after their start.
	// The text is never typed again.
	Nudge      []Stroke
	NudgeAfter time.Duration
}

// Nature is [iapeer.Nature], named here so that the literals stay short.
type Nature = iapeer.Nature

// Kinds of signal that [Adapter.Signal] reads.
const (
	SignalTitle  = "title"  // OSC 0 and 2: the window's title
	SignalStatus = "status" // OSC 7501: the program's own word on its state, after "7501;"
)

// A Stroke is bytes to type, and how long to wait before the next ones.
type Stroke struct {
	Bytes string
	Then  time.Duration
}

// Records says where a program records a conversation, and reads it.
type Records struct {
	// Home returns the program's folder: getenv reads the environment of the
	// session, home is the user's.
	Home func(getenv func(string) string, home string) string
	// Find returns the path, below Home, of the record of session id; cwd is
	// the real path of the session's folder. ok is false if there is none.
	Find func(files fs.FS, cwd, id string) (path string, ok bool)
	// Line reads one line of the record into r. It ignores what it does not
	// know; an error means the line is no JSON object.
	Line func(line []byte, r *Reading) error
	// Sessions lists the live sessions that status files below Home tell of.
	Sessions func(files fs.FS) []Status
	// StatusPath is the path, below Home, of the status file of a process.
	StatusPath func(pid int) string
	// Status reads a status file.
	Status func([]byte) (Status, error)
}

// Adapters returns every adapter, in the order they are offered to people. The
// last one serves any runtime package.
func Adapters() []Adapter {
	return []Adapter{Claude(), Codex(), ExecCommand(), Telegram(), Notifier(), Person(), Package()}
}

// For returns the adapter of rt. A runtime that none names is a package of
// somebody else's: a router, if packaged says that its manifest is installed.
func For(rt iapeer.Runtime, packaged bool) (Adapter, error) {
	for _, a := range Adapters() {
		if a.Runtime == rt && rt != "" {
			return a, nil
		}
	}
	if packaged && rt != "" {
		a := Package()
		a.Runtime = rt
		a.Bin = string(rt) + "-runtime"
		return a, nil
	}
	return Adapter{}, fmt.Errorf("runtime %q: no adapter and no installed package; use claude, codex or exec, or install %s-runtime", rt, rt)
}

// Allows reports whether a peer of nature n may live on the runtime; the error
// names the natures that may.
func (a Adapter) Allows(n iapeer.Nature) error {
	if a.Natures == nil || slices.Contains(a.Natures, n) {
		return nil
	}
	return fmt.Errorf("runtime %q requires intelligence ∈ %v, got %q", a.Runtime, a.Natures, n)
}

// Knows reports whether the facts were measured on version v. Only a runtime
// with versions has an opinion.
func (a Adapter) Knows(v Version) bool {
	for _, r := range a.Known {
		if r.Holds(v) {
			return true
		}
	}
	return len(a.Known) == 0
}

// Render writes an envelope as the runtime takes it: the agent form for
// interactive programs, cleaned for a paste, the wire form for everything else.
func (a Adapter) Render(env iapeer.Envelope, now time.Time) string {
	if a.Kind == TUI {
		return Paste(env.Agent(now))
	}
	return env.Wire()
}

// Paste makes text safe to be pasted, see [iapeer.SanitizeBody]. Text that does
// not begin with an envelope gets a space in front: at the head of a composer !
// and / are commands.
func Paste(text string) string {
	text = iapeer.SanitizeBody(text)
	if !strings.HasPrefix(text, "<iap ") {
		text = " " + text
	}
	return text
}
