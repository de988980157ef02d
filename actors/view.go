package actors

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/iapeer/iapeer"
)

// View is the read model of all presences, for readers that cannot wait for an
// actor: the gate, once per request, and the fleet's snapshot. Presences write
// it at each transition; nothing decides by it. Safe for concurrent use.
type View struct {
	mu   sync.RWMutex
	rows map[iapeer.Identity]row
}

type row struct {
	record     iapeer.Presence
	status     iapeer.PresenceStatus
	generation int64
	socket     string
	live       bool
	launching  bool
}

func newView() *View { return &View{rows: make(map[iapeer.Identity]row)} }

func (v *View) put(id iapeer.Identity, r row) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows[id] = r
}

func (v *View) drop(name iapeer.Name) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.DeleteFunc(v.rows, func(id iapeer.Identity, _ row) bool { return id.Name == name })
}

// Live returns the generation of the identity's supervised session, and whether
// it has one.
func (v *View) Live(id iapeer.Identity) (int64, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r := v.rows[id]
	return r.generation, r.live
}

// Presence returns the status of one presence; ok is false when it was never
// used.
func (v *View) Presence(id iapeer.Identity) (status iapeer.PresenceStatus, socket string, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.rows[id]
	return r.status, r.socket, ok
}

// Of returns the presences of one peer, by runtime.
func (v *View) Of(name iapeer.Name) []iapeer.PresenceStatus {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var out []iapeer.PresenceStatus
	for id, r := range v.rows {
		if id.Name == name {
			out = append(out, r.status)
		}
	}
	slices.SortFunc(out, func(a, b iapeer.PresenceStatus) int {
		return strings.Compare(string(a.Identity.Runtime), string(b.Identity.Runtime))
	})
	return out
}

// row returns what the presence wrote last in this daemon's life.
func (v *View) row(id iapeer.Identity) (row, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r, ok := v.rows[id]
	return r, ok
}
