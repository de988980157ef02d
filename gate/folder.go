package gate

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/iapeer/iapeer"
)

// folder returns where the calling process works, "" where the system does not
// tell. It is asked once a connection, and only for a claim that nothing but
// the user proves.
func (c *conn) folder(pid int) string {
	c.onceFolder.Do(func() { c.cwd = workingFolder(pid) })
	return c.cwd
}

// belongs refuses a process that works in a copy, a clone or a work tree of the
// peer's folder: there lie papers that name the peer, and nobody could tell the
// two apart. A process elsewhere may speak for the peer, and so may one in the
// peer's home or work folder, whatever lies there. A peer whose home is gone has
// perhaps moved here.
func (p *pass) belongs(pid int, peer iapeer.Peer) error {
	if p.gate.cfg.Papers == nil || peer.CWD == "" {
		return nil
	}
	cwd := p.conn.folder(pid)
	home, err := os.Stat(peer.CWD)
	if cwd == "" || err != nil {
		return nil
	}
	work, err := os.Stat(peer.Dir())
	if err != nil {
		work = home
	}
	var foreign *papers
	for dir := cwd; ; dir = filepath.Dir(dir) {
		if at, err := os.Stat(dir); err == nil && (os.SameFile(at, home) || os.SameFile(at, work)) {
			return nil
		}
		if foreign == nil {
			if file, names := p.gate.cfg.Papers(dir); file != "" {
				foreign = &papers{dir: dir, file: file, names: names}
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if foreign == nil || foreign.names != peer.Name {
		return nil
	}
	return foreign.refuse(peer)
}

// papers are what a folder says about whom a program there speaks as.
type papers struct {
	dir, file string
	names     iapeer.Name
}

// refuse tells what lies where, and both ways out.
func (f *papers) refuse(peer iapeer.Peer) error {
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
