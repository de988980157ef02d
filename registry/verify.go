package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/spelling"
)

// An Issue is something in a profile that people should know. A profile
// without errors conforms.
type Issue struct {
	Severity string `json:"severity"` // "error" or "warn"
	Field    string `json:"field"`
	Message  string `json:"message"`
}

// A Report is what [Registry.Verify] found about one peer.
type Report struct {
	Name   iapeer.Name `json:"personality"`
	CWD    string      `json:"cwd"`
	Issues []Issue     `json:"issues,omitempty"`
	Drift  []string    `json:"drift,omitempty"` // fields whose record differs from the profile
}

// Errors counts the issues that are errors.
func (r Report) Errors() int {
	n := 0
	for _, i := range r.Issues {
		if i.Severity == "error" {
			n++
		}
	}
	return n
}

// Verify compares all profiles with the standard and with their records, as
// both are on disk, and changes nothing. [Registry.Reindex] mends drift,
// [EditProfile] with an edit that does nothing mends old field names.
func (r *Registry) Verify() ([]Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(); err != nil {
		return nil, err
	}
	ix := r.view.Load()
	var out []Report
	for _, n := range ix.names() {
		out = append(out, verifyEntry(ix.entries[n]))
	}
	for _, e := range ix.strays {
		out = append(out, Report{Name: e.peer.Name, CWD: e.peer.CWD, Issues: []Issue{{"error", "", e.problem}}})
	}
	return out, nil
}

func verifyEntry(e *entry) Report {
	rep := Report{Name: e.peer.Name, CWD: e.peer.CWD, Issues: VerifyProfile(e.peer.CWD)}
	onDisk := readRecord(e.raw)
	if onDisk.problem != "" {
		rep.Issues = append(rep.Issues, Issue{"error", "record", onDisk.problem})
	}
	if p, err := ReadProfile(e.peer.CWD); err == nil {
		rep.Drift = drift(onDisk.peer, p)
	}
	return rep
}

// drift names the projected fields in which record and profile differ.
func drift(record, profile iapeer.Peer) []string {
	var fields []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"personality", record.Name == profile.Name},
		{"default_runtime", record.DefaultRuntime == profile.DefaultRuntime},
		{"runtimes", slices.Equal(record.Runtimes, profile.Runtimes)},
		{"description", record.Description == profile.Description},
		{"intelligence", record.Nature == profile.Nature},
		{"interfaces", len(record.Interfaces) == len(profile.Interfaces) && len(record.Interfaces) == 0 ||
			len(record.Interfaces) > 0 && len(profile.Interfaces) > 0 && sameJSON(record.Interfaces, profile.Interfaces)},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// VerifyProfile compares the profile in cwd with the standard.
func VerifyProfile(cwd string) []Issue {
	path := iapeer.Profile(cwd)
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []Issue{{"warn", "", "no profile at " + path}}
	}
	if err != nil {
		return []Issue{{"error", "", err.Error()}}
	}
	doc, err := openDocument(path, src)
	if err != nil {
		return []Issue{{"error", "", err.Error()}}
	}
	return slices.Concat(profileErrors(doc), profileWarnings(doc, cwd))
}

// profileErrors runs each reader by itself, so that every error is told.
func profileErrors(doc *document) []Issue {
	var issues []Issue
	def := iapeer.Runtime("")
	for _, read := range []func(*fields){
		func(f *fields) { f.name("personality") },
		func(f *fields) { def = f.defaultRuntime() },
		func(f *fields) { f.declared(f.list("runtimes"), &def) },
		func(f *fields) { f.must("description") },
		func(f *fields) { f.nature(def) },
		func(f *fields) { f.must("initial_prompt") },
		func(f *fields) { f.object("interfaces") },
		func(f *fields) { f.settings() },
	} {
		f := &fields{doc: doc}
		read(f)
		var e *ProfileError
		if errors.As(f.err, &e) {
			issues = append(issues, Issue{"error", e.Field, e.Reason})
		}
	}
	return issues
}

// declared fails when the default runtime is not in a list that is there.
func (f *fields) declared(list []string, def *iapeer.Runtime) {
	f.runtimes(def)
	if list != nil && *def != "" && !slices.Contains(list, string(*def)) {
		f.fail("runtimes", "must contain the default runtime %q", *def)
	}
}

