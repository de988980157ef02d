package iapeer

import (
	"encoding/json"
	"slices"
)

// MaxDescriptionRunes is the longest description kept; longer ones are cut on
// read and on write.
const MaxDescriptionRunes = 450

// A Peer is one record of the registry: the projection of the profile in the
// peer's folder, which is the truth.
type Peer struct {
	Name           Name
	DefaultRuntime Runtime
	Runtimes       []Runtime // default first, no duplicates
	Description    string
	Nature         Nature
	RawNature      string          // as on disk; legacy words are kept until the nature changes
	CWD            string          // the peer's home, where its profile and papers are; absolute
	Interfaces     json.RawMessage // object kept for its owners, or nil
	Settings       Settings
}

// Settings are the parts of a profile that are not projected into the
// registry.
type Settings struct {
	InitialPrompt string   // prepended to the first message of a fresh session
	Ephemeral     bool     // wake_policy "ephemeral"
	Gated         bool     // approval_mode "gated"
	ApprovalWaits bool     // approval_on_timeout "wait": a request that nobody answers stays open, and the peer sleeps
	ReplacePrompt bool     // prompt = "replace": ours replaces the program's own prompt
	Folders       []string // further folders the peer may reach; absolute
	Exec          []string // argv of an exec peer
	Restart       string   // restart policy by name; "" means the runtime's default
	Workdir       string   // where its sessions work, absolute; "" means in its home
}

// Dir returns where the peer works: its work folder, which several peers may
// share and in which nothing of iapeer is written, else its home.
func (p Peer) Dir() string {
	if p.Settings.Workdir != "" {
		return p.Settings.Workdir
	}
	return p.CWD
}

// Declares reports whether the peer can live on rt.
func (p Peer) Declares(rt Runtime) bool {
	return p.DefaultRuntime == rt || slices.Contains(p.Runtimes, rt)
}

// Identity returns the peer's address on rt, or on its default runtime when rt
// is empty.
func (p Peer) Identity(rt Runtime) Identity {
	if rt == "" {
		rt = p.DefaultRuntime
	}
	return Identity{Runtime: rt, Name: p.Name}
}
