package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/spelling"
)

// A ProfileError says which field of which file cannot be read, and why.
type ProfileError struct {
	Path   string
	Field  string // "" for the file as a whole
	Line   int    // 1 and up; 0 when not known
	Reason string
}

func (e *ProfileError) Error() string {
	var b strings.Builder
	b.WriteString(e.Path + ": ")
	if e.Field != "" {
		fmt.Fprintf(&b, "%q ", e.Field)
	}
	b.WriteString(e.Reason)
	if e.Line > 0 {
		fmt.Fprintf(&b, " (line %d)", e.Line)
	}
	return b.String()
}

// rootFolder is what a profile without a list of folders may reach: profiles
// made before the list existed gave the whole file system.
const rootFolder = "/"

// ReadProfile reads the profile in cwd. The error matches fs.ErrNotExist when
// there is none, and is a [*ProfileError] when it cannot be understood.
func ReadProfile(cwd string) (iapeer.Peer, error) {
	path := iapeer.Profile(cwd)
	src, err := os.ReadFile(path)
	if err != nil {
		return iapeer.Peer{}, err
	}
	p, _, err := parseProfile(path, cwd, src)
	return p, err
}

// parseProfile reads src as the profile of cwd; path is for errors.
func parseProfile(path, cwd string, src []byte) (iapeer.Peer, *document, error) {
	doc, err := openDocument(path, src)
	if err != nil {
		return iapeer.Peer{}, nil, err
	}
	f := &fields{doc: doc, path: path}
	p := iapeer.Peer{CWD: cwd, Name: f.name("personality")}
	p.DefaultRuntime = f.defaultRuntime()
	p.Runtimes = f.runtimes(&p.DefaultRuntime)
	p.Description = oneLine(f.text("description"))
	p.Nature, p.RawNature = f.nature(p.DefaultRuntime)
	p.Interfaces = f.object("interfaces")
	p.Settings = f.settings()
	return p, doc, f.err
}

// openDocument parses src and turns what is wrong with it into a
// [*ProfileError].
func openDocument(path string, src []byte) (*document, error) {
	doc, err := parseDocument(src)
	if err == nil {
		return doc, nil
	}
	e := &ProfileError{Path: path, Reason: err.Error()}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		e.Reason = "is not JSON: " + err.Error()
		e.Line = lineAt(src, int(syntax.Offset))
	}
	return nil, e
}

// fields reads members of a document and keeps the first error.
type fields struct {
	doc  *document
	path string
	err  error
}

func (f *fields) fail(field, format string, args ...any) {
	if f.err != nil {
		return
	}
	e := &ProfileError{Path: f.path, Field: field, Reason: fmt.Sprintf(format, args...)}
	if i := f.doc.find(field); i >= 0 {
		e.Line = lineAt(f.doc.src, f.doc.members[i].value)
	}
	f.err = e
}

// text returns a string, or "" when field is absent or something else.
func (f *fields) text(field string) string {
	var s string
	if raw := f.doc.get(field); raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// must returns a string and fails when field is there and is something else.
func (f *fields) must(field string) string {
	raw := f.doc.get(field)
	if raw == nil {
		return ""
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		f.fail(field, "must be a string")
		return ""
	}
	return *s
}

func (f *fields) name(field string) iapeer.Name {
	s := f.must(field)
	if strings.TrimSpace(s) == "" {
		f.fail(field, "must name the peer")
		return ""
	}
	n, err := iapeer.ParseName(spelling.Normalize(s))
	if err != nil {
		f.fail(field, "%q is no name: %v", s, iapeer.ErrBadName)
	}
	return n
}

// defaultRuntime also reads the field's old name, which is never written.
func (f *fields) defaultRuntime() iapeer.Runtime {
	field := "default_runtime"
	s := f.must(field)
	if s == "" && f.doc.get(field) == nil {
		field = "runtime"
		s = f.must(field)
	}
	if s == "" && f.doc.get(field) == nil {
		return ""
	}
	rt, err := iapeer.ParseRuntime(s)
	if err != nil {
		f.fail(field, "%q is no runtime: %v", s, iapeer.ErrBadRuntime)
	}
	return rt
}

// runtimes returns the declared runtimes, the default first and each once. A
// missing default is the first of them.
func (f *fields) runtimes(def *iapeer.Runtime) []iapeer.Runtime {
	var list []iapeer.Runtime
	for _, s := range f.list("runtimes") {
		rt, err := iapeer.ParseRuntime(s)
		if err != nil {
			f.fail("runtimes", "has %q: %v", s, iapeer.ErrBadRuntime)
		}
		list = append(list, rt)
	}
	if *def == "" && len(list) > 0 {
		*def = list[0]
	}
	if *def == "" {
		f.fail("default_runtime", "is missing: name the program that carries the peer, such as \"claude\"")
	}
	return union(*def, list)
}

// union puts def before all lists, each runtime once.
func union(def iapeer.Runtime, lists ...[]iapeer.Runtime) []iapeer.Runtime {
	out := []iapeer.Runtime{def}
	for _, rt := range slices.Concat(lists...) {
		if !slices.Contains(out, rt) {
			out = append(out, rt)
		}
	}
	return out
}

// list returns a list of strings, not nil when field is there.
func (f *fields) list(field string) []string {
	raw := f.doc.get(field)
	if raw == nil {
		return nil
	}
	var items []*string
	if err := json.Unmarshal(raw, &items); err != nil || items == nil || slices.Contains(items, nil) {
		f.fail(field, "must be a list of strings")
		return nil
	}
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = *s
	}
	return out
}

// nature returns the nature and the word on disk. A peer without one has that
// of its runtime.
func (f *fields) nature(rt iapeer.Runtime) (iapeer.Nature, string) {
	raw := f.must("intelligence")
	if raw == "" && f.doc.get("intelligence") == nil {
		return iapeer.DefaultNature(rt), ""
	}
	n, err := iapeer.ParseNature(raw)
	if err != nil {
		f.fail("intelligence", "%q: %v", raw, iapeer.ErrBadNature)
	}
	return n, raw
}

// object returns an object as it is written, nil when field is absent.
func (f *fields) object(field string) json.RawMessage {
	raw := f.doc.get(field)
	if raw != nil && raw[0] != '{' {
		f.fail(field, "must be an object")
		return nil
	}
	return slices.Clone(raw)
}

func (f *fields) settings() iapeer.Settings {
	s := iapeer.Settings{
		InitialPrompt: f.text("initial_prompt"),
		Ephemeral:     f.text("wake_policy") == "ephemeral",
		Gated:         f.text("approval_mode") == "gated",
		ApprovalWaits: f.text("approval_on_timeout") == "wait",
		ReplacePrompt: f.text("prompt") == "replace",
		Folders:       f.list("folders"),
		Exec:          f.list("exec"),
		Restart:       f.must("restart"),
		Workdir:       f.must("workdir"),
	}
	if s.Workdir != "" && !filepath.IsAbs(s.Workdir) {
		f.fail("workdir", "%q: the folder to work in is an absolute path", s.Workdir)
	}
	if f.doc.get("folders") == nil {
		s.Folders = []string{rootFolder}
	}
	for _, dir := range s.Folders {
		if !filepath.IsAbs(dir) {
			f.fail("folders", "has %q: folders are absolute paths", dir)
		}
	}
	return s
}

// oneLine makes a description fit for a list: one line, not too long.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > iapeer.MaxDescriptionRunes {
		return string(r[:iapeer.MaxDescriptionRunes])
	}
	return s
}
