package onboarding

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
)

// Profiles reads and writes the profile in a peer's folder, the truth about it.
type Profiles interface {
	// Profile returns the profile in cwd. The error matches fs.ErrNotExist when
	// the folder has none, and tells what is wrong when it is not valid.
	Profile(cwd string) (iapeer.Peer, error)
	// PutProfile merges p into the profile in p.CWD: what it says is written,
	// what it does not know is kept.
	PutProfile(p iapeer.Peer) error
}

// Registry is the projection of all profiles.
type Registry interface {
	Peers() ([]iapeer.Peer, error)
	Register(p iapeer.Peer) error
	// Unregister forgets a peer; one that is not there is no error.
	Unregister(name iapeer.Name) error
	// Rename gives a peer another name, in its profile and its record at once.
	// home is where its folder is by then.
	Rename(from, to iapeer.Name, home string) error
}

// Deps is what onboarding needs of the world.
type Deps struct {
	Paths    iapeer.Paths // of the root that is onboarded into
	Profiles Profiles
	Registry Registry
	// Getenv reads the environment of this process; nil is os.Getenv.
	Getenv func(string) string
	// AcceptRisk is the answer of the configuration, "yes", "no" or "": weaker
	// than what the command says, stronger than what was answered before.
	AcceptRisk string
	// Audit compares profiles and records, and with fix mends what can be mended
	// without loss, of one peer or, for "", of all; nil leaves them out.
	Audit func(name iapeer.Name, fix bool) ([]iapeer.Finding, error)
	// Bootstrap hands an always-on peer to the service manager and returns its
	// bootstrap state; nil leaves that to others.
	Bootstrap func(context.Context, iapeer.Peer) (string, error)
}

func (d Deps) getenv(key string) string {
	if d.Getenv == nil {
		return os.Getenv(key)
	}
	return d.Getenv(key)
}

// home is the home folder of the person who gave the command.
func (d Deps) home(o iapeer.Onboarding) string { return or(o.Env["HOME"], d.Paths.Home) }

// Run carries out one onboarding command and reports what it did, file by file.
// A repeated command changes nothing, to the byte. Commands under one root run
// one at a time, in whatever process. When Run returns an error of the plan
// (a [*iapeer.FieldError], a [*PapersError], a [*iapeer.NatureError]) nothing
// was written; after an error of the disk the same command goes on where it
// stopped.
func Run(ctx context.Context, o iapeer.Onboarding, d Deps) (report iapeer.OnboardingReport, err error) {
	if err := checkSandbox(o, d); err != nil {
		return report, err
	}
	if o.DryRun || o.Verb == "verify" && !o.Fix {
		return dispatch(ctx, o, d)
	}
	err = exclusively(ctx, d.Paths, func() error {
		report, err = dispatch(ctx, o, d)
		return err
	})
	return report, err
}

func dispatch(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	switch o.Verb {
	case "init", "create":
		return onboard(ctx, o, d)
	case "remove":
		return remove(ctx, o, d)
	case "rename":
		return rename(ctx, o, d)
	case "add-runtime":
		return addRuntime(ctx, o, d)
	case "default-runtime":
		return defaultRuntime(ctx, o, d)
	case "verify":
		return verify(ctx, o, d)
	}
	return iapeer.OnboardingReport{}, &iapeer.FieldError{Field: "verb", Value: o.Verb, Reason: "one of " + strings.Join(iapeer.OnboardingVerbs, ", ")}
}

// onboard looks, plans, tries the steps dry and then runs them.
func onboard(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	if err := checkRequest(&o, d); err != nil {
		return iapeer.OnboardingReport{}, err
	}
	f, err := Look(ctx, o, d)
	if err != nil {
		return iapeer.OnboardingReport{}, err
	}
	p, err := makePlan(o, f)
	if err != nil {
		return iapeer.OnboardingReport{}, err
	}
	prints, err := loadFootprint(d.Paths)
	if err != nil {
		return iapeer.OnboardingReport{}, err
	}
	report, wants, err := p.run(ctx, d, prints, true)
	if err != nil || o.DryRun {
		return report, err
	}
	if err := prints.add(wants...); err != nil { // one write to disk, before all others
		return report, fmt.Errorf("record %s: %w", prints.path, err)
	}
	report, _, err = p.run(ctx, d, prints, false)
	return report, err
}

