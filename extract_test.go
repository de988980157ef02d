package iapeer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
)

// extract feeds text in pieces of size bytes and returns the bodies found.
func extract(text string, size int) []string {
	var x iapeer.Extractor
	var bodies []string
	for piece := range slices.Chunk([]byte(text), size) {
		_, _ = x.Write(piece)
		for {
			e, ok := x.Next()
			if !ok {
				break
			}
			bodies = append(bodies, e.Body)
		}
	}
	return bodies
}

func TestExtractor(t *testing.T) {
	one, two := fromBoris("one").Wire(), fromBoris("two").Agent(time.Now())
	open := `<iap from="boris" runtime="claude">`
	long := func(n int) string { // an opening tag of n bytes
		return strings.Replace(open, ">", ` x="`+strings.Repeat("x", n-len(open)-5)+`">`, 1)
	}
	for _, tc := range []struct {
		name, in string
		want     []string
	}{
		{"none", "hello <i <ia <iap", nil},
		{"one", one, []string{"one"}},
		{"two in a row", one + two, []string{"one", "two"}},
		{"paste marks and noise", "\x1b[200~" + one + "\x1b[201~\r noise " + two + "\r", []string{"one", "two"}},
		{"prose in front", "see <iap from> and <iap from=\"x\"> " + one, []string{"one"}},
		{"prose longer than a tag may be", "<iap " + strings.Repeat("x", 2000) + one, []string{"one"}},
		{"a tag of 1024 bytes", long(1024) + "<msg>one</msg></iap>", []string{"one"}},
		{"a tag of 1025 bytes", long(1025) + "<msg>one</msg></iap>" + two, []string{"two"}},
		{"closing tag inside CDATA", fromBoris("a</iap>b]]>c").Wire() + two, []string{"a</iap>b]]>c", "two"}},
		{"an envelope inside a body", fromBoris(one).Wire() + fromBoris(two).Agent(time.Now()), []string{one, two}},
		{"no message", open + "</iap>" + one, []string{"one"}},
		{"no closing tag", one[:len(one)-len("</iap>")], nil},
		{"cut off, then another", open + "\nReply\n" + two, []string{"two"}},
		{"a bad tag inside", open + "<iap x> <iap <msg>", nil},
		{"longer than any message", open + "<msg>" + strings.Repeat("x", 1<<20+1) + "</msg></iap>" + one, []string{"one"}},
	} {
		for _, size := range []int{1, 7, 4096, len(tc.in)} {
			if len(tc.in) > 1<<20 && size < 4096 {
				continue
			}
			if diff := cmp.Diff(tc.want, extract(tc.in, size)); diff != "" {
				t.Errorf("%s, %d bytes at a time (-want +got):\n%s", tc.name, size, diff)
			}
		}
	}
}

// withID returns the envelope that a session is given, as it is given.
func withID(id iapeer.MessageID, body string) string {
	e := fromBoris(body)
	e.ID, e.SentAt = id, golden
	return e.Agent(golden)
}

func TestEnvelopeIDs(t *testing.T) {
	inner := withID("m-inner00000", "quoted")
	unnamed := fromBoris("x").Agent(golden)
	one, two := withID("m-one0000000", "first\n\twith a tab  "), withID("m-two0000000", "second")
	for _, tc := range []struct {
		name, in string
		want     []iapeer.MessageID
	}{
		{"nothing", "", nil},
		{"prose", "please look at m-one0000000 and <iap id=\"m-one0000000\">", nil},
		{"one", one, []iapeer.MessageID{"m-one0000000"}},
		{"several", one + "\n" + two, []iapeer.MessageID{"m-one0000000", "m-two0000000"}},
		{"repeated", one + one, []iapeer.MessageID{"m-one0000000"}},
		{"tabs made spaces, ends trimmed", strings.TrimSpace(strings.ReplaceAll(one, "\t", "    ")), []iapeer.MessageID{"m-one0000000"}},
		{"behind typed text", "and this: " + one, []iapeer.MessageID{"m-one0000000"}},
		{"wire form", func() string { e := fromBoris("x"); e.ID = "m-wire000000"; return e.Wire() }(), []iapeer.MessageID{"m-wire000000"}},
		{"no id", unnamed, nil},
		{"quoted in a body", withID("m-one0000000", "he wrote: "+inner), []iapeer.MessageID{"m-one0000000"}},
		{"quoted in a body without an id", fromBoris(inner).Agent(golden), nil},
		{"quoted with a tab", withID("m-one0000000", strings.ReplaceAll("x</msg></iap>"+inner, " ", "\t")), []iapeer.MessageID{"m-one0000000"}},
		{"the end of CDATA in a body", withID("m-one0000000", "]]></msg></iap>"+inner), []iapeer.MessageID{"m-one0000000"}},
		{"behind a control", withID("m-one0000000", "]]\x1b></m\x00sg></iap>"+inner), []iapeer.MessageID{"m-one0000000"}},
		{"in a topic", func() string { e := fromBoris("x"); e.Topic = `x" id="m-one0000000`; return e.Agent(golden) }(), nil},
		{"not whole", one[:len(one)-3], nil},
	} {
		if diff := cmp.Diff(tc.want, iapeer.EnvelopeIDs(iapeer.SanitizeBody(tc.in))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
