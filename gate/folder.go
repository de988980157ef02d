package gate

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/iapeer/iapeer"
)

// folders is what is known about where the process at the other end works. It
// is found out once a connection, and only for claims that nothing but the user
// proves: whoever reads papers does so at its start.
type folders struct {
	mu      sync.Mutex
	asked   bool
	cwd     string             // "" where the system does not tell
	verdict map[dwelling]error // by whom it claimed to be
}

// A dwelling is a peer and where it lives and works.
type dwelling struct {
	name       iapeer.Name
	home, work string
}

// belongs refuses a process that works in a copy, a clone or a work tree of the
// peer's folder: there lie papers that name the peer, and nobody could tell the
// two apart. A process elsewhere may speak for the peer, and so may one in the
// peer's home or work folder, whatever lies there.
func (p *pass) belongs(pid int, peer iapeer.Peer) error {
	if p.gate.cfg.Papers == nil || peer.CWD == "" {
		return nil
	}
	f := &p.conn.folders
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.asked {
		f.asked, f.cwd, f.verdict = true, workingFolder(pid), make(map[dwelling]error)
	}
	if f.cwd == "" {
		return nil
	}
	key := dwelling{peer.Name, peer.CWD, peer.Dir()}
	err, known := f.verdict[key]
	if !known {
		err = p.gate.judge(f.cwd, peer)
		f.verdict[key] = err
	}
	return err
}

// judge compares a folder with those of a peer. A peer whose home is gone has
// perhaps moved to where its papers are.
func (g *Gate) judge(cwd string, peer iapeer.Peer) error {
	home, err := os.Stat(peer.CWD)
	if err != nil {
		return nil //nolint:nilerr // it may have moved
	}
	work, err := os.Stat(peer.Dir())
	if err != nil {
		work = home
	}
	var nearest papers
	for dir := cwd; ; dir = filepath.Dir(dir) {
		if at, err := os.Stat(dir); err == nil && (os.SameFile(at, home) || os.SameFile(at, work)) {
			return nil
		}
		if nearest.file == "" {
			nearest.dir = dir
			nearest.file, nearest.names = g.cfg.Papers(dir)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if nearest.file == "" || nearest.names != peer.Name {
		return nil
	}
	return nearest.refuse(peer)
}

// papers are what a folder says about whom a program there speaks as.
type papers struct {
	dir, file string
	names     iapeer.Name
}

// refuse tells what lies where, and both ways out.
func (f papers) refuse(peer iapeer.Peer) error {
	name := iapeer.Name("NAME")
	if own, err := iapeer.ParseName(filepath.Base(f.dir)); err == nil && own != peer.Name {
		name = own
	}
	rel, err := filepath.Rel(f.dir, f.file)
	if err != nil {
		rel = f.file
	}
	first, second := fmt.Sprintf("iapeer create %s --workdir %s", name, f.dir), fmt.Sprintf("iapeer init --personality %s %s", name, f.dir)
	width := max(len(first), len(second))
	return refuse(http.StatusForbidden, "papers", fmt.Sprintf(`this folder carries the papers of another peer, so nothing is signed as %s from here
  %s  says %s, in %s
  peer %s lives in %s
Nothing was done. Either
  %-*s  a peer of its own; writes nothing into this folder
  %-*s  the same, with its files here (ignored by git)
More: iapeer help worktrees`, peer.Name, rel, peer.Name, f.dir, peer.Name, peer.CWD, width, first, width, second))
}
