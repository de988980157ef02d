package onboarding

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/edit"
	"github.com/iapeer/iapeer/onboarding/repo"
)

// An audit looks at everything that is kept about peers outside the store.
type audit struct {
	o      iapeer.Onboarding
	d      Deps
	peers  []iapeer.Peer
	known  map[iapeer.Name]bool // registered, or set aside
	whole  bool                 // the registry could be read, so who is not known is gone
	prints *footprint
	url    string // of the daemon, "" when nothing says it
	report iapeer.OnboardingReport
}

// verify compares what lies on disk with what should, and with Fix mends what
// can be mended without losing anything.
func verify(ctx context.Context, o iapeer.Onboarding, d Deps) (iapeer.OnboardingReport, error) {
	a := &audit{o: o, d: d, known: map[iapeer.Name]bool{}, whole: true, report: iapeer.OnboardingReport{Verb: o.Verb, DryRun: o.DryRun, Next: "iapeer list"}}
	for _, look := range []func(context.Context) error{a.registry, a.folders, a.codex, a.records, a.leftovers} {
		if err := look(ctx); err != nil {
			return a.report, err
		}
	}
	if o.Name == "" {
		return a.report, nil
	}
	a.report.Findings = slices.DeleteFunc(a.report.Findings, func(f iapeer.Finding) bool { return f.Peer != o.Name })
	if name, err := iapeer.ParseName(o.Name); err != nil || !a.known[name] {
		return a.report, &iapeer.FieldError{Field: "personality", Value: o.Name, Reason: "no such peer; see iapeer list"}
	}
	return a.report, nil
}

// fixing reports whether what is found about a peer is to be mended.
func (a *audit) fixing(name iapeer.Name) bool {
	return a.o.Fix && !a.o.DryRun && (a.o.Name == "" || a.o.Name == string(name))
}

func (a *audit) tell(f iapeer.Finding) { a.report.Findings = append(a.report.Findings, f) }

// mend tells a finding that can be mended, and mends it when that was asked for.
func (a *audit) mend(f iapeer.Finding, do func() error) {
	f.Safe = true
	if a.fixing(iapeer.Name(f.Peer)) {
		err := do()
		if f.Fixed = err == nil; err != nil {
			f.Fix = err.Error()
		}
	}
	a.tell(f)
}

// registry takes what the registry says about profiles and records.
func (a *audit) registry(context.Context) (err error) {
	if a.d.Audit != nil {
		if a.report.Findings, err = a.d.Audit(iapeer.Name(a.o.Name), a.o.Fix && !a.o.DryRun); err != nil {
			return fmt.Errorf("registry %s: %w", a.d.Paths.Registry(), err)
		}
	}
	if a.peers, err = a.d.Registry.Peers(); err != nil {
		return fmt.Errorf("registry %s: %w", a.d.Paths.Registry(), err)
	}
	for _, p := range a.peers {
		a.known[p.Name] = true
	}
	for _, f := range a.report.Findings {
		a.known[iapeer.Name(f.Peer)] = true
		a.whole = a.whole && f.Peer != ""
	}
	a.report.Checked = len(a.peers)
	a.url, _ = daemonURL(a.o, a.d.Paths)
	a.prints, err = loadFootprint(a.d.Paths)
	return err
}

// folders looks at where each peer lives and works, and at the papers there.
func (a *audit) folders(ctx context.Context) error {
	for _, p := range a.peers {
		profile, err := a.d.Profiles.Profile(p.CWD)
		if err != nil {
			continue // the registry has told
		}
		p.Settings = profile.Settings
		if dir := p.Settings.Workdir; dir != "" && !disk.IsDir(dir) {
			a.tell(iapeer.Finding{Severity: "error", Peer: string(p.Name), File: iapeer.Profile(p.CWD), Field: "workdir", Message: dir + " is not there, so no session can start",
				Fix: fmt.Sprintf("bring the folder back, or: iapeer create %s --workdir DIR", p.Name)})
		}
		a.papers(ctx, p)
	}
	return nil
}

// papers looks at the .mcp.json in a peer's home.
func (a *audit) papers(ctx context.Context, p iapeer.Peer) {
	path := mcpFile(p.CWD)
	b, exists, err := disk.ReadFile(path)
	if err != nil || !exists {
		return // whoever reads it will tell
	}
	f := iapeer.Finding{Severity: "warn", Peer: string(p.Name), File: path, Field: "mcpServers.iapeer"}
	doc, err := edit.ParseJSON(b)
	if err != nil {
		f.Message, f.Fix = "is not a JSON object, so claude reads no server from it", "repair it, or: iapeer init "+p.CWD
		a.tell(f)
		return
	}
	if _, ours := doc.Raw(mcpPath...); !ours {
		return
	}
	id := MCPIdentity(path)
	committed := repo.In(p.CWD) && repo.Look(ctx, p.CWD).Tracked(ctx, path)
	switch {
	case committed && id.Name != "":
		f.Message = fmt.Sprintf("is committed and names %s: every clone and work tree carries its papers", id)
		f.Fix = "take mcpServers.iapeer out of the file and commit that; sessions that iapeer starts need it not"
		a.tell(f)
		return
	case id.Name != p.Name:
		f.Field, f.Message = "mcpServers.iapeer.headers", fmt.Sprintf("names %s: a session begun by hand here does not speak as %s", or(id.String(), "nobody"), p.Name)
	case doc.String("mcpServers", "iapeer", "url") != a.url:
		f.Field, f.Message = "mcpServers.iapeer.url", fmt.Sprintf("is %s, and the daemon is at %s", doc.String("mcpServers", "iapeer", "url"), a.url)
	default:
		return
	}
	f.Fix = "iapeer init " + p.CWD + ", or: iapeer verify --fix"
	a.mend(f, func() error { return a.rewrite(path, p.Name) })
}

