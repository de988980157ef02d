package iapeer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
)

// moscow is where the golden times were written.
var moscow = time.FixedZone("", 3*60*60)

// golden is a moment of the wire's own example.
var golden = time.Date(2026, 7, 14, 1, 23, 45, 0, moscow)

// inMoscow makes the local time zone that of the golden times.
func inMoscow(t *testing.T) {
	t.Helper()
	was := time.Local
	time.Local = moscow
	t.Cleanup(func() { time.Local = was })
}

func fromBoris(body string) iapeer.Envelope {
	return iapeer.Envelope{From: iapeer.Identity{Runtime: "claude", Name: "boris"}, FromNature: iapeer.Artificial, Body: body}
}

func full() iapeer.Envelope {
	e := fromBoris("hi & <b>bye</b>")
	e.ID, e.Conversation, e.Hops, e.Proof = "m-0123456789", "c-abcdefghjk", 2, iapeer.ProofSession
	e.SentAt, e.Topic, e.Attachments = golden, ` a "b" <c> & d `, []string{"/tmp/a.png", "/tmp/b c.txt"}
	return e
}

const (
	tag      = `<iap from-personality="boris" from-runtime="claude" from-intelligence="artificial">` + "\nReply via send_to_peer.\n"
	shortTag = `<iap from="boris" runtime="claude" intelligence="artificial">` + "\nReply via send_to_peer.\n"
)

func TestWire(t *testing.T) {
	inMoscow(t)
	nameless := fromBoris("x")
	nameless.FromNature = ""
	for _, tc := range []struct {
		in   iapeer.Envelope
		want string
	}{
		{fromBoris("hello"), tag + "<message><![CDATA[hello]]></message>\n</iap>"},
		{fromBoris("a]]>b"), tag + "<message><![CDATA[a]]]]><![CDATA[>b]]></message>\n</iap>"},
		{fromBoris("a\r\nb\rc"), tag + "<message><![CDATA[a\r\nb\rc]]></message>\n</iap>"},
		{fromBoris(""), tag + "<message><![CDATA[]]></message>\n</iap>"},
		{nameless, `<iap from-personality="boris" from-runtime="claude">` + "\nReply via send_to_peer.\n<message><![CDATA[x]]></message>\n</iap>"},
		{full(), `<iap from-personality="boris" from-runtime="claude" from-intelligence="artificial" ts="2026-07-14T01:23:45+03:00"` +
			` topic="a &quot;b&quot; &lt;c&gt; &amp; d" id="m-0123456789" conversation="c-abcdefghjk" hops="2" proof="session">` +
			"\nReply via send_to_peer.\n<attachments><![CDATA[/tmp/a.png\n/tmp/b c.txt]]></attachments>" +
			"\n<message><![CDATA[hi & <b>bye</b>]]></message>\n</iap>"},
	} {
		if diff := cmp.Diff(tc.want, tc.in.Wire()); diff != "" {
			t.Errorf("Wire (-want +got):\n%s", diff)
		}
	}
}

func TestWireTopic(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"trimmed", "  deploy \n", "deploy"},
		{"blank", " \t ", ""},
		{"cut at 200", strings.Repeat("x", 250), strings.Repeat("x", 200)},
		{"cut in UTF-16 units, between characters", "x" + strings.Repeat("😀", 120), "x" + strings.Repeat("😀", 99)},
		{"no space left at the cut", strings.Repeat("x", 199) + " yz", strings.Repeat("x", 199)},
		{"cut where the tag would be too long", strings.Repeat(`"`, 200), strings.Repeat(`"`, 155)},
	} {
		e := fromBoris("x")
		e.Topic = tc.in
		got, err := iapeer.DecodeEnvelope(e.Wire())
		if err != nil || got.Topic != tc.want {
			t.Errorf("%s: topic %q (%d bytes), %v, want %q", tc.name, got.Topic, len(got.Topic), err, tc.want)
		}
		if n := strings.IndexByte(e.Wire(), '>'); n >= 1024 {
			t.Errorf("%s: opening tag of %d bytes", tc.name, n)
		}
	}
}

