package session

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/iapeer/iapeer/session/screen"
	"github.com/iapeer/iapeer/session/wire"
)

func TestDetachKey(t *testing.T) {
	for _, tc := range []struct {
		name   string
		in     []string // separate reads
		pass   string
		detach bool
	}{
		{"plain", []string{"ab\x1dcd"}, "ab", true},
		{"kitty", []string{"a\x1b[93;5u"}, "a", true},
		{"kitty with num lock", []string{"\x1b[93;133u"}, "", true},
		{"xterm", []string{"\x1b[27;5;93~"}, "", true},
		{"split kitty", []string{"a\x1b", "[93", ";5u"}, "a", true},
		{"split xterm", []string{"\x1b[27;5", ";93~x"}, "", true},
		{"arrow", []string{"\x1b[A"}, "\x1b[A", false},
		{"split arrow", []string{"\x1b", "[A"}, "\x1b[A", false},
		{"other key", []string{"\x1b[92;5u"}, "\x1b[92;5u", false},
		{"escape", []string{"\x1b"}, "\x1b", false},
	} {
		key, err := ParseDetachKey("")
		if err != nil {
			t.Fatal(err)
		}
		m := matcher{key: key}
		var pass []byte
		detach := false
		for _, in := range tc.in {
			var p []byte
			p, detach = m.match([]byte(in))
			pass = append(pass, p...)
		}
		if !detach {
			pass = append(pass, m.flush()...)
		}
		if string(pass) != tc.pass || detach != tc.detach {
			t.Errorf("%s: passed %q, detach %v, want %q, %v", tc.name, pass, detach, tc.pass, tc.detach)
		}
	}
}

func TestParseDetachKey(t *testing.T) {
	for _, tc := range []struct{ in, name string }{
		{"", "Ctrl-]"}, {"ctrl-q", "Ctrl-Q"}, {"C-\\", "Ctrl-\\"}, {"^_", "Ctrl-_"},
		{"q", ""}, {"ctrl-", ""}, {"ctrl-c", ""}, {"ctrl-m", ""}, {"ctrl-[", ""}, {"ctrl-ab", ""},
	} {
		k, err := ParseDetachKey(tc.in)
		if k.Name() != tc.name || (err == nil) != (tc.name != "") {
			t.Errorf("ParseDetachKey(%q) = %q, %v, want %q", tc.in, k.Name(), err, tc.name)
		}
	}
}

func TestTitler(t *testing.T) {
	in := "a\x1b]0;one\x07b\x1b]2;two\x1b\\c\x1b]8;;x\x07d\x1b[1m"
	want := "a\x1b]0;one\x07\x1b]2;one · Ctrl-] detaches\x07b\x1b]2;two\x1b\\\x1b]2;two · Ctrl-] detaches\x07c\x1b]8;;x\x07d\x1b[1m"
	for cut := range in {
		tt := titler{hint: "Ctrl-] detaches"}
		got := string(tt.pass([]byte(in[:cut]))) + string(tt.pass([]byte(in[cut:])))
		if got != want {
			t.Fatalf("cut at %d: %q, want %q", cut, got, want)
		}
	}
}

