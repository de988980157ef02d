package iapeer_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestArchDocs holds ARCHITECTURE.md to the tree: it names every room, and
// every test it names exists.
func TestArchDocs(t *testing.T) {
	b, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for r := range arrows {
		if r != "" && !strings.Contains(text, "`"+r+"`") {
			t.Errorf("ARCHITECTURE.md does not name the room %s", r)
		}
	}
	if n := strings.Count(text, "\n"); n > 200 {
		t.Errorf("ARCHITECTURE.md has %d lines, at most 200", n)
	}
	tests := testNames(t)
	for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(text, -1) {
		if !tests[m[1]] {
			t.Errorf("ARCHITECTURE.md names %s, which does not exist", m[1])
		}
	}
}

// testNames returns the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	decl := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	found := map[string]bool{}
	walk(t, func(p string) {
		if !strings.HasSuffix(p, "_test.go") {
			return
		}
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range decl.FindAllStringSubmatch(string(src), -1) {
			found[m[1]] = true
		}
	})
	return found
}
