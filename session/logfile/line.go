// Package logfile writes the logs that people and other programs follow: lines
// of logfmt in files of a bounded size, with older copies beside them.
//
// Several processes may append to one file: session hosts and the daemon share
// exits.log. A file is opened for each write, so one that somebody moves or
// deletes begins anew, and it is locked only while it is written. Nothing here
// keeps state, waits for long, or panics: a log that cannot be written harms
// nobody but its reader.
package logfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/iapeer/iapeer"
)

// StampLayout is ISO 8601 with milliseconds, in UTC.
const StampLayout = "2006-01-02T15:04:05.000Z"

// AppendLine appends one event as a line: the time, the event's name, its
// fields in their order. A field that says nothing is left out: nil, an empty
// string, a zero time. A time is written twice, as milliseconds since 1970 and
// for people.
func AppendLine(b []byte, at time.Time, name string, fields []iapeer.Field) []byte {
	b = append(b, "ts="...)
	b = at.UTC().AppendFormat(b, StampLayout)
	b = appendPair(b, "ev", name)
	for _, f := range fields {
		b = appendField(b, f)
	}
	return append(b, '\n')
}

func appendField(b []byte, f iapeer.Field) []byte {
	switch v := f.Value.(type) {
	case nil:
		return b
	case string:
		if v == "" {
			return b
		}
		return appendPair(b, f.Key, v)
	case Empty:
		return appendPair(b, f.Key, string(v))
	case int:
		return appendPair(b, f.Key, strconv.Itoa(v))
	case int64:
		return appendPair(b, f.Key, strconv.FormatInt(v, 10))
	case bool:
		return appendPair(b, f.Key, strconv.FormatBool(v))
	case time.Duration:
		return appendPair(b, f.Key, strconv.FormatInt(v.Milliseconds(), 10))
	case time.Time:
		if v.IsZero() {
			return b
		}
		b = appendPair(b, f.Key, strconv.FormatInt(v.UnixMilli(), 10))
		return appendPair(b, f.Key+"_iso", v.UTC().Format(StampLayout))
	default:
		return appendPair(b, f.Key, fmt.Sprint(v))
	}
}

// Empty is a text that is written even when it is empty.
type Empty string

// appendPair appends key=value. A value is quoted when it is empty or could end
// early.
func appendPair(b []byte, key, value string) []byte {
	b = append(b, ' ')
	b = append(b, key...)
	b = append(b, '=')
	if value != "" && plain(value) {
		return append(b, value...)
	}
	b = append(b, '"')
	for _, r := range value {
		b = appendRune(b, r)
	}
	return append(b, '"')
}

// plain reports whether a value needs no quotes.
func plain(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, func(r rune) bool {
		return r == '"' || r == '=' || unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff'
	})
}

// appendRune appends one character of a quoted value. Controls are escaped,
// besides the tab: a log is read at terminals, which obey them, and an end of
// line would end the line.
func appendRune(b []byte, r rune) []byte {
	switch {
	case r == '\\' || r == '"':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case unicode.IsControl(r) && r != '\t':
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return utf8.AppendRune(b, r)
}

// A Pair is one key and value of a line.
type Pair struct{ Key, Value string }

// Parse reads a line, without or with its end, into its pairs in their order.
// ok is false when it is no line of logfmt.
func Parse(line string) (pairs []Pair, ok bool) {
	line = strings.TrimSuffix(line, "\n")
	for line != "" {
		key, rest, found := strings.Cut(line, "=")
		if !found || key == "" || strings.ContainsAny(key, "\" \t\n") {
			return nil, false
		}
		var value string
		if value, line, ok = cutValue(rest); !ok {
			return nil, false
		}
		pairs = append(pairs, Pair{key, value})
	}
	return pairs, len(pairs) > 0
}

// cutValue takes a value, and the blank behind it, off the front.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, more := strings.Cut(s, " ")
		return value, rest, !strings.ContainsAny(value, "\"=\n") && (!more || rest != "")
	}
	var b strings.Builder
	for s = s[1:]; s != ""; {
		if s[0] == '"' {
			rest, more := strings.CutPrefix(s[1:], " ")
			return b.String(), rest, more && rest != "" || s[1:] == ""
		}
		n := 1
		if s[0] == '\\' {
			var r rune
			if r, n = unescape(s); n == 0 {
				return "", "", false
			}
			b.WriteRune(r)
		} else {
			b.WriteByte(s[0])
		}
		s = s[n:]
	}
	return "", "", false
}

// unescape reads an escape at the front of s and returns its length, 0 when it
// is none.
func unescape(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case '\\', '"':
		return rune(s[1]), 2
	case 'u':
		if len(s) >= 6 {
			if v, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
				return rune(v), 6
			}
		}
	}
	return 0, 0
}
