package client

import (
	"encoding/json"
	"time"

	"github.com/iapeer/iapeer"
)

// A Snapshot is the fleet at one moment. Lists that are empty are left out.
type Snapshot struct {
	API     int       `json:"api"`
	Version string    `json:"version"`
	TS      time.Time `json:"ts"`
	Host    Host      `json:"host"`
	Peers   []Peer    `json:"peers"`
	Notices []Notice  `json:"notices,omitempty"`

	Approvals []Approval `json:"approvals,omitempty"` // what waits for a person's word
}

// A Host is the daemon that answers and the machine's optional services.
type Host struct {
	Version    string          `json:"version"`
	PID        int             `json:"pid"`
	StartedAt  time.Time       `json:"startedAt"`
	UptimeSecs int64           `json:"uptimeSecs"`
	Memory     json.RawMessage `json:"memory"` // null when no provider is installed
	Voice      json.RawMessage `json:"voice"`
	FDA        *bool           `json:"fda"` // macOS full-disk access; null when not known
}

// A Peer is a peer of a [Snapshot]. The fields up to ApprovalMode are those of
// older programs.
type Peer struct {
	Personality       string          `json:"personality"`
	Description       string          `json:"description"`
	Intelligence      string          `json:"intelligence"`
	DefaultRuntime    string          `json:"default_runtime"`
	CWD               string          `json:"cwd"`
	Workdir           string          `json:"workdir,omitempty"` // where it works, when that is not its home
	Runtimes          []RuntimeStatus `json:"runtimes"`
	LastActiveRuntime string          `json:"last_active_runtime,omitempty"`
	LastActiveMs      int64           `json:"last_active_ms,omitempty"`
	Attached          bool            `json:"attached"`
	LaunchdManaged    bool            `json:"launchd_managed"`
	WakePolicy        string          `json:"wake_policy"` // "warm" or "ephemeral"
	QueueDepth        int             `json:"queue_depth,omitempty"`
	ApprovalMode      string          `json:"approval_mode"`     // "yolo" or "gated"
	Waiting           int             `json:"waiting,omitempty"` // open messages
	Problem           string          `json:"problem,omitempty"` // why its record is set aside
}

// A RuntimeStatus is one runtime of a [Peer]. Status is what older programs
// know; State, Since and Cause tell more.
type RuntimeStatus struct {
	Runtime   string               `json:"runtime"`
	Status    string               `json:"status"` // "live", "asleep" or "stopped"
	Attached  bool                 `json:"attached,omitempty"`
	Activity  string               `json:"activity,omitempty"` // "working", "idle" or "unknown"; live only
	State     iapeer.PresenceState `json:"state"`
	Since     time.Time            `json:"since,omitzero"`
	Cause     string               `json:"cause,omitempty"`
	SessionID string               `json:"sessionId,omitempty"`
	HostPID   int                  `json:"hostPid,omitempty"`
	Open      int                  `json:"open,omitempty"`     // open messages for this runtime
	Start     string               `json:"start,omitempty"`    // how its session began, for people
	Stopped   bool                 `json:"stopped,omitempty"`  // a person stopped it, also while its session ends
	Typing    bool                 `json:"typing,omitempty"`   // a person's half-typed line keeps mail waiting
	Rest      iapeer.RestKind      `json:"rest,omitempty"`     // why it rests
	RestUntil time.Time            `json:"restUntil,omitzero"` // when that ends
}

// A PeerReply is the answer to GET /fleet/v1/peers/<name>.
type PeerReply struct {
	API     int       `json:"api"`
	Version string    `json:"version"`
	TS      time.Time `json:"ts"`
	Peer    Peer      `json:"peer"`
	Events  []Event   `json:"events"` // the last ones that concern it, oldest first
}

// Dir returns where the peer works.
func (p Peer) Dir() string {
	if p.Workdir != "" {
		return p.Workdir
	}
	return p.CWD
}

// WirePeer returns s as the fleet API shows it. Every declared runtime is
// listed, default first, whether or not it has a presence.
func WirePeer(s iapeer.PeerStatus) Peer {
	p := Peer{
		Personality: string(s.Name), Description: s.Description, Intelligence: string(s.Nature),
		DefaultRuntime: string(s.DefaultRuntime), CWD: s.CWD, Workdir: s.Settings.Workdir, Runtimes: []RuntimeStatus{},
		WakePolicy: "warm", ApprovalMode: "yolo", Waiting: s.Waiting, Problem: s.Problem,
	}
	if s.Settings.Ephemeral {
		p.WakePolicy, p.QueueDepth = "ephemeral", s.Waiting
	}
	if s.Settings.Gated {
		p.ApprovalMode = "gated"
	}
	for _, rt := range runtimesOf(s) {
		st := RuntimeStatus{Runtime: string(rt), State: iapeer.Asleep, Status: "asleep"}
		for _, pr := range s.Presences {
			if pr.Identity.Runtime == rt {
				st = wireRuntime(pr)
			}
		}
		p.add(st)
	}
	return p
}

// runtimesOf lists the declared runtimes, default first, then any that only
// has a presence.
func runtimesOf(s iapeer.PeerStatus) []iapeer.Runtime {
	var list []iapeer.Runtime
	seen := map[iapeer.Runtime]bool{"": true}
	add := func(rt iapeer.Runtime) {
		if !seen[rt] {
			seen[rt] = true
			list = append(list, rt)
		}
	}
	add(s.DefaultRuntime)
	for _, rt := range s.Runtimes {
		add(rt)
	}
	for _, pr := range s.Presences {
		add(pr.Identity.Runtime)
	}
	return list
}

func (p *Peer) add(st RuntimeStatus) {
	p.Runtimes = append(p.Runtimes, st)
	p.Attached = p.Attached || st.Attached
	if ms := st.Since.UnixMilli(); !st.Since.IsZero() && ms > p.LastActiveMs {
		p.LastActiveRuntime, p.LastActiveMs = st.Runtime, ms
	}
}

func wireRuntime(pr iapeer.PresenceStatus) RuntimeStatus {
	st := RuntimeStatus{
		Runtime: string(pr.Identity.Runtime), State: pr.State, Since: pr.Since, Cause: pr.Cause,
		SessionID: pr.SessionID, HostPID: pr.HostPID, Open: pr.Open, Attached: pr.Attached > 0, Start: pr.Start, Typing: pr.Typing,
		Stopped: pr.Stopped,
	}
	if pr.State == iapeer.Resting {
		st.Rest, st.RestUntil = pr.Rest, pr.RestUntil
	}
	st.Status, st.Activity = oldStatus(pr.State)
	return st
}

// oldStatus says a presence's state in the words of older programs.
func oldStatus(s iapeer.PresenceState) (status, activity string) {
	switch s {
	case iapeer.Ready:
		return "live", "idle"
	case iapeer.Busy, iapeer.Waiting:
		return "live", "working"
	case iapeer.Waking, iapeer.Parking:
		return "live", "unknown"
	case iapeer.Stopped:
		return "stopped", ""
	default:
		return "asleep", ""
	}
}
