package fleet

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Deps is what the handler needs of the daemon. Sender, Fleet, Messages, Events
// and Caller are required. An endpoint whose interface is nil answers 501.
type Deps struct {
	Version string    // of the daemon
	Started time.Time // of the daemon
	Log     *zap.Logger

	// Caller returns who makes the request, as gate.CallerFrom does: an error
	// says why the caller has no identity; the rest of Caller holds either way.
	Caller func(context.Context) (iapeer.Caller, error)
	// Healthy returns nil when the daemon can do its work; nil means always.
	Healthy func(context.Context) error
	// Attempted is told of every send, also of one that was refused; nil means
	// nobody wants to know. It must not block.
	Attempted func(iapeer.Attempt)
	// Stopping is closed when the daemon begins to stop: streams then end with
	// a hint to come back, and waits are answered with what is known.
	Stopping <-chan struct{}

	Sender   Sender
	Fleet    Fleet
	Messages Messages
	Events   Events
	Hooks    Hooks
	Notices  Notices
	Screens  Screens
	Config   Config

	Explainer   Explainer
	Approvals   Approvals
	Permissions Permissions
}

// Sender accepts messages.
type Sender interface {
	// Send returns once the draft is accepted and, as far as Draft.Wait allows,
	// has reached Draft.WaitFor. An error means that nothing was accepted.
	Send(context.Context, iapeer.Draft) (iapeer.SendResult, error)

	// Resolve returns the identity that a caller speaks as. from is a name (its
	// default runtime), an identity, or "": then it is the caller's own
	// identity, else the person at this host, who is made a peer by the first
	// use. The error says why the caller may not speak for it; the rules are
	// those of gate.Speaking.
	Resolve(ctx context.Context, caller iapeer.Caller, from string) (iapeer.Identity, error)
}

// Fleet shows and commands the peers.
type Fleet interface {
	// Snapshot returns all peers, sorted by name.
	Snapshot(context.Context) ([]iapeer.PeerStatus, error)

	// Command carries out one verb on one peer and returns when it is done. The
	// implementation decides whether the caller may.
	Command(context.Context, iapeer.Command) (iapeer.Outcome, error)

	// Onboard makes, changes or removes a peer.
	Onboard(context.Context, iapeer.Onboarding) (iapeer.OnboardingReport, error)
}

// Messages reads and marks kept messages.
type Messages interface {
	// Message returns the message whose id begins with prefix, and its history,
	// oldest first. Two that match are a FieldError naming both; none is
	// ErrUnknownID.
	Message(ctx context.Context, prefix string) (iapeer.Message, []iapeer.Step, error)

	// Messages returns what the query selects, in the query's order.
	Messages(context.Context, iapeer.MessageQuery) ([]iapeer.Message, error)

	// Mark records a person's change: cancel, retry, resolve or see. It fails
	// with ErrBadChange where the message's state does not allow it.
	Mark(context.Context, iapeer.MessageID, iapeer.Change, iapeer.Evidence) (iapeer.Message, error)
}

// Events hands out the daemon's events.
type Events interface {
	// Subscribe returns the kept events that come after the given place, and a
	// channel of all that follow them, in order and without a gap. Without a
	// place (epoch 0), or with one of another daemon, kept are the last replay
	// events. The channel is closed when the daemon stops or the subscriber is
	// too slow to be served. The caller calls cancel once, at its end; live need
	// not be closed by that.
	Subscribe(epoch int64, after uint64, replay int) (kept []iapeer.Stamped, live <-chan iapeer.Stamped, cancel func())
}

// Hooks takes what the runtimes report about their sessions.
type Hooks interface {
	// Hook handles one report of the caller's own session and returns the HTTP
	// status and the body for the runtime; an empty body is the usual answer.
	// Evidence is on its way to disk when it returns 200.
	Hook(ctx context.Context, caller iapeer.Caller, rt iapeer.Runtime, event string, payload []byte) (status int, reply []byte)
}

// Decider is an ability that Hooks may have besides: to decide. Without it
// every hook that asks is told 501, which denies.
type Decider interface {
	// Decide returns whether the tool that the payload describes may run. It may
	// wait for a person; an end of ctx withdraws the question, unless the same
	// hook comes back: key is its own, "" when it has none.
	Decide(ctx context.Context, caller iapeer.Caller, key, event string, payload []byte) (client.Decision, error)
}

// Notices lists what people must know, newest last.
type Notices interface {
	Notices(context.Context) ([]iapeer.NoticeRaised, error)
}

// Screens shows what a session's terminal shows.
type Screens interface {
	// Screen returns the visible rows as plain text. An identity without a
	// runtime means the peer's live session.
	Screen(context.Context, iapeer.Identity) (string, error)
}

// Config shows and changes the configuration.
type Config interface {
	// Settings returns every setting with its origin, sorted by key.
	Settings(context.Context) ([]client.Setting, error)

	// Set writes one key into the person's file; "" removes it.
	Set(ctx context.Context, key, value string) error

	// Environment returns the base environment of sessions as KEY=VALUE. With
	// refresh it is recorded anew from a login shell.
	Environment(ctx context.Context, refresh bool) ([]string, error)
}
