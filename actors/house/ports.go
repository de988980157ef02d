package house

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// Ports are what the system needs of the world. All are required.
type Ports struct {
	Mailbox   Mailbox
	Board     Board
	Peers     Peers
	Sessions  Sessions
	Onboarder Onboarder
	Log       *zap.Logger
}

// Mailbox keeps messages. Every callback may run on any goroutine and is called
// exactly once; callbacks of Append come in the order of acceptance.
type Mailbox interface {
	// Append stores m durably and calls done with its stored form. repeated
	// tells that an earlier message with the same sender, proof and key is
	// returned in its place.
	Append(m iapeer.Message, done func(stored iapeer.Message, repeated bool, err error))
	// Mark records changes and calls done with one result per mark.
	Mark(marks []iapeer.Mark, done func([]Marked))
	// Pending calls done with the open messages for an identity, oldest first.
	Pending(to iapeer.Identity, done func([]iapeer.Message, error))
	// Message calls done with the message of that id or unique prefix.
	Message(id iapeer.MessageID, done func(iapeer.Message, error))
}

// ErrClosed is in [Marked].Err when the mailbox is closed: nothing more is
// recorded in this run.
var ErrClosed = errors.New("the mailbox is closed")

// A Counter is a [Mailbox] that also knows, without I/O, how many open messages
// an identity has. It lets a peer that starts find mail which no presence knows
// of yet.
type Counter interface {
	OpenFor(iapeer.Identity) int
}

// Marked is the outcome of one [iapeer.Mark].
type Marked struct {
	Message iapeer.Message // as it stands after the mark
	Changed bool           // the state is another than before
	Err     error          // an [iapeer.ChangeError], or why it could not be stored
}

// Board keeps what must survive the daemon besides messages. Presences is
// called once, when the system starts.
type Board interface {
	Presences() ([]iapeer.Presence, error)
	// PutPresence keeps the record. done, which may be nil, is called once it
	// is durable, or cannot be.
	PutPresence(p iapeer.Presence, done func())
	RaiseNotice(Notice, func(id string, first bool))
}

// A Notice is something a person must know.
type Notice struct {
	Identity iapeer.Identity
	Kind     string // "start-failed", "crash-loop", "by-hand", …
	Summary  string // one line
	Content  string // verbatim detail, may be empty
}

// Peers is the registry in memory: calls return without I/O.
type Peers interface {
	Peer(iapeer.Name) (iapeer.Peer, bool)
	Peers() []iapeer.Peer
}

// Onboarder plans and applies one onboarding order. It may block.
type Onboarder interface {
	Onboard(iapeer.Onboarding) (iapeer.OnboardingReport, error)
}

// Sessions starts and finds session hosts. Every method returns at once; what
// happens is told through report, from any goroutine, until Exited or
// StartFailed was told.
type Sessions interface {
	// Traits tells how sessions of a runtime are to be handled.
	Traits(iapeer.Runtime) Traits
	// Launch starts a host.
	Launch(Launch, func(Report))
	// Adopt takes over the host that is alive for the identity, waiting for one
	// that is locked but not yet listening. It reports Started, or StartFailed
	// with Gone when there is none.
	Adopt(Launch, func(Report))
	// Examine asks the records of a session that is dead where messages stand. It
	// reports Looked.
	Examine(Launch, []iapeer.MessageID, func(Report))
}

// Traits are what a presence must know of a runtime.
type Traits struct {
	Inbox           bool // a person's: nothing is launched, mail waits until it is read
	Exec            bool // the session runs one command per message and tells its outcome
	WriteIsEvidence bool // a router: bytes written whole are seen; offers need not wait for each other
	TakesWhileBusy  bool // the runtime queues what comes during a turn
	Talks           bool // an agent: its sessions are conversations that can be resumed
	Compacts        bool // a conversation can be compacted
	Known           bool // false: no adapter
}

// StartMode says how a session is to begin.
type StartMode int

// The start modes.
const (
	StartNatural StartMode = iota // fresh or resumed, as the presence's history says
	StartFresh
	StartResume
)

