package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/tidwall/gjson"
)

// ErrNotJSON tells that a document is not what an edit needs: not JSON at all,
// or something else than an object (or array) stands where one is needed.
var ErrNotJSON = errors.New("not a JSON object")

// byteOrderMark may stand before a document; programs on some systems write it.
const byteOrderMark = "\ufeff"

// A JSON is an object as text, edited in place: every byte outside the
// edited key stays as it is.
type JSON struct {
	mark string // byte order mark, or ""
	text string
}

// ParseJSON reads a document that must be an object. Blank bytes are "{}".
func ParseJSON(b []byte) (JSON, error) {
	d := JSON{text: string(b)}
	if rest, ok := strings.CutPrefix(d.text, byteOrderMark); ok {
		d.mark, d.text = byteOrderMark, rest
	}
	if strings.TrimSpace(d.text) == "" {
		d.text = "{}\n"
	}
	if !json.Valid([]byte(d.text)) || !gjson.Parse(d.text).IsObject() {
		return d, ErrNotJSON
	}
	return d, nil
}

// root is the object that the document is.
func (d JSON) root() gjson.Result {
	r := gjson.Parse(d.text)
	r.Raw = strings.TrimRight(r.Raw, " \t\r\n") // gjson takes the rest of the text as it is
	return r
}

// Bytes is the document as it is to be written.
func (d JSON) Bytes() []byte { return []byte(d.mark + d.text) }

// A child is a member of an object or an item of an array, by its place in the
// text. For an item, start and value are the same.
type child struct {
	key               string
	start, value, end int
}

func (d JSON) children(container gjson.Result) []child {
	var all []child
	container.ForEach(func(k, v gjson.Result) bool {
		c := child{value: v.Index, start: v.Index, end: v.Index + len(v.Raw)}
		if container.IsObject() {
			c.key, c.start = k.Str, k.Index
		}
		all = append(all, c)
		return true
	})
	return all
}

// find returns the value at path. Of repeated keys the last counts, as it does
// for the programs that read the file.
func (d JSON) find(path ...string) (gjson.Result, bool) {
	at := d.root()
	for _, key := range path {
		if !at.IsObject() {
			return gjson.Result{}, false
		}
		var next gjson.Result
		at.ForEach(func(k, v gjson.Result) bool {
			if k.Str == key {
				next = v
			}
			return true
		})
		if !next.Exists() {
			return gjson.Result{}, false
		}
		at = next
	}
	return at, true
}

// Set gives the key at path a value, and makes the objects on the way. It
// returns how many of those it made. The document stays as it is when the value
// is there already, however it is spelled.
func (d JSON) Set(value any, path ...string) (out JSON, made int, err error) {
	raw := Encode(value)
	if old, ok := d.find(path...); ok {
		if SameJSON(old.Raw, raw) {
			return d, 0, nil
		}
		text := indented(raw, d.lineIndent(old.Index), d.unit(), d.newline())
		if !strings.Contains(old.Raw, "\n") && !d.startsLine(old.Index) {
			text = raw
		}
		return d.splice(old.Index, old.Index+len(old.Raw), text), 0, nil
	}
	depth := len(path) - 1
	for ; depth > 0; depth-- {
		if _, ok := d.find(path[:depth]...); ok {
			break
		}
	}
	parent, _ := d.find(path[:depth]...)
	if !parent.IsObject() {
		return d, 0, ErrNotJSON
	}
	for i := len(path) - 1; i > depth; i-- {
		raw = "{" + Encode(path[i]) + ":" + raw + "}"
	}
	return d.insert(parent, Encode(path[depth]), raw), len(path) - 1 - depth, nil
}

// Add appends a string to the array at path, which is made when absent.
func (d JSON) Add(item string, path ...string) (out JSON, made int, err error) {
	array, ok := d.find(path...)
	if !ok {
		return d.Set([]string{item}, path...)
	}
	if !array.IsArray() {
		return d, 0, ErrNotJSON
	}
	if holds(array, item) {
		return d, 0, nil
	}
	return d.insert(array, "", Encode(item)), 0, nil
}

// holds reports whether an array has the string item.
func holds(array gjson.Result, item string) bool {
	found := false
	array.ForEach(func(_, v gjson.Result) bool {
		found = v.Type == gjson.String && v.Str == item
		return !found
	})
	return found
}

// Remove takes the key at path away, and then up to made of the objects above
// it that would be empty. It is the inverse of [JSON.Set].
func (d JSON) Remove(made int, path ...string) JSON {
	if _, ok := d.find(path...); !ok {
		return d
	}
	depth := len(path) - 1
	for ; made > 0 && depth > 0; made-- {
		if parent, _ := d.find(path[:depth]...); len(d.children(parent)) > 1 {
			break
		}
		depth--
	}
	parent, _ := d.find(path[:depth]...)
	return d.cut(parent, func(c child) bool { return c.key == path[depth] })
}

// Drop takes a string out of the array at path. It is the inverse of
// [JSON.Add].
func (d JSON) Drop(item string, path ...string) JSON {
	array, ok := d.find(path...)
	if !ok || !array.IsArray() {
		return d
	}
	return d.cut(array, func(c child) bool { return gjson.Parse(d.text[c.value:c.end]).Str == item })
}

