package session

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOfferIsTypedOnce(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	o := Offering{ID: "m-1", Mode: Paste, Submit: true, Text: []byte("hello\nworld 日本")}
	r, err := c.Offer(ctxOf(t), o)
	if err != nil || r.State != Written || r.Written != r.Size || r.Repeat {
		t.Fatalf("Offer = %+v, %v, want written", r, err)
	}
	shows(t, c, "got 18 bytes: hello")
	r, err = c.Offer(ctxOf(t), o)
	if err != nil || r.State != Written || !r.Repeat {
		t.Errorf("repeated Offer = %+v, %v, want the same again", r, err)
	}
	d, err := Dial(ctxOf(t), sockOf(c))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if r, err = d.Offer(ctxOf(t), o); err != nil || !r.Repeat {
		t.Errorf("Offer over a new connection = %+v, %v, want a repeat", r, err)
	}
	if _, err = d.Offer(ctxOf(t), Offering{ID: "m-2", Mode: Paste, Submit: true, Text: []byte("second")}); err != nil {
		t.Fatal(err)
	}
	s := shows(t, c, "got 6 bytes: second")
	n := 0
	for _, row := range s.Lines {
		n += strings.Count(row.Text, "got 18 bytes")
	}
	if n != 1 {
		t.Errorf("the first message was submitted %d times", n)
	}
}

// TestPauseBeforeEnter lets nothing come between a paste and its Enter, however
// long the pause is.
func TestPauseBeforeEnter(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	typed := make(chan error, 1)
	offered := make(chan error, 1)
	go func() {
		_, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Submit: true, Pause: 300 * time.Millisecond, Text: []byte("first")})
		offered <- err
	}()
	shows(t, c, "first")
	go func() { typed <- c.Keys(ctxOf(t), "-l", "mine\r") }()
	if err := <-offered; err != nil {
		t.Fatal(err)
	}
	if err := <-typed; err != nil {
		t.Fatal(err)
	}
	shows(t, c, "got 4 bytes: mine")
}

func TestOfferRefusesControlCharacters(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	for _, text := range []string{"a\x1b[201~b", "a\rb", "a\x03", "a\u0085b", "a\xff"} {
		r, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Text: []byte(text)})
		if err != nil || r.State != NotBegun || r.Reason == "" {
			t.Errorf("Offer(%q) = %+v, %v, want not begun", text, r, err)
		}
	}
	offers, err := c.Ask(ctxOf(t), "m-1")
	if err != nil || len(offers) != 1 || offers[0].State != Unknown {
		t.Errorf("Ask = %+v, %v, want unknown", offers, err)
	}
}

func TestSecondHostIsRefused(t *testing.T) {
	spec := specFor(t, TUI)
	c := spawn(t, spec)
	if _, err := Spawn(ctxOf(t), self(t), spec); !errors.Is(err, ErrAlreadyRunning) {
		t.Errorf("second Spawn = %v, want ErrAlreadyRunning", err)
	}
	if _, err := c.Screen(ctxOf(t)); err != nil {
		t.Errorf("the first host after it: %v", err)
	}
}

func TestExitIsRecorded(t *testing.T) {
	spec := specFor(t, TUI)
	c := spawn(t, spec)
	shows(t, c, "❯")
	if _, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Submit: true, Text: []byte("exit 3")}); err != nil {
		t.Fatal(err)
	}
	e := until(t, c, "exit", func(e Event) bool { return e.Kind == EventExit })
	if e.Exit.Code != 3 || e.Exit.Written != 1 {
		t.Errorf("exit event = %+v, want code 3 and one written offer", e.Exit)
	}
	if !WaitUnlocked(spec.Files(), 5*time.Second) {
		t.Fatal("the host did not end")
	}
	found, err := Scan(spec.Dir)
	if err != nil || len(found) != 1 || found[0].State != Dead || len(found[0].Exits) != 1 {
		t.Fatalf("Scan = %+v, %v, want one dead session", found, err)
	}
	x := found[0].Exits[0]
	if x.Code != 3 || x.Generation != 7 || x.Offers[0].ID != "m-1" || x.Offers[0].State != Written {
		t.Errorf("exit record = %+v", x)
	}
	log, _ := os.ReadFile(spec.ExitLog)
	if n := strings.Count(string(log), "ev=session-exit identity=claude-anna dead_status=3"); n != 1 {
		t.Errorf("exits.log = %q, want one line", log)
	}
	half := filepath.Join(spec.Dir, ".tmp-1")
	if err := errors.Join(os.WriteFile(half, nil, 0o600), os.Chtimes(half, time.Time{}, time.Now().Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := os.Stat(half); err == nil {
			t.Errorf("%s is left", half)
		}
	}()
	for _, tc := range []struct {
		upTo int64
		left int
	}{{6, 1}, {7, 0}} {
		if err := Forget(spec.Dir, spec.Identity, tc.upTo); err != nil {
			t.Error(err)
		}
		if found, _ := Scan(spec.Dir); len(found) != tc.left {
			t.Errorf("Scan after Forget up to %d = %+v, want %d", tc.upTo, found, tc.left)
		}
	}
}

func TestSpawnReportsAMissingProgram(t *testing.T) {
	spec := specFor(t, TUI, "no-such-program")
	_, err := Spawn(ctxOf(t), self(t), spec)
	if err == nil || !strings.Contains(err.Error(), "pty host bringup failed: start no-such-program: no-such-program: not found in PATH") {
		t.Errorf("Spawn = %v", err)
	}
	for _, path := range []string{spec.Files().Spec(), spec.Files().Sock(), spec.Files().PID()} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

func TestCutRecord(t *testing.T) {
	type record struct {
		identity   string
		generation int64
		id         string
		ok         bool
	}
	for name, want := range map[string]record{
		"claude-web.3.exit.json":       {"claude-web", 3, "", true},
		"exec-x.12.exec.m-1.json":      {"exec-x", 12, "m-1", true},
		"exec-x.12.exec.m.7.exit.json": {"exec-x", 12, "m.7.exit", true},
		"exec-x.12.exec..json":         {},
		"exec-x.12.exec.json":          {},
		"claude-web.exit.json":         {},
		"claude-web.3.exit":            {},
		"claude-web.serve.json":        {},
		"":                             {},
	} {
		var got record
		got.identity, got.generation, got.id, got.ok = cutRecord(name)
		if !got.ok {
			got = record{}
		}
		if got != want {
			t.Errorf("cutRecord(%q) = %+v, want %+v", name, got, want)
		}
	}
}
