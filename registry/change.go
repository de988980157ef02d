package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
)

// ErrTaken refuses a name or a folder that belongs to another peer.
var ErrTaken = errors.New("taken")

// Upsert registers peers or merges them into their records, all in one rewrite
// of the file, or none. What a peer leaves empty is inherited; runtimes are
// added, never taken away; the default runtime stays; interfaces are inherited
// when nil. A known peer in another folder, or a folder that holds another
// peer, is refused: the error matches [ErrTaken]. The merged peers are
// returned in the order given.
func (r *Registry) Upsert(peers ...iapeer.Peer) ([]iapeer.Peer, error) {
	for _, p := range peers {
		if err := checkUpsert(p); err != nil {
			return nil, err
		}
	}
	out := make([]iapeer.Peer, 0, len(peers))
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.update(func(ix *index) (bool, error) {
		before := r.view.Load()
		owners := ix.owners()
		for _, p := range peers {
			merged, err := ix.merge(p, owners)
			if err != nil {
				return false, &iapeer.PeerError{Op: "register", Peer: p.Name, Err: err}
			}
			out = append(out, merged)
		}
		return !sameRecords(before, ix), nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkUpsert refuses what no merge can mend, before any lock is taken.
func checkUpsert(p iapeer.Peer) error {
	if _, err := iapeer.ParseName(string(p.Name)); err != nil {
		return err
	}
	if p.CWD != "" && !filepath.IsAbs(p.CWD) {
		return &iapeer.PeerError{Op: "register", Peer: p.Name, Err: fmt.Errorf("folder %q is not an absolute path", p.CWD)}
	}
	for _, rt := range append(slices.Clone(p.Runtimes), p.DefaultRuntime) {
		if _, err := iapeer.ParseRuntime(string(rt)); rt != "" && err != nil {
			return &iapeer.PeerError{Op: "register", Peer: p.Name, Err: err}
		}
	}
	if p.Nature == "" {
		return nil
	}
	if _, err := iapeer.ParseNature(string(p.Nature)); err != nil {
		return &iapeer.PeerError{Op: "register", Peer: p.Name, Err: err}
	}
	return nil
}

// owners maps each folder, clean and with links resolved where that is free,
// to its peer.
func (ix *index) owners() map[string]iapeer.Name {
	m := make(map[string]iapeer.Name, len(ix.entries))
	for n, e := range ix.entries {
		if e.peer.CWD != "" {
			m[filepath.Clean(e.peer.CWD)] = n
		}
	}
	return m
}

// merge enters p and returns it as it then stands.
func (ix *index) merge(p iapeer.Peer, owners map[string]iapeer.Name) (iapeer.Peer, error) {
	old := ix.entries[p.Name]
	if old != nil {
		if err := inherit(&p, old.peer); err != nil {
			return p, err
		}
	}
	if p.CWD == "" {
		return p, errors.New("the peer's folder is missing")
	}
	p.CWD = filepath.Clean(p.CWD)
	for _, dir := range []string{p.CWD, realCWD(p.CWD)} {
		if owner := owners[dir]; owner != "" && owner != p.Name {
			return p, fmt.Errorf("%s already holds peer %q: %w", p.CWD, owner, ErrTaken)
		}
	}
	if p.DefaultRuntime == "" && len(p.Runtimes) > 0 {
		p.DefaultRuntime = p.Runtimes[0]
	}
	if p.DefaultRuntime == "" {
		return p, errors.New("the peer's runtime is missing")
	}
	p.Runtimes = union(p.DefaultRuntime, p.Runtimes)
	if p.Nature == "" {
		p.Nature = iapeer.DefaultNature(p.DefaultRuntime)
	}
	owners[p.CWD] = p.Name
	if err := ix.put(p, old); err != nil {
		return p, err
	}
	return ix.entries[p.Name].peer, nil
}

// inherit fills what p leaves open from the known peer, and refuses to move it.
func inherit(p *iapeer.Peer, known iapeer.Peer) error {
	if p.CWD != "" && known.CWD != "" && !SameCWD(p.CWD, known.CWD) {
		return fmt.Errorf("peer %q already exists at %s, refusing to re-point it to %s; use rename: %w", p.Name, known.CWD, p.CWD, ErrTaken)
	}
	if known.CWD != "" {
		p.CWD = known.CWD
	}
	if known.DefaultRuntime != "" {
		p.Runtimes = union(known.DefaultRuntime, known.Runtimes, orEmpty(p.DefaultRuntime), p.Runtimes)
		p.DefaultRuntime = known.DefaultRuntime
	}
	if strings.TrimSpace(p.Description) == "" {
		p.Description = known.Description
	}
	if p.Nature == "" {
		p.Nature = known.Nature
	}
	if p.Interfaces == nil {
		p.Interfaces = known.Interfaces
	}
	return nil
}

func orEmpty(rt iapeer.Runtime) []iapeer.Runtime {
	if rt == "" {
		return nil
	}
	return []iapeer.Runtime{rt}
}

// sameRecords reports whether a and b would be the same file.
func sameRecords(a, b *index) bool {
	if len(a.entries) != len(b.entries) || len(a.strays) != len(b.strays) {
		return false
	}
	for n, e := range b.entries {
		if was := a.entries[n]; was == nil || was != e && !sameJSON(was.raw, e.raw) {
			return false
		}
	}
	return true
}

// Remove takes peers out of the registry and returns those that were in it.
// Profiles and folders stay.
func (r *Registry) Remove(names ...iapeer.Name) ([]iapeer.Name, error) {
	var gone []iapeer.Name
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.update(func(ix *index) (bool, error) {
		for _, n := range names {
			if ix.entries[n] == nil {
				continue
			}
			delete(ix.entries, n)
			ix.strays = slices.DeleteFunc(ix.strays, func(e *entry) bool { return e.peer.Name == n })
			gone = append(gone, n)
		}
		return len(gone) > 0, nil
	})
	return gone, err
}

// Rename gives a peer another name, and with cwd another folder, which the
// caller has moved already; "" keeps the folder. The profile there must still
// carry the old name; profile and record change under one lock.
func (r *Registry) Rename(from, to iapeer.Name, cwd string) (iapeer.Peer, error) {
	var renamed iapeer.Peer
	if _, err := iapeer.ParseName(string(to)); err != nil {
		return renamed, err
	}
	if from == to {
		return renamed, &iapeer.PeerError{Op: "rename", Peer: from, Err: errors.New("both names are the same")}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.update(func(ix *index) (bool, error) {
		old := ix.entries[from]
		switch {
		case old == nil:
			return false, iapeer.ErrUnknownPeer
		case ix.entries[to] != nil:
			return false, fmt.Errorf("name %q: %w", to, ErrTaken)
		}
		if cwd == "" {
			cwd = old.peer.CWD
		}
		p, err := renameProfile(cwd, from, to, r)
		if err != nil {
			return false, err
		}
		delete(ix.entries, from)
		renamed = p
		return true, ix.put(p, old)
	})
	if err != nil {
		if renamed.Name == to { // the record could not follow
			_, undo := renameProfile(cwd, to, from, r)
			err = errors.Join(err, undo)
		}
		return iapeer.Peer{}, &iapeer.PeerError{Op: "rename", Peer: from, Err: err}
	}
	return renamed, nil
}

func renameProfile(cwd string, from, to iapeer.Name, r *Registry) (iapeer.Peer, error) {
	p, _, err := EditProfile(cwd, r.log, func(p *iapeer.Peer) error {
		if p.Name != from {
			return fmt.Errorf("the profile in %s is that of %q", cwd, p.Name)
		}
		p.Name = to
		return nil
	})
	return p, err
}