func TestAttach(t *testing.T) {
	spec := specFor(t, TUI)
	c := spawn(t, spec)
	shows(t, c, "❯")
	if _, err := os.Stat(spec.Files().Attached()); err == nil {
		t.Error("the marker is there before anybody attached")
	}
	a := sit(t, sockOf(c), 100, 30, AttachOptions{})
	a.sees("❯")
	a.sees("title fake ready · Ctrl-] detaches")
	if _, err := os.Stat(spec.Files().Attached()); err != nil {
		t.Errorf("no marker while attached: %v", err)
	}
	if s, _ := c.Screen(ctxOf(t)); s.Cols != 100 || s.Rows != 30 {
		t.Errorf("size while attached = %d×%d, want 100×30", s.Cols, s.Rows)
	}
	if b, _ := os.ReadFile(spec.Files().Geometry()); string(b) != "{\"cols\":100,\"rows\":30}\n" {
		t.Errorf("geometry file = %q", b)
	}
	a.types("hi there\r")
	a.sees("got 8 bytes: hi there")
	b := sit(t, sockOf(c), 80, 24, AttachOptions{ReadOnly: true})
	b.sees("got 8 bytes: hi there")
	b.types("not typed\r")
	a.types("again\r")
	a.sees("got 5 bytes: again")
	b.sees("got 5 bytes: again")
	a.types("\x1d")
	a.ends(Detached)
	b.types("\x1b[93;5u")
	b.ends(Detached)
	until(t, c, "nobody attached", func(e Event) bool { return e.Kind == EventAttached && e.Attached == 0 })
	if _, err := os.Stat(spec.Files().Attached()); err == nil {
		t.Error("the marker is there after everybody left")
	}
	if s, _ := c.Screen(ctxOf(t)); s.Cols != 100 {
		t.Errorf("columns after detaching = %d, want 100 still", s.Cols)
	}
}

func TestAttachEndsWithTheSession(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	a := sit(t, sockOf(c), 80, 24, AttachOptions{})
	a.sees("❯")
	a.types("alt\r")
	a.sees("alternate")
	a.types("exit 0\r")
	a.ends(Ended)
}

func TestSlowClientGetsEverything(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	if _, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Submit: true, Text: []byte("flood 1200")}); err != nil {
		t.Fatal(err)
	}
	shows(t, c, "got 10 bytes")
	conn, _, err := greet(ctxOf(t), sockOf(c), wire.Greeting{Min: 1, Max: 1, Role: wire.RoleAttach})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(wire.Append(nil, wire.Resize, wire.Size(220, 50))); err != nil {
		t.Fatal(err)
	}
	// The snapshot is far larger than the socket's buffer, and nobody reads yet.
	until(t, c, "attached", func(e Event) bool { return e.Kind == EventAttached && e.Attached == 1 })
	typ, b, err := wire.Read(conn)
	if err != nil || typ != wire.Data || len(b) < 90_000 {
		t.Fatalf("snapshot: type %d, %d bytes, %v", typ, len(b), err)
	}
	for _, want := range []string{"line 000000", "line 000600", "line 001199", "got 10 bytes"} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("the snapshot lacks %q", want)
		}
	}
}

// TestAttachAtAnotherSize holds that what a resize does to a picture under way
// is not what the person is first shown.
func TestAttachAtAnotherSize(t *testing.T) {
	for _, tc := range []struct {
		word       string
		cols, rows int
		sign       string
	}{
		{"spin", 132, 61, "✻ Working…"},
		{"box", 110, 20, "╭"},
	} {
		c := spawn(t, specFor(t, TUI))
		shows(t, c, "❯")
		if err := c.Keys(ctxOf(t), "-l", tc.word+"\r"); err != nil {
			t.Fatal(err)
		}
		for s, _ := c.Screen(ctxOf(t)); !strings.Contains(text(s), tc.sign); {
			s, _ = c.Screen(ctxOf(t))
		}
		conn, _, err := greet(ctxOf(t), sockOf(c), wire.Greeting{Min: 1, Max: 1, Role: wire.RoleAttach})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(wire.Append(nil, wire.Resize, wire.Size(tc.cols, tc.rows))); err != nil {
			t.Fatal(err)
		}
		_, b, err := wire.Read(conn)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		sc := screen.New(tc.cols, tc.rows, 1000, "", screen.Listener{})
		sc.Feed(b)
		n := 0
		for _, r := range sc.Rows() {
			n += strings.Count(r.Text, tc.sign)
		}
		if n != 1 || sc.Scrollback() != 0 {
			t.Errorf("%s: the snapshot shows %q %d times with %d lines above, want once and none", tc.word, tc.sign, n, sc.Scrollback())
		}
	}
}

