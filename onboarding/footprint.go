package onboarding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/edit"
	"github.com/iapeer/iapeer/onboarding/repo"
)

// footprintVersion is the shape of footprint.json.
const footprintVersion = 1

// The kinds of trace: what was changed, and so what takes it back.
const (
	traceKey  = "json" // one key of a JSON object
	traceItem = "item" // one string in a JSON array
	traceTOML = "toml" // text put into a TOML file
	traceLine = "line" // one line
	traceFile = "file" // a whole file; After is its SHA-256
	traceDir  = "dir"  // a folder
	traceTree = "tree" // a git work tree; Key is its repository and branch, Made 1 when the branch was made
	traceCopy = "copy" // what the person had; never ours to delete
	tracePref = "sha256:"
)

// A trace is one write outside the root. Several peers may stand on the same
// one; it is taken back with the last of them.
type trace struct {
	What    string        `json:"what"` // as the report calls it
	Peers   []iapeer.Name `json:"peers"`
	File    string        `json:"file"`
	Kind    string        `json:"kind"`
	Key     []string      `json:"key,omitempty"`
	Before  *string       `json:"before"` // text of the key, null when it was absent
	After   string        `json:"after"`
	Made    int           `json:"made,omitempty"`    // objects made above the key; for a line, 1 when the line before got its line break
	Created bool          `json:"created,omitempty"` // the file itself was made
	Copy    string        `json:"copy,omitempty"`    // holds the bytes that File had before it was written afresh
}

func (t trace) same(u trace) bool {
	return t.File == u.File && t.Kind == u.Kind && slices.Equal(t.Key, u.Key)
}

// A footprint is the record of all writes outside the root. The holder of the
// onboarding lock owns the file.
type footprint struct {
	path   string
	Ver    int     `json:"version"`
	Writes []trace `json:"writes"`
}

// footprintPath is where the record lies.
func footprintPath(p iapeer.Paths) string { return filepath.Join(p.State(), "footprint.json") }

// loadFootprint reads the record. An unreadable one is an error: without it
// nothing could be taken back.
func loadFootprint(p iapeer.Paths) (*footprint, error) {
	f := &footprint{path: footprintPath(p), Ver: footprintVersion}
	b, exists, err := disk.ReadFile(f.path)
	if err != nil || !exists {
		return f, err
	}
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("%s: %w; move it away to go on without what it records", f.path, err)
	}
	return f, nil
}

func (f *footprint) save() error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), disk.PrivateDir); err != nil {
		return err
	}
	return disk.WriteFile(f.path, append(b, '\n'), disk.PrivateFile)
}

// add records writes that are about to be made. What was before the first
// write stays known.
func (f *footprint) add(all ...trace) error {
	changed := false
	for _, t := range all {
		if i := slices.IndexFunc(f.Writes, t.same); i < 0 {
			f.Writes = append(f.Writes, t)
			changed = true
		} else {
			changed = f.Writes[i].again(t) || changed
		}
	}
	if !changed {
		return nil
	}
	return f.save()
}

// again notes that the same write is made once more, and reports whether that
// changes the record.
func (t *trace) again(u trace) bool {
	old := *t
	t.After = u.After
	if u.Copy != "" {
		t.Copy = u.Copy
	}
	for _, name := range u.Peers {
		if !slices.Contains(t.Peers, name) {
			t.Peers = append(slices.Clone(t.Peers), name)
		}
	}
	return old.After != t.After || old.Copy != t.Copy || len(old.Peers) != len(t.Peers)
}

// join lets a peer stand on a write that was made for another one, if it was
// ours.
func (f *footprint) join(t trace) error {
	if i := slices.IndexFunc(f.Writes, t.same); i >= 0 && !slices.Contains(f.Writes[i].Peers, t.Peers[0]) {
		f.Writes[i].Peers = append(f.Writes[i].Peers, t.Peers[0])
		return f.save()
	}
	return nil
}

