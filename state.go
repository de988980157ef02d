package iapeer

// A State is where a message stands. The zero value is not a state.
type State string

// The states of a message. Only Seen and Answered may be called delivered.
const (
	Accepted  State = "accepted"  // on disk, not yet offered
	Offered   State = "offered"   // being written, or written, into a session
	Taken     State = "taken"     // the runtime queued it
	Seen      State = "seen"      // a turn consumed it
	Answered  State = "answered"  // the turn that consumed it ended, or its reply came
	Unknown   State = "unknown"   // may or may not have been seen; never offered again without proof of absence
	Held      State = "held"      // a guard or a person holds it
	Failed    State = "failed"    // given up; the sender is told
	Expired   State = "expired"   // its time to live ran out while accepted
	Cancelled State = "cancelled" // withdrawn before it was offered
	Refused   State = "refused"   // never accepted; not stored
)

// States lists every state in the order of a message's life.
var States = []State{Accepted, Offered, Taken, Seen, Answered, Unknown, Held, Failed, Expired, Cancelled, Refused}

// Open reports whether the message still counts against its recipient's
// backlog.
func (s State) Open() bool {
	switch s {
	case Accepted, Offered, Taken, Unknown, Held:
		return true
	case Seen, Answered, Failed, Expired, Cancelled, Refused:
		return false
	}
	return false
}

// Delivered reports whether the receiving runtime itself took the message into
// a turn.
func (s State) Delivered() bool { return s == Seen || s == Answered }

// A Change is something that happens to a message.
type Change string

// The changes. Evidence is Take, See and Answer; the rest are decisions.
const (
	ChangeOffer   Change = "offer"        // the host began to write it
	ChangeTake    Change = "take"         // evidence: queued by the runtime
	ChangeSee     Change = "see"          // evidence: consumed by a turn
	ChangeAnswer  Change = "answer"       // evidence: answered
	ChangeReturn  Change = "return"       // absence proven: it may be offered again
	ChangeLose    Change = "lose"         // the host died while it was being written
	ChangeFail    Change = "fail"         // it cannot be delivered
	ChangeExpire  Change = "expire"       // its time to live ran out
	ChangeCancel  Change = "cancel"       // a person or the sender withdrew it
	ChangeHold    Change = "hold"         // a guard or a person holds it
	ChangeRelease Change = "release"      // the hold ended
	ChangeRetry   Change = "retry"        // a person asks for another attempt
	ChangeClear   Change = "resolve-seen" // a person says that it was seen
	ChangeDrop    Change = "resolve-lost" // a person says that it was not seen and need not be
)

// Changes lists every change.
var Changes = []Change{
	ChangeOffer, ChangeTake, ChangeSee, ChangeAnswer, ChangeReturn, ChangeLose, ChangeFail,
	ChangeExpire, ChangeCancel, ChangeHold, ChangeRelease, ChangeRetry, ChangeClear, ChangeDrop,
}

// stateTable is the whole life of a message. A cell that maps a state to itself
// accepts the change without effect (late or repeated evidence); a missing cell
// refuses it. Evidence of a turn corrects every earlier belief and is never
// undone.
var stateTable = map[State]map[Change]State{
	Accepted: {
		ChangeOffer: Offered, ChangeTake: Taken, ChangeSee: Seen, ChangeAnswer: Answered,
		ChangeReturn: Accepted, ChangeLose: Unknown, ChangeFail: Failed, ChangeExpire: Expired,
		ChangeCancel: Cancelled, ChangeHold: Held, ChangeRelease: Accepted, ChangeRetry: Accepted,
	},
	Offered: {
		ChangeOffer: Offered, ChangeTake: Taken, ChangeSee: Seen, ChangeAnswer: Answered,
		ChangeReturn: Accepted, ChangeLose: Unknown, ChangeFail: Failed,
	},
	Taken: {
		ChangeTake: Taken, ChangeSee: Seen, ChangeAnswer: Answered,
		ChangeReturn: Accepted, ChangeLose: Unknown, ChangeFail: Failed,
	},
	Seen: {
		ChangeTake: Seen, ChangeSee: Seen, ChangeAnswer: Answered,
	},
	Answered: {
		ChangeTake: Answered, ChangeSee: Answered, ChangeAnswer: Answered,
	},
	Unknown: {
		ChangeTake: Taken, ChangeSee: Seen, ChangeAnswer: Answered, ChangeReturn: Accepted,
		ChangeLose: Unknown, ChangeRetry: Accepted, ChangeClear: Seen, ChangeDrop: Failed,
	},
	Held: {
		ChangeSee: Seen, ChangeAnswer: Answered, ChangeFail: Failed, ChangeCancel: Cancelled,
		ChangeHold: Held, ChangeRelease: Accepted,
	},
	Failed: {
		ChangeTake: Failed, ChangeSee: Seen, ChangeAnswer: Answered, ChangeFail: Failed, ChangeRetry: Accepted,
	},
	Expired: {
		ChangeTake: Expired, ChangeSee: Seen, ChangeAnswer: Answered, ChangeExpire: Expired, ChangeRetry: Accepted,
	},
	Cancelled: {
		ChangeTake: Cancelled, ChangeSee: Seen, ChangeAnswer: Answered, ChangeCancel: Cancelled,
	},
	Refused: {},
}

// Next returns the state that c leads to from s. The error is a [*ChangeError]
// when the table has no such cell; it matches [ErrBadChange].
func (s State) Next(c Change) (State, error) {
	next, ok := stateTable[s][c]
	if !ok {
		return s, &ChangeError{State: s, Change: c}
	}
	return next, nil
}

// A ChangeError says which change a message's state does not allow.
type ChangeError struct {
	State  State
	Change Change
}

func (e *ChangeError) Error() string {
	return "cannot " + string(e.Change) + " a message that is " + string(e.State)
}
func (e *ChangeError) Unwrap() error { return ErrBadChange }
