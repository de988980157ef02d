package main

import (
	"os"
	"strings"
	"testing"
)

// TestDocsNameEveryVerb holds the manual to the grammar.
func TestDocsNameEveryVerb(t *testing.T) {
	b, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	w, _, _ := quiet(t)
	k, err := parser(w, verbs())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range k.Model.Children {
		if !strings.Contains(string(b), "`"+n.Name) {
			t.Errorf("docs/cli.md does not name the verb %s", n.Name)
		}
		for _, c := range n.Children {
			if !c.Hidden && !strings.Contains(string(b), c.Name) {
				t.Errorf("docs/cli.md does not name %s %s", n.Name, c.Name)
			}
		}
	}
}