// release takes back what only this peer stands on, last write first. A write
// that cannot be taken back now stays recorded.
func (f *footprint) release(ctx context.Context, name iapeer.Name, u *undoer) (changes []iapeer.FileChange, warnings []string, err error) {
	for i := len(f.Writes) - 1; i >= 0; i-- {
		t := f.Writes[i]
		if !slices.Contains(t.Peers, name) {
			continue
		}
		if rest := slices.DeleteFunc(slices.Clone(t.Peers), func(n iapeer.Name) bool { return n == name }); len(rest) > 0 {
			changes = append(changes, iapeer.FileChange{What: t.What, Path: t.File, Action: "kept", Detail: "other peers use it"})
			f.Writes[i].Peers = rest
			continue
		}
		heirs := f.bequeath(t, name)
		if t.Kind == traceTree {
			heirs = append(heirs, u.working(t.File)...)
		}
		if len(heirs) > 0 && (t.Kind == traceDir || t.Kind == traceTree) {
			f.Writes[i].Peers = heirs
			continue
		}
		change, err := u.undo(ctx, t)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v; it stays recorded, remove again to retry", t.File, err))
			changes = append(changes, changeKept(change, "see below"))
			continue
		}
		changes = append(changes, change)
		f.Writes = slices.Delete(f.Writes, i, i+1)
	}
	warnings = append(warnings, u.lost...)
	if u.dry {
		return changes, warnings, nil
	}
	return changes, warnings, f.save()
}

// bequeath tells the writes of other peers in the same file that what t made
// around its own key is to go with them, and returns whose writes lie in the
// folder that t made.
func (f *footprint) bequeath(t trace, leaving iapeer.Name) (heirs []iapeer.Name) {
	for i, u := range f.Writes {
		if len(u.Peers) == 1 && u.Peers[0] == leaving {
			continue
		}
		if strings.HasPrefix(u.File, t.File+string(filepath.Separator)) {
			heirs = append(heirs, u.Peers...)
		}
		if u.File != t.File || t.Kind == traceDir {
			continue
		}
		f.Writes[i].Created = u.Created || t.Created
		if first := len(t.Key) - t.Made; t.Made > 0 && len(u.Key) > first && slices.Equal(u.Key[:first], t.Key[:first]) {
			f.Writes[i].Made = max(u.Made, len(u.Key)-first)
		}
	}
	slices.Sort(heirs)
	return slices.Compact(heirs)
}

// An undoer takes writes back, or with dry only tells what would be left.
type undoer struct {
	dry     bool
	force   bool                           // a git work tree goes with what is only in it
	gone    map[string]bool                // files and folders taken away, or that would be
	working func(dir string) []iapeer.Name // other peers that work in a folder
	short   func(path string) string       // abbreviates a path
	lost    []string                       // what force deletes, for the person
}

// undo takes a write back if it is still ours, and says what became of it.
func (u *undoer) undo(ctx context.Context, t trace) (iapeer.FileChange, error) {
	change := iapeer.FileChange{What: t.What, Path: t.File, Action: "removed"}
	if t.Kind == traceTree {
		return u.undoTree(ctx, t, change)
	}
	if t.Kind == traceDir {
		if u.left(t.File) > 0 || !disk.IsDir(t.File) {
			return changeKept(change, "not empty"), nil
		}
		return change, u.away(t.File)
	}
	b, exists, err := disk.ReadFile(t.File)
	if err != nil || !exists {
		return changeKept(change, "gone already"), err
	}
	after, ours := t.without(b)
	if doc, err := edit.ParseJSON(after); t.Copy != "" && err == nil && doc.Empty() {
		if old, exists, err := disk.ReadFile(t.Copy); err == nil && exists {
			change.Detail = "its bytes from before are back"
			return change, unlessDry(u.dry, func() error { return errors.Join(disk.WriteFile(t.File, old, disk.PrivateFile), u.away(t.Copy)) })
		}
	}
	switch {
	case t.Kind == traceCopy:
		return changeKept(change, "your bytes from before"), nil
	case !ours:
		return changeKept(change, "changed since, left alone"), nil
	case after != nil:
		return change, unlessDry(u.dry, func() error { return disk.WriteFile(t.File, after, disk.PrivateFile) })
	case filepath.Base(t.File) == ".gitignore" && u.left(filepath.Dir(t.File)) > 1:
		return changeKept(change, "still hides what is left in the folder"), nil
	}
	return change, u.away(t.File)
}

