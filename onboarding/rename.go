package onboarding

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/repo"
)

// A renaming is one peer on its way to another name.
type renaming struct {
	o      iapeer.Onboarding
	d      Deps
	peer   iapeer.Peer // as it was
	to     iapeer.Name
	home   string // where it lives afterwards
	moves  []move
	prints *footprint
	report iapeer.OnboardingReport
	url    string // of the daemon
	ours   bool   // the profile is as we wrote it
}

// A move is a folder that follows the name.
type move struct{ what, from, to string }

// rename gives a peer another name. Its folder follows only when it is the one
// that create makes; a folder of the person's keeps its name. Everything that
// can fail without harm comes first and is taken back when the registry refuses;
// what comes after it ends in a note, never in half a peer.
func rename(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	r := &renaming{o: o, d: d, report: iapeer.OnboardingReport{Verb: o.Verb, DryRun: o.DryRun}}
	for _, step := range []func(context.Context) error{r.find, r.free, r.asleep, r.plan} {
		if err := step(ctx); err != nil {
			return r.report, err
		}
	}
	if err := r.carryOut(); err != nil {
		return r.report, err
	}
	r.follow(ctx)
	return r.report, nil
}

// find looks up the peer and reads both names.
func (r *renaming) find(context.Context) error {
	from, err := iapeer.ParseName(r.o.Name)
	if err != nil {
		return &iapeer.FieldError{Field: "personality", Value: r.o.Name, Reason: iapeer.ErrBadName.Error()}
	}
	if r.to, err = nameOf(r.o.NewName); err != nil {
		return &iapeer.FieldError{Field: "newName", Value: r.o.NewName, Reason: iapeer.ErrBadName.Error()}
	}
	peers, err := r.d.Registry.Peers()
	if err != nil {
		return fmt.Errorf("registry %s: %w", r.d.Paths.Registry(), err)
	}
	f := Facts{Peers: peers}
	var known bool
	if r.peer, known = f.peer(from); !known {
		return &iapeer.FieldError{Field: "personality", Value: r.o.Name, Reason: "no such peer; see iapeer list, and iapeer verify for one that is set aside"}
	}
	if other, taken := f.peer(r.to); taken && r.to != from {
		return &iapeer.FieldError{Field: "newName", Value: string(r.to), Reason: "is the name of a peer in " + r.d.Paths.Abbreviate(other.CWD) + "; choose another"}
	}
	if profile, err := r.d.Profiles.Profile(r.peer.CWD); err == nil {
		r.peer.Settings = profile.Settings
	}
	r.prints, err = loadFootprint(r.d.Paths)
	return err
}

// free refuses names and folders that cannot be taken.
func (r *renaming) free(ctx context.Context) error {
	if r.to == r.peer.Name {
		return &iapeer.FieldError{Field: "newName", Value: string(r.to), Reason: "is its name already"}
	}
	r.home = r.peer.CWD
	if r.o.Scope != "project" && committed(ctx, r.peer.CWD) {
		return committedError(r.peer)
	}
	if own := r.d.Paths.PeerHome(r.peer.Name); r.peer.CWD != own && !disk.SameFolder(r.peer.CWD, own) {
		return nil
	}
	r.home = r.d.Paths.PeerHome(r.to)
	if _, err := os.Lstat(r.home); err == nil && !r.interrupted() {
		return &iapeer.FieldError{Field: "newName", Value: string(r.to), Reason: r.home + " is there already, perhaps of a peer that was removed; move it away, or choose another name"}
	}
	return nil
}

// interrupted reports whether the home has moved already, by a rename that did
// not get further.
func (r *renaming) interrupted() bool {
	moved, err := r.d.Profiles.Profile(r.home)
	return err == nil && moved.Name == r.peer.Name && !disk.IsDir(r.peer.CWD)
}

// asleep refuses while a session has the old name: its token, its envelopes and
// its files carry it.
func (r *renaming) asleep(context.Context) error {
	if r.o.Force && r.o.DryRun {
		return nil // whoever carries it out ends the session first
	}
	for _, rt := range r.peer.Runtimes {
		if id := r.peer.Identity(rt); locked(filepath.Join(r.d.Paths.Hosts(), id.String()+".lock")) {
			return &iapeer.FieldError{Field: "personality", Value: string(r.peer.Name),
				Reason: fmt.Sprintf("its %s session is live; iapeer stop %s first, or --force ends it", rt, r.peer.Name)}
		}
	}
	return nil
}

