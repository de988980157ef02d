package session

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func outcome(t *testing.T, c *Conn) Outcome {
	t.Helper()
	return *until(t, c, "outcome", func(e Event) bool { return e.Kind == EventOutcome }).Outcome
}

func TestExec(t *testing.T) {
	spec := specFor(t, Exec, "/bin/sh", "-c", `
read word
case $word in
echo) cat;;
fail) echo oops >&2; exit 4;;
die) kill -9 $$;;
half) exec head -c 10 >/dev/null;;
big) head -c 2000000 /dev/zero | tr '\0' a;;
esac`)
	c := spawn(t, spec)
	big := strings.Repeat("x", 200_000)
	for _, tc := range []struct {
		text string
		want Outcome
	}{
		{"echo\nhello\n", Outcome{Answer: "hello\n", ReadBytes: 11}},
		{"echo\n" + big, Outcome{Answer: big, ReadBytes: 200_005}},
		{"fail\n", Outcome{Code: 4, Stderr: "oops\n", ReadBytes: 5}},
		{"die\n", Outcome{Code: -1, Signal: "SIGKILL", ReadBytes: 4}},
		{"big\n", Outcome{Answer: strings.Repeat("a", 1<<20), Cut: true, ReadBytes: 4}},
	} {
		id := "m-" + strings.TrimSpace(tc.text[:4])
		if len(tc.text) > 1000 {
			id = "m-large"
		}
		r, err := c.Offer(ctxOf(t), Offering{ID: msgID(id), Mode: Run, Text: []byte(tc.text)})
		if err != nil || r.State != Written {
			t.Fatalf("Offer(%s) = %+v, %v, want written", id, r, err)
		}
		started := until(t, c, "start", func(e Event) bool { return e.Kind == EventStarted })
		got := outcome(t, c)
		if got.PID == 0 || got.PID != started.Outcome.PID || got.ID != msgID(id) || got.Size != len(tc.text) {
			t.Errorf("%s: outcome of process %d for %s, size %d", id, got.PID, got.ID, got.Size)
		}
		if got.Code != tc.want.Code || got.Signal != tc.want.Signal || got.Answer != tc.want.Answer ||
			got.Stderr != tc.want.Stderr || got.Cut != tc.want.Cut || got.ReadBytes != tc.want.ReadBytes {
			t.Errorf("%s: code %d signal %q answer %d bytes cut %v stderr %q read %d, want %+v", id, got.Code, got.Signal,
				len(got.Answer), got.Cut, got.Stderr, got.ReadBytes, tc.want.ReadBytes)
		}
	}
	log, _ := os.ReadFile(spec.PaneLog)
	if !strings.Contains(string(log), "hello") || !strings.Contains(string(log), "oops") {
		t.Errorf("the pane log lacks the output")
	}
}

func TestExecLeavesInputUnread(t *testing.T) {
	c := spawn(t, specFor(t, Exec, "/bin/true"))
	if _, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Run, Text: make([]byte, 300_000)}); err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, c); got.ReadBytes != 0 || got.Code != 0 {
		t.Errorf("read %d bytes, code %d, want 0 and 0", got.ReadBytes, got.Code)
	}
}

