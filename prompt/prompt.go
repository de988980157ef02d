// Package prompt composes what a peer's session is told at its start: who and
// where it is, the doctrine of the host and of its folder, who else is there,
// and the documents and fragments beside the doctrine.
//
// [Compose] is pure: the same [Input] gives the same bytes, so that an agent's
// cache of its prompt holds as long as nothing changed. What changes most often
// comes last. [Read] collects the files, [ThisHost] the facts of the machine;
// writing the result to a file and handing it to a program is the caller's.
//
// The output is sections joined by one blank line. It ends with exactly one
// newline, and no two blank lines follow each other. A new layer is one more
// section in [Compose].
package prompt

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
)

// An Input is everything a prompt is made of.
type Input struct {
	Name        iapeer.Name
	Description string
	CWD         string // the peer's folder, absolute
	Host        Host
	Docs        string        // folder of the documentation as shown, "" for ~/.iapeer/docs
	Peers       []iapeer.Peer // in the order they are listed
	Files       Files
}

// A Host is what a prompt says about the machine.
type Host struct {
	Platform  string // "linux", "darwin"
	OSVersion string
	User      string
	Hostname  string
	Today     string // YYYY-MM-DD
}

// Files are the documents of the host and of the peer's folder.
type Files struct {
	Global, Local Folder
}

// A Folder holds the documents of one .iapeer folder. The order of its slices
// does not matter.
type Folder struct {
	Doctrine  File
	Documents []File // every other *.md
	Fragments []File // fragments/*.md
}

// A File is one document. One that is empty or holds only newlines is left out
// of the prompt.
type File struct {
	Name string // base name; files of both folders with one name stand together
	Path string // as shown in front of the text, "" to show none
	Text string
}

// Compose returns the whole prompt.
func Compose(in Input) string {
	sections := []string{header(in), pointer(in.Docs)}
	sections = append(sections, text(in.Files.Global.Doctrine), text(in.Files.Local.Doctrine), roster(in.Peers))
	sections = append(sections, layer(in.Files.Global.Documents, in.Files.Local.Documents)...)
	sections = append(sections, layer(in.Files.Global.Fragments, in.Files.Local.Fragments)...)
	sections = slices.DeleteFunc(sections, func(s string) bool { return s == "" })
	return blankLines.ReplaceAllString(strings.Join(sections, "\n\n"), "\n\n") + "\n"
}

// blankLines are more newlines than one blank line needs.
var blankLines = regexp.MustCompile(`\n{3,}`)

// header is the block of facts; its keys and their order are fixed.
func header(in Input) string {
	var b strings.Builder
	b.WriteString("---\n")
	for _, line := range []struct{ key, value string }{
		{"personality", string(in.Name)},
		{"description", in.Description},
		{"peer-cwd", in.CWD},
		{"platform", in.Host.Platform},
		{"os_version", in.Host.OSVersion},
		{"user", in.Host.User},
		{"hostname", in.Host.Hostname},
		{"today", in.Host.Today},
	} {
		b.WriteString(line.key + ": " + quote(line.value) + "\n")
	}
	return b.String() + "---"
}

// pointer tells where the documentation is, so that it need not be in the
// prompt.
func pointer(docs string) string {
	docs = strings.TrimRight(cmp.Or(docs, "~/.iapeer/docs"), "/")
	return "How this team's tools work is written in `" + docs + "/`, one folder for each package; begin with `iapeer/README.md` there."
}

// roster lists the peers; a description is one line whatever it holds.
func roster(peers []iapeer.Peer) string {
	if len(peers) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("## Known peers\n\n")
	for _, p := range peers {
		b.WriteString("- " + string(p.Name))
		if d := strings.Join(strings.Fields(p.Description), " "); d != "" {
			b.WriteString(" — " + d)
		}
		b.WriteString("\n  runtime: " + string(p.DefaultRuntime))
		b.WriteString("\n  runtimes: " + join(p.Runtimes))
		b.WriteString("\n  intelligence: " + string(p.Nature) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func join(runtimes []iapeer.Runtime) string {
	words := make([]string, len(runtimes))
	for i, r := range runtimes {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// layer returns the texts of both folders by name in code point order, the
// host's half of a name before the folder's.
func layer(global, local []File) []string {
	files := slices.Concat(global, local)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	sections := make([]string, 0, len(files))
	for _, f := range files {
		sections = append(sections, text(f))
	}
	return sections
}

// text returns the file's section: a line with its path, then its text.
func text(f File) string {
	s := strings.TrimRight(strings.TrimPrefix(f.Text, "\ufeff"), "\r\n")
	if strings.Trim(s, "\r\n") == "" || f.Path == "" {
		return s
	}
	return "<!-- " + f.Path + " -->\n" + s
}

// quote writes s as a JSON string, which YAML reads too. Only what must be
// escaped is: quotes, backslashes, control characters and U+007F.
func quote(s string) string {
	const hex = "0123456789abcdef"
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch escape, ok := short[r]; {
		case ok:
			b.WriteString(escape)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\u00` + string(hex[r>>4]) + string(hex[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}