// plan lists the folders that move.
func (r *renaming) plan(context.Context) error {
	state := filepath.Join(r.d.Paths.State(), "attachments")
	all := []move{{"attachments", filepath.Join(state, string(r.peer.Name)), filepath.Join(state, string(r.to))}}
	if r.home != r.peer.CWD {
		all = append([]move{{"folder", r.peer.CWD, r.home}}, all...)
		if r.peer.Settings.Workdir == "" {
			all = append(all, r.transcripts())
		}
	}
	for _, m := range all {
		if disk.IsDir(m.from) {
			r.moves = append(r.moves, m)
		}
	}
	r.moves = append(r.moves, r.logs()...)
	r.report.Name, r.report.OldName, r.report.CWD, r.report.Workdir = r.to, r.peer.Name, r.home, r.peer.Settings.Workdir
	r.report.Runtime, r.report.Runtimes, r.report.Nature = r.peer.DefaultRuntime, r.peer.Runtimes, r.peer.Nature
	r.report.Gated, r.report.Action = r.peer.Settings.Gated, "renamed"
	r.report.Next = fmt.Sprintf("iapeer send %s \"hello\"; whoever writes to %s is told that there is no such peer", r.to, r.peer.Name)
	r.url, _ = daemonURL(r.o, r.d.Paths)
	r.ours = r.prints.asWritten(iapeer.Profile(r.peer.CWD))
	return nil
}

// logs are the terminal logs of the peer's sessions.
func (r *renaming) logs() (all []move) {
	dir := r.d.Paths.PaneLogs()
	for _, name := range entriesOf(dir) {
		identity, rest, _ := strings.Cut(name, ".")
		if id, err := iapeer.ParseIdentity(identity); err == nil && id.Name == r.peer.Name {
			id.Name = r.to
			all = append(all, move{"terminal log", filepath.Join(dir, name), filepath.Join(dir, id.String()+"."+rest)})
		}
	}
	return all
}

// transcripts is claude's folder of the conversations that were held in a
// peer's home: it looks for them by the folder's name.
func (r *renaming) transcripts() move {
	config := or(r.o.Env["CLAUDE_CONFIG_DIR"], filepath.Join(r.d.home(r.o), ".claude"))
	slug := func(dir string) string { return filepath.Join(config, "projects", claudeSlug(dir)) }
	parent := disk.RealPath(filepath.Dir(r.home))
	return move{"conversations", slug(disk.RealPath(r.peer.CWD)), slug(filepath.Join(parent, filepath.Base(r.home)))}
}

// claudeSlug spells a folder as claude names its conversations.
func claudeSlug(dir string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, dir)
}

// carryOut moves the folders and renames profile and record, or neither.
func (r *renaming) carryOut() error {
	for _, m := range r.moves {
		r.report.Files = append(r.report.Files, iapeer.FileChange{What: m.what, Path: m.to, Action: "moved", Detail: "from " + r.d.Paths.Abbreviate(m.from)})
	}
	r.report.Files = append(r.report.Files, iapeer.FileChange{What: "profile", Path: iapeer.Profile(r.home), Action: "updated"},
		iapeer.FileChange{What: "registry", Path: r.d.Paths.Registry(), Action: "updated"})
	if r.o.DryRun {
		return nil
	}
	var done []move
	back := func(err error) error {
		for _, m := range slices.Backward(done) {
			err = errors.Join(err, os.Rename(m.to, m.from))
		}
		return err
	}
	for _, m := range r.moves {
		if err := os.Rename(m.from, m.to); err != nil {
			return back(fmt.Errorf("%s: %w", m.what, err))
		}
		done = append(done, m)
	}
	// Both names stand on our writes until the registry has the new one.
	if err := r.prints.share(r.peer.Name, r.to); err != nil {
		return back(err)
	}
	if err := r.d.Registry.Rename(r.peer.Name, r.to, r.home); err != nil {
		r.prints.leave(r.to)
		return back(errors.Join(err, r.prints.save()))
	}
	return nil
}

// follow brings what names the peer in line: papers, doctrine, trust, the record
// of our writes, the answer about risk. What cannot follow is said.
func (r *renaming) follow(ctx context.Context) {
	if !r.o.DryRun {
		r.prints.leave(r.peer.Name)
		if r.ours {
			r.prints.redigest(iapeer.Profile(r.home))
		}
		r.note("record of writes", r.prints.save())
	}
	home := r.home
	if r.o.DryRun {
		home = r.peer.CWD
	}
	w := &writer{root: r.d.Paths.Root, home: home, peer: r.to, prints: r.prints, dry: r.o.DryRun, report: &r.report}
	r.note("mcp", r.papers(ctx, w, mcpFile(home)))
	r.note("doctrine", r.doctrine(w, filepath.Join(iapeer.PeerDir(home), "IAPEER.md")))
	r.note("claude trust", r.trust(ctx, w))
	r.note("risk answer", r.risk(w))
	for _, path := range stateOf(r.peer.Name, r.d.Paths) {
		r.report.Files = append(r.report.Files, iapeer.FileChange{What: "state", Path: path, Action: "removed"})
		r.note("state", unlessDry(r.o.DryRun, func() error { return os.RemoveAll(path) }))
	}
}

// note says what did not follow the name.
func (r *renaming) note(what string, err error) {
	if err != nil {
		r.report.Warnings = append(r.report.Warnings, fmt.Sprintf("%s: %v; the rest is done. See iapeer verify %s", what, err, r.to))
	}
}

