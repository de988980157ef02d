package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/iapeer/iapeer"
)

// ErrUnknownKey says that there is no such setting.
var ErrUnknownKey = errors.New("no such setting")

// A ValueError refuses a value for a setting.
type ValueError struct {
	Key    string
	Value  string // "" for a secret
	Reason string
}

func (e *ValueError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Key, e.Reason)
	}
	return fmt.Sprintf("%s %q: %s", e.Key, e.Value, e.Reason)
}

// Set writes one key into the file at path, or takes it out when value is "".
// Every other byte stays, comments and order included, and repeating a call
// changes nothing at all. A file that is missing is made, a link is followed.
// The error is [ErrUnknownKey], a [*ValueError], a [*FileError] or of the file
// system; then the file is as before. Calls of several processes wait for each
// other.
func Set(path, key, value string) error {
	s, known := find(key)
	if !known {
		return fmt.Errorf("%s: %w; iapeer config show lists them", key, ErrUnknownKey)
	}
	if err := s.check(value); err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	defer unlock()
	doc, err := readDocument(path)
	if err != nil {
		return err
	}
	text := doc.with(s, value)
	if bytes.Equal(text, doc.text) {
		return nil
	}
	if err := verify(path, text, key, value); err != nil {
		return err
	}
	return replace(path, text, s.secret)
}

// check refuses a value that loading would pass over. What stands for the home
// folder is as good as any absolute path.
func (s setting) check(value string) error {
	if value == "" {
		return nil
	}
	var scratch Config
	l := loader{paths: iapeer.Paths{Home: "/"}}
	err := s.set(&scratch, l.expand(s, value))
	if err == nil {
		return nil
	}
	if s.secret {
		value = ""
	}
	return &ValueError{Key: s.key, Value: value, Reason: err.Error()}
}

// with returns the text with the key set to value, or without it.
func (d *document) with(s setting, value string) []byte {
	e, there := d.entry(s.key)
	switch {
	case there && value == "":
		return slices.Concat(d.text[:e.from], d.text[e.behind:])
	case there && value == e.value:
		return d.text
	case there:
		return slices.Concat(d.text[:e.start], []byte(s.literal(value)), d.text[e.end:])
	case value == "":
		return d.text
	}
	return d.insert(s.key + " = " + s.literal(value))
}

// insert adds a line behind the last top-level key, or in front of the first
// table: behind a table's header the key would be the table's.
func (d *document) insert(line string) []byte {
	newline := "\n"
	if bytes.Contains(d.text, []byte("\r\n")) {
		newline = "\r\n"
	}
	at := d.tables
	if d.tables < len(d.text) {
		at = 0
		for _, e := range d.entries {
			if e.from < d.tables {
				at = e.behind
			}
		}
	}
	before := d.text[:at]
	if at > 0 && before[at-1] != '\n' {
		line = newline + line
	}
	return slices.Concat(before, []byte(line+newline), d.text[at:])
}

// literal writes value as TOML. A number stands bare where TOML reads it back
// as it was written; anything else is a string.
func (s setting) literal(value string) string {
	if n, err := strconv.ParseInt(value, 10, 64); s.bare && err == nil && strconv.FormatInt(n, 10) == value {
		return value
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// verify reads the new text back before it replaces the old one.
func verify(path string, text []byte, key, value string) error {
	doc, err := parseDocument(path, text)
	if err != nil {
		return err
	}
	if e, _ := doc.entry(key); e.value != strings.ToValidUTF8(value, "\uFFFD") {
		return &FileError{Path: path, Line: e.line, Err: fmt.Errorf("setting %s here would not hold", key)}
	}
	return nil
}

// lockFolder keeps other processes out until unlock. The lock is on the folder,
// so that no extra file is left behind.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: err}
	}
	return func() { f.Close() }, nil
}

// replace puts text in the place of the file at once, with the mode it had, or
// readable by its owner alone when it is private. A crash leaves the old file or
// the new one.
func replace(path string, text []byte, private bool) (err error) {
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil && !private {
		mode = info.Mode().Perm()
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
