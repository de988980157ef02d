package session

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iapeer/iapeer/session/proc"
)

// family starts a session whose program has a plain child, a nohup child, a
// setsid child and one with a clean environment, and returns their ids.
func family(t *testing.T) (Spec, *Conn, []int) {
	t.Helper()
	if _, err := os.Stat("/usr/bin/setsid"); err != nil {
		t.Skip("SKIPPED: setsid is not installed")
	}
	spec := specFor(t, TUI)
	script := `sleep 300 & echo $!
nohup sleep 301 >/dev/null 2>&1 & echo $!
setsid sh -c 'echo $$; exec sleep 302' &
env -i setsid -f sleep 303
trap "" TERM
sleep 304 & echo $!
echo all up; wait; sleep 305`
	spec.Argv = []string{"/bin/sh", "-c", script}
	c := spawn(t, spec)
	s := shows(t, c, "all up")
	for !strings.Contains(text(s), "all up") || len(numbers(s)) < 4 {
		until(t, c, "four children", func(e Event) bool { return e.Kind == EventSettled })
		s, _ = c.Screen(ctxOf(t))
	}
	return spec, c, append(numbers(s), c.Facts().Child.PID)
}

func text(s ScreenState) string {
	var b strings.Builder
	for _, r := range s.Lines {
		b.WriteString(r.Text + "\n")
	}
	return b.String()
}

func numbers(s ScreenState) []int {
	var out []int
	for _, f := range strings.Fields(text(s)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat")); err == nil && !strings.Contains(string(b), ") Z ") {
			t.Errorf("process %d lives on: %s", pid, b)
		}
	}
}

func TestStopEndsEverything(t *testing.T) {
	spec, c, pids := family(t)
	if err := c.Stop(ctxOf(t), "parked", 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	e := until(t, c, "exit", func(e Event) bool { return e.Kind == EventExit })
	if e.Exit.Cause != "parked" || e.Exit.Signal != "SIGKILL" {
		t.Errorf("exit = %+v, want cause parked by SIGKILL", e.Exit)
	}
	if !WaitUnlocked(spec.Files(), 5*time.Second) {
		t.Fatal("the host did not end")
	}
	gone(t, pids)
	for _, f := range []string{spec.Files().Sock(), spec.Files().PID(), spec.Files().Spec(), spec.Files().Geometry()} {
		if _, err := os.Stat(f); err == nil {
			t.Errorf("%s is left", f)
		}
	}
}

func TestSurvivorsOfAKilledHostAreReaped(t *testing.T) {
	spec, c, pids := family(t)
	if _, err := ReapSurvivors(spec); !errors.Is(err, ErrAlreadyRunning) {
		t.Errorf("ReapSurvivors of a live host = %v, want ErrAlreadyRunning", err)
	}
	if err := syscall.Kill(c.Facts().Host.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !WaitUnlocked(spec.Files(), 5*time.Second) {
		t.Fatal("the lock outlives its host")
	}
	found, err := Scan(spec.Dir)
	if err != nil || len(found) != 1 || found[0].State != Killed {
		t.Fatalf("Scan = %+v, %v, want one killed host", found, err)
	}
	if _, err := ReapSurvivors(*found[0].Spec); err != nil {
		t.Fatal(err)
	}
	gone(t, pids)
	if _, err := ReapSurvivors(*found[0].Spec); err != nil { // nothing is left to do, nor to tell
		t.Fatal(err)
	}
	if log, _ := os.ReadFile(spec.ExitLog); strings.Count(string(log), "ev=session-exit identity=claude-anna cause=host-killed host=supervisor generation=7 pid=") != 1 {
		t.Errorf("exits.log = %q, want one line of a killed host", log)
	}
	if found, _ := Scan(spec.Dir); len(found) != 0 {
		t.Errorf("Scan afterwards = %+v, want nothing", found)
	}
	if _, err := c.Screen(ctxOf(t)); !errors.Is(err, ErrGone) {
		t.Errorf("Screen of a dead host = %v, want ErrGone", err)
	}
}

func TestSignalsOfTheHost(t *testing.T) {
	spec := specFor(t, TUI)
	c := spawn(t, spec)
	shows(t, c, "❯")
	if err := syscall.Kill(c.Facts().Host.PID, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Screen(ctxOf(t)); err != nil {
		t.Errorf("after SIGHUP: %v", err)
	}
	if err := KillHost(spec.Files().PID()); err != nil {
		t.Fatal(err)
	}
	e := until(t, c, "exit", func(e Event) bool { return e.Kind == EventExit })
	if e.Exit.Cause != "shutdown-sigterm" {
		t.Errorf("exit cause = %q", e.Exit.Cause)
	}
	if !WaitUnlocked(spec.Files(), 5*time.Second) {
		t.Fatal("the host did not end")
	}
	log, _ := os.ReadFile(spec.ExitLog)
	if !strings.Contains(string(log), "ev=session-exit identity=claude-anna cause=shutdown-sigterm host=supervisor") || strings.Count(string(log), "\n") != 1 {
		t.Errorf("exits.log = %q", log)
	}
}

func TestARecycledProcessIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	token, err := proc.Token(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !proc.Alive(os.Getpid(), token) || proc.Alive(os.Getpid(), token+"0") || !proc.Alive(os.Getpid(), "") {
		t.Error("Alive does not go by the token")
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+" wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := KillHost(path); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("KillHost with a wrong token = %v, want ErrProcessDone", err)
	}
}

func TestDeathDuringAnOffer(t *testing.T) {
	spec := specFor(t, Router, "/bin/sh", "-c", "echo up; exec sleep 300") // never reads
	c := spawn(t, spec)
	shows(t, c, "up")
	results := make(chan OfferResult, 2)
	go func() {
		r, _ := c.Offer(ctxOf(t), Offering{ID: "m-x", Mode: Raw, Text: make([]byte, 1<<20)})
		results <- r
	}()
	for {
		offers, err := c.Ask(ctxOf(t), "m-x")
		if err != nil {
			t.Fatal(err)
		}
		if offers[0].State == Partial && offers[0].Written > 0 {
			break
		}
	}
	go func() {
		r, _ := c.Offer(ctxOf(t), Offering{ID: "m-y", Mode: Raw, Text: []byte("behind")})
		results <- r
	}()
	for {
		if offers, _ := c.Ask(ctxOf(t), "m-y"); len(offers) == 1 && offers[0].State == Queued {
			break
		}
	}
	if err := syscall.Kill(c.Facts().Child.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		switch r := <-results; r.ID {
		case "m-x":
			if r.State != Partial || r.Written == 0 || r.Written >= r.Size {
				t.Errorf("offer under way = %+v, want partial", r)
			}
		case "m-y":
			if r.State != NotBegun {
				t.Errorf("offer behind it = %+v, want not begun", r)
			}
		default:
			t.Errorf("result %+v", r)
		}
	}
	e := until(t, c, "exit", func(e Event) bool { return e.Kind == EventExit })
	if len(e.Exit.Offers) != 1 || e.Exit.Offers[0].ID != "m-x" || e.Exit.Offers[0].State != Partial {
		t.Errorf("offers in the record = %+v, want m-x partial", e.Exit.Offers)
	}
}
