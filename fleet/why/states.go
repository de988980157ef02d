package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// What a state costs.
const (
	nothing   = "nothing: no process, no model call"
	noCall    = "no model call; one process that waits"
	theTurn   = "what its program takes for the turn"
	noCallNow = "no model call before it is ready"
)

// state writes what the state is, until when, and what changes it.
func (w words) state() {
	name := w.Peer.Name
	switch {
	case w.Peer.Problem != "":
		w.e.Is, w.e.Cause, w.e.Costs = "set aside", w.Peer.Problem, nothing
		w.e.Next = "its profile is read again as soon as it changes; all other peers work"
		w.way("check it, and mend what can be mended without loss", "verify %s --fix", name)
		return
	case w.Status.Identity.Runtime == iapeer.RuntimeCLI:
		w.e.Is, w.e.Cause, w.e.Costs = "a person", "", nothing
		w.e.Next = "mail waits until it is read"
		w.way("read it", "inbox")
		return
	}
	write := map[iapeer.PresenceState]func(words){
		iapeer.Asleep: words.asleep, iapeer.Waking: words.waking, iapeer.Ready: words.ready, iapeer.Busy: words.busy, iapeer.Waiting: words.waits,
		iapeer.Parking: words.parking, iapeer.Stopped: words.stopped, iapeer.Resting: words.resting, iapeer.ByHand: words.byHand,
	}[w.Status.State]
	if write == nil { // a state that is newer than these words
		w.e.Is = string(w.Status.State)
		return
	}
	write(w)
	if w.Folder != nil && w.Status.HostPID == 0 {
		w.e.Next = "it cannot start: " + w.Folder.Error()
	}
	if w.Sick != nil {
		w.e.Next = "the daemon cannot do its work: " + w.Sick.Error()
	}
}

func (w words) asleep() {
	w.e.Is, w.e.Costs = "asleep", nothing
	w.e.Next = "the next message wakes it" + w.beginning()
	switch {
	case w.deliverable() > 0:
		w.e.Next = "its mail is about to wake it" + w.beginning()
	case w.Restarts.Policy == "always":
		w.e.Next = "its restart policy is about to start it"
	}
	if len(w.Approvals) > 0 {
		w.e.Is = "asleep until you answer"
		w.decide()
	}
	w.way("begin its session without a message", "wake %s%s", w.Peer.Name, w.on())
}

// deliverable counts the mail that may wake it.
func (w words) deliverable() (n int) {
	for _, m := range w.Open {
		if m.State != iapeer.Held && m.State != iapeer.Unknown {
			n++
		}
	}
	return n
}

// beginning says how the next session begins.
func (w words) beginning() string {
	r := w.Record
	switch {
	case !w.Status.Identity.Runtime.Agentic():
		return ""
	case r.FreshNext:
		return ", in a fresh session: a refresh was asked for"
	case w.Peer.Settings.Ephemeral:
		return ", in a session of its own: it is ephemeral"
	case r.SessionID == "":
		return ", in its first session"
	case !r.Parked:
		return ", in a fresh session: the last one did not end on purpose"
	case len(w.e.Topics) > 0:
		return "; it remembers the conversations about " + quoted(w.e.Topics)
	}
	return ""
}

func (w words) waking() {
	w.e.Is, w.e.Costs = "being woken", noCallNow
	w.e.Next = "it takes its mail when it is ready"
	if w.Queued {
		w.e.Is, w.e.Costs = "waiting to be started", nothing
		w.e.Next = "it starts as soon as there is room"
	} else if w.Boot > 0 {
		w.e.Next += fmt.Sprintf("; a start that takes longer than %s is given up, and its senders are told", w.Boot)
	}
	if !w.Queued {
		w.look("see what it shows", "screen")
	}
	w.way("give it up", "stop %s%s --now", w.Peer.Name, w.on())
}

func (w words) ready() {
	w.e.Is, w.e.Costs = "ready", noCall
	name := w.Peer.Name
	switch {
	case w.Status.Typing && w.Status.Open > 0:
		w.e.Is = "ready, but a half-typed line keeps its mail waiting"
		w.e.Next = "the mail is offered when that line is sent or cleared; nobody sends it for you"
		w.way("send the line, or clear it", "attach %s%s", name, w.on())
		return
	case w.Status.Attached > 0:
		w.e.Next = "it takes a message now, and is not parked while somebody looks at it"
	case w.Peer.Settings.Ephemeral:
		w.e.Next = "its session ends soon after its task; it is never resumed"
	case w.Restarts.Policy == "always":
		w.e.Next = "it takes a message now; its restart policy keeps it up"
	case w.deliverable() > 0:
		w.e.Next = "its mail is being offered"
	case w.Idle > 0 && !w.Status.Since.IsZero():
		w.e.Until = w.Status.Since.Add(w.Idle)
		w.e.Next = "it takes a message now; without one it is put to sleep then"
	}
	w.look("sit down at it", "attach")
	w.way("put it to sleep now", "sleep %s%s", name, w.on())
}

