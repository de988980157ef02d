package eventlog

import (
	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
)

// Sessions tells a log what becomes of the sessions that it starts and adopts,
// before their presences learn it.
type Sessions struct {
	house.Sessions
	Log *Log
}

// Launch implements [house.Sessions].
func (s Sessions) Launch(order house.Launch, report func(house.Report)) {
	s.Sessions.Launch(order, s.tap(order, report))
}

// Adopt implements [house.Sessions].
func (s Sessions) Adopt(order house.Launch, report func(house.Report)) {
	s.Sessions.Adopt(order, s.tap(order, report))
}

func (s Sessions) tap(order house.Launch, report func(house.Report)) func(house.Report) {
	return func(r house.Report) {
		switch r := r.(type) {
		case house.Started:
			s.started(order, r)
		case house.StartFailed:
			s.failed(order, r)
		case house.Offered:
			s.offered(order, r)
		case house.Said:
			if a, ok := r.Event.(iapeer.SessionAttached); ok {
				s.attached(order, a)
			}
		default:
		}
		report(r)
	}
}

// tell writes a line about the order's identity into lifecycle.log.
func (s Sessions) tell(order house.Launch, name string, more ...iapeer.Field) {
	id := order.Identity
	s.Log.tell("lifecycle", name, func() []iapeer.Field {
		return append([]iapeer.Field{
			{Key: "personality", Value: string(id.Name)}, {Key: "identity", Value: id.String()}, {Key: "runtime", Value: string(id.Runtime)},
		}, more...)
	})
}

// asked says how the session was asked to begin.
func asked(m house.StartMode) string {
	switch m {
	case house.StartFresh:
		return "fresh"
	case house.StartResume:
		return "resume"
	case house.StartNatural:
	}
	return "natural"
}

func (s Sessions) started(order house.Launch, r house.Started) {
	if r.Adopted {
		s.tell(order, "supervise", iapeer.Field{Key: "action", Value: "adopted"}, iapeer.Field{Key: "pid", Value: r.HostPID})
		return
	}
	mode := "fresh"
	if r.Resumed {
		mode = "resume"
	}
	s.tell(order, "wake", iapeer.Field{Key: "mode", Value: mode}, iapeer.Field{Key: "cause", Value: asked(order.Mode)},
		iapeer.Field{Key: "ref", Value: r.SessionID}, iapeer.Field{Key: "reason", Value: r.Cause},
		iapeer.Field{Key: "topic", Value: order.Topic}, iapeer.Field{Key: "pid", Value: r.HostPID})
}

// failed tells of a start that came to nothing: it was refused with a way out,
// or no host came up. That there is nothing to adopt is no failure.
func (s Sessions) failed(order house.Launch, r house.StartFailed) {
	if r.Gone {
		return
	}
	mode := "refused"
	if r.Remedy == "" && !r.ByHand {
		mode = "fail"
		s.tell(order, "pty-host-failed", iapeer.Field{Key: "reason", Value: r.Err.Error()})
	}
	s.tell(order, "wake", iapeer.Field{Key: "mode", Value: mode}, iapeer.Field{Key: "cause", Value: asked(order.Mode)},
		iapeer.Field{Key: "reason", Value: r.Err.Error()})
}

// offered tells of an offer that was not written whole. Those that were are
// receipts, in delivery.log.
func (s Sessions) offered(order house.Launch, r house.Offered) {
	if r.Written {
		return
	}
	s.tell(order, "hosted-deliver", iapeer.Field{Key: "id", Value: string(r.ID)}, iapeer.Field{Key: "attempt", Value: r.Attempt},
		iapeer.Field{Key: "ok", Value: false}, iapeer.Field{Key: "begun", Value: r.Begun}, iapeer.Field{Key: "reason", Value: r.Detail})
}

// attached tells that terminals came or went; the last that leaves ends it.
func (s Sessions) attached(order house.Launch, a iapeer.SessionAttached) {
	name := "attach"
	if a.Clients == 0 {
		name = "attach-end"
	}
	s.tell(order, name, iapeer.Field{Key: "clients", Value: a.Clients})
}