// run runs the steps, dry or not, and completes the report. A dry run also
// tells the records that a real one needs.
func (p *plan) run(ctx context.Context, d Deps, prints *footprint, dry bool) (report iapeer.OnboardingReport, wants []trace, err error) {
	report = p.report()
	w := &writer{root: d.Paths.Root, home: p.f.CWD, peer: p.peer.Name, prints: prints, dry: dry, report: &report}
	if err := w.folder(p.f.CWD, disk.SharedFile); err != nil {
		return report, nil, fmt.Errorf("cwd: %w", err)
	}
	for _, s := range p.steps(d) {
		if err := s(ctx, w); err != nil {
			return report, nil, err
		}
	}
	report.Files = slices.DeleteFunc(report.Files, func(c iapeer.FileChange) bool { return c.What == "" })
	return report, w.wants, nil
}

// report is what the plan alone says.
func (p *plan) report() iapeer.OnboardingReport {
	r := iapeer.OnboardingReport{
		Verb: p.o.Verb, Name: p.peer.Name, Runtime: p.peer.DefaultRuntime, Runtimes: p.peer.Runtimes, Nature: p.peer.Nature,
		CWD: p.f.CWD, Created: !p.f.Exists, Gated: p.peer.Settings.Gated, DryRun: p.o.DryRun,
		Workdir:  p.peer.Settings.Workdir,
		Folders:  append([]string{p.f.CWD}, p.peer.Settings.Folders...),
		Warnings: slices.Clone(p.warnings), Next: fmt.Sprintf("iapeer send %s \"hello\"", p.peer.Name),
	}
	if p.peer.DefaultRuntime.Agentic() {
		r.Prompt = "append"
		if p.peer.Settings.ReplacePrompt {
			r.Prompt = "replace"
		}
	}
	if r.Workdir != "" {
		r.Folders = slices.Insert(r.Folders, 0, r.Workdir)
	}
	if p.peer.Nature == iapeer.Natural {
		r.Next = "iapeer inbox"
	}
	return r
}

// checkRequest refuses what needs no look at the disk, and completes the
// request of create.
func checkRequest(o *iapeer.Onboarding, d Deps) error {
	if o.CWD != "" && !filepath.IsAbs(o.CWD) || o.CWD == "" && o.Verb == "init" {
		return &iapeer.FieldError{Field: "cwd", Value: o.CWD, Reason: "give an absolute path"}
	}
	if err := checkWorkdir(*o); err != nil {
		return err
	}
	if o.Scope != "" && o.Scope != "project" {
		return &iapeer.FieldError{Field: "scope", Value: o.Scope, Reason: "only project, or leave it out"}
	}
	if o.Verb == "create" {
		if o.Name == "" {
			return &iapeer.FieldError{Field: "personality", Reason: "create needs a name: iapeer create NAME"}
		}
		if _, err := nameOf(o.Name); err != nil {
			return err
		}
	}
	if disk.RealPath(iapeer.PeerDir(folderOf(*o, d.Paths))) == disk.RealPath(d.Paths.Root) {
		return &iapeer.FieldError{Field: "cwd", Value: o.CWD, Reason: "iapeer keeps its own root in this folder; choose another for the peer"}
	}
	return nil
}

// checkWorkdir refuses a folder to work in where none can be.
func checkWorkdir(o iapeer.Onboarding) error {
	for _, f := range []struct{ field, value string }{{"workdir", o.Workdir}, {"worktree", o.Worktree}, {"repo", o.Repo}} {
		switch {
		case f.value == "":
		case o.Verb != "create":
			return &iapeer.FieldError{Field: f.field, Value: f.value, Reason: "a folder that is the peer's home is where it works; use iapeer create"}
		case f.field != "worktree" && !filepath.IsAbs(f.value):
			return &iapeer.FieldError{Field: f.field, Value: f.value, Reason: "give an absolute path"}
		case f.field == "repo" && o.Worktree == "":
			return &iapeer.FieldError{Field: f.field, Value: f.value, Reason: "goes with --worktree BRANCH"}
		}
	}
	return nil
}

// sandboxed reports whether the command or this process runs under a test.
func sandboxed(o iapeer.Onboarding, d Deps) bool {
	return o.Env["IAPEER_TEST_SANDBOX"] == "1" || d.getenv("IAPEER_TEST_SANDBOX") == "1"
}

// checkSandbox keeps a test from the real root, whatever IAPEER_ROOT says.
func checkSandbox(o iapeer.Onboarding, d Deps) error {
	if !sandboxed(o, d) {
		return nil
	}
	for _, home := range []string{o.Env["HOME"], d.getenv("HOME")} {
		if home != "" && disk.RealPath(filepath.Join(home, ".iapeer")) == disk.RealPath(d.Paths.Root) {
			return &iapeer.FieldError{Field: "IAPEER_ROOT", Value: d.Paths.Root,
				Reason: "IAPEER_TEST_SANDBOX=1 refuses the real root; give the test a root of its own"}
		}
	}
	return nil
}