// papers has .mcp.json speak as the new name, if it spoke as the old one.
func (r *renaming) papers(ctx context.Context, w *writer, path string) error {
	id := MCPIdentity(path)
	if id.Name != r.peer.Name {
		return nil
	}
	if repo.In(filepath.Dir(path)) && repo.Look(ctx, filepath.Dir(path)).Tracked(ctx, path) && r.o.Scope != "project" {
		w.tell(iapeer.FileChange{What: "mcp", Path: path, Action: "skipped", Detail: "the repository has it; --scope project writes it"}, "")
		return nil
	}
	return w.file("mcp", path, disk.SharedFile, func(before []byte, _ bool) (change, error) {
		after, t, err := addMCPServer(before, iapeer.Identity{Runtime: id.Runtime, Name: r.to}, r.url)
		return change{after: after, trace: t}, err
	})
}

// doctrine rewrites our own template. What a person has written stays, and is
// mentioned where it has the old name.
func (r *renaming) doctrine(w *writer, path string) error {
	b, exists, err := disk.ReadFile(path)
	if err != nil || !exists {
		return err
	}
	if string(b) != doctrine(r.peer.Name, r.peer.Description) {
		if strings.Contains(string(b), string(r.peer.Name)) {
			w.tell(iapeer.FileChange{What: "doctrine", Path: path, Action: "kept", Detail: "your words; they have the old name"}, "")
		}
		return nil
	}
	return w.file("doctrine", path, disk.PrivateFile, func([]byte, bool) (change, error) {
		return change{after: []byte(doctrine(r.to, r.peer.Description))}, nil
	})
}

// trust moves claude's trust in a home that moved, where we gave it.
func (r *renaming) trust(ctx context.Context, w *writer) error {
	if r.home == r.peer.CWD {
		return nil
	}
	old := disk.RealPath(r.d.Paths.PeerHome(r.peer.Name))
	if !r.o.DryRun { // it has moved, and links above it are still there
		old = filepath.Join(disk.RealPath(filepath.Dir(r.peer.CWD)), filepath.Base(r.peer.CWD))
	}
	u := &undoer{dry: r.o.DryRun, gone: map[string]bool{}}
	for _, t := range slices.Clone(r.prints.Writes) {
		if t.Kind != traceKey || len(t.Key) != 3 || t.Key[1] != old && t.Key[1] != r.peer.CWD {
			continue
		}
		take := func() error { _, err := u.undo(ctx, t); return err }
		if err := unlessDry(r.o.DryRun, func() error { return withClaudeLock(ctx, t.File, take) }); err != nil {
			return err
		}
		r.prints.Writes = slices.DeleteFunc(r.prints.Writes, t.same)
		key := []string{t.Key[0], filepath.Join(filepath.Dir(old), filepath.Base(r.home)), t.Key[2]}
		if err := w.seed(ctx, t.File, key, true); err != nil {
			return err
		}
	}
	return nil
}

// risk keeps who waits for the person's answer.
func (r *renaming) risk(w *writer) error {
	risk, err := readRisk(r.d.Paths)
	if err != nil || !slices.Contains(risk.Waiting, r.peer.Name) {
		return err
	}
	risk = risk.answered("", r.peer.Name, false).answered("", r.to, true)
	return w.file("risk answer", RiskPath(r.d.Paths), disk.PrivateFile, func([]byte, bool) (change, error) {
		return change{after: risk.bytes(), detail: or(risk.Answer, "not asked yet")}, nil
	})
}

// share lets a name stand on all writes that another one stands on.
func (f *footprint) share(from, with iapeer.Name) error {
	for i, t := range f.Writes {
		if slices.Contains(t.Peers, from) && !slices.Contains(t.Peers, with) {
			f.Writes[i].Peers = append(slices.Clone(t.Peers), with)
		}
	}
	return f.save()
}

// leave takes a name off the writes that others stand on too.
func (f *footprint) leave(name iapeer.Name) {
	for i, t := range f.Writes {
		if rest := slices.DeleteFunc(slices.Clone(t.Peers), func(n iapeer.Name) bool { return n == name }); len(rest) > 0 {
			f.Writes[i].Peers = rest
		}
	}
}

// asWritten reports whether a file of ours is still as we wrote it.
func (f *footprint) asWritten(path string) bool {
	b, exists, err := disk.ReadFile(path)
	return exists && err == nil && slices.ContainsFunc(f.Writes, func(t trace) bool {
		return t.File == path && t.Kind == traceFile && t.After == digest(b)
	})
}

// redigest notes that we changed a file of ours ourselves.
func (f *footprint) redigest(path string) {
	b, exists, err := disk.ReadFile(path)
	for i, t := range f.Writes {
		if t.File == path && t.Kind == traceFile && exists && err == nil {
			f.Writes[i].After = digest(b)
		}
	}
}
