package onboarding

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/iapeer/iapeer"
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
	if o.DryRun {
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
		return remove(o, d)
	}
	return iapeer.OnboardingReport{}, &iapeer.FieldError{Field: "verb", Value: o.Verb, Reason: "one of init, create, remove"}
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
	if err := w.folder(p.f.CWD, sharedFile); err != nil {
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
		Folders:  append([]string{p.f.CWD}, p.peer.Settings.Folders...),
		Warnings: slices.Clone(p.warnings), Next: fmt.Sprintf("iapeer send %s \"hello\"", p.peer.Name),
	}
	if p.peer.DefaultRuntime.Agentic() {
		r.Prompt = "append"
		if p.peer.Settings.ReplacePrompt {
			r.Prompt = "replace"
		}
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
	if realPath(iapeer.PeerDir(folderOf(*o, d.Paths))) == realPath(d.Paths.Root) {
		return &iapeer.FieldError{Field: "cwd", Value: o.CWD, Reason: "iapeer keeps its own root in this folder; choose another for the peer"}
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
		if home != "" && realPath(filepath.Join(home, ".iapeer")) == realPath(d.Paths.Root) {
			return &iapeer.FieldError{Field: "IAPEER_ROOT", Value: d.Paths.Root,
				Reason: "IAPEER_TEST_SANDBOX=1 refuses the real root; give the test a root of its own"}
		}
	}
	return nil
}

// remove forgets a peer and takes back what was written for it outside the
// root, as far as it is still ours. The folder stays. An unknown peer is no
// error: what is wanted is so already.
func remove(o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
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
	changes, warnings, err := prints.release(peer.Name, o.DryRun)
	report.Files = append(report.Files, changes...)
	report.Warnings = warnings
	report.Next = "iapeer list"
	if peer.CWD != "" {
		report.Next = "the folder stays: " + d.Paths.Abbreviate(peer.CWD)
	}
	return report, err
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