// rewrite has a .mcp.json speak as the peer whose home it is in.
func (a *audit) rewrite(path string, name iapeer.Name) error {
	w := &writer{root: a.d.Paths.Root, home: filepath.Dir(path), peer: name, prints: a.prints, report: &iapeer.OnboardingReport{}}
	return w.file("mcp", path, disk.SharedFile, func(before []byte, _ bool) (change, error) {
		after, t, err := addMCPServer(before, iapeer.Identity{Runtime: iapeer.RuntimeClaude, Name: name}, a.url)
		return change{after: after, trace: t}, err
	})
}

// codex looks at the tables that we put into Codex's configuration.
func (a *audit) codex(context.Context) error {
	want := tomlURL(a.url)
	for i, t := range a.prints.Writes {
		b, _, err := disk.ReadFile(t.File)
		if t.Kind != traceTOML || err != nil || !strings.Contains(string(b), t.After) || strings.Contains(t.After, want) {
			continue
		}
		f := iapeer.Finding{Severity: "warn", Peer: string(t.Peers[0]), File: t.File, Field: "mcp_servers.iapeer.url", Message: "is not where the daemon is, " + a.url, Fix: "iapeer verify --fix"}
		a.mend(f, func() error {
			rest, _ := t.without(b)
			after, added, err := edit.AddCodexServer(rest, a.url)
			if err != nil {
				return err
			}
			a.prints.Writes[i].After = added
			if err := a.prints.save(); err != nil {
				return err
			}
			return disk.WriteFile(t.File, after, disk.PrivateFile)
		})
	}
	return nil
}

// tomlURL is how our table spells an address.
func tomlURL(url string) string { return `url = "` + url + `"` }

// records looks at what was noted about peers that are not there any more.
func (a *audit) records(context.Context) error {
	if !a.whole {
		return nil
	}
	writes := map[iapeer.Name]int{}
	for _, t := range a.prints.Writes {
		for _, name := range t.Peers {
			if !a.known[name] {
				writes[name]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(writes)) {
		a.tell(iapeer.Finding{Severity: "warn", Peer: string(name), File: a.prints.path, Field: "writes", Message: fmt.Sprintf("records %d writes for a peer that is not registered", writes[name]),
			Fix: fmt.Sprintf("iapeer remove %s takes them back, --dry-run lists them", name)})
	}
	risk, err := readRisk(a.d.Paths)
	if err != nil {
		return err
	}
	for _, name := range risk.Waiting {
		if a.known[name] {
			continue
		}
		f := iapeer.Finding{Severity: "warn", Peer: string(name), File: RiskPath(a.d.Paths), Field: "gatedUntilYes", Message: "names a peer that is not registered", Fix: "iapeer verify --fix"}
		a.mend(f, func() error {
			risk = risk.answered("", name, false)
			return disk.WriteFile(RiskPath(a.d.Paths), risk.bytes(), disk.PrivateFile)
		})
	}
	return nil
}

// leftovers looks at what sessions of peers that are not there any more left.
func (a *audit) leftovers(context.Context) error {
	if !a.whole {
		return nil
	}
	for _, name := range a.strangers() {
		for _, path := range append(stateOf(name, a.d.Paths), attachmentsOf(name, a.d.Paths)...) {
			f := iapeer.Finding{Severity: "warn", Peer: string(name), File: path, Message: "is left of a peer that is not registered", Fix: "iapeer verify --fix"}
			a.mend(f, func() error { return os.RemoveAll(path) })
		}
	}
	return nil
}

// strangers are the names that the root keeps something for, of peers that are
// not known.
func (a *audit) strangers() (names []iapeer.Name) {
	add := func(name iapeer.Name) {
		if name != "" && !a.known[name] && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, dir := range []string{a.d.Paths.Sessions(), a.d.Paths.Hosts()} {
		for _, entry := range entriesOf(dir) {
			identity, _, _ := strings.Cut(entry, ".")
			id, _ := iapeer.ParseIdentity(identity)
			add(id.Name)
		}
	}
	for _, entry := range entriesOf(filepath.Join(a.d.Paths.State(), "attachments")) {
		name, _ := iapeer.ParseName(entry)
		add(name)
	}
	slices.Sort(names)
	return names
}

func attachmentsOf(name iapeer.Name, p iapeer.Paths) []string {
	if dir := filepath.Join(p.State(), "attachments", string(name)); disk.IsDir(dir) {
		return []string{dir}
	}
	return nil
}

// entriesOf lists a folder; one that is not there holds nothing.
func entriesOf(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
