package registry

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// Refresh looks at a peer's profile, which costs one stat when it has not
// changed, projects what changed, and returns the peer with its settings. A
// peer whose profile is gone keeps its record. Errors are those of
// [Registry.Peer], or of the file system.
func (r *Registry) Refresh(name iapeer.Name) (iapeer.Peer, error) {
	e := r.view.Load().entries[name]
	if e == nil {
		return r.Peer(name)
	}
	now, err := stampOf(iapeer.Profile(e.peer.CWD))
	if err != nil {
		return e.peer, &iapeer.PeerError{Op: "read profile of", Peer: name, Err: err}
	}
	if e.seen && now == e.profile {
		return r.Peer(name)
	}
	if _, err := r.Reindex(name); err != nil {
		return e.peer, err
	}
	return r.Peer(name)
}

// EditProfile is [EditProfile], followed by [Registry.Refresh] when the peer is
// registered.
func (r *Registry) EditProfile(cwd string, edit func(*iapeer.Peer) error) (iapeer.Peer, bool, error) {
	p, changed, err := EditProfile(cwd, r.log, edit)
	if err != nil || r.view.Load().entries[p.Name] == nil {
		return p, changed, err
	}
	p, err = r.Refresh(p.Name)
	return p, changed, err
}

// Reindex reads the profiles of the peers named, or of all, and makes their
// records say the same, in one rewrite of the file. Unlike [Registry.Upsert] it
// replaces: what a profile no longer declares goes. A record whose profile is
// gone stays; a peer whose profile cannot be read is set aside. It returns the
// names whose records changed.
func (r *Registry) Reindex(names ...iapeer.Name) ([]iapeer.Name, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(); err != nil {
		return nil, err
	}
	seen, drifted := r.view.Load().project(names)
	if len(drifted) == 0 {
		r.publish(seen)
		return nil, nil
	}
	err := r.update(func(ix *index) (bool, error) {
		seen, drifted = ix.project(names)
		*ix = *seen
		return len(drifted) > 0, nil
	})
	if err != nil {
		return nil, err
	}
	for _, n := range drifted {
		r.log.Info("record follows its profile", zap.String("peer", string(n)))
	}
	return drifted, nil
}

// project returns a copy of ix in which the named entries, or all, say what
// their profiles say, and the names of those whose records differ for it.
func (ix *index) project(names []iapeer.Name) (*index, []iapeer.Name) {
	out := ix.clone()
	if len(names) == 0 {
		names = ix.names()
	}
	var drifted []iapeer.Name
	for _, n := range names {
		e := ix.entries[n]
		if e == nil || e.peer.CWD == "" {
			continue
		}
		is := e.look()
		out.entries[n] = is
		if is != e && !slices.Equal(is.raw, e.raw) {
			drifted = append(drifted, n)
		}
	}
	return out, drifted
}

// look returns the entry as the profile has it: e itself when the profile is
// the same as before.
func (e *entry) look() *entry {
	path := iapeer.Profile(e.peer.CWD)
	now, err := stampOf(path)
	if err == nil && e.seen && now == e.profile {
		return e
	}
	is := *e
	is.profile, is.seen = now, true
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return is.withoutProfile()
	}
	if err != nil {
		is.problem = err.Error()
		return &is
	}
	p, _, err := parseProfile(path, e.peer.CWD, src)
	switch {
	case err != nil:
		is.problem = err.Error()
	case p.Name != e.peer.Name:
		is.problem = (&ProfileError{Path: path, Field: "personality", Reason: "is " + string(p.Name) + ", the registry says " + string(e.peer.Name)}).Error()
	default:
		return is.follow(p)
	}
	return &is
}

// withoutProfile stands by the record alone.
func (e *entry) withoutProfile() *entry {
	rec := readRecord(e.raw)
	rec.profile, rec.seen = e.profile, rec.problem == ""
	rec.peer.Settings = iapeer.Settings{}
	return rec
}

// follow returns the entry with the record that p projects to.
func (e *entry) follow(p iapeer.Peer) *entry {
	doc, err := parseDocument(e.raw)
	if err != nil {
		doc, err = parseDocument([]byte("{}"))
	}
	if err == nil {
		err = writeRecord(doc, &p)
	}
	is := &entry{raw: compact(doc.src), peer: p, profile: e.profile, seen: true}
	if err != nil {
		is.raw, is.problem = e.raw, err.Error()
	}
	return is
}
