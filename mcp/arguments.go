package mcp

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
	"github.com/tidwall/gjson"
)

// sendArguments are the arguments of send_to_peer. A null is as good as a
// field left out.
type sendArguments struct {
	personality string
	runtime     string
	message     string
	topic       string
	attachments []string
}

// An argumentError refuses a call because of one of its arguments: it names
// the argument, its value and the way out. It matches [iapeer.ErrBadDraft].
type argumentError struct{ text string }

func (e *argumentError) Error() string { return e.text }
func (e *argumentError) Unwrap() error { return iapeer.ErrBadDraft }

func bad(format string, args ...any) error {
	return &argumentError{fmt.Sprintf(format, args...)}
}

// decode reads the arguments, which are valid JSON, strictly: a misspelt name
// would otherwise lose what the model meant to say.
func (a *sendArguments) decode(raw json.RawMessage) (err error) {
	object := gjson.ParseBytes(raw)
	if object.Type == gjson.Null {
		return nil
	}
	if !object.IsObject() {
		return bad("arguments must be an object (got %s)", kind(object))
	}
	object.ForEach(func(key, v gjson.Result) bool {
		err = a.set(key.Str, v)
		return err == nil
	})
	return err
}

func (a *sendArguments) set(name string, v gjson.Result) error {
	switch name {
	case "personality":
		return text(name, v, &a.personality)
	case "runtime":
		return text(name, v, &a.runtime)
	case "message":
		return text(name, v, &a.message)
	case "topic":
		return text(name, v, &a.topic)
	case "attachments":
		return list(name, v, &a.attachments)
	}
	return bad("unknown argument %s: %s takes personality, message, runtime, topic and attachments", cut(name), sendToPeerName)
}

func text(name string, v gjson.Result, to *string) error {
	if v.Type == gjson.Null {
		return nil
	}
	if v.Type != gjson.String {
		return bad("%s must be a string (got %s)", name, kind(v))
	}
	*to = strings.ToValidUTF8(v.Str, "\uFFFD")
	return nil
}

func list(name string, v gjson.Result, to *[]string) (err error) {
	if v.Type == gjson.Null {
		return nil
	}
	if !v.IsArray() {
		return bad("%s must be a list of strings (got %s)", name, kind(v))
	}
	*to = nil
	v.ForEach(func(_, item gjson.Result) bool {
		if item.Type != gjson.String {
			err = bad("%s must be a list of strings (got %s in it)", name, kind(item))
			return false
		}
		*to = append(*to, strings.ToValidUTF8(item.Str, "\uFFFD"))
		return true
	})
	return err
}

// kind names the JSON type of a value.
func kind(v gjson.Result) string {
	switch {
	case v.IsObject():
		return "object"
	case v.IsArray():
		return "list"
	case v.IsBool():
		return "boolean"
	}
	return strings.ToLower(v.Type.String())
}

func (a *sendArguments) draft() iapeer.Draft {
	return iapeer.Draft{To: iapeer.Name(a.personality), Runtime: iapeer.Runtime(a.runtime), Body: a.message, Topic: a.topic, Attachments: a.attachments}
}

// check applies the limits, in the order in which they are reported.
func (a *sendArguments) check() error {
	if n := units(a.topic); n > iapeer.MaxTopicRunes {
		return bad("topic exceeds %d char limit (got %d): shorten it and put the rest into the message", iapeer.MaxTopicRunes, n)
	}
	if err := checkAttachments(a.attachments); err != nil {
		return err
	}
	if a.personality == "" {
		return bad("personality is missing: name the peer to send to")
	}
	if a.message == "" {
		return bad("message is missing: say what %s shall read", a.personality)
	}
	if _, err := iapeer.ParseName(a.personality); err != nil {
		return bad("personality %s: %v", cut(a.personality), iapeer.ErrBadName)
	}
	if a.runtime != "" {
		if _, err := iapeer.ParseRuntime(a.runtime); err != nil {
			return bad("runtime %s: %v; leave it out for the peer's default", cut(a.runtime), iapeer.ErrBadRuntime)
		}
	}
	if n := units(a.message); n > iapeer.MaxBodyRunes {
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
