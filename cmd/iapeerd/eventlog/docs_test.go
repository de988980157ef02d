package eventlog

import (
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer/session/logfile"
)

// TestDocs reads the examples of docs/logs.md: each is a line, each kind of line
// has one, and each is under the log that it is written into.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{
		"wake": "lifecycle.log", "pty-host-failed": "lifecycle.log", "hosted-deliver": "lifecycle.log", "attach": "lifecycle.log", "attach-end": "lifecycle.log",
		"presence": "lifecycle.log", "supervise": "lifecycle.log", "stopped": "lifecycle.log", "started": "lifecycle.log", "peer-registered": "lifecycle.log",
		"peer-changed": "lifecycle.log", "peer-removed": "lifecycle.log", "peer-quarantined": "lifecycle.log", "daemon-started": "lifecycle.log",
		"daemon-stopped": "lifecycle.log", "delivery": "delivery.log", "receipt": "delivery.log", "turn-started": "turns.log", "turn-ended": "turns.log",
		"notice-raised": "notices.log", "approval-request": "approvals.log", "approval-resolved": "approvals.log",
		"session-exit": "exits.log", "supervisor-uncaught": "exits.log", "events-missed": "Gaps", "lines-lost": "Gaps",
	}
	shown, heading := map[string]bool{}, ""
	for line := range strings.Lines(string(b)) {
		if h, ok := strings.CutPrefix(line, "## "); ok {
			heading = strings.TrimSpace(h)
		}
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		pairs, ok := logfile.Parse(strings.TrimSpace(line))
		if !ok || len(pairs) < 2 || pairs[1].Key != "ev" {
			t.Errorf("%q is no line", line)
			continue
		}
		if ev := pairs[1].Value; kinds[ev] != heading {
			t.Errorf("%s is shown under %q, want %q", ev, heading, kinds[ev])
		} else {
			shown[ev] = true
		}
	}
	for ev := range kinds {
		if !shown[ev] {
			t.Errorf("docs/logs.md shows no %s", ev)
		}
	}
}
