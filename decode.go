package iapeer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	iapOpen  = "<iap "
	iapClose = "</iap>"
)

// DecodeEnvelope reads the first envelope in s, in either form; text before and
// behind it is ignored. Unknown attributes, natures and malformed values of our
// own attributes are dropped. The error matches [ErrBadEnvelope].
func DecodeEnvelope(s string) (Envelope, error) {
	i := strings.Index(s, iapOpen)
	if i < 0 {
		return Envelope{}, badEnvelope("missing <iap ...>")
	}
	tag, inner, ok := strings.Cut(s[i+len(iapOpen):], ">")
	if !ok {
		return Envelope{}, badEnvelope("missing <iap ...>")
	}
	e, err := decodeTag(tag)
	if err != nil {
		return Envelope{}, err
	}
	c := readContent(inner)
	if !c.hasBody {
		return Envelope{}, badEnvelope("missing message")
	}
	e.Body = c.body
	for line := range strings.Lines(c.attachments) {
		if line = strings.TrimSpace(line); line != "" {
			e.Attachments = append(e.Attachments, line)
		}
	}
	return e, nil
}

func badEnvelope(why string) error { return fmt.Errorf("%w: %s", ErrBadEnvelope, why) }

// decodeTag reads the attributes of an opening tag, given without its brackets.
func decodeTag(tag string) (Envelope, error) {
	attrs := parseAttributes(tag)
	either := func(short, long string) string {
		if v := attrs[short]; v != "" {
			return v
		}
		return attrs[long]
	}
	name, rt := either("from", "from-personality"), either("runtime", "from-runtime")
	if name == "" || rt == "" {
		return Envelope{}, badEnvelope("missing from-personality/from-runtime")
	}
	var from Identity
	if err := errors.Join(from.Name.UnmarshalText([]byte(name)), from.Runtime.UnmarshalText([]byte(rt))); err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrBadEnvelope, err)
	}
	e := Envelope{From: from, Topic: attrs["topic"], SentAt: parseWireTime(attrs["ts"])}
	if n, err := ParseNature(either("intelligence", "from-intelligence")); err == nil {
		e.FromNature = n
	}
	decodeOwn(&e, attrs)
	return e, nil
}

// isID reports whether s is the prefix and 1 to 32 of a-z and 0-9, as any
// version of ours writes ids.
func isID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && rest != "" && len(rest) <= maxNameLen && isSmall(rest, false)
}

// decodeOwn reads the attributes that older programs do not write.
func decodeOwn(e *Envelope, attrs map[string]string) {
	if v := attrs["id"]; isID(v, "m-") {
		e.ID = MessageID(v)
	}
	if v := attrs["conversation"]; isID(v, "c-") {
		e.Conversation = ConversationID(v)
	}
	if n, err := strconv.ParseUint(attrs["hops"], 10, 16); err == nil {
		e.Hops = int(n)
	}
	switch p := Proof(attrs["proof"]); p {
	case ProofUID, ProofSession, ProofPerson, ProofSystem:
		e.Proof = p
	case ProofNone:
	}
}

// parseWireTime reads the wire's time and the agent form's full date; a bare
// time of day names no moment and is the zero time.
func parseWireTime(s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	t, err := time.ParseInLocation(time.DateTime, s, time.Local)
	if err != nil {
		return time.Time{}
	}
	return t
}

// parseAttributes reads name="value" pairs; the first of a name wins. What is
// no such pair is skipped up to the next space.
func parseAttributes(tag string) map[string]string {
	attrs := make(map[string]string, 8)
	for {
		tag = strings.TrimLeft(tag, " \t\r\n")
		if tag == "" {
			return attrs
		}
		name, rest, ok := strings.Cut(tag, `="`)
		if !ok {
			return attrs
		}
		if i := strings.IndexAny(name, " \t\r\n"); i >= 0 {
			tag = tag[i:]
			continue
		}
		value, rest, ok := strings.Cut(rest, `"`)
		if !ok {
			return attrs
		}
		if _, seen := attrs[name]; !seen {
			attrs[name] = unescapeAttribute(value)
		}
		tag = rest
	}
}

// attributeUnescapes undoes attributeEscapes. It reads left to right once, so
// that an escaped ampersand never becomes half of another escape.
var attributeUnescapes = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&")

func unescapeAttribute(s string) string { return attributeUnescapes.Replace(s) }

// content is what stands between the tags of an envelope.
type content struct {
	attachments, body       string
	hasAttachments, hasBody bool
}

// readContent reads up to the closing tag, to another envelope's opening tag or
// to the end. What is quoted in CDATA is never taken for a tag.
func readContent(s string) content {
	var c content
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return c
		}
		s = s[i:]
		switch {
		case strings.HasPrefix(s, iapClose), strings.HasPrefix(s, iapOpen):
			return c
		case strings.HasPrefix(s, cdataOpen):
			_, s, _ = strings.Cut(s, cdataClose)
		case strings.HasPrefix(s, "<attachments>"):
			s = readElement(s, "attachments", &c.attachments, &c.hasAttachments)
		case strings.HasPrefix(s, "<message>"):
			s = readElement(s, "message", &c.body, &c.hasBody)
		case strings.HasPrefix(s, "<msg>"):
			s = readElement(s, "msg", &c.body, &c.hasBody)
		default:
			s = s[1:]
		}
	}
}

// readElement reads the element that s begins with, keeps the first of its
// kind, and returns what follows it. An element without an end is skipped as if
// its tag were prose.
func readElement(s, name string, text *string, seen *bool) string {
	inner := s[len(name)+2:]
	v, n, ok := elementText(inner, "</"+name+">")
	if !ok {
		return inner
	}
	if !*seen {
		*text, *seen = v, true
	}
	return inner[n:]
}

// elementText returns the text in front of the end tag that stands outside
// CDATA, and the offset behind that tag. A section without an end is read raw
// up to the last end tag, or to the end of s.
func elementText(s, end string) (text string, n int, ok bool) {
	var t elementWords
	for rest := s; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			return "", 0, false
		}
		t.bare(rest[:i])
		rest = rest[i:]
		switch {
		case strings.HasPrefix(rest, end):
			return t.String(), len(s) - len(rest) + len(end), true
		case strings.HasPrefix(rest, cdataOpen):
			section, behind, closed := strings.Cut(rest[len(cdataOpen):], cdataClose)
			if !closed {
				section, behind = cutLast(section, end)
			}
			t.section(section)
			rest = behind
			if !closed {
				return t.String(), len(s) - len(rest), true
			}
		default:
			t.bare("<")
			rest = rest[1:]
		}
	}
}

// elementWords collects the content of one element. White space around CDATA
// sections is layout and not part of the text, unless there is bare text too.
type elementWords struct {
	all, quoted     strings.Builder
	sections, mixed bool
}

func (t *elementWords) bare(s string) {
	t.all.WriteString(s)
	t.mixed = t.mixed || strings.TrimSpace(s) != ""
}

func (t *elementWords) section(s string) {
	t.all.WriteString(s)
	t.quoted.WriteString(s)
	t.sections = true
}

func (t *elementWords) String() string {
	if t.sections && !t.mixed {
		return t.quoted.String()
	}
	return t.all.String()
}

// cutLast splits s at the last mark; without one everything is before it.
func cutLast(s, mark string) (before, behind string) {
	if i := strings.LastIndex(s, mark); i >= 0 {
		return s[:i], s[i+len(mark):]
	}
	return s, ""
}