func (w words) busy() {
	w.e.Is, w.e.Costs = "in a turn", theTurn
	w.e.Next = "its mail is taken during the turn or at its end, as its program does"
	if w.Status.Typing && w.Status.Open > 0 {
		w.e.Is = "in a turn, and a half-typed line keeps its mail waiting"
		w.e.Next = "the mail is offered when that line is sent or cleared; nobody sends it for you"
		w.look("send the line, or clear it", "attach")
	}
	if w.Record.Stopped {
		w.e.Next = "it is stopped when that has ended"
	}
	w.look("see what it does", "screen")
	w.way("end the turn; the session stays", "interrupt %s%s", w.Peer.Name, w.on())
}

func (w words) waits() {
	w.e.Is, w.e.Costs = "waiting for you", noCall
	w.e.Next = "nothing is offered before that is answered"
	w.decide()
	w.look("answer at its terminal", "attach")
}

// decide names the requests that wait for a person's word.
func (w words) decide() {
	for _, a := range w.Approvals {
		w.way("let it run: "+a.Tool, "approve %s", a.ID)
		w.way("keep it from running", "deny %s <reason>", a.ID)
	}
}

// look adds a way to see its terminal, which commands do not have.
func (w words) look(does, verb string) {
	if w.Status.Identity.Runtime != iapeer.RuntimeExec {
		w.way(does, "%s %s%s", verb, w.Peer.Name, w.on())
	}
}

func (w words) parking() {
	w.e.Is, w.e.Costs = "ending its session", nothing
	w.e.Next = w.after()
	if w.Record.Stopped {
		w.e.Next = "then it is stopped"
	}
}

// after says what follows when the peer is free again.
func (w words) after() string {
	if w.deliverable() > 0 {
		return "then its mail wakes it"
	}
	return "then the next message wakes it"
}

func (w words) stopped() {
	w.e.Is, w.e.Costs = "stopped", nothing
	w.e.Next = "mail is kept until a person starts it"
	if w.Restarts.Policy == "never" {
		w.e.Is = "down: its restart policy is never"
	}
	w.way("let it work again", "start %s%s", w.Peer.Name, w.on())
}

func (w words) resting() {
	name := w.Peer.Name
	w.e.Rest, w.e.Until, w.e.Costs = w.Record.Rest, w.Record.RestUntil, "nothing: no model call while it rests"
	w.e.Next = w.after()
	switch w.Record.Rest {
	case iapeer.RestQuota:
		w.e.Is = "parked: quota"
		w.e.Next = "it wakes by itself then, a little after the reset that " + string(w.Status.Identity.Runtime) + " named"
		w.way("try now; it parks again on the same answer", "wake %s%s", name, w.on())
	case iapeer.RestCrashLoop:
		w.e.Is = fmt.Sprintf("resting: crash loop, %d deaths of %d", w.Restarts.Deaths, w.Restarts.Limit)
		w.way("forget the deaths and go on now", "start %s%s", name, w.on())
		w.way("see what happened to it", "status %s", name)
	case iapeer.RestRefused:
		w.e.Is = "resting: it could not be started as things are"
		w.way("try again now, once that is mended", "start %s%s", name, w.on())
		w.way("see what happened to it", "status %s", name)
	case iapeer.RestBackOff:
		w.e.Is = fmt.Sprintf("resting: a pause after a death (%d, rests longer at %d)", w.Restarts.Deaths, w.Restarts.Limit)
		if w.Restarts.Policy == "always" || w.Restarts.Policy == "on-failure" {
			w.e.Next = "then its restart policy starts it again"
		}
		w.way("do not wait", "start %s%s", name, w.on())
	default:
		w.e.Is = "resting"
		w.way("do not wait", "start %s%s", name, w.on())
	}
	w.elsewhere()
}

// elsewhere names a runtime of the peer that does not rest.
func (w words) elsewhere() {
	for _, rt := range w.e.Others {
		if rt.State.TakesSoon() {
			w.way("its other runtime does not rest", "send %s --runtime %s …", w.Peer.Name, rt.Runtime)
			return
		}
	}
}

func (w words) byHand() {
	w.e.Is, w.e.Costs = "left to a session that was started by hand", "nothing of iapeer's"
	w.e.Next = "its mail waits until that session ends"
	w.way("take that conversation over", "adopt %s%s", w.Peer.Name, w.on())
	w.way("begin a second session beside it", "wake %s%s --anyway", w.Peer.Name, w.on())
}

// on is the runtime as an argument, where a verb would choose another: it takes
// the default one, unless that is down and another lives.
func (w words) on() string {
	other := slices.ContainsFunc(w.e.Others, func(rt client.RuntimeStatus) bool { return rt.Status == "live" })
	if w.Status.Identity.Runtime == w.Peer.DefaultRuntime && (!other || w.Status.HostPID > 0) {
		return ""
	}
	return " " + string(w.Status.Identity.Runtime)
}

func quoted(list []string) string { return "'" + strings.Join(list, "', '") + "'" }
