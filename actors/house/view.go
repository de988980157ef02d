package house

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/admission"
)

// View is the read model of all presences, for readers that cannot wait for an
// actor: the gate, once per request, the fleet's snapshot, the admission of more
// sessions, and [House.Post], which asks whether an actor is there to be
// addressed. Presences write it at each transition and never read it, except to
// go on after a restart. Safe for concurrent use.
type View struct {
	mu   sync.RWMutex
	rows map[iapeer.Identity]Row
}

// Row is what a presence says of itself.
type Row struct {
	Record     iapeer.Presence
	Status     iapeer.PresenceStatus
	Generation int64
	Socket     string
	Live       bool // it has a supervised session, or starts one
	Here       bool // its actor takes messages
	Launching  bool // a launch was asked for, and has not been answered
	Adopted    bool // the session is older than this daemon, or than its presence
	MayLeave   bool // may be parked: nobody looks at it, and nothing waits or goes on
	Used       time.Time
}

func newView() *View { return &View{rows: make(map[iapeer.Identity]Row)} }

// Put keeps the row of a presence. Only that presence calls it.
func (v *View) Put(id iapeer.Identity, r Row) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows[id] = r
}

// Drop forgets the presences of a peer that is removed.
func (v *View) Drop(name iapeer.Name) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.rows, func(id iapeer.Identity, _ Row) bool { return id.Name == name })
}

// Here reports whether the presence's actor takes messages. One that is being
// spawned does not, although its name is known: the library would find it without
// a way to be scheduled.
func (v *View) Here(id iapeer.Identity) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.rows[id].Here
}

// Leave notes that the presence's actor ends, or restarts.
func (v *View) Leave(id iapeer.Identity) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r, ok := v.rows[id]; ok {
		r.Here = false
		v.rows[id] = r
	}
}

// Live returns the generation of the identity's supervised session, and whether
// it has one.
func (v *View) Live(id iapeer.Identity) (int64, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r := v.rows[id]
	return r.Generation, r.Live
}

// Working reports whether any session is at work, or is being woken for some.
func (v *View) Working() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, r := range v.rows {
		if r.Live && (r.Status.State == iapeer.Busy || r.Status.State == iapeer.Waking) {
			return true
		}
	}
	return false
}

// Presence returns the status of one presence; ok is false when it was never
// used.
func (v *View) Presence(id iapeer.Identity) (status iapeer.PresenceStatus, socket string, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.rows[id]
	return r.Status, r.Socket, ok
}

// Of returns the presences of one peer, by runtime.
func (v *View) Of(name iapeer.Name) []iapeer.PresenceStatus {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var out []iapeer.PresenceStatus
	for id, r := range v.rows {
		if id.Name == name {
			out = append(out, r.Status)
		}
	}
	slices.SortFunc(out, func(a, b iapeer.PresenceStatus) int {
		return strings.Compare(string(a.Identity.Runtime), string(b.Identity.Runtime))
	})
	return out
}

// Sessions lists what starts and lives, for the admission of more. A session that
// was adopted starts nothing.
func (v *View) Sessions() (list []admission.Session) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for id, r := range v.rows {
		if !r.Launching && r.Status.HostPID == 0 {
			continue
		}
		list = append(list, admission.Session{
			ID: id, Generation: r.Generation, Starting: r.Launching || r.Status.State == iapeer.Waking && !r.Adopted,
			Idle: r.MayLeave, Leaving: r.Status.State == iapeer.Parking, Used: r.Used,
		})
	}
	return list
}

// Row returns what the presence wrote last in this daemon's life.
func (v *View) Row(id iapeer.Identity) (Row, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.rows[id]
	return r, ok
}
