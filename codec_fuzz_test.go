package iapeer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
)

// hostile are texts that look like parts of an envelope.
var hostile = []string{"", "hi", "]]>", "]]]]><![CDATA[>", "</msg></iap>", "<iap from=\"a\" runtime=\"b\" id=\"m-1\">", "<iap\tx",
	"a\r\nb\r", "\x1b[201~", "\u009b", "\xff", "<attachments>/x</attachments>", "<![CDATA[<msg>", "中文 😀", " \n ", "\r\f\n", "\r\r\f"}

// FuzzEnvelope checks that a body and a topic come back from both forms, and
// that no text can leave its envelope.
func FuzzEnvelope(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, topic, body string) {
		e := full()
		e.Topic, e.Body = topic, body
		wire := e.Wire()
		got, err := iapeer.DecodeEnvelope(wire)
		if err != nil || got.Body != body {
			t.Fatalf("wire: body %q became %q, %v", body, got.Body, err)
		}
		if got.Wire() != wire {
			t.Errorf("wire: %q, then %q", wire, got.Wire())
		}
		agent := iapeer.SanitizeBody(e.Agent(golden))
		got, err = iapeer.DecodeEnvelope(agent)
		if want := iapeer.SanitizeBody(body); err != nil || got.Body != want {
			t.Errorf("agent: body %q became %q, %v", want, got.Body, err)
		}
		if iapeer.SanitizeBody(agent) != agent {
			t.Errorf("agent: %q is not clean", agent)
		}
		for _, text := range []string{wire + wire, agent + "\n" + agent, strings.ReplaceAll(agent, "\t", "    ")} {
			if diff := cmp.Diff([]iapeer.MessageID{e.ID}, iapeer.EnvelopeIDs("> "+text)); diff != "" {
				t.Errorf("ids of %q (-want +got):\n%s", text, diff)
			}
		}
	})
}

// FuzzDecodeEnvelope checks that anything that decodes is written in a form
// that decodes to the same.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
		f.Add(`<iap from="boris" runtime="claude" topic="` + s + `"><attachments>` + s + `</attachments><msg>` + s + `</msg></iap>`)
	}
	f.Add(full().Wire())
	f.Add(full().Agent(golden))
	f.Fuzz(func(t *testing.T, s string) {
		e, err := iapeer.DecodeEnvelope(s)
		if err != nil {
			return
		}
		again, err := iapeer.DecodeEnvelope(e.Wire())
		if err != nil || again.Body != e.Body || again.From != e.From || again.ID != e.ID || again.Hops != e.Hops {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}

// FuzzExtractor checks that a stream gives the same whatever its pieces, and
// that an envelope behind it is found as long as nothing holds it back.
func FuzzExtractor(f *testing.F) {
	for _, s := range hostile {
		f.Add(s+full().Wire()+s, 3)
		f.Add(`<iap from="boris" runtime="claude">`+s+`<msg>`+s+`</msg></iap>`, 1)
	}
	f.Fuzz(func(t *testing.T, s string, size int) {
		if size < 1 || len(s) == 0 {
			return
		}
		whole := extract(s, len(s))
		if diff := cmp.Diff(whole, extract(s, size)); diff != "" {
			t.Errorf("in pieces of %d (-whole +pieces):\n%s", size, diff)
		}
	})
}

// FuzzEnvelopeIDs checks that reading ids never panics and finds only ids.
func FuzzEnvelopeIDs(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
		f.Add(withID("m-0123456789", s))
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, id := range iapeer.EnvelopeIDs(s) {
			if !strings.Contains(s, string(id)) || !strings.HasPrefix(string(id), "m-") {
				t.Errorf("id %q found in %q", id, s)
			}
		}
	})
}

func FuzzSanitizeBody(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := iapeer.SanitizeBody(s)
		if again := iapeer.SanitizeBody(got); again != got {
			t.Errorf("%q, then %q", got, again)
		}
		if i := strings.IndexFunc(got, func(r rune) bool {
			return r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r <= 0x9f
		}); i >= 0 {
			t.Errorf("SanitizeBody(%q) = %q", s, got)
		}
	})
}

// A stream of opening tags, or of what looks like them, must not be read over
// and over.
func TestExtractorIsLinear(t *testing.T) {
	for _, unit := range []string{`<iap from="a" runtime="b">`, "<iap ", "<", "<![CDATA[", `<iap from="a" runtime="b"><msg><![CDATA[`,
		`<iap from="a" runtime="b"></iap>`} {
		text := strings.Repeat(unit, 2<<20/len(unit))
		start := time.Now()
		extract(text, 4096)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("2 MiB of %q took %v", unit, took)
		}
	}
}
