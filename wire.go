package iapeer

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxOpenTag is the longest opening tag in bytes that a stream reader accepts;
// anything longer is prose to it. See [Extractor].
const maxOpenTag = 1024

// The lines that tell a model what to do with a message. Readers skip them.
const (
	replyLine   = "Reply via send_to_peer."
	noReplyLine = "Sent by iapeer itself; nobody reads a reply."
)

// Wire returns the envelope as it is stored and as services read it. Every
// character of the body survives, carriage returns included. The topic is
// trimmed and cut to [MaxTopicRunes], and further where the opening tag would
// outgrow what stream readers accept.
func (e Envelope) Wire() string {
	return e.format(wireNames, WireTime(e.SentAt), e.topic(), cdata, e.Attachments, e.Body)
}

// Agent returns the envelope in the short form that agents are given, rendered
// at now, whose location decides what the same day is. It is made to be pasted
// into a terminal: control characters other than tab, LF and CR are left out of
// it. The body stands bare unless it could be mistaken for part of an envelope.
func (e Envelope) Agent(now time.Time) string {
	attachments := make([]string, len(e.Attachments))
	for i, a := range e.Attachments {
		attachments[i] = printable(a)
	}
	return e.format(agentNames, agentTime(e.SentAt, now), oneLine(e.topic()), bareOrCDATA, attachments, printable(e.Body))
}

// formNames are the names that differ between the two forms.
type formNames struct{ name, runtime, nature, body string }

var (
	wireNames  = formNames{"from-personality", "from-runtime", "from-intelligence", "message"}
	agentNames = formNames{"from", "runtime", "intelligence", "msg"}
)

// format writes either form from values that are ready to be written.
func (e Envelope) format(n formNames, ts, topic string, quote func(string) string, attachments []string, body string) string {
	var b strings.Builder
	b.Grow(maxOpenTag/2 + len(e.Body))
	b.WriteString(e.openTag(n, ts, topic))
	b.WriteByte('\n')
	if e.From.Runtime == RuntimeSystem {
		b.WriteString(noReplyLine)
	} else {
		b.WriteString(replyLine)
	}
	if len(attachments) > 0 {
		b.WriteString("\n<attachments>" + quote(strings.Join(attachments, "\n")) + "</attachments>")
	}
	b.WriteString("\n<" + n.body + ">" + quote(body) + "</" + n.body + ">\n</iap>")
	return b.String()
}

// openTag cuts the topic until the tag fits into maxOpenTag.
func (e Envelope) openTag(n formNames, ts, topic string) string {
	for {
		tag := e.tagWith(n, ts, topic)
		over := len(tag) - maxOpenTag
		if over <= 0 || topic == "" {
			return tag
		}
		topic = strings.TrimSpace(shorten(topic, over))
	}
}

// shorten takes so many runes off the end of s that it is over bytes shorter
// once escaped, or as many as it has.
func shorten(s string, over int) string {
	runes := []rune(s)
	for over > 0 && len(runes) > 0 {
		last := len(runes) - 1
		over -= len(escapeAttribute(string(runes[last])))
		runes = runes[:last]
	}
	return string(runes)
}

func (e Envelope) tagWith(n formNames, ts, topic string) string {
	var b strings.Builder
	b.WriteString("<iap")
	attr := func(name, value string) {
		if value != "" {
			b.WriteByte(' ')
			b.WriteString(name)
			b.WriteString(`="`)
			b.WriteString(escapeAttribute(value))
			b.WriteByte('"')
		}
	}
	attr(n.name, string(e.From.Name))
	attr(n.runtime, string(e.From.Runtime))
	attr(n.nature, string(e.FromNature))
	attr("ts", ts)
	attr("topic", topic)
	attr("id", string(e.ID))
	attr("conversation", string(e.Conversation))
	if e.Hops > 0 {
		attr("hops", strconv.Itoa(e.Hops))
	}
	attr("proof", string(e.Proof))
	b.WriteByte('>')
	return b.String()
}

// topic returns the topic trimmed and cut to MaxTopicRunes.
func (e Envelope) topic() string {
	t := strings.TrimSpace(e.Topic)
	return strings.TrimSpace(CutUTF16(t, MaxTopicRunes))
}

// attributeEscapes keep a value inside its quotes and its tag.
var attributeEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escapeAttribute(s string) string {
	if !strings.ContainsAny(s, `&<>"`) {
		return s
	}
	return attributeEscapes.Replace(s)
}

const (
	cdataOpen  = "<![CDATA["
	cdataClose = "]]>"
)

// cdata quotes s; an end mark inside s is split over two sections.
func cdata(s string) string {
	return cdataOpen + strings.ReplaceAll(s, cdataClose, "]]]]>"+cdataOpen+">") + cdataClose
}

// bareOrCDATA quotes s only where a reader could take part of it for machinery,
// or where a carriage return must survive.
func bareOrCDATA(s string) string {
	if needsCDATA(s) {
		return cdata(s)
	}
	return s
}

// machinery is what an envelope is made of. "<iap" is looked for without the
// space behind it, because programs turn tabs into spaces.
var machinery = []string{"<iap", "</iap", "<message>", "</message>", "<msg>", "</msg>",
	"<attachments>", "</attachments>", cdataOpen, cdataClose, "\r"}

func needsCDATA(s string) bool {
	for _, m := range machinery {
		if strings.Contains(s, m) {
			return true
		}
	}
	return false
}

// agentTime is the time of day for a message of the day of now, and the date
// with it for others.
func agentTime(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// SanitizeBody makes s safe to be pasted into a terminal: CRLF and CR become
// LF, and every other control character but tab and LF is left out, the 8-bit
// ones (U+0080 to U+009F) included. A byte that is not UTF-8 becomes U+FFFD.
// Nothing in the result can end a bracketed paste. Sanitising twice changes
// nothing, and sanitising what [Envelope.Agent] made only folds its carriage
// returns.
func SanitizeBody(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(printable(s), "\r", "\n")
}

// printable leaves out control characters but tab, LF and CR. A byte that is
// not UTF-8 becomes U+FFFD, since a terminal may read it as a control. CRs before
// one that is left out become LF: they must not make a CRLF with what follows.
func printable(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r == '\t' || r == '\n' || r == '\r' || !unicode.IsControl(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for i := len(out) - 1; i >= 0 && out[i] == '\r'; i-- {
			out[i] = '\n'
		}
	}
	return string(out)
}

// oneLine makes every run of white space and controls a single space.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// CutUTF16 returns the longest prefix of s that has at most limit UTF-16 units
// and ends between characters. The wire counts lengths in these units.
func CutUTF16(s string, limit int) string {
	for i, r := range s {
		if limit -= utf16Len(r); limit < 0 {
			return s[:i]
		}
	}
	return s
}

// LenUTF16 counts s in UTF-16 units, as the limits of a message do.
func LenUTF16(s string) int {
	n := 0
	for _, r := range s {
		n += utf16Len(r)
	}
	return n
}

func utf16Len(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}
