package session

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/wire"
)

func msgID(s string) iapeer.MessageID { return iapeer.MessageID(s) }

func TestHandshakeMismatch(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	_, _, err := greet(ctxOf(t), sockOf(c), wire.Greeting{Min: 7, Max: 9, Role: wire.RoleObserve})
	if !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), "protocols 7 to 9 are not spoken here, only 1 to 1") {
		t.Errorf("greeting with protocols 7 to 9 = %v, want ErrProtocol", err)
	}
	conn, f, err := greet(ctxOf(t), sockOf(c), wire.Greeting{Min: 1, Max: 9, Role: wire.RoleObserve})
	if err != nil || f.Protocol != 1 {
		t.Fatalf("greeting with protocols 1 to 9 = %+v, %v, want 1", f, err)
	}
	conn.Close()
}

func TestFacts(t *testing.T) {
	spec := specFor(t, TUI)
	c := spawn(t, spec)
	shows(t, c, "❯")
	d, err := Control(ctxOf(t), sockOf(c))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f := d.Facts()
	if f.Identity != spec.Identity || f.Generation != 7 || f.Kind != TUI || f.Cols != 220 || f.Rows != 50 ||
		f.Title != "fake ready" || f.Status != "state=idle:app=fake" || f.Version != iapeer.Version ||
		f.Host.PID == 0 || f.Host.Token == "" || f.Child.PID == 0 || f.Child.Token == "" || f.Started.IsZero() {
		t.Errorf("facts = %+v", f)
	}
	if d.Token() != fmt.Sprintf("host:%d", f.Host.PID) {
		t.Errorf("Token = %q", d.Token())
	}
	found, err := Scan(spec.Dir)
	if err != nil || len(found) != 1 || found[0].State != Alive || found[0].Socket != spec.Files().Sock() {
		t.Errorf("Scan = %+v, %v, want one alive", found, err)
	}
	b, _ := os.ReadFile(spec.Files().PID())
	if string(b) != fmt.Sprintf("%d %s\n", f.Host.PID, f.Host.Token) {
		t.Errorf("pid file = %q", b)
	}
}

// An older program's terminal knows only data and sizes.
func TestPlainClient(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	conn, err := net.Dial("unix", sockOf(c))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := wire.Append(nil, wire.Data, []byte("\x1b[200~from afar\x1b[201~"))
	b = wire.Append(b, wire.Data, []byte("\r"))
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	s := shows(t, c, "got 9 bytes: from afar")
	if s.Cols != 220 {
		t.Errorf("columns = %d, want 220 still", s.Cols)
	}
	if f, _, _ := Dialed(t, sockOf(c)); f.Attached != 0 {
		t.Errorf("attached = %d, want 0: it told no size", f.Attached)
	}
	if _, err := conn.Write(wire.Append(nil, wire.Resize, wire.Size(0, 0))); err != nil {
		t.Fatal(err)
	}
	typ, snap, err := wire.Read(conn)
	if err != nil || typ != wire.Data || !bytes.Contains(snap, []byte("got 9 bytes")) {
		t.Errorf("snapshot = %d %q %v", typ, snap, err)
	}
	if f, _, _ := Dialed(t, sockOf(c)); f.Attached != 1 || f.Cols != 80 || f.Rows != 24 {
		t.Errorf("facts = %+v, want one attached at 80×24", f)
	}
}

// Dialed returns fresh facts.
func Dialed(t *testing.T, sock string) (Facts, *Conn, error) {
	t.Helper()
	c, err := Control(ctxOf(t), sock)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	return c.Facts(), c, err
}

