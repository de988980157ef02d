package exits

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/wire"
)

var (
	ada  = iapeer.Identity{Runtime: "claude", Name: "ada"}
	noon = time.Date(2026, 1, 2, 12, 0, 0, 7e6, time.UTC)
)

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "exits.log")
	for _, e := range []wire.Exit{
		{Identity: ada, Generation: 1, Code: 3, Host: wire.Process{PID: 7}, At: noon},
		{Identity: ada, Generation: 2, Code: -1, Signal: "SIGKILL", Host: wire.Process{PID: 8}, At: noon},
		{Identity: ada, Generation: 3, Cause: "shutdown-sigterm", Host: wire.Process{PID: 9}, At: noon},
	} {
		if err := Append(path, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := AppendFault(path, ada, "exception", strings.Repeat("x", 400)); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	lines := strings.Split(string(b), "\n")
	want := []string{
		`ts=2026-01-02T12:00:00.007Z ev=session-exit identity=claude-ada dead_status=3 dead_signal="" host=supervisor generation=1 pid=7`,
		`ts=2026-01-02T12:00:00.007Z ev=session-exit identity=claude-ada dead_status=-1 dead_signal=SIGKILL host=supervisor generation=2 pid=8`,
		`ts=2026-01-02T12:00:00.007Z ev=session-exit identity=claude-ada cause=shutdown-sigterm host=supervisor generation=3 pid=9`,
	}
	for i, w := range want {
		if lines[i] != w {
			t.Errorf("line %d\n got %s\nwant %s", i, lines[i], w)
		}
	}
	if !strings.HasSuffix(lines[3], " ev=supervisor-uncaught identity=claude-ada kind=exception reason="+strings.Repeat("x", 300)) {
		t.Errorf("fault = %s", lines[3])
	}
}

// The host, and daemons that find it dead, tell of one end once.
func TestOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "exits.log")
	if err := Append(path, wire.Exit{Identity: ada, Generation: 1, Code: 0, Host: wire.Process{PID: 7}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, generation := range []int64{1, 2, 2, 2, 3} {
		wg.Go(func() {
			if err := AppendKilled(path, ada, generation, wire.Process{PID: 7}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, _ := os.ReadFile(path)
	if n := strings.Count(string(b), "\n"); n != 3 {
		t.Errorf("exits.log has %d lines, want 3:\n%s", n, b)
	}
	if n := strings.Count(string(b), "cause=host-killed"); n != 2 {
		t.Errorf("%d ends of killed hosts, want those of generation 2 and 3:\n%s", n, b)
	}
}

func TestNoPathNoFile(t *testing.T) {
	if err := Append("", wire.Exit{}); err != nil {
		t.Error(err)
	}
	if err := AppendFault("", ada, "exception", "x"); err != nil {
		t.Error(err)
	}
}
