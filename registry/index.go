package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/iapeer/iapeer"
)

// formatVersion is the version of peers-profiles.json that this package
// writes. It leaves a newer number as it is, and with it all that it does not
// know.
const formatVersion = 2

// An entry is one record. It is never changed, only replaced.
type entry struct {
	raw     json.RawMessage // the record as it is written
	peer    iapeer.Peer
	problem string // why the peer is set aside, "" if it is not
	profile stamp  // of the profile that settings come from
	seen    bool   // the profile was looked at
}

// An index is the content of peers-profiles.json. The one that readers see is
// never changed; writers work on a clone.
type index struct {
	file    stamp
	version int
	extra   []field // members of the file that are not ours
	entries map[iapeer.Name]*entry
	strays  []*entry // records that are set aside and own no name
}

type field struct {
	key string
	raw json.RawMessage
}

// record is the form of a peer in the file. Fields that may hold anything are
// read where they are needed.
type record struct {
	Personality  string          `json:"personality"`
	Default      string          `json:"default_runtime"`
	Legacy       string          `json:"runtime"`
	Runtimes     []string        `json:"runtimes"`
	Description  string          `json:"description"`
	Intelligence *string         `json:"intelligence"`
	CWD          string          `json:"cwd"`
	Interfaces   json.RawMessage `json:"interfaces"`
}

func newIndex() *index { return &index{version: formatVersion, entries: map[iapeer.Name]*entry{}} }

func (ix *index) clone() *index {
	c := *ix
	c.entries = maps.Clone(ix.entries)
	c.strays = slices.Clone(ix.strays)
	return &c
}

// parseIndex reads the file at path. Bad records are kept and set aside. The
// error is a [*ProfileError] when the file as a whole makes no sense.
func parseIndex(path string, src []byte) (*index, error) {
	doc, err := openDocument(path, src)
	if err != nil {
		return nil, err
	}
	ix := newIndex()
	var records []json.RawMessage
	for _, m := range doc.members {
		raw := doc.src[m.value:m.end]
		switch m.key {
		case "version":
			if json.Unmarshal(raw, &ix.version) != nil {
				ix.version = formatVersion // no number of ours is newer
			}
		case "peers":
			err = json.Unmarshal(raw, &records)
		default:
			ix.extra = append(ix.extra, field{m.key, raw})
		}
		if err != nil {
			return nil, &ProfileError{Path: path, Field: m.key, Line: lineAt(src, m.value), Reason: err.Error()}
		}
	}
	for _, raw := range records {
		ix.add(readRecord(raw))
	}
	return ix, nil
}

// salvage returns the records that stand whole before the place where a torn
// file stops making sense.
func salvage(src []byte) []json.RawMessage {
	var records []json.RawMessage
	d := json.NewDecoder(bytes.NewReader(src))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		if key == "peers" {
			break
		}
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			break
		}
	}
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return nil
	}
	for d.More() {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			break
		}
		records = append(records, raw)
	}
	return records
}

// add enters e under its name. Of several records for one peer the first
// stands; the others are set aside.
func (ix *index) add(e *entry) {
	name := e.peer.Name
	if name == "" {
		ix.strays = append(ix.strays, e)
		return
	}
	if ix.entries[name] != nil {
		e.problem = "a second record for this name"
		ix.strays = append(ix.strays, e)
		return
	}
	ix.entries[name] = e
}

// readRecord reads one record; what is wrong with it becomes its problem.
func readRecord(raw json.RawMessage) *entry {
	e := &entry{raw: compact(raw)}
	var r record
	if err := json.Unmarshal(e.raw, &r); err != nil {
		e.problem = err.Error()
		// The fields that could be read still tell whose record it is.
	}
	name, err := iapeer.ParseName(r.Personality)
	if err != nil && e.problem == "" {
		e.problem = err.Error()
	}
	e.peer = iapeer.Peer{Name: name, CWD: r.CWD, Description: oneLine(r.Description)}
	if e.problem == "" {
		e.problem = r.fill(&e.peer)
	}
	return e
}

