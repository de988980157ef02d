package iapeer_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
)

// The documentation shows what the codec writes.
func TestEnvelopeDocumentation(t *testing.T) {
	inMoscow(t)
	text, err := os.ReadFile("docs/envelope.md")
	if err != nil {
		t.Fatal(err)
	}
	e := fromBoris("The login test fails on CI, please look")
	e.SentAt, e.Topic, e.ID, e.Hops, e.Proof = golden, "login", "m-7k2q0d9x4c", 1, iapeer.ProofSession
	e.Attachments = []string{"/home/ada/a.png", "/home/ada/b.txt"}
	for _, form := range []string{e.Wire(), e.Agent(golden.Add(time.Hour))} {
		if example := "    " + strings.ReplaceAll(form, "\n", "\n    "); !strings.Contains(string(text), example) {
			t.Errorf("docs/envelope.md does not show:\n%s", example)
		}
	}
}
