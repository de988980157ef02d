package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFileBytes bounds the configuration file, so that a wrong path cannot fill
// the memory.
const maxFileBytes = 1 << 20

// A document is a configuration file as it stands on disk.
type document struct {
	path    string
	text    []byte
	entries []entry
	tables  int // offset of the first table header; len(text) without one
}

// An entry is one key of a document and its value.
type entry struct {
	key        string // dotted when it is inside a table
	value      string
	line       int
	start, end int // of the value in the text
	behind     int // offset behind the entry's line
	from       int // offset of the entry's line
}

// readDocument reads the file; one that is not there is empty.
func readDocument(path string) (document, error) {
	text, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return document{path: path}, nil
	}
	if err != nil {
		return document{path: path}, &FileError{Path: path, Err: err}
	}
	return parseDocument(path, text)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("not a regular file"))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(text) > maxFileBytes {
		err = fmt.Errorf("larger than %d bytes", maxFileBytes)
	}
	return text, err
}

// parseDocument reads the values by the decoder, which knows what is wrong, and
// their places by the parser below it.
func parseDocument(path string, text []byte) (document, error) {
	doc := document{path: path, text: text, tables: len(text)}
	var values map[string]any
	if err := toml.Unmarshal(text, &values); err != nil {
		return document{path: path}, fileError(path, err)
	}
	var p unstable.Parser
	p.Reset(text)
	prefix := ""
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			prefix = joinKey("", node.Key()) + "."
			doc.tables = min(doc.tables, lineStart(text, keyOffset(node.Key())))
		case unstable.KeyValue:
			doc.entries = append(doc.entries, doc.entryOf(&p, node, prefix, values))
		default: // comments
		}
	}
	return doc, p.Error()
}

// entryOf describes one key-value expression.
func (d *document) entryOf(p *unstable.Parser, node *unstable.Node, prefix string, values map[string]any) entry {
	at := keyOffset(node.Key())
	e := entry{key: joinKey(prefix, node.Key()), from: lineStart(d.text, at), end: int(node.Raw.Offset + node.Raw.Length)}
	e.line = p.Shape(unstable.Range{Offset: uint32(at)}).Start.Line
	e.start = valueOffset(d.text, keyEnd(node.Key()))
	e.behind = len(d.text)
	if i := strings.IndexByte(string(d.text[e.end:]), '\n'); i >= 0 {
		e.behind = e.end + i + 1
	}
	if prefix == "" {
		e.value = plain(values[e.key])
	}
	return e
}

// plain writes a decoded value as a person would in an environment variable.
// What is no text, number or truth has no such form and fits no setting.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprintf("%v", v)
}

// entry returns the entry of a top-level key.
func (d *document) entry(key string) (entry, bool) {
	for _, e := range d.entries {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}

func (d *document) where(e entry) string { return d.path + ":" + strconv.Itoa(e.line) }

func joinKey(prefix string, parts unstable.Iterator) string {
	var words []string
	for parts.Next() {
		words = append(words, string(parts.Node().Data))
	}
	return prefix + strings.Join(words, ".")
}

func keyOffset(parts unstable.Iterator) int {
	parts.Next()
	return int(parts.Node().Raw.Offset)
}

// keyEnd is the offset behind the last part of a key.
func keyEnd(parts unstable.Iterator) int {
	end := 0
	for parts.Next() {
		raw := parts.Node().Raw
		end = int(raw.Offset + raw.Length)
	}
	return end
}

func lineStart(text []byte, at int) int { return strings.LastIndexByte(string(text[:at]), '\n') + 1 }

// valueOffset skips the equals sign and the space around it.
func valueOffset(text []byte, at int) int {
	rest := strings.TrimLeft(string(text[at:]), " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	return len(text) - len(rest)
}

func fileError(path string, err error) error {
	e := &FileError{Path: path, Err: err}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		e.Line, _ = decode.Position()
	}
	return e
}
