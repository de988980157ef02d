package session

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/term"

	"github.com/iapeer/iapeer"
)

// TestMain makes the test binary a host, or a program under one, when its
// arguments say so.
func TestMain(m *testing.M) {
	HostMain()
	if len(os.Args) > 1 && os.Args[1] == "fake" {
		os.Exit(fakeTUI(os.Args[2:]))
	}
	if len(os.Args) == 3 && os.Args[1] == "attach" {
		os.Exit(attachSelf(os.Args[2]))
	}
	os.Exit(m.Run())
}

// fakeTUI is a small agent program: raw terminal, bracketed paste, a composer
// row, a title, a status. It prints "got <n> bytes: <text>" for each submitted
// prompt. Words of its own: "exit <n>", "flood <n>", "alt".
func fakeTUI(args []string) int {
	if _, err := term.MakeRaw(0); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Print("\x1b[?2004h\x1b]0;fake ready\x07\x1b]7501;state=idle:app=fake\x1b\\fake " + strings.Join(args, " ") + "\r\n❯ ")
	in := bufio.NewReader(os.Stdin)
	var line bytes.Buffer
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0
		}
		if b != '\r' {
			line.WriteByte(b)
			continue
		}
		text := strings.NewReplacer("\x1b[200~", "", "\x1b[201~", "").Replace(line.String())
		line.Reset()
		if code, ok := fakeWord(text); ok {
			return code
		}
	}
}

func fakeWord(text string) (int, bool) {
	var n int
	switch {
	case scan(text, "exit %d", &n):
		return n, true
	case scan(text, "flood %d", &n):
		w := bufio.NewWriter(os.Stdout)
		for i := range n {
			fmt.Fprintf(w, "flood line %06d %s\r\n", i, strings.Repeat("x", 60))
		}
		_ = w.Flush()
	case scan(text, "wide %d", &n):
		w := bufio.NewWriter(os.Stdout)
		for i := range n {
			fmt.Fprintf(w, "\x1b[3%dm%06d \x1b[0m%s\r\n", i%8, i, strings.Repeat("wide row ", 23))
		}
		_ = w.Flush()
	case text == "spin":
		go func() {
			for i := 0; ; i++ {
				fmt.Printf("\r\x1b[K✻ Working… (%d) %s", i, strings.Repeat("·", 60))
				time.Sleep(10 * time.Millisecond)
			}
		}()
		return 0, false
	case text == "box":
		sizes := make(chan os.Signal, 1)
		signal.Notify(sizes, syscall.SIGWINCH)
		sizes <- syscall.SIGWINCH
		go func() {
			for range sizes {
				cols, _, _ := term.GetSize(0)
				rule := strings.Repeat("─", cols-2)
				fmt.Print("\x1b[2J\x1b[3J\x1b[H╭" + rule + "╮\r\n│" + strings.Repeat(" ", cols-2) + "│\r\n╰" + rule + "╯\r\n❯ boxed")
			}
		}()
		return 0, false
	case text == "alt":
		fmt.Print("\x1b[?1049h\x1b[2J\x1b[Halternate")
		return 0, false
	}
	first, _, _ := strings.Cut(text, "\n")
	fmt.Printf("\r\x1b[Kgot %d bytes: %.60s\r\n❯ ", len(text), first)
	return 0, false
}

func scan(text, format string, n *int) bool {
	_, err := fmt.Sscanf(text, format, n)
	return err == nil
}

func ctxOf(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

// self is the test binary as a host program.
func self(tb testing.TB) []string {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return []string{exe, "host"}
}

// specFor makes a spec in a folder of its own. Socket paths are short, so the
// folder is not t.TempDir, whose name holds the test's.
func specFor(tb testing.TB, kind Kind, argv ...string) Spec {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ia") //nolint:usetesting // t.TempDir is too long for a socket path
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if argv == nil {
		exe, err := os.Executable()
		if err != nil {
			tb.Fatal(err)
		}
		argv = []string{exe, "fake"}
	}
	mark := "IAPEER_TEST_MARK=" + filepath.Base(dir)
	return Spec{
		Identity: iapeer.Identity{Runtime: "claude", Name: "anna"}, Generation: 7, Kind: kind,
		Argv: argv, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, mark}, Mark: mark,
		Cwd: dir, Dir: filepath.Join(dir, "run"), PaneLog: filepath.Join(dir, "logs", "claude-anna.log"),
		ExitLog: filepath.Join(dir, "logs", "exits.log"), GraceMS: 500,
	}
}

// spawn starts a session that ends with the test.
func spawn(tb testing.TB, spec Spec) *Conn {
	tb.Helper()
	c, err := Spawn(ctxOf(tb), self(tb), spec)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		c.Close()
		if p := spec.Files().PID(); KillHost(p) == nil && !WaitUnlocked(spec.Files(), 10*time.Second) {
			tb.Errorf("host of %s did not end", spec.Identity)
		}
	})
	return c
}

// until reads events up to one that ok accepts.
func until(tb testing.TB, c *Conn, what string, ok func(Event) bool) Event {
	tb.Helper()
	limit := time.After(15 * time.Second)
	for {
		select {
		case e, open := <-c.Events():
			if !open {
				tb.Fatalf("events ended before %s", what)
			}
			if ok(e) {
				return e
			}
		case <-limit:
			tb.Fatalf("no %s", what)
		}
	}
}

// shows waits until the screen holds text. It looks whenever the terminal
// settles.
func shows(tb testing.TB, c *Conn, text string) ScreenState {
	tb.Helper()
	for {
		s, err := c.Screen(ctxOf(tb))
		if err != nil {
			tb.Fatal(err)
		}
		for _, r := range s.Lines {
			if strings.Contains(r.Text, text) {
				return s
			}
		}
		if s.Settled {
			until(tb, c, "output after "+text, func(e Event) bool { return e.Kind == EventActive || e.Kind == EventSettled })
			continue
		}
		until(tb, c, "settled with "+text, func(e Event) bool { return e.Kind == EventSettled })
	}
}

func sockOf(c *Conn) string { return c.conn.RemoteAddr().String() }

func dirOf(c *Conn) string { return filepath.Dir(sockOf(c)) }

// attachSelf is the program of a terminal's session leader: it attaches its own
// terminal and says how that ended.
func attachSelf(sock string) int {
	end, err := Attach(context.Background(), sock, os.Stdin, os.Stdout, AttachOptions{})
	fmt.Printf("ended: %s %v\r\n", end, err)
	return 0
}