// TestLaggingTerminal holds that a terminal that stops reading is shown the
// present picture when it reads again, and that the host keeps little for it.
func TestLaggingTerminal(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	conn, _, err := greet(ctxOf(t), sockOf(c), wire.Greeting{Min: 1, Max: 1, Role: wire.RoleAttach})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(wire.Append(nil, wire.Resize, wire.Size(100, 30))); err != nil {
		t.Fatal(err)
	}
	until(t, c, "attached", func(e Event) bool { return e.Kind == EventAttached && e.Attached == 1 })
	if _, err := c.Offer(ctxOf(t), Offering{ID: "m-1", Mode: Paste, Submit: true, Text: []byte("flood 150000")}); err != nil {
		t.Fatal(err)
	}
	want := shows(t, c, "got 12 bytes")
	sc := screen.New(100, 30, 0, "", screen.Listener{})
	total := 0
	for !strings.Contains(dump(sc), "got 12 bytes") {
		typ, b, err := wire.Read(conn)
		if err != nil || typ != wire.Data {
			t.Fatal(typ, err)
		}
		total += len(b)
		sc.Feed(b)
	}
	if got := dump(sc); got != text(want) {
		t.Errorf("the terminal shows\n%s\nwant\n%s", got, text(want))
	}
	if total > 8<<20 {
		t.Errorf("%d bytes were kept for it", total)
	}
}

func dump(sc *screen.Screen) string {
	var b strings.Builder
	for _, r := range sc.Rows() {
		b.WriteString(r.Text + "\n")
	}
	return b.String()
}

// TestAttachRestoresTheTerminal ends an attaching process in each way and looks
// at what it leaves.
func TestAttachRestoresTheTerminal(t *testing.T) {
	c := spawn(t, specFor(t, TUI))
	shows(t, c, "❯")
	fresh, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	before := settings(t, fresh)
	tty.Close()
	fresh.Close()
	for _, tc := range []struct {
		name string
		end  func(p *os.Process, tty *os.File)
		want string
	}{
		{"SIGTERM", func(p *os.Process, _ *os.File) { _ = p.Signal(syscall.SIGTERM) }, "ended: interrupted"},
		{"SIGHUP", func(p *os.Process, _ *os.File) { _ = p.Signal(syscall.SIGHUP) }, "ended: interrupted"},
		{"detach", func(_ *os.Process, tty *os.File) { _, _ = tty.WriteString("\x1d") }, "ended: detached"},
		{"session's end", func(_ *os.Process, tty *os.File) { _, _ = tty.WriteString("exit 0\r") }, "ended: session ended"},
	} {
		cmd := exec.Command(self(t)[0], "attach", sockOf(c))
		term, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 90, Rows: 20})
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		ended := false
		for b := make([]byte, 4096); ; {
			n, err := term.Read(b)
			all = append(all, b[:n]...)
			if !ended && bytes.Contains(all, []byte("❯")) {
				ended = true
				tc.end(cmd.Process, term)
			}
			if bytes.Contains(all, []byte("ended: ")) && bytes.HasSuffix(all, []byte("\n")) || err != nil {
				break
			}
		}
		after := settings(t, term)
		_ = cmd.Wait()
		term.Close()
		if !bytes.Contains(all, []byte(tc.want)) {
			t.Errorf("%s: %q does not end with %q", tc.name, all[max(0, len(all)-200):], tc.want)
		}
		sc := screen.New(90, 20, 100, "", screen.Listener{})
		sc.Feed(all)
		if snap := string(sc.Snapshot(false)); strings.Contains(snap, "2004h") || sc.Alt() {
			t.Errorf("%s: modes are left on: %q", tc.name, snap)
		}
		if before != after {
			t.Errorf("%s: terminal settings %v, before %v", tc.name, after, before)
		}
	}
}

func settings(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), termiosRequest)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}
