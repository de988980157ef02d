package iapeer

import (
	"errors"
	"fmt"
)

// The errors a caller may branch on, with errors.Is.
var (
	ErrBadName      = errors.New("a name is 1 to 32 of a-z, 0-9 and -, beginning with a letter")
	ErrBadRuntime   = errors.New("a runtime is 1 to 32 of a-z and 0-9, beginning with a letter")
	ErrBadIdentity  = errors.New("an identity is <runtime>-<name>")
	ErrBadNature    = errors.New("a nature is artificial, natural or absent")
	ErrBadEnvelope  = errors.New("invalid IAP envelope")
	ErrBadDraft     = errors.New("message refused")
	ErrUnknownPeer  = errors.New("not in the iapeer peers index")
	ErrUnknownID    = errors.New("no such message")
	ErrNotDeclared  = errors.New("runtime not declared for this peer")
	ErrSelfSend     = errors.New("cannot send to self")
	ErrStopped      = errors.New("stopped and not accepting messages")
	ErrBacklogFull  = errors.New("backlog full")
	ErrBadChange    = errors.New("not possible in this state")
	ErrNotProven    = errors.New("identity not proven")
	ErrNoDaemon     = errors.New("the daemon is not running")
	ErrShuttingDown = errors.New("the daemon is stopping")
)

// A ParseError says which kind of value could not be read, and the value.
type ParseError struct {
	What  string // "name", "runtime", "identity", …
	Value string
	Err   error // one of the Err values above
}

func (e *ParseError) Error() string { return fmt.Sprintf("%s %q: %v", e.What, e.Value, e.Err) }
func (e *ParseError) Unwrap() error { return e.Err }

// A PeerError says which operation failed on which peer.
type PeerError struct {
	Op   string // verb of the failing call: "send", "launch", "stop"
	Peer Name
	Err  error // cause: one of the Err values above, or an os error
}

func (e *PeerError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Peer, e.Err) }
func (e *PeerError) Unwrap() error { return e.Err }

// A FieldError refuses one field of a request: what it held, what is wrong
// with it. It matches [ErrBadDraft].
type FieldError struct {
	Field  string
	Value  string // as given; shortened for long values
	Reason string // what is wrong and the way out
}

func (e *FieldError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Reason)
}
func (e *FieldError) Unwrap() error { return ErrBadDraft }