func TestOutcomesSurviveDaemonAndHost(t *testing.T) {
	spec := specFor(t, Exec, "/bin/cat")
	c := spawn(t, spec)
	for _, id := range []string{"m-1", "m-2"} {
		if _, err := c.Offer(ctxOf(t), Offering{ID: msgID(id), Mode: Run, Text: []byte(id)}); err != nil {
			t.Fatal(err)
		}
		outcome(t, c)
	}
	c.Close() // the daemon is gone
	d, err := Dial(ctxOf(t), spec.Files().Sock())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.Facts().Outcomes; len(got) != 2 {
		t.Fatalf("kept outcomes = %v, want two", got)
	}
	o, err := d.Outcome(ctxOf(t), "m-1")
	if err != nil || o.Answer != "m-1" {
		t.Errorf("Outcome = %+v, %v", o, err)
	}
	if err := d.AckOutcomes(ctxOf(t), "m-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Outcome(ctxOf(t), "m-1"); err == nil {
		t.Error("an acknowledged outcome is still there")
	}
	if r, err := d.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Run, Text: []byte("m-1")}); err != nil || !r.Repeat {
		t.Errorf("repeated offer = %+v, %v, want a repeat", r, err)
	}
	if err := KillHost(spec.Files().PID()); err != nil {
		t.Fatal(err)
	}
	WaitUnlocked(spec.Files(), 5*time.Second)
	found, err := Scan(spec.Dir)
	if err != nil || len(found) != 1 || found[0].State != Dead || len(found[0].Outcomes) != 1 || found[0].Outcomes[0].Outcome.Answer != "m-2" {
		t.Fatalf("Scan = %+v, %v, want m-2's outcome", found, err)
	}
	if err := Forget(spec.Dir, spec.Identity, spec.Generation); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(spec.Dir, "*.exec.*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestOutcomeBesideAGreeting connects while commands end: an outcome is in the
// greeting or told as an event, never in neither.
func TestOutcomeBesideAGreeting(t *testing.T) {
	spec := specFor(t, Exec, "/bin/true")
	c := spawn(t, spec)
	hand, err := Control(ctxOf(t), spec.Files().Sock()) // those who come take the place of c
	if err != nil {
		t.Fatal(err)
	}
	defer hand.Close()
	for n := range 30 {
		id := msgID(fmt.Sprintf("m-%d", n))
		late := make(chan *Conn, 64)
		var dialing sync.WaitGroup
		for range 4 {
			dialing.Go(func() {
				for range cap(late) / 4 {
					if d, err := Dial(ctxOf(t), spec.Files().Sock()); err == nil {
						late <- d
					}
				}
			})
		}
		if _, err := hand.Offer(ctxOf(t), Offering{ID: id, Mode: Run, Text: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		outcome(t, c)
		dialing.Wait()
		close(late)
		for d := range late {
			if !slices.Contains(d.Facts().Outcomes, id) {
				until(t, d, "outcome of "+string(id), func(e Event) bool { return e.Kind == EventOutcome && e.Outcome.ID == id })
			}
			d.Close()
		}
		if err := c.AckOutcomes(ctxOf(t), id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOutcomeWithoutADisk keeps an outcome that the disk does not take, and
// writes it when the session ends.
func TestOutcomeWithoutADisk(t *testing.T) {
	spec := specFor(t, Exec, "/bin/cat")
	path := spec.Files().Outcome(spec.Generation, "m-1")
	if err := os.MkdirAll(filepath.Join(path, "in", "the", "way"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := spawn(t, spec)
	if _, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Run, Text: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	outcome(t, c)
	d, err := Dial(ctxOf(t), spec.Files().Sock())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if o, err := d.Outcome(ctxOf(t), "m-1"); err != nil || o.Answer != "hello" || !slices.Contains(d.Facts().Outcomes, "m-1") {
		t.Errorf("Outcome = %+v, %v, of %v, want it from memory", o, err, d.Facts().Outcomes)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(ctxOf(t), "stopped", 0); err != nil {
		t.Fatal(err)
	}
	WaitUnlocked(spec.Files(), 5*time.Second)
	if found, err := Scan(spec.Dir); err != nil || len(found) != 1 || len(found[0].Outcomes) != 1 {
		t.Errorf("Scan = %+v, %v, want the outcome on disk", found, err)
	}
}

func TestStopEndsAnExecRun(t *testing.T) {
	spec := specFor(t, Exec, "/bin/sh", "-c", "sleep 300")
	c := spawn(t, spec)
	if _, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Run, Text: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(ctxOf(t), "stopped", 0); err != nil {
		t.Fatal(err)
	}
	if got := outcome(t, c); got.Signal != "SIGTERM" {
		t.Errorf("outcome = %+v, want SIGTERM", got)
	}
	e := until(t, c, "exit", func(e Event) bool { return e.Kind == EventExit })
	if e.Exit.Cause != "stopped" || e.Exit.Written != 1 {
		t.Errorf("exit = %+v", e.Exit)
	}
}
