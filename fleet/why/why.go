// Package why says why a peer is in its state, what happens next by itself, and
// what would let it go on sooner. It is pure: the same facts give the same words.
//
// A state has one function in states.go, which says what the state means, what it
// costs and which commands change it. What was looked at and is not the reason is
// said too, so that nobody has to look there again.
package why

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Facts are what an explanation is made of.
type Facts struct {
	Peer      iapeer.PeerStatus
	Status    iapeer.PresenceStatus // of the runtime that is explained, see [Choose]
	Approvals []client.Approval     // what waits for a person's word, of any peer
	Sick      error                 // why the daemon cannot do its work, nil if it can
	Known
}

// Known is what only the daemon knows of one identity.
type Known struct {
	Record   iapeer.Presence  // zero when it was never used
	Queued   bool             // its start waits for others
	Open     []iapeer.Message // not seen yet, oldest first
	Told     []iapeer.Message // from the daemon itself to the senders of Open, oldest first
	Restarts client.Restarts
	Idle     time.Duration // after so long without work it is parked
	Boot     time.Duration // a start that takes longer is given up
	Folder   error         // why it cannot work in its folder, nil if it can
}

// maxWaiting is how many messages are told one by one.
const maxWaiting = 20

// Choose returns the presence to explain: on the runtime asked for, else the one
// that needs somebody, else the live one, else one with mail, else the default.
// False means that the peer does not have the runtime.
func Choose(p iapeer.PeerStatus, asked iapeer.Runtime) (iapeer.PresenceStatus, bool) {
	best, chosen := -1, iapeer.PresenceStatus{Identity: p.Identity(asked), State: iapeer.Asleep}
	for _, s := range p.Presences {
		n := urgency(s)
		if s.Identity.Runtime == p.DefaultRuntime {
			n++ // among equals
		}
		if s.Identity.Runtime == asked || asked == "" && n > best {
			best, chosen = n, s
		}
	}
	return chosen, asked == "" || best >= 0 || p.Declares(asked)
}

// urgency ranks the presences of a peer by how much they need to be explained.
func urgency(p iapeer.PresenceStatus) int {
	n := 0
	switch p.State {
	case iapeer.Waiting, iapeer.Resting, iapeer.ByHand:
		n = 8
	case iapeer.Waking, iapeer.Ready, iapeer.Busy, iapeer.Parking:
		n = 4
	case iapeer.Asleep, iapeer.Stopped:
	}
	if p.Open > 0 {
		n += 2
	}
	return n
}

// Explain puts the facts into words. The caller fills in API, Version and TS.
func Explain(f Facts) client.Explanation {
	st := f.Status
	f.Approvals = slices.DeleteFunc(slices.Clone(f.Approvals), func(a client.Approval) bool {
		return a.Personality != string(st.Identity.Name) || a.Runtime != string(st.Identity.Runtime)
	})
	e := client.Explanation{
		Personality: string(f.Peer.Name), Runtime: string(st.Identity.Runtime), State: st.State, Problem: f.Peer.Problem,
		Since: st.Since, Cause: st.Cause, SessionID: st.SessionID, Start: st.Start, HostPID: st.HostPID, Attached: st.Attached,
		Typing: st.Typing, Waiting: f.waiting(), Open: max(st.Open, len(f.Open)), Approvals: f.Approvals, Ways: []client.Remedy{}, Restarts: f.Restarts,
	}
	if st.Start != "" && !strings.Contains(st.Cause, " ") { // a word for the log
		e.Cause, e.Start = "its session is ready: "+st.Start, ""
	}
	for _, t := range slices.Backward(f.Record.Topics) {
		e.Topics = append(e.Topics, t.Topic)
	}
	for _, rt := range client.WirePeer(f.Peer).Runtimes {
		if rt.Runtime != e.Runtime {
			e.Others = append(e.Others, rt)
		}
	}
	w := words{Facts: f, e: &e}
	w.state()
	w.stuck()
	w.exclude()
	return e
}

// waiting lists the messages that nobody has seen, and what their senders know.
func (f Facts) waiting() []client.Waiting {
	list := []client.Waiting{}
	for _, m := range f.Open[:min(len(f.Open), maxWaiting)] {
		w := client.Waiting{ID: m.ID, From: m.From.String(), State: m.State, Topic: m.Topic, AcceptedAt: m.AcceptedAt}
		for _, t := range f.Told {
			if t.Caused == m.ID {
				w.Told, w.ToldAt = t.Body, t.AcceptedAt
			}
		}
		list = append(list, w)
	}
	return list
}

// words is an explanation that is being written.
type words struct {
	Facts
	e *client.Explanation
}

// way adds a command that lets the peer go on.
func (w words) way(does, format string, args ...any) {
	w.e.Ways = append(w.e.Ways, client.Remedy{Command: "iapeer " + fmt.Sprintf(format, args...), Does: does})
}

// stuck tells of messages that go on only by a person's word, whatever the state.
// One shows the way.
func (w words) stuck() {
	for _, m := range w.Open {
		switch m.State {
		case iapeer.Held:
			w.way("deliver what is held", "msg retry %s", m.ID)
		case iapeer.Unknown:
			w.way("say what became of it: seen or lost; what came after it waits", "msg resolve %s seen", m.ID)
		default:
			continue
		}
		return
	}
}

// exclude lists what is not the reason, and how that was found.
func (w words) exclude() {
	w.e.Not = []client.Finding{}
	if w.Status.Identity.Runtime == iapeer.RuntimeCLI {
		return // a person has no reasons
	}
	for _, f := range []struct {
		what, found string
		reason      bool
	}{
		{"profile", "ok", w.e.Problem != ""},
		{"stopped", "no", w.Status.State == iapeer.Stopped || w.Record.Stopped},
		{"crash loop", fmt.Sprintf("%d of %d", w.Restarts.Deaths, w.Restarts.Limit), w.e.Rest == iapeer.RestCrashLoop || w.Restarts.Limit == 0},
		{"quota", "none known", w.e.Rest == iapeer.RestQuota},
		{"started by hand", "no", w.Status.State == iapeer.ByHand},
		{"approvals", "none open", len(w.Approvals) > 0},
		{"half-typed line", "none", w.Status.Typing},
		{"folder", "there", w.Folder != nil || w.e.Problem != ""},
		{"daemon and its disk", "ok", w.Sick != nil},
	} {
		if !f.reason {
			w.e.Not = append(w.e.Not, client.Finding{What: f.what, Found: f.found})
		}
	}
}
