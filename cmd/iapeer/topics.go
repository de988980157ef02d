package main

import "strings"

// topics are the pages of help that are about no single verb.
var topics = map[string]string{
	"worktrees": `One repository, several peers

A peer has a home, where its profile and its instructions are, and a folder
where it works. For iapeer init both are the same folder. They differ for

  iapeer create review --workdir ~/src/web
      works in ~/src/web and writes nothing of iapeer's there
  iapeer create fix-login --worktree fix-login
      the same, in a git work tree that is made for it: ~/src/web-fix-login

Several peers may work in one folder; whoever is made second is told. The
branch of --worktree is made from what the repository has checked out, if it is
not there yet; --repo names the repository, --workdir another place.

iapeer list shows the branch of each, with * where something is not committed.
iapeer remove takes a work tree away that was made for the peer, when all in it
is committed and merged, with the branch if that was made for it too. Otherwise
it says what is there and leaves it; --force deletes what is not committed, and
names it, with --dry-run beforehand. Files that git ignores go with it. A branch
with commits of its own always stays.

A clone, a copy or a work tree of a peer's folder may carry the peer's papers: a
.mcp.json or a profile that names it. Whoever speaks from there is refused,
since nobody could tell the two apart. Give the folder a peer of its own: as
above, or

  iapeer init --personality NAME
      its files here, hidden from git`,
}

// helpTopic prints a page that is about no verb, and reports whether there is
// one.
func helpTopic(w *world, name string) bool {
	text, ok := topics[name]
	p := page{w: w}
	for l := range strings.Lines(text) {
		p.line(strings.TrimSuffix(l, "\n"))
	}
	return ok
}