// Empty reports whether nothing is left in the document.
func (d JSON) Empty() bool { return len(d.children(d.root())) == 0 }

// Raw returns the text of the value at path.
func (d JSON) Raw(path ...string) (string, bool) {
	v, ok := d.find(path...)
	return v.Raw, ok
}

// String returns the string at path, "" when there is none.
func (d JSON) String(path ...string) string {
	v, _ := d.find(path...)
	if v.Type != gjson.String {
		return ""
	}
	return v.Str
}

// Holds reports whether the array at path has the string item.
func (d JSON) Holds(item string, path ...string) bool {
	v, ok := d.find(path...)
	return ok && v.IsArray() && holds(v, item)
}

// Len is the number of members or items at path.
func (d JSON) Len(path ...string) int {
	v, _ := d.find(path...)
	return len(d.children(v))
}

// Put replaces the text of the value at path, which must be there.
func (d JSON) Put(raw string, path ...string) JSON {
	v, ok := d.find(path...)
	if !ok {
		return d
	}
	return d.splice(v.Index, v.Index+len(v.Raw), raw)
}

// insert puts a new child behind the last one, spelled like its neighbours. An
// item of an array has no key.
func (d JSON) insert(container gjson.Result, key, raw string) JSON {
	all := d.children(container)
	if len(all) == 0 {
		return d.fill(container, key, raw)
	}
	last := all[len(all)-1]
	gap := d.gapBefore(last.start)
	if gap == "" && len(all) == 1 && container.Index > 0 && d.text[container.Index-1] == ' ' {
		gap = " " // the only neighbour stands behind a bracket and shows no gap
	}
	colon := ": "
	if container.IsObject() && d.text[last.value-1] == ':' && !strings.Contains(gap, "\n") {
		colon = ":"
	}
	if indent, ok := lastLine(gap); ok {
		gap = d.newline() + indent
		raw = indented(raw, indent, d.unit(), d.newline())
	}
	if key != "" {
		raw = key + colon + raw
	}
	return d.splice(last.end, last.end, ","+gap+raw)
}

// fill puts the first child into an empty object or array.
func (d JSON) fill(container gjson.Result, key, raw string) JSON {
	open, end := container.Raw[:1], container.Raw[len(container.Raw)-1:]
	from, to := container.Index, container.Index+len(container.Raw)
	if key == "" {
		return d.splice(from, to, open+raw+end)
	}
	if container.Index > 0 && !strings.Contains(strings.TrimSpace(d.text), "\n") {
		return d.splice(from, to, open+key+":"+raw+end)
	}
	base, unit, nl := d.lineIndent(container.Index), d.unit(), d.newline()
	return d.splice(from, to, open+nl+base+unit+key+": "+indented(raw, base+unit, unit, nl)+nl+base+end)
}

// cut removes the last child that matches.
func (d JSON) cut(container gjson.Result, match func(child) bool) JSON {
	all := d.children(container)
	for i := len(all) - 1; i >= 0; i-- {
		switch {
		case !match(all[i]):
		case len(all) == 1:
			return d.splice(container.Index+1, container.Index+len(container.Raw)-1, "")
		case i == len(all)-1:
			return d.splice(all[i-1].end, all[i].end, "")
		default:
			return d.splice(all[i].start, all[i+1].start, "")
		}
	}
	return d
}

func (d JSON) splice(from, to int, text string) JSON {
	d.text = d.text[:from] + text + d.text[to:]
	return d
}

// gapBefore is the white space before offset at.
func (d JSON) gapBefore(at int) string {
	return d.text[len(strings.TrimRight(d.text[:at], " \t\r\n")):at]
}

// startsLine reports whether the line of offset at begins with the key or value
// there, rather than being one of several on a line.
func (d JSON) startsLine(at int) bool {
	line := d.text[strings.LastIndexByte(d.text[:at], '\n')+1 : at]
	return strings.Contains(d.text, "\n") && strings.Count(line, `"`) <= 2
}

// lineIndent is the white space that the line of offset at begins with.
func (d JSON) lineIndent(at int) string {
	line := d.text[strings.LastIndexByte(d.text[:at], '\n')+1 : at]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// unit is one step of the document's indentation, two spaces if it has none.
func (d JSON) unit() string {
	for _, c := range d.children(d.root()) {
		if indent, ok := lastLine(d.gapBefore(c.start)); ok && indent != "" {
			return indent
		}
	}
	return "  "
}

func (d JSON) newline() string { return newlineOf(d.text) }

// newlineOf is how the lines of a text end.
func newlineOf(text string) string {
	if strings.Contains(text, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// lastLine is what follows the last line break of s, if it has one.
func lastLine(s string) (line string, ok bool) {
	i := strings.LastIndexByte(s, '\n')
	return s[i+1:], i >= 0
}

// Encode spells v on one line, without escaping <, > and &.
func Encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // only values of this package, all of which can be spelled
	return strings.TrimSuffix(b.String(), "\n")
}

// indented spells raw over several lines, behind a line that begins with base.
func indented(raw, base, unit, nl string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(raw), base, unit) != nil {
		return raw
	}
	return strings.ReplaceAll(b.String(), "\n", nl)
}

// SameJSON reports whether two texts spell the same value.
func SameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	return reflect.DeepEqual(x, y)
}
