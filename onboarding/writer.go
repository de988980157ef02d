package onboarding

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
)

// maxReplans is how often a file is planned anew when somebody else writes it
// between our look and our write.
const maxReplans = 5

// errMoving tells that a file changes faster than it can be edited.
var errMoving = errors.New("somebody else keeps writing it; try again")

// A change is what a planner makes of a file.
type change struct {
	after  []byte
	action string // "" is derived from the bytes; "skipped" leaves the file alone
	detail string
	trace  trace  // how to take it back; Kind "" for the whole file
	warn   string // for the person
}

// A planner turns the bytes of a file into the wanted ones. It is pure.
type planner func(before []byte, exists bool) (change, error)

// A writer applies planners to files, or with dry only tells what they would
// do.
type writer struct {
	root   string
	home   string // the peer's folder, which is never taken back
	peer   iapeer.Name
	prints *footprint
	dry    bool
	wants  []trace // with dry, the records that the writes would need
	report *iapeer.OnboardingReport
}

// file applies plan to one file. Its folders are made, its write is recorded
// first when it lies outside the root.
func (w *writer) file(what, path string, mode fs.FileMode, plan planner) error {
	told := iapeer.FileChange{What: what, Path: path}
	for range maxReplans {
		before, exists, err := disk.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		e, err := plan(before, exists)
		if err != nil {
			return fmt.Errorf("%s %s: %w", what, path, err)
		}
		told.Action, told.Detail = e.verdict(before, exists), e.detail
		done, err := w.apply(told, mode, before, exists, e)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if done {
			w.tell(told, e.warn)
			return nil
		}
	}
	return fmt.Errorf("%s %s: %w", what, path, errMoving)
}

func (w *writer) tell(told iapeer.FileChange, warn string) {
	w.report.Files = append(w.report.Files, told)
	if warn != "" {
		w.report.Warnings = append(w.report.Warnings, warn)
	}
}

// verdict names what a change does to a file.
func (e change) verdict(before []byte, exists bool) string {
	switch {
	case e.action != "":
		return e.action
	case !exists:
		return "created"
	case bytes.Equal(before, e.after):
		return "kept"
	}
	return "updated"
}

// apply writes a change. done is false when the file changed meanwhile.
func (w *writer) apply(told iapeer.FileChange, mode fs.FileMode, before []byte, exists bool, e change) (done bool, err error) {
	t, path := e.trace, told.Path
	t.What = told.What
	t.File, t.Peers, t.Created = path, []iapeer.Name{w.peer}, !exists
	if t.Kind == "" {
		t.Kind, t.After = traceFile, digest(e.after)
	}
	if e.action == "skipped" || exists && bytes.Equal(before, e.after) {
		return true, unlessDry(w.dry || w.inRoot(path), func() error { return w.prints.join(t) })
	}
	if err := w.folder(filepath.Dir(path), mode); err != nil {
		return false, err
	}
	if err := w.record(t, exists); err != nil || w.dry {
		return true, err
	}
	if now, there, err := disk.ReadFile(path); err != nil || there != exists || !bytes.Equal(now, before) {
		return false, err
	}
	return true, disk.WriteFile(path, e.after, mode)
}

// record notes a write outside the root. A whole file that was there before us
// is not ours to delete.
func (w *writer) record(t trace, existed bool) error {
	if w.inRoot(t.File) || t.Kind == traceFile && existed && !w.prints.has(t) {
		return nil
	}
	return w.note(t)
}

// note records a write, or with dry remembers that it will be.
func (w *writer) note(t trace) error {
	if w.dry {
		w.wants = append(w.wants, t)
		return nil
	}
	return w.prints.add(t)
}

func (f *footprint) has(t trace) bool {
	for _, u := range f.Writes {
		if t.same(u) {
			return true
		}
	}
	return false
}

// folder makes a folder and those above it, and records each outside the root.
// The peer's own folder is not recorded: nobody deletes it but the person.
func (w *writer) folder(dir string, file fs.FileMode) error {
	if disk.IsDir(dir) {
		return nil
	}
	if err := w.folder(filepath.Dir(dir), file); err != nil {
		return err
	}
	if !w.inRoot(dir) && dir != w.home && !strings.HasPrefix(w.home, dir+string(filepath.Separator)) {
		if err := w.note(trace{What: "folder", Peers: []iapeer.Name{w.peer}, File: dir, Kind: traceDir}); err != nil {
			return err
		}
	}
	if w.dry {
		return nil
	}
	mode := disk.PrivateDir
	if file == disk.SharedFile {
		mode = disk.SharedDir
	}
	if err := os.Mkdir(dir, mode); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (w *writer) inRoot(path string) bool {
	root := disk.RealPath(w.root)
	path = disk.FollowLinks(path)
	return path == root || strings.HasPrefix(path, root+string(filepath.Separator))
}