// undoTree takes a git work tree away when nothing is in it that is nowhere
// else, and its branch when we made it. With force, changes that are not
// committed go with it, each of them named; a branch with commits of its own
// always stays.
func (u *undoer) undoTree(ctx context.Context, t trace, change iapeer.FileChange) (iapeer.FileChange, error) {
	from, branch := t.Key[0], t.Key[1]
	change.Detail = "branch " + branch + " stays"
	if !disk.IsDir(t.File) {
		return changeKept(change, "gone already"), nil
	}
	left, err := repo.Inspect(ctx, t.File, branch)
	switch {
	case err != nil:
		return change, err
	case len(left.Loose) > 0:
		return change, fmt.Errorf("commits that no branch has: %s; keep them: git -C %s branch NAME", strings.Join(left.Loose, ", "), t.File)
	case !left.Clean() && !u.force:
		return change, fmt.Errorf("%s; merge them, or delete the folder with what is not committed, --force (branch %s stays)", told(left, branch), branch)
	case !left.Clean():
		u.lost = append(u.lost, fmt.Sprintf("%s goes although it has %s; branch %s stays", u.short(t.File), told(left, branch), branch))
	}
	drop := t.Made > 0 && len(left.Unmerged) == 0
	if drop {
		change.Detail = "branch " + branch + " too, which is merged"
	}
	u.gone[t.File] = true
	return change, unlessDry(u.dry, func() error {
		if err := repo.Remove(ctx, from, t.File, u.force); err != nil || !drop {
			return err
		}
		return repo.DropBranch(ctx, from, branch, left.Head)
	})
}

// told names what a work tree holds that is nowhere else.
func told(l repo.Leftover, branch string) string {
	var parts []string
	if len(l.Changed) > 0 {
		parts = append(parts, "changes that are not committed ("+strings.Join(l.Changed, ", ")+")")
	}
	if len(l.Unmerged) > 0 {
		parts = append(parts, "commits that only "+branch+" has ("+strings.Join(l.Unmerged, ", ")+")")
	}
	return strings.Join(parts, " and ")
}

// left counts what a folder still holds.
func (u *undoer) left(dir string) (n int) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !u.gone[filepath.Join(dir, e.Name())] {
			n++
		}
	}
	return n
}

func (u *undoer) away(path string) error {
	u.gone[path] = true
	return unlessDry(u.dry, func() error { return os.Remove(path) })
}

func changeKept(c iapeer.FileChange, why string) iapeer.FileChange {
	c.Action, c.Detail = "kept", why
	return c
}

func unlessDry(dry bool, do func() error) error {
	if dry {
		return nil
	}
	return do()
}

// without returns the file without the write: nil when the file itself is to
// go. ours is false when the write is not there any more as it was made.
func (t trace) without(b []byte) (after []byte, ours bool) {
	text := string(b)
	switch t.Kind {
	case traceFile:
		return nil, digest(b) == t.After
	case traceTOML:
		before, rest, found := strings.Cut(text, t.After)
		return t.orGone([]byte(before + rest)), found
	case traceLine:
		after := edit.DropLine(text, t.After)
		if t.Made > 0 && after != text {
			after = strings.TrimSuffix(after, "\n")
		}
		return t.orGone([]byte(after)), after != text
	}
	return t.withoutKey(b)
}

func (t trace) withoutKey(b []byte) (after []byte, ours bool) {
	doc, err := edit.ParseJSON(b)
	if err != nil {
		return b, false
	}
	value, found := doc.Raw(t.Key...)
	switch {
	case !found:
		return b, false
	case t.Kind == traceItem && t.Made == 0 && !t.Created && t.Before != nil:
		out := doc.Drop(t.After, t.Key...)
		return out.Bytes(), out != doc
	case t.Kind == traceItem:
		out := doc.Drop(t.After, t.Key...)
		if out.Len(t.Key...) == 0 {
			out = out.Remove(t.Made, t.Key...)
		}
		return t.emptyGone(out), out != doc
	case !edit.SameJSON(value, t.After):
		return b, false
	case t.Before != nil:
		return doc.Put(*t.Before, t.Key...).Bytes(), true
	}
	return t.emptyGone(doc.Remove(t.Made, t.Key...)), true
}

// emptyGone and orGone return nil for a file that we made and that is empty
// now.
func (t trace) emptyGone(d edit.JSON) []byte {
	if t.Created && d.Empty() {
		return nil
	}
	return d.Bytes()
}

func (t trace) orGone(b []byte) []byte {
	if t.Created && strings.TrimSpace(string(b)) == "" {
		return nil
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return tracePref + hex.EncodeToString(sum[:])
}