func TestAgent(t *testing.T) {
	at := func(h, m int) time.Time { return time.Date(2026, 7, 14, h, m, 0, 0, moscow) }
	quoted := func(s string) string { return shortTag + "<msg><![CDATA[" + s + "]]></msg>\n</iap>" }
	bare := func(s string) string { return shortTag + "<msg>" + s + "</msg>\n</iap>" }
	for _, tc := range []struct {
		name, body, want string
	}{
		{"plain", "hello\n\tworld  ", bare("hello\n\tworld  ")},
		{"tags that are not ours", "<b>&amp;</b> <iphone> ]]", bare("<b>&amp;</b> <iphone> ]]")},
		{"opening", "<iap x", quoted("<iap x")},
		{"opening that a client makes of a tab", "<iap\tx", quoted("<iap\tx")},
		{"closing", "</iap>", quoted("</iap>")},
		{"message", "<message>", quoted("<message>")},
		{"end of message", "</message>", quoted("</message>")},
		{"msg", "<msg>", quoted("<msg>")},
		{"end of msg", "</msg>", quoted("</msg>")},
		{"attachments", "<attachments>", quoted("<attachments>")},
		{"end of attachments", "</attachments>", quoted("</attachments>")},
		{"CDATA", "<![CDATA[", quoted("<![CDATA[")},
		{"end of CDATA", "]]>", quoted("]]]]><![CDATA[>")},
		{"carriage return", "a\rb", quoted("a\rb")},
		{"escape that would end the paste", "a\x1b[201~\rb", quoted("a[201~\rb")},
		{"8-bit escape", "a\u009b201~b", bare("a201~b")},
		{"machinery behind a control", "</i\x00ap>", quoted("</iap>")},
		{"end of CDATA behind a control", "]\u0085]>", quoted("]]]]><![CDATA[>")},
		{"not UTF-8", "a\x9b201~", bare("a\uFFFD201~")},
	} {
		if diff := cmp.Diff(tc.want, fromBoris(tc.body).Agent(at(2, 0))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	rest := ` topic="a &quot;b&quot; &lt;c&gt; &amp; d" id="m-0123456789" conversation="c-abcdefghjk" hops="2" proof="session">` +
		"\nReply via send_to_peer.\n<attachments>/tmp/a.png\n/tmp/b c.txt</attachments>\n<msg>hi & <b>bye</b></msg>\n</iap>"
	for now, ts := range map[time.Time]string{
		at(23, 59):                "01:23:45",
		at(24, 0):                 "2026-07-14 01:23:45",
		golden.In(time.UTC):       "22:23:45", // still the 13th there
		at(1, 0).AddDate(0, 1, 0): "2026-07-14 01:23:45",
	} {
		want := `<iap from="boris" runtime="claude" intelligence="artificial" ts="` + ts + `"` + rest
		if diff := cmp.Diff(want, full().Agent(now)); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", now, diff)
		}
	}
}

func TestAgentTopicIsOneLine(t *testing.T) {
	e := fromBoris("x")
	e.Topic = "a\n\x1b[201~\r\tb\u0085c"
	if got, want := e.Agent(time.Now()), `topic="a [201~ b c"`; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
}

func TestAgentAttachments(t *testing.T) {
	e := fromBoris("x")
	e.Attachments = []string{"/a", "/b</attachments>"}
	if got, want := e.Agent(time.Now()), "<attachments><![CDATA[/a\n/b</attachments>]]></attachments>"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
}

func TestSystemEnvelope(t *testing.T) {
	e := iapeer.SystemEnvelope("m-0123456789", golden, "m-9 was cut")
	got, err := iapeer.DecodeEnvelope(e.Wire())
	if err != nil || got.From.String() != "system-iapeer" || got.FromNature != iapeer.Absent || got.Proof != iapeer.ProofSystem {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, form := range []string{e.Wire(), e.Agent(golden)} {
		if strings.Contains(form, "send_to_peer") {
			t.Errorf("a system envelope invites to reply: %s", form)
		}
	}
}

func TestWireTime(t *testing.T) {
	inMoscow(t)
	for _, tc := range []struct {
		in   time.Time
		want string
	}{
		{time.Time{}, ""},
		{golden, "2026-07-14T01:23:45+03:00"},
		{golden.UTC().Add(999 * time.Millisecond), "2026-07-14T01:23:45+03:00"},
	} {
		if got := iapeer.WireTime(tc.in); got != tc.want {
			t.Errorf("WireTime(%v) = %s, want %s", tc.in, got, tc.want)
		}
	}
}

func TestSanitizeBody(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"a\tb\nc é 中 😀", "a\tb\nc é 中 😀"},
		{"a\r\nb\rc\r\r\nd", "a\nb\nc\n\nd"},
		{"\x1b[201~\rrm -rf /\r", "[201~\nrm -rf /\n"},
		{"\u009b201~", "201~"},
		{"\x9b201~", "\uFFFD201~"},
		{"a\x00b\x07c\x08d\x7fe\u0080f\u009fg", "abcdefg"},
		{"\r\x1b\n", "\n\n"},
	} {
		if got := iapeer.SanitizeBody(tc.in); got != tc.want {
			t.Errorf("SanitizeBody(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestDecode(t *testing.T) {
	boris := iapeer.Identity{Runtime: "claude", Name: "boris"}
	open := `<iap from="boris" runtime="claude">`
	for _, tc := range []struct {
		name, in string
		want     iapeer.Envelope
	}{
		{"short names", `<iap from="boris" runtime="claude" intelligence="natural" topic="t"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, FromNature: iapeer.Natural, Topic: "t", Body: "hi"}},
		{"long names", `<iap from-personality="boris" from-runtime="claude" from-intelligence="natural"><message>hi</message></iap>`,
			iapeer.Envelope{From: boris, FromNature: iapeer.Natural, Body: "hi"}},
		{"short wins", `<iap from-personality="eve" from-runtime="codex" from="boris" runtime="claude"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, Body: "hi"}},
		{"mixed names", `<iap from="boris" from-runtime="claude"><msg>hi</msg></iap>`, iapeer.Envelope{From: boris, Body: "hi"}},
		{"the first of a name wins", `<iap from="boris" from="eve" runtime="claude"><msg>hi</msg></iap>`, iapeer.Envelope{From: boris, Body: "hi"}},
		{"names are anchored", `<iap topic="runtime=x" x-from="eve" from="boris" runtime="claude"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, Topic: "runtime=x", Body: "hi"}},
		{"human", `<iap from="boris" runtime="claude" intelligence="human"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, FromNature: iapeer.Natural, Body: "hi"}},
		{"scripted", `<iap from="boris" runtime="claude" intelligence="scripted"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, FromNature: iapeer.Absent, Body: "hi"}},
		{"unknown nature", `<iap from="boris" runtime="claude" intelligence="robot"><msg>hi</msg></iap>`, iapeer.Envelope{From: boris, Body: "hi"}},
		{"escaped once", `<iap from="boris" runtime="claude" topic="&amp;lt; &quot;&gt;&lt;"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, Topic: `&lt; "><`, Body: "hi"}},
		{"noise around", "noise < " + open + "<msg>hi</msg></iap> behind", iapeer.Envelope{From: boris, Body: "hi"}},
		{"no closing tag", open + "<msg>hi</msg>", iapeer.Envelope{From: boris, Body: "hi"}},
		{"bare body is literal", open + "<msg>\n<b>&amp;</b> \n</msg></iap>", iapeer.Envelope{From: boris, Body: "\n<b>&amp;</b> \n"}},
		{"adjacent sections", open + "<msg><![CDATA[a]]]]><![CDATA[>b]]></msg></iap>", iapeer.Envelope{From: boris, Body: "a]]>b"}},
		{"layout around a section", open + "<msg>\n  <![CDATA[a]]>\n</msg></iap>", iapeer.Envelope{From: boris, Body: "a"}},
		{"bare text beside a section", open + "<msg>a <![CDATA[b]]> c</msg></iap>", iapeer.Envelope{From: boris, Body: "a b c"}},
		{"section without an end", open + "<message><![CDATA[a</message> b</message></iap>", iapeer.Envelope{From: boris, Body: "a</message> b"}},
		{"section without any end", open + "<message><![CDATA[a b", iapeer.Envelope{From: boris, Body: "a b"}},
		{"quoted tags are the body's", open + "<message><![CDATA[</message></iap><attachments>x</attachments>]]></message></iap>",
			iapeer.Envelope{From: boris, Body: "</message></iap><attachments>x</attachments>"}},
		{"a quoted attachment tag in front", open + "<![CDATA[<attachments>/x</attachments><msg>no</msg>]]><msg>hi</msg></iap>",
			iapeer.Envelope{From: boris, Body: "hi"}},
		{"attachments", open + "<attachments>\n /a \n\n/b\r\n</attachments><msg>hi</msg></iap>",
			iapeer.Envelope{From: boris, Attachments: []string{"/a", "/b"}, Body: "hi"}},
		{"attachments behind the message", open + "<msg>hi</msg><attachments>/a</attachments></iap>",
			iapeer.Envelope{From: boris, Attachments: []string{"/a"}, Body: "hi"}},
		{"attachments of nothing", open + "<attachments> </attachments><msg>hi</msg></iap>", iapeer.Envelope{From: boris, Body: "hi"}},
		{"attachments without an end", open + "<attachments>\n<msg>hi</msg></iap>", iapeer.Envelope{From: boris, Body: "hi"}},
		{"empty body", open + "<message><![CDATA[]]></message></iap>", iapeer.Envelope{From: boris}},
		{"the first message wins", open + "<msg>one</msg><message>two</message></iap>", iapeer.Envelope{From: boris, Body: "one"}},
		{"bad values of our own", `<iap from="boris" runtime="claude" ts="soon" id="x" conversation="m-1" hops="-1" proof="god"><msg>hi</msg></iap>`,
			iapeer.Envelope{From: boris, Body: "hi"}},
		{"time of day only", `<iap from="boris" runtime="claude" ts="01:23:45"><msg>hi</msg></iap>`, iapeer.Envelope{From: boris, Body: "hi"}},
		{"broken attributes", `<iap x y=1 z" from="boris" runtime="claude" w="><msg>hi</msg></iap>`, iapeer.Envelope{From: boris, Body: "hi"}},
	} {
		got, err := iapeer.DecodeEnvelope(tc.in)
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, diff)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", "invalid IAP envelope: missing <iap ...>"},
		{"hello <iapx from", "invalid IAP envelope: missing <iap ...>"},
		{`<iap from="boris" runtime="claude"`, "invalid IAP envelope: missing <iap ...>"},
		{`<iap topic="x"><msg>hi</msg></iap>`, "invalid IAP envelope: missing from-personality/from-runtime"},
		{`<iap from="boris"><msg>hi</msg></iap>`, "invalid IAP envelope: missing from-personality/from-runtime"},
		{`<iap from="" runtime="claude"><msg>hi</msg></iap>`, "invalid IAP envelope: missing from-personality/from-runtime"},
		{`<iap from="Bad Name" runtime="claude"><msg>hi</msg></iap>`, `invalid IAP envelope: name "Bad Name"`},
		{`<iap from="ada" runtime="cla-ude"><msg>hi</msg></iap>`, `invalid IAP envelope: runtime "cla-ude"`},
		{`<iap from="boris" runtime="claude"></iap><msg>hi</msg>`, "invalid IAP envelope: missing message"},
		{`<iap from="boris" runtime="claude"><msg>hi</iap>`, "invalid IAP envelope: missing message"},
		{`<iap from="boris" runtime="claude"><![CDATA[<msg>hi</msg>]]></iap>`, "invalid IAP envelope: missing message"},
		{`<iap from="boris" runtime="claude"><iap from="eve" runtime="codex"><msg>hi</msg></iap>`, "invalid IAP envelope: missing message"},
	} {
		_, err := iapeer.DecodeEnvelope(tc.in)
		if !errors.Is(err, iapeer.ErrBadEnvelope) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("DecodeEnvelope(%q): %v, want %s", tc.in, err, tc.want)
		}
	}
}

// equal compares what both forms carry. The wire keeps whole seconds.
var equal = cmp.Options{
	cmp.Comparer(func(a, b time.Time) bool { return a.Truncate(time.Second).Equal(b.Truncate(time.Second)) }),
}

func TestRoundTrip(t *testing.T) {
	for _, body := range []string{"hi", "", " \n\t ", "a\r\nb", "]]>", "]]]]>", "<![CDATA[", "</iap>", "<msg>x</msg>",
		full().Wire(), full().Agent(golden), strings.Repeat("中</iap>]]>", 3000)} {
		e := full()
		e.Topic, e.Body = "t", body
		for form, text := range map[string]string{"wire": e.Wire(), "agent": e.Agent(golden.AddDate(0, 0, 2).Local())} {
			got, err := iapeer.DecodeEnvelope(text)
			if diff := cmp.Diff(e, got, equal); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", form, err, diff)
			}
		}
	}
}