// remove forgets a peer and takes back what was written for it outside the
// root, as far as it is still ours. The folder stays. An unknown peer is no
// error: what is wanted is so already.
func remove(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	report := iapeer.OnboardingReport{Verb: o.Verb, DryRun: o.DryRun}
	peers, err := d.Registry.Peers()
	if err != nil {
		return report, fmt.Errorf("registry %s: %w", d.Paths.Registry(), err)
	}
	f := Facts{Peers: peers}
	peer, known, err := removed(o, &f)
	if err != nil {
		return report, err
	}
	prints, err := loadFootprint(d.Paths)
	if err != nil {
		return report, err
	}
	report.Name, report.CWD, report.Nature = peer.Name, peer.CWD, peer.Nature
	report.Runtime, report.Runtimes = peer.DefaultRuntime, peer.Runtimes
	entry := iapeer.FileChange{What: "registry", Path: d.Paths.Registry(), Action: "removed"}
	if !known {
		entry.Action, entry.Detail = "kept", "no such peer"
	}
	report.Files = []iapeer.FileChange{entry}
	if known && !o.DryRun {
		if err := d.Registry.Unregister(peer.Name); err != nil {
			return report, fmt.Errorf("registry: %w", err)
		}
	}
	u := &undoer{dry: o.DryRun, force: o.Force, gone: map[string]bool{}, short: d.Paths.Abbreviate,
		working: func(dir string) []iapeer.Name { return workingIn(d, peers, dir, peer.Name) }}
	changes, warnings, err := prints.release(ctx, peer.Name, u)
	report.Files = append(report.Files, changes...)
	report.Warnings = warnings
	if err == nil {
		err = forget(peer.Name, d, &report)
	}
	report.Next = "iapeer list"
	if peer.CWD != "" {
		report.Next = "the folder stays: " + d.Paths.Abbreviate(peer.CWD)
	}
	return report, err
}

// forget takes away what is kept for a peer by its name under the root: what
// hosts and sessions of it left, and that it waits for an answer about risk. A
// peer of the same name that comes later is another one.
func forget(name iapeer.Name, d Deps, report *iapeer.OnboardingReport) error {
	risk, err := readRisk(d.Paths)
	if err != nil {
		return err
	}
	if slices.Contains(risk.Waiting, name) {
		report.Files = append(report.Files, iapeer.FileChange{What: "risk answer", Path: RiskPath(d.Paths), Action: "updated", Detail: "no longer waits for " + string(name)})
		if err := unlessDry(report.DryRun, func() error {
			return disk.WriteFile(RiskPath(d.Paths), risk.answered("", name, false).bytes(), disk.PrivateFile)
		}); err != nil {
			return err
		}
	}
	for _, path := range stateOf(name, d.Paths) {
		report.Files = append(report.Files, iapeer.FileChange{What: "state", Path: path, Action: "removed"})
		if err := unlessDry(report.DryRun, func() error { return os.RemoveAll(path) }); err != nil {
			return err
		}
	}
	return nil
}

// stateOf lists what sessions of a peer left under the root. What belongs to a
// host that holds its lock is not among it: that one still ends.
func stateOf(name iapeer.Name, p iapeer.Paths) (all []string) {
	for _, dir := range []string{p.Sessions(), p.Hosts()} {
		entries, _ := os.ReadDir(dir) // one that is not there holds nothing
		for _, e := range entries {
			identity, _, _ := strings.Cut(e.Name(), ".")
			id, err := iapeer.ParseIdentity(identity)
			if err == nil && id.Name == name && !locked(filepath.Join(p.Hosts(), identity+".lock")) {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all
}

// removed finds the peer to remove, by name or by folder.
func removed(o iapeer.Onboarding, f *Facts) (iapeer.Peer, bool, error) {
	if o.Name == "" && o.CWD == "" {
		return iapeer.Peer{}, false, &iapeer.FieldError{Field: "personality", Reason: "remove needs a name: iapeer remove NAME"}
	}
	if o.Name == "" {
		p, ok := f.peerAt(o.CWD)
		if !ok {
			return p, false, &iapeer.FieldError{Field: "cwd", Value: o.CWD, Reason: "no peer lives here; name one: iapeer remove NAME"}
		}
		return p, true, nil
	}
	name, err := iapeer.ParseName(o.Name)
	if err != nil {
		return iapeer.Peer{}, false, &iapeer.FieldError{Field: "personality", Value: o.Name, Reason: iapeer.ErrBadName.Error()}
	}
	p, ok := f.peer(name)
	p.Name = name
	return p, ok, nil
}
