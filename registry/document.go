package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// A document is the text of one JSON object that is edited in place: members
// that are not changed keep their bytes, order and formatting.
type document struct {
	src     []byte
	members []member
	open    int // offset after "{"
}

// A member is one key and value; the offsets point into the source.
type member struct {
	key        string
	start, end int // from the key's quote to the value's end
	value      int // where the value begins
}

var errNotObject = errors.New("must be a JSON object")

// parseDocument reads src, or returns a *json.SyntaxError or errNotObject.
func parseDocument(src []byte) (*document, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(src, &whole); err != nil {
		return nil, err
	}
	d := &document{src: bytes.Clone(src)}
	return d, d.scan()
}

// scan finds the members of src, which is valid JSON.
func (d *document) scan() error {
	d.members = d.members[:0]
	i := skipSpace(d.src, 0)
	if d.src[i] != '{' {
		return errNotObject
	}
	d.open = i + 1
	for i = skipSpace(d.src, d.open); d.src[i] != '}'; i = skipSpace(d.src, i) {
		if d.src[i] == ',' {
			i = skipSpace(d.src, i+1)
		}
		m := member{start: i}
		i = skipValue(d.src, i)
		if err := json.Unmarshal(d.src[m.start:i], &m.key); err != nil {
			return err
		}
		m.value = skipSpace(d.src, skipSpace(d.src, i)+1)
		m.end = skipValue(d.src, m.value)
		i = m.end
		d.members = append(d.members, m)
	}
	return nil
}

func skipSpace(src []byte, i int) int {
	for i < len(src) && strings.IndexByte(" \t\r\n", src[i]) >= 0 {
		i++
	}
	return i
}

// skipValue returns the offset after the value that begins at i.
func skipValue(src []byte, i int) int {
	depth := 0
	for ; i < len(src); i++ {
		switch src[i] {
		case '"':
			i = skipString(src, i)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ' ', '\t', '\r', '\n', ',', ':':
			continue
		default:
			i = skipWord(src, i)
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}

// skipString returns the offset of the closing quote of the string at i.
func skipString(src []byte, i int) int {
	for i++; src[i] != '"'; i++ {
		if src[i] == '\\' {
			i++
		}
	}
	return i
}

// skipWord returns the offset of the last byte of the number or word at i.
func skipWord(src []byte, i int) int {
	for i+1 < len(src) && strings.IndexByte(" \t\r\n,:]}", src[i+1]) < 0 {
		i++
	}
	return i
}

// find returns the index of key's last member, which counts when a key is
// repeated, or -1.
func (d *document) find(key string) int {
	for i := len(d.members) - 1; i >= 0; i-- {
		if d.members[i].key == key {
			return i
		}
	}
	return -1
}

// get returns the value of key as it is written, nil if there is none.
func (d *document) get(key string) json.RawMessage {
	i := d.find(key)
	if i < 0 {
		return nil
	}
	return d.src[d.members[i].value:d.members[i].end]
}

// set gives key the value v. A value that already means v keeps its bytes.
func (d *document) set(key string, v any) error {
	text, err := marshal(v)
	if err != nil {
		return err
	}
	if old := d.get(key); old != nil && sameJSON(old, text) {
		return nil
	}
	indent, multiline := d.indent()
	if multiline {
		if text, err = indented(text, indent); err != nil {
			return err
		}
	}
	if i := d.find(key); i >= 0 {
		m := d.members[i]
		return d.splice(m.value, m.end, string(text))
	}
	name, err := marshal(key)
	if err != nil {
		return err
	}
	at, before, after, colon := d.open, "", "", ":"
	if multiline {
		before, colon = "\n"+indent, ": "
	}
	if n := len(d.members); n > 0 {
		at, before = d.members[n-1].end, ","+before
	} else if multiline {
		after = "\n"
	}
	end := at
	if len(d.members) == 0 {
		end = skipSpace(d.src, at)
	}
	return d.splice(at, end, before+string(name)+colon+string(text)+after)
}

// remove deletes every member called key.
func (d *document) remove(key string) error {
	for i := d.find(key); i >= 0; i = d.find(key) {
		from, to := d.members[i].start, d.members[i].end
		switch {
		case i > 0:
			from = d.members[i-1].end
		case len(d.members) > 1:
			to = d.members[1].start
		}
		if err := d.splice(from, to, ""); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) splice(from, to int, text string) error {
	d.src = []byte(string(d.src[:from]) + text + string(d.src[to:]))
	return d.scan()
}

// indent returns the white space before the first member and whether members
// stand on lines of their own. An empty object gets two spaces.
func (d *document) indent() (string, bool) {
	if len(d.members) == 0 {
		return "  ", true
	}
	lead := string(d.src[d.open:d.members[0].start])
	i := strings.LastIndexByte(lead, '\n')
	return lead[i+1:], i >= 0
}

// marshal is json.Marshal without escapes for HTML, which JSON.stringify does
// not write either.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// indented formats text, whose lines after the first stand under prefix, with
// prefix as the step as well.
func indented(text []byte, prefix string) ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, text, prefix, prefix)
	return b.Bytes(), err
}

// sameJSON reports whether a and b mean the same value; the order of keys does
// not count.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return decode(a, &x) == nil && decode(b, &y) == nil && reflect.DeepEqual(x, y)
}

// decode keeps numbers as they are written.
func decode(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(v)
}

// lineAt returns the number of the line that holds offset.
func lineAt(src []byte, offset int) int {
	return 1 + bytes.Count(src[:min(max(offset, 0), len(src))], []byte("\n"))
}
