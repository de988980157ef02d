package registry

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// EditProfile changes the profile in cwd under its lock: edit receives the peer
// as it is on disk, or with nothing but CWD when there is no profile, and
// changes what it wants. What edit leaves alone keeps its bytes; an unchanged
// profile is not written. An error of edit ends the matter and is returned.
//
// An empty description or initial prompt does not wipe the one on disk. The
// word for the nature stays as long as the nature does. The old field name
// "runtime" is taken out. The peer is returned as the file then says; changed
// tells whether the file did.
//
// A profile that cannot be read is never overwritten.
func EditProfile(cwd string, log *zap.Logger, edit func(*iapeer.Peer) error) (p iapeer.Peer, changed bool, err error) {
	if !filepath.IsAbs(cwd) {
		return p, false, fmt.Errorf("profile in %q: the folder must be an absolute path", cwd)
	}
	dir := iapeer.PeerDir(cwd)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return p, false, err
	}
	release, err := profileLock(dir).acquire(log)
	if err != nil {
		return p, false, err
	}
	defer release()
	e, err := openProfile(cwd)
	if err != nil {
		return p, false, err
	}
	if err := edit(&e.after); err != nil {
		return p, false, err
	}
	return e.save()
}

// A profileEdit is one change of one profile.
type profileEdit struct {
	path   string
	before iapeer.Peer
	after  iapeer.Peer
	src    []byte // nil for a profile that is not there yet
	doc    *document
}

func openProfile(cwd string) (*profileEdit, error) {
	e := &profileEdit{path: iapeer.Profile(cwd), before: iapeer.Peer{CWD: cwd}}
	src, err := os.ReadFile(e.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.doc, err = parseDocument([]byte("{}\n"))
	case err == nil:
		e.src = src
		e.before, e.doc, err = parseProfile(e.path, cwd, src)
	}
	e.after = clonePeer(e.before)
	return e, err
}

// save writes the file when apply changed it.
func (e *profileEdit) save() (iapeer.Peer, bool, error) {
	if err := e.check(); err != nil {
		return e.before, false, err
	}
	if err := e.apply(); err != nil {
		return e.before, false, err
	}
	out := e.doc.src
	if !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	if bytes.Equal(e.doc.src, e.src) {
		out = e.src
	}
	p, _, err := parseProfile(e.path, e.before.CWD, out)
	if err != nil || bytes.Equal(out, e.src) {
		return p, false, err
	}
	return p, true, writeFile(e.path, out)
}

// check refuses what ReadProfile would not read back.
func (e *profileEdit) check() error {
	p := &e.after
	p.CWD = e.before.CWD
	if _, err := iapeer.ParseName(string(p.Name)); err != nil {
		return err
	}
	if _, err := iapeer.ParseRuntime(string(p.DefaultRuntime)); err != nil {
		return err
	}
	p.Runtimes = union(p.DefaultRuntime, p.Runtimes)
	for _, rt := range p.Runtimes {
		if _, err := iapeer.ParseRuntime(string(rt)); err != nil {
			return err
		}
	}
	if p.Nature == "" {
		p.Nature = iapeer.DefaultNature(p.DefaultRuntime)
	}
	if _, err := iapeer.ParseNature(string(p.Nature)); err != nil {
		return err
	}
	if p.Nature != e.before.Nature {
		return iapeer.CheckNature(p.DefaultRuntime, p.Nature)
	}
	return nil
}

// apply brings the document from before to after, member by member.
func (e *profileEdit) apply() error {
	b, a, fresh := e.before, e.after, e.src == nil
	has := func(key string) bool { return e.doc.get(key) != nil }
	for _, m := range []struct {
		key    string
		change bool // write value
		value  any  // nil removes
	}{
		{"personality", a.Name != b.Name, a.Name},
		{"default_runtime", a.DefaultRuntime != b.DefaultRuntime || !has("default_runtime"), a.DefaultRuntime},
		{"runtime", has("runtime"), nil},
		{"runtimes", !slices.Equal(a.Runtimes, b.Runtimes) || !has("runtimes"), a.Runtimes},
		{"description", a.Description != "" && a.Description != b.Description || fresh, clamp(a.Description)},
		{"intelligence", a.Nature != b.Nature || !has("intelligence"), a.Nature},
		{"interfaces", !bytes.Equal(a.Interfaces, b.Interfaces), orNil(len(a.Interfaces) > 0, a.Interfaces)},
		{"initial_prompt", a.Settings.InitialPrompt != "" && a.Settings.InitialPrompt != b.Settings.InitialPrompt, a.Settings.InitialPrompt},
		{"wake_policy", a.Settings.Ephemeral != b.Settings.Ephemeral, orNil(a.Settings.Ephemeral, "ephemeral")},
		{"approval_mode", a.Settings.Gated != b.Settings.Gated, orNil(a.Settings.Gated, "gated")},
		{"approval_on_timeout", a.Settings.ApprovalWaits != b.Settings.ApprovalWaits, orNil(a.Settings.ApprovalWaits, "wait")},
		{"prompt", a.Settings.ReplacePrompt != b.Settings.ReplacePrompt, orNil(a.Settings.ReplacePrompt, "replace")},
		{"folders", !slices.Equal(a.Settings.Folders, b.Settings.Folders) || fresh, append([]string{}, a.Settings.Folders...)},
		{"exec", !slices.Equal(a.Settings.Exec, b.Settings.Exec), orNil(len(a.Settings.Exec) > 0, a.Settings.Exec)},
		{"restart", a.Settings.Restart != b.Settings.Restart, orNil(a.Settings.Restart != "", a.Settings.Restart)},
		{"workdir", a.Settings.Workdir != b.Settings.Workdir, orNil(a.Settings.Workdir != "", a.Settings.Workdir)},
	} {
		if !m.change {
			continue
		}
		if err := e.change(m.key, m.value); err != nil {
			return fmt.Errorf("%s: %q: %w", e.path, m.key, err)
		}
	}
	return nil
}

func (e *profileEdit) change(key string, value any) error {
	if value == nil {
		return e.doc.remove(key)
	}
	return e.doc.set(key, value)
}

func orNil(ok bool, v any) any {
	if ok {
		return v
	}
	return nil
}

func clamp(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), iapeer.MaxDescriptionRunes)])
}

// clonePeer copies p so that changing one does not change the other.
func clonePeer(p iapeer.Peer) iapeer.Peer {
	p.Runtimes = slices.Clone(p.Runtimes)
	p.Interfaces = slices.Clone(p.Interfaces)
	p.Settings.Folders = slices.Clone(p.Settings.Folders)
	p.Settings.Exec = slices.Clone(p.Settings.Exec)
	return p
}