// fill reads the rest of a record and returns what is wrong with it.
func (r *record) fill(p *iapeer.Peer) string {
	if r.CWD == "" {
		return `"cwd" is empty`
	}
	def := r.Default
	if def == "" {
		def = r.Legacy
	}
	var list []iapeer.Runtime
	for _, s := range r.Runtimes {
		rt, err := iapeer.ParseRuntime(s)
		if err != nil {
			return err.Error()
		}
		list = append(list, rt)
	}
	if def == "" && len(list) > 0 {
		def = string(list[0])
	}
	rt, err := iapeer.ParseRuntime(def)
	if err != nil {
		return err.Error()
	}
	p.DefaultRuntime, p.Runtimes = rt, union(rt, list)
	p.Nature = iapeer.DefaultNature(rt)
	if r.Intelligence != nil {
		if p.Nature, err = iapeer.ParseNature(*r.Intelligence); err != nil {
			return err.Error()
		}
		p.RawNature = *r.Intelligence
	}
	if len(r.Interfaces) > 0 && r.Interfaces[0] != '{' && string(r.Interfaces) != "null" {
		return `"interfaces" is not an object`
	}
	if len(r.Interfaces) > 0 && r.Interfaces[0] == '{' {
		p.Interfaces = r.Interfaces
	}
	return ""
}

// put replaces the record of p. What the record holds besides p is kept.
func (ix *index) put(p iapeer.Peer, keep *entry) error {
	raw := json.RawMessage("{}")
	if keep != nil {
		raw = keep.raw
	}
	doc, err := parseDocument(raw)
	if err != nil { // a stray that is no object; it stays beside the new record
		doc, err = parseDocument([]byte("{}"))
	}
	if err != nil {
		return err
	}
	if err := writeRecord(doc, &p); err != nil {
		return fmt.Errorf("record of %s: %w", p.Name, err)
	}
	ix.entries[p.Name] = &entry{raw: compact(doc.src), peer: p}
	return nil
}

// compact takes out white space, so that records compare by their bytes; the
// file is indented as a whole. raw is valid JSON.
func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

// writeRecord makes doc say what p says, and p what the record can say.
func writeRecord(doc *document, p *iapeer.Peer) error {
	p.Description = oneLine(p.Description)
	nature := string(p.Nature)
	var old string
	if raw := doc.get("intelligence"); raw != nil && json.Unmarshal(raw, &old) == nil {
		if n, err := iapeer.ParseNature(old); err == nil && n == p.Nature {
			nature = old // the same nature keeps its word
		}
	}
	p.RawNature = nature
	p.Interfaces = compact(p.Interfaces)
	for _, m := range []pair{
		{"personality", p.Name}, {"default_runtime", p.DefaultRuntime}, {"runtimes", p.Runtimes},
		{"description", p.Description}, {"intelligence", nature}, {"cwd", p.CWD},
	} {
		if err := doc.set(m.key, m.value); err != nil {
			return err
		}
	}
	if err := doc.remove("runtime"); err != nil {
		return err
	}
	if len(p.Interfaces) == 0 {
		return doc.remove("interfaces")
	}
	return doc.set("interfaces", p.Interfaces)
}

type pair struct {
	key   string
	value any
}

// names returns the names in the order of the file.
func (ix *index) names() []iapeer.Name { return slices.Sorted(maps.Keys(ix.entries)) }

// bytes renders the file as JSON.stringify with two spaces does.
func (ix *index) bytes() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"version":%d,"peers":[`, max(ix.version, formatVersion))
	sep := ""
	for _, n := range ix.names() {
		b.WriteString(sep)
		b.Write(ix.entries[n].raw)
		sep = ","
	}
	for _, e := range ix.strays {
		b.WriteString(sep)
		b.Write(e.raw)
		sep = ","
	}
	b.WriteString("]")
	for _, f := range ix.extra {
		key, err := marshal(f.key)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%s:%s", key, f.raw)
	}
	b.WriteString("}")
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