func profileWarnings(doc *document, cwd string) []Issue {
	var issues []Issue
	warn := func(field, format string, args ...any) {
		issues = append(issues, Issue{"warn", field, fmt.Sprintf(format, args...)})
	}
	f := &fields{doc: doc}
	if name, base := f.text("personality"), spelling.Normalize(filepath.Base(cwd)); name != "" && name != base {
		warn("personality", "is %q, the folder is called %q", name, base)
	}
	legacy, current := doc.get("runtime"), doc.get("default_runtime")
	switch {
	case legacy != nil && current == nil:
		warn("runtime", "is the old name of default_runtime")
	case legacy != nil && !sameJSON(legacy, current):
		warn("runtime", "the old name of default_runtime says %s, default_runtime says %s", legacy, current)
	}
	if raw := doc.get("wake_policy"); raw != nil && f.text("wake_policy") != "ephemeral" {
		warn("wake_policy", "%s is not known; only \"ephemeral\" is", raw)
	}
	if doc.get("aliases") != nil {
		warn("aliases", "aliases belong into expansion.aliases")
	}
	var interfaces struct{ Telegram map[string]json.RawMessage }
	if raw := doc.get("interfaces"); raw != nil && json.Unmarshal(raw, &interfaces) == nil && interfaces.Telegram["aliases"] != nil {
		warn("interfaces.telegram.aliases", "aliases belong into expansion.aliases")
	}
	return issues
}

// Audit is [Registry.Verify] as findings, each with its file and the way out.
// With fix it mends what loses nothing, of one peer, or of all for "": records
// follow their profiles, and old names of fields go.
func (r *Registry) Audit(name iapeer.Name, fix bool) ([]iapeer.Finding, error) {
	reports, err := r.Verify()
	if err != nil {
		return nil, err
	}
	var all []iapeer.Finding
	for _, rep := range reports {
		all = append(all, r.findings(rep, fix && (name == "" || name == rep.Name))...)
	}
	return all, nil
}

func (r *Registry) findings(rep Report, fix bool) (all []iapeer.Finding) {
	for _, i := range rep.Issues {
		all = append(all, r.finding(rep, i, fix))
	}
	if len(rep.Drift) == 0 {
		return all
	}
	f := iapeer.Finding{Severity: "drift", Peer: string(rep.Name), File: r.paths.Registry(), Field: strings.Join(rep.Drift, ", "),
		Message: "differs from the profile, which is the truth", Fix: "iapeer verify --fix", Safe: true}
	if fix {
		_, err := r.reproject(rep.Name)
		mended(&f, err)
	}
	return append(all, f)
}

// reproject has a record follow its profile although nothing moved since it was
// last looked at.
func (r *Registry) reproject(name iapeer.Name) ([]iapeer.Name, error) {
	r.mu.Lock()
	ix := r.view.Load().clone()
	if e := ix.entries[name]; e != nil {
		again := *e
		again.seen = false
		ix.entries[name] = &again
		r.view.Store(ix)
	}
	r.mu.Unlock()
	return r.Reindex(name)
}

// finding says where an issue is and what to do about it.
func (r *Registry) finding(rep Report, i Issue, fix bool) iapeer.Finding {
	profile := iapeer.Profile(rep.CWD)
	f := iapeer.Finding{Severity: i.Severity, Peer: string(rep.Name), File: profile, Field: i.Field, Message: i.Message,
		Fix: "edit the file, then: iapeer verify " + string(rep.Name)}
	switch {
	case rep.CWD == "" || i.Field == "record":
		f.File, f.Field = r.paths.Registry(), ""
		f.Fix = "repair the record, or take it out: iapeer remove " + string(rep.Name)
		if rep.Name == "" {
			f.Fix = "repair the record by hand; all other peers work"
		}
	case i.Field == "runtime" && i.Severity == "warn":
		f.Safe, f.Fix = true, "iapeer verify --fix"
		if fix {
			_, _, err := r.EditProfile(rep.CWD, func(*iapeer.Peer) error { return nil })
			mended(&f, err)
		}
	case !isFolder(rep.CWD):
		f.Severity, f.File, f.Message = "error", rep.CWD, "the peer's folder is not there"
		f.Fix = fmt.Sprintf("bring it back, or: iapeer remove %s", rep.Name)
	case strings.HasPrefix(i.Message, "no profile at"):
		f.Message, f.Fix = "is not there", fmt.Sprintf("iapeer init --personality %s %s, or: iapeer remove %s", rep.Name, rep.CWD, rep.Name)
	case i.Field == "personality" && i.Severity == "warn":
		f.Fix = "nothing, if it is meant so; most people name the folder to match"
	}
	return f
}

func mended(f *iapeer.Finding, err error) {
	f.Fixed = err == nil
	if err != nil {
		f.Fix = err.Error()
	}
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
