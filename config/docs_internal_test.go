package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
)

var update = flag.Bool("update", false, "write the table of settings into the documentation")

const (
	docsPath  = "../docs/configuration.md"
	docsOpen  = "<!-- settings: written by `go test ./config -update` -->\n"
	docsClose = "<!-- end of settings -->\n"
)

// docsTable renders the settings as the documentation shows them.
func docsTable() string {
	var b strings.Builder
	b.WriteString("| key | variable | default | value | what it does |\n| --- | --- | --- | --- | --- |\n")
	s := surroundings{paths: iapeer.Paths{Root: "<root>", Home: "/nowhere"}, getenv: func(string) string { return "" }}
	for _, row := range settings {
		initial := row.initial
		switch {
		case row.key == "me":
			initial = "made of `$USER`"
		case row.key == "sock_dir":
			initial = "`/tmp`; `<root>/socks` when `IAPEER_ROOT` is set"
		case row.key == "claude_bin":
			initial = "`~/.local/bin/claude` where there is one, else `claude`"
		case row.make != nil:
			initial = "`" + row.make(s) + "`"
		case initial != "":
			initial = "`" + initial + "`"
		default:
			initial = "not set"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", row.key, row.env, initial, row.unit, row.doc)
	}
	return b.String()
}

func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), docsOpen)
	table, after, closed := strings.Cut(rest, docsClose)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table of settings", docsPath)
	}
	if *update {
		if err := os.WriteFile(docsPath, []byte(before+docsOpen+docsTable()+docsClose+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(docsTable(), table); diff != "" {
		t.Errorf("%s is not up to date; run go test ./config -update (-want +got):\n%s", docsPath, diff)
	}
}

// The table is literal; its rows must hold what loading relies on.
func TestSettingsTable(t *testing.T) {
	keys, variables := map[string]bool{}, map[string]bool{}
	for _, s := range settings {
		if keys[s.key] || variables[s.env] || s.set == nil || s.unit == "" || !strings.HasSuffix(s.doc, ".") {
			t.Errorf("row %q is not complete or not alone", s.key)
		}
		keys[s.key], variables[s.env] = true, true
		if s.initial != "" && s.make != nil {
			t.Errorf("row %q has two defaults", s.key)
		}
		if err := s.check(s.initial); err != nil {
			t.Errorf("the default of %q is refused: %v", s.key, err)
		}
	}
}
