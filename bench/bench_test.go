package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the program, whose anchors are
// processes of it.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		main()
	}
	os.Exit(m.Run())
}

// TestSmoke makes the shortest of runs: a message is accepted and one is
// delivered, the anchors answer, and every row has a figure.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/iapeer", "../cmd/iapeerd").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	b := bench{rounds: 1, slice: 100 * time.Millisecond, npm: t.TempDir(), bin: bin, only: regexp.MustCompile("^(accepted|delivered|group)$")}
	t.Cleanup(b.close)
	var out bytes.Buffer
	if err := b.run(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"accepted durably", "delivered into 8 live sessions", "messages a commit, 64 writers", "SKIPPED in part"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, out.String())
		}
	}
	for _, r := range b.table.rows {
		if r.ours == "0" || r.plain && r.ratio == 0 {
			t.Errorf("%s: nothing was measured: %+v", r.what, r)
		}
	}
}