func TestHookSpool(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	d, err := Control(ctxOf(t), sockOf(c))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i := range 300 {
		if err := d.Hook(ctxOf(t), fmt.Appendf(nil, "payload %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	hooks, dropped, err := c.Hooks(ctxOf(t))
	if err != nil || len(hooks) != 256 || dropped != 44 || string(hooks[0].Body) != "payload 44" || hooks[255].Seq != 300 {
		t.Fatalf("Hooks = %d payloads, %d dropped, %v", len(hooks), dropped, err)
	}
	if err := c.AckHooks(ctxOf(t), hooks[254].Seq); err != nil {
		t.Fatal(err)
	}
	if hooks, _, _ = c.Hooks(ctxOf(t)); len(hooks) != 1 || string(hooks[0].Body) != "payload 299" {
		t.Errorf("Hooks after the acknowledgement = %+v, want the last", hooks)
	}
}

func TestKeysReachTheProgram(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	if err := c.Keys(ctxOf(t), "h", "i", "Space", "-l", "Enter"); err != nil {
		t.Fatal(err)
	}
	if err := c.Keys(ctxOf(t), "Enter"); err != nil {
		t.Fatal(err)
	}
	shows(t, c, "got 8 bytes: hi Enter")
}

func TestRouterTerminalIsRaw(t *testing.T) {
	c := spawn(t, specFor(t, Router, "/bin/cat"))
	long := strings.Repeat("y", 20_000) + "\nend of it\n"
	if r, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Raw, Text: []byte(long)}); err != nil || r.State != Written {
		t.Fatalf("Offer = %+v, %v", r, err)
	}
	shows(t, c, "end of it")
}

func TestOffersAreNeverInterleaved(t *testing.T) {
	c := spawn(t, specFor(t, Router, "/bin/cat"))
	const n = 40
	done := make(chan error)
	for i := range n {
		go func() {
			line := strings.Repeat(string(rune('a'+i%26)), 9000) + "\r\n"
			_, err := c.Offer(ctxOf(t), Offering{ID: msgID(fmt.Sprintf("m-%d", i)), Mode: Raw, Text: []byte(line)})
			done <- err
		}()
		go func() { done <- c.Keys(ctxOf(t), "-l", "#") }()
	}
	for range 2 * n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	spec, err := os.ReadFile(logOf(t, c, n))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(spec)), "\r\n") {
		if line = strings.Trim(line, "#"); line != "" && line != strings.Repeat(line[:1], 9000) {
			t.Errorf("a line of %d bytes is mixed", len(line))
		}
	}
}

// logOf waits until the program has echoed n lines and returns its pane log.
func logOf(t *testing.T, c *Conn, n int) string {
	t.Helper()
	found, err := Scan(dirOf(c))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	path := found[0].Spec.PaneLog
	for {
		b, _ := os.ReadFile(path)
		if bytes.Count(b, []byte("\r\n")) == n {
			return path
		}
		until(t, c, "echo", func(e Event) bool { return e.Kind == EventSettled || e.Kind == EventActive })
	}
}

// TestLateOffer: what a daemon that is gone left in its connection is not carried
// out once the next one was told what had been offered: it offers that again.
func TestLateOffer(t *testing.T) {
	c := spawn(t, specFor(t, Router, "/bin/cat"))
	next, err := Dial(ctxOf(t), sockOf(c))
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if offers, err := next.Ask(ctxOf(t), "m-1"); err != nil || len(offers) != 1 || offers[0].State != NotBegun && offers[0].State != Unknown {
		t.Fatalf("Ask = %+v, %v, want nothing begun", offers, err)
	}
	late, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Attempt: 1, Mode: Raw, Text: []byte("late\n")})
	if err != nil || late.State != NotBegun || !strings.Contains(late.Reason, "taken over") {
		t.Errorf("the offer of the daemon before: %+v, %v, want it not begun", late, err)
	}
	again, err := next.Offer(ctxOf(t), Offering{ID: "m-1", Attempt: 2, Mode: Raw, Text: []byte("again\n")})
	if err != nil || again.State != Written || again.Repeat {
		t.Errorf("the offer of the next one: %+v, %v, want it written", again, err)
	}
	control, err := Control(ctxOf(t), sockOf(c)) // no daemon: nobody's place is taken
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	if r, err := next.Offer(ctxOf(t), Offering{ID: "m-2", Attempt: 1, Mode: Raw, Text: []byte("more\n")}); err != nil || r.State != Written {
		t.Errorf("an offer beside a control connection: %+v, %v", r, err)
	}
}
