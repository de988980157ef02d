package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// A Registry is the view of all peers. Its methods are safe for concurrent
// use; those that read memory never wait for those that touch files.
type Registry struct {
	paths iapeer.Paths
	log   *zap.Logger
	view  atomic.Pointer[index]

	requests requests // what to follow

	mu       sync.Mutex // one reload, refresh or change at a time
	watching bool
	changes  []iapeer.PeerChanged // not yet told
	told     chan struct{}        // wakes the teller; capacity 1
}

// ErrSetAside says that a peer's record or profile is bad. [Registry.Problems]
// gives the reasons.
var ErrSetAside = errors.New("set aside")

// A Problem is a record or profile that is set aside.
type Problem struct {
	Name   iapeer.Name // "" when the record does not tell
	Path   string      // of the file to be repaired
	Reason string
}

// String returns the problem as a line for people.
func (p Problem) String() string {
	if strings.HasPrefix(p.Reason, p.Path) {
		return p.Reason
	}
	return p.Path + ": " + p.Reason
}

// Open reads the registry under paths. A missing file is an empty registry; of
// a torn file the whole records count. A file that makes no sense is named by
// [Registry.Problems] and is kept as a copy with the suffix ".corrupt.bak" when
// it is next written. The error is one of the file system.
func Open(paths iapeer.Paths, log *zap.Logger) (*Registry, error) {
	r := &Registry{paths: paths, log: log, told: make(chan struct{}, 1), requests: requests{wake: make(chan struct{}, 1)}}
	r.view.Store(newIndex())
	r.mu.Lock()
	defer r.mu.Unlock()
	return r, r.reload()
}

