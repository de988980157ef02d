package screen

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tmuxServer is a private tmux for one test.
type tmuxServer struct {
	t    testing.TB
	sock string
	dir  string
}

func newTmux(tb testing.TB) *tmuxServer {
	tb.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		tb.Skip("SKIPPED: tmux is not installed, the model is not compared with it")
	}
	dir, err := os.MkdirTemp("", "tm") //nolint:usetesting // t.TempDir is too long for a socket path
	if err != nil {
		tb.Fatal(err)
	}
	s := &tmuxServer{t: tb, sock: filepath.Join(dir, "s"), dir: dir}
	tb.Cleanup(func() {
		_, _ = s.try("kill-server")
		os.RemoveAll(dir)
	})
	s.run("new-session", "-d", "-s", "keep", "exec sleep 600") // a server without sessions ends
	return s
}

func (s *tmuxServer) try(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-S", s.sock, "-u", "-f", "/dev/null"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm-256color", "TMUX=")
	b, err := cmd.CombinedOutput()
	return string(b), err
}

func (s *tmuxServer) run(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return out
}

// open shows a stream in a window of the given size and waits until all of it
// was read from the program.
func (s *tmuxServer) open(name string, cols, rows int, in []byte) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.WriteFile(file, in, 0o600); err != nil {
		s.t.Fatal(err)
	}
	script := fmt.Sprintf("stty raw -echo; tmux -S %s wait-for go-%s; cat %s; tmux -S %s wait-for -S done-%s; exec sleep 60", s.sock, name, file, s.sock, name)
	s.run("new-session", "-d", "-s", name, "-x", fmt.Sprint(cols), "-y", fmt.Sprint(rows), script)
}

func (s *tmuxServer) play(name string) {
	s.t.Helper()
	s.run("wait-for", "-S", "go-"+name)
	s.run("wait-for", "done-"+name)
}

// picture is what tmux shows: text without trailing blanks, and the cursor.
func (s *tmuxServer) picture(name string) string {
	s.t.Helper()
	text := s.run("capture-pane", "-p", "-t", name)
	return trimRows(text) + "\ncursor " + strings.TrimSpace(s.run("display-message", "-p", "-t", name, "#{cursor_x},#{cursor_y} alt #{alternate_on}"))
}

func trimRows(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func picture(s *Screen) string {
	var b strings.Builder
	for _, r := range s.Rows() {
		b.WriteString(r.Text + "\n")
	}
	x, y, _ := s.Cursor()
	if s.cur.wrapNext {
		x++ // tmux counts the state behind the last column as a column
	}
	alt := 0
	if s.Alt() {
		alt = 1
	}
	return trimRows(b.String()) + fmt.Sprintf("\ncursor %d,%d alt %d", x, y, alt)
}

// streams are the recorded outputs of real programs, and captured screens.
func streams(tb testing.TB) map[string][]byte {
	tb.Helper()
	out := map[string][]byte{}
	raw, _ := filepath.Glob("testdata/*.pty.raw")
	pics, _ := filepath.Glob("testdata/screens/*.ansi")
	for _, path := range append(raw, pics...) {
		b, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		if strings.HasSuffix(path, ".ansi") {
			b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
		}
		out[strings.ReplaceAll(filepath.Base(path), ".", "-")] = b
	}
	if len(out) < 10 {
		tb.Fatalf("only %d streams in testdata", len(out))
	}
	return out
}

// TestLikeTmux compares the model with tmux over real programs' output.
func TestLikeTmux(t *testing.T) {
	tm := newTmux(t)
	for name, in := range streams(t) {
		s := New(140, 45, 5000, "", Listener{})
		s.Feed(in)
		want := picture(s)
		tm.open(name, 140, 45, in)
		tm.play(name)
		got := tm.picture(name)
		// tmux may still have output in hand when it hears of its end.
		for limit := time.Now().Add(3 * time.Second); got != want && time.Now().Before(limit); {
			got = tm.picture(name)
		}
		if got != want {
			t.Errorf("%s: tmux shows\n%s\nthe model shows\n%s", name, got, want)
		}
		tm.run("kill-session", "-t", name)
	}
}
