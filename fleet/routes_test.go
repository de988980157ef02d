package fleet

import (
	"os"
	"strings"
	"testing"
)

// TestDocsNameEveryRoute holds the manual to the table.
func TestDocsNameEveryRoute(t *testing.T) {
	b, err := os.ReadFile("../docs/fleet-api.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[access]string{anyone: "anyone", user: "user", outside: "outside", session: "session", person: "person"}
	for _, r := range (&server{}).routes() {
		if row := "| `" + r.method + " " + r.path + "` | " + words[r.may] + " |"; !strings.Contains(string(b), row) {
			t.Errorf("docs/fleet-api.md lacks the row %s", row)
		}
	}
}