// Peers returns all peers that are not set aside, by name. The caller owns the
// slice, not what the peers point to.
func (r *Registry) Peers() []iapeer.Peer {
	ix := r.view.Load()
	out := make([]iapeer.Peer, 0, len(ix.entries))
	for _, e := range ix.entries {
		if e.problem == "" {
			out = append(out, e.peer)
		}
	}
	slices.SortFunc(out, func(a, b iapeer.Peer) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out
}

// Peer returns one peer from memory. The error matches iapeer.ErrUnknownPeer,
// or [ErrSetAside] and then gives the reason. Settings are those of the profile
// when it was last read: [Registry.Refresh] brings them.
func (r *Registry) Peer(name iapeer.Name) (iapeer.Peer, error) {
	e := r.view.Load().entries[name]
	switch {
	case e == nil:
		return iapeer.Peer{}, &iapeer.PeerError{Op: "look up", Peer: name, Err: iapeer.ErrUnknownPeer}
	case e.problem != "":
		return e.peer, &iapeer.PeerError{Op: "look up", Peer: name, Err: fmt.Errorf("%w: %s", ErrSetAside, r.problem(e))}
	}
	return e.peer, nil
}

// Problems lists what is set aside, by name.
func (r *Registry) Problems() []Problem {
	ix := r.view.Load()
	var out []Problem
	for _, n := range ix.names() {
		if e := ix.entries[n]; e.problem != "" {
			out = append(out, r.problem(e))
		}
	}
	for _, e := range ix.strays {
		out = append(out, r.problem(e))
	}
	return out
}

func (r *Registry) problem(e *entry) Problem {
	path := r.paths.Registry()
	if e.seen {
		path = iapeer.Profile(e.peer.CWD)
	}
	return Problem{Name: e.peer.Name, Path: path, Reason: e.problem}
}

// reload reads the file again when it is another one. The caller holds mu.
func (r *Registry) reload() error {
	path := r.paths.Registry()
	old := r.view.Load()
	now, err := stampOf(path)
	if err != nil || now == old.file && len(old.entries)+len(old.strays) > 0 {
		return err
	}
	ix := newIndex()
	if now != (stamp{}) {
		src, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if ix, err = parseIndex(path, src); err != nil {
			r.keepGood(old, now, src, err)
			return nil
		}
	}
	ix.file = now
	ix.inherit(old)
	if ix.version > formatVersion && ix.version != old.version {
		r.log.Warn("registry is of a newer version; what is not known is kept", zap.Int("version", ix.version), zap.String("path", path))
	}
	r.publish(ix)
	return nil
}

// keepGood goes on with what was known when the file cannot be understood, or
// with what is whole in it when nothing was, and remembers the file as a
// problem.
func (r *Registry) keepGood(old *index, now stamp, src []byte, why error) {
	r.log.Error("registry unreadable", zap.Error(why))
	ix := old.clone()
	ix.file = now
	ix.strays = slices.DeleteFunc(ix.strays, func(e *entry) bool { return e.raw == nil })
	ix.strays = append(ix.strays, &entry{problem: why.Error()})
	if len(old.entries) == 0 {
		for _, raw := range salvage(src) {
			ix.add(readRecord(raw))
		}
	}
	r.publish(ix)
}

// inherit takes over what an unchanged record has learnt from its profile.
func (ix *index) inherit(old *index) {
	for n, e := range ix.entries {
		was := old.entries[n]
		switch {
		case was == nil:
		case bytes.Equal(was.raw, e.raw):
			ix.entries[n] = was
		case was.peer.CWD == e.peer.CWD:
			e.peer.Settings = was.peer.Settings
		}
	}
}

// publish shows ix to readers and tells the watcher what changed. The caller
// holds mu.
func (r *Registry) publish(ix *index) {
	old := r.view.Swap(ix)
	if !r.watching {
		return
	}
	now := time.Now()
	for n, e := range ix.entries {
		if action, detail := difference(old.entries[n], e); action != "" {
			r.changes = append(r.changes, iapeer.PeerChanged{Peer: n, Action: action, Detail: detail, At: now})
		}
	}
	for n := range old.entries {
		if ix.entries[n] == nil {
			r.changes = append(r.changes, iapeer.PeerChanged{Peer: n, Action: "removed", At: now})
		}
	}
	select {
	case r.told <- struct{}{}:
	default:
	}
}

// difference names what happened to one record, "" for nothing.
func difference(was, is *entry) (action, detail string) {
	switch {
	case was == is:
		return "", ""
	case is.problem != "":
		if was != nil && was.problem == is.problem {
			return "", ""
		}
		return "quarantined", is.problem
	case was == nil:
		return "registered", ""
	}
	changed := drift(was.peer, is.peer)
	if was.peer.CWD != is.peer.CWD {
		changed = append(changed, "cwd")
	}
	if was.problem != "" {
		changed = append(changed, "repaired")
	}
	if was.seen && !sameSettings(was.peer.Settings, is.peer.Settings) {
		changed = append(changed, "settings")
	}
	if len(changed) == 0 {
		return "", ""
	}
	return "changed", strings.Join(changed, ", ")
}

func sameSettings(a, b iapeer.Settings) bool {
	return slices.Equal(a.Folders, b.Folders) && slices.Equal(a.Exec, b.Exec) &&
		a.InitialPrompt == b.InitialPrompt && a.Restart == b.Restart && a.Workdir == b.Workdir &&
		a.Ephemeral == b.Ephemeral && a.Gated == b.Gated && a.ApprovalWaits == b.ApprovalWaits && a.ReplacePrompt == b.ReplacePrompt
}

// update changes the file under its lock: fn works on a copy of what the file
// says now, and reports whether it changed anything. The caller holds mu.
func (r *Registry) update(fn func(*index) (bool, error)) error {
	if err := guardSandbox(r.paths); err != nil {
		return err
	}
	path := r.paths.Registry()
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	release, err := registryLock(r.paths.RegistryLock()).acquire(r.log)
	if err != nil {
		return err
	}
	defer release()
	if err := r.reload(); err != nil {
		return err
	}
	ix := r.view.Load().clone()
	changed, err := fn(ix)
	if err != nil {
		return err
	}
	if !changed {
		r.publish(ix)
		return nil
	}
	return r.write(ix)
}

// write replaces the file by ix and shows it to readers.
func (r *Registry) write(ix *index) error {
	path := r.paths.Registry()
	if i := slices.IndexFunc(ix.strays, func(e *entry) bool { return e.raw == nil }); i >= 0 {
		if err := keepCopy(path); err != nil {
			return fmt.Errorf("keep a copy of %s: %w", path, err)
		}
		ix.strays = slices.Delete(ix.strays, i, i+1)
	}
	data, err := ix.bytes()
	if err != nil {
		return err
	}
	if err := writeFile(path, data); err != nil {
		return err
	}
	if ix.file, err = stampOf(path); err != nil {
		return err
	}
	r.publish(ix)
	return nil
}

// keepCopy copies path beside itself with the suffix ".corrupt.bak".
func keepCopy(path string) error {
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return writeFile(path+".corrupt.bak", src)
}
