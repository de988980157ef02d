package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
)

// sendArguments are the arguments of send_to_peer. A null is as good as a
// field left out.
type sendArguments struct {
	Personality string   `json:"personality"`
	Runtime     string   `json:"runtime"`
	Message     string   `json:"message"`
	Topic       string   `json:"topic"`
	Attachments []string `json:"attachments"`
}

// An argumentError refuses a call because of one of its arguments: it names
// the argument, its value and the way out. It matches [iapeer.ErrBadDraft].
type argumentError struct{ text string }

func (e *argumentError) Error() string { return e.text }
func (e *argumentError) Unwrap() error { return iapeer.ErrBadDraft }

func bad(format string, args ...any) error {
	return &argumentError{fmt.Sprintf(format, args...)}
}

// decode reads the arguments strictly: a misspelt name would otherwise lose
// what the model meant to say.
func (a *sendArguments) decode(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(a)
	if err == nil {
		return nil
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return bad("arguments must be an object (got %s)", kind.Value)
	case errors.As(err, &kind):
		return bad("%s must be %s (got %s)", kind.Field, wanted(kind), kind.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return bad("unknown argument %s: send_to_peer takes personality, message, runtime, topic and attachments", strings.TrimPrefix(err.Error(), "json: unknown field "))
	}
	return bad("arguments are not JSON: %v", err)
}

func wanted(e *json.UnmarshalTypeError) string {
	if e.Field == "attachments" && e.Type.Kind().String() == "slice" {
		return "a list of strings"
	}
	return "a string"
}

func (a *sendArguments) draft() iapeer.Draft {
	return iapeer.Draft{To: iapeer.Name(a.Personality), Runtime: iapeer.Runtime(a.Runtime), Body: a.Message, Topic: a.Topic, Attachments: a.Attachments}
}

// check applies the limits, in the order in which they are reported.
func (a *sendArguments) check() error {
	if n := units(a.Topic); n > iapeer.MaxTopicRunes {
		return bad("topic exceeds %d char limit (got %d): shorten it and put the rest into the message", iapeer.MaxTopicRunes, n)
	}
	if err := checkAttachments(a.Attachments); err != nil {
		return err
	}
	if a.Personality == "" {
		return bad("personality is missing: name the peer to send to")
	}
	if a.Message == "" {
		return bad("message is missing: say what %s shall read", a.Personality)
	}
	if _, err := iapeer.ParseName(a.Personality); err != nil {
		return bad("personality %s: %v", cut(a.Personality), iapeer.ErrBadName)
	}
	if a.Runtime != "" {
		if _, err := iapeer.ParseRuntime(a.Runtime); err != nil {
			return bad("runtime %s: %v; leave it out for the peer's default", cut(a.Runtime), iapeer.ErrBadRuntime)
		}
	}
	if n := units(a.Message); n > iapeer.MaxBodyRunes {
		return bad("message exceeds %d char limit (got %d): shorten it, send it in parts, or attach a file", iapeer.MaxBodyRunes, n)
	}
	return nil
}

func checkAttachments(paths []string) error {
	if len(paths) > iapeer.MaxAttachments {
		return bad("attachments exceed %d files (got %d): send the rest with a second message", iapeer.MaxAttachments, len(paths))
	}
	for i, p := range paths {
		if !filepath.IsAbs(p) {
			return bad("attachment %d %s is not an absolute path: write it from /", i+1, cut(p))
		}
		if strings.ContainsAny(p, "\r\n\x00") {
			return bad("attachment %d %s has a line break in its path: rename the file", i+1, cut(p))
		}
	}
	return nil
}

// units counts a string as JavaScript does, in UTF-16 units: the limits are
// older than this program.
func units(s string) int {
	n := 0
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if n++; r > 0xffff {
			n++
		}
		i += size
	}
	return n
}

// cut shows a value in a message, quoted and not longer than a line.
func cut(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