// Launch is an order for a session.
type Launch struct {
	Peer       iapeer.Peer
	Identity   iapeer.Identity
	Generation int64
	Presence   iapeer.Presence
	Mode       StartMode
	Topic      string // of the message that wakes it
	Person     bool   // a person wrote that message
	Anyway     bool   // although a session started by hand holds the folder
	Settled    int64  // what sessions up to this generation left is on disk, 0 if it may not be
}

// Session is a live session. Its methods return at once and report through the
// callback given at its start.
type Session interface {
	// Offer writes a message into the session, whole and at most once per
	// attempt. It reports Offered; an exec session reports ExecDone as well.
	Offer(m iapeer.Message, attempt int)
	// Lookup asks record and screen where messages stand. It reports Looked.
	Lookup(ids []iapeer.MessageID)
	// Submit presses Enter once more on a message that stands in the composer.
	Submit()
	// Act is Interrupt, Stop or an acknowledgement.
	Act(Act)
}

// An Act is something a session is told to do that needs no answer.
type Act struct {
	Kind ActKind
	ID   iapeer.MessageID // AckExec: the outcome that is on disk now
}

// ActKind tells acts apart.
type ActKind int

// The acts.
const (
	ActInterrupt ActKind = iota // end the running turn
	ActStop                     // end the session: TERM, grace, KILL
	ActAckExec                  // the outcome of an exec message is stored
	ActRelease                  // let go of the connection; the session lives on
	ActClear                    // empty the composer by verified keys
	ActCompact                  // compact the conversation
)

// A Report is what a session tells its presence.
//
//sumtype:decl
type Report interface{ report() }

// Started tells that a host is up and connected. Known lists what an adopted
// host was already asked to write.
type Started struct {
	Session   Session
	SessionID string // the runtime's conversation id, "" if not known yet
	Resumed   bool
	Adopted   bool
	Cause     string // why fresh or resumed
	Start     string // the same for people, "" when nobody asks how it began
	HostPID   int
	Socket    string
	Known     []Known
}

// Known is what a host remembers of one message.
type Known struct {
	ID      iapeer.MessageID
	Attempt int
	Written bool // whole
	Begun   bool
}

// StartFailed tells that no session came up.
type StartFailed struct {
	Err     error
	Remedy  string // what a person can do, one sentence
	Screen  string // last lines
	Gone    bool   // nothing to adopt
	ByHand  bool   // a session started by hand holds the folder
	Alive   bool   // a host of this identity lives already
	Cleanly bool   // refused before anything was started: not a death
}

// HandEnded tells that the session started by hand is gone.
type HandEnded struct{}

// Offered tells what became of an offer.
type Offered struct {
	ID      iapeer.MessageID
	Attempt int
	Written bool
	Begun   bool   // false: not a byte was written
	Typing  bool   // not begun, because a person's text stands in the composer
	Detail  string // "bracketed paste", or why it was not written
	PID     int    // exec: the process that reads it
	At      time.Time
}

// Looked tells where messages stand after a look at record and screen.
type Looked struct {
	Seen     map[iapeer.MessageID]iapeer.Evidence
	Taken    map[iapeer.MessageID]iapeer.Evidence
	Lost     map[iapeer.MessageID]iapeer.Evidence // begun by a host that died; nobody can tell more
	Idle     bool                                 // the runtime is idle
	Composer bool                                 // text stands in the composer
	Turn     TurnKnown                            // the last turn in the record
	Err      error                                // neither presence nor absence can be told now
}

// TurnKnown tells of the last turn in an adopted session's record: what it
// consumed, and how it ended if it did.
type TurnKnown struct {
	IDs    []iapeer.MessageID
	Open   bool
	Text   string
	Cut    string    // why it did not end well, "" if it did or goes on
	Resets time.Time // when a quota that it met is renewed, zero if it met none
}

// Said tells what the runtime, or the host, says of the session.
type Said struct{ Event iapeer.SessionEvent }

func (Started) report()     {}
func (StartFailed) report() {}
func (HandEnded) report()   {}
func (Offered) report()     {}
func (Looked) report()      {}
func (TurnKnown) report()   {}
func (Said) report()        {}
