package runtimes_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session/screen"
)

// capture is one labelled screen.
type capture struct{ name, label, what string }

func captures(tb testing.TB) []capture {
	tb.Helper()
	f, err := os.Open("testdata/screens/labels.tsv")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []capture
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if cols := strings.Split(sc.Text(), "\t"); len(cols) >= 2 && !strings.HasPrefix(cols[0], "#") {
			out = append(out, capture{name: cols[0], label: cols[1], what: strings.Join(cols[2:], " ")})
		}
	}
	return out
}

func (c capture) adapter() runtimes.Adapter {
	if strings.HasPrefix(c.name, "codex/") {
		return runtimes.Codex()
	}
	return runtimes.Claude()
}

func (c capture) read(tb testing.TB, ext string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/screens", filepath.FromSlash(c.name)+ext))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// looksIdle are the captures of a running turn that show an idle screen: codex
// draws nothing that tells while text streams.
var looksIdle = map[string]bool{"codex/10-turn-running": true}

// signedOut are the captures that look idle and can do nothing: nobody is
// signed in.
var signedOut = map[string]bool{"claude/37-no-credentials-after-message": true}

// fits reports whether a state is what the label calls it.
func fits(c capture, s runtimes.ScreenState) bool {
	if signedOut[c.name] {
		return s.Word == runtimes.ScreenBlocked && s.Dialog == "signed out"
	}
	switch c.label {
	case "busy":
		return s.Word == runtimes.ScreenBusy || looksIdle[c.name] && s.Word == runtimes.ScreenReady
	case "idle":
		return s.Word == runtimes.ScreenReady && !s.Composing
	case "pasted":
		return s.Word == runtimes.ScreenReady && s.Composing
	case "dialog":
		return s.Word == runtimes.ScreenModal || s.Word == runtimes.ScreenBlocked
	case "dead":
		return s.Word == runtimes.ScreenDead || s.Word == runtimes.ScreenBlocked
	}
	return false
}

func TestScreenOfEveryCapture(t *testing.T) {
	n := 0
	for _, c := range captures(t) {
		for ext, s := range map[string]runtimes.Screen{
			".txt":  runtimes.ParseScreen(c.read(t, ".txt")),
			".ansi": render(c.read(t, ".ansi")),
		} {
			n++
			if got := c.adapter().Screen(s); !fits(c, got) {
				t.Errorf("%s%s (%s): got %+v, want %s", c.name, ext, c.what, got, c.label)
			}
		}
	}
	if n < 150 {
		t.Errorf("read %d captures", n)
	}
}

// render shows text with colours on a terminal.
func render(text string) runtimes.Screen {
	rows := strings.Split(strings.TrimRight(text, "\n"), "\n")
	s := screen.New(240, max(len(rows), 24), 0, "", screen.Listener{})
	s.Feed([]byte(strings.Join(rows, "\r\n")))
	return shown(s)
}

// shown is what a session's screen is to an adapter.
func shown(s *screen.Screen) runtimes.Screen {
	var out runtimes.Screen
	for _, r := range s.Rows() {
		out.Rows, out.Ink = append(out.Rows, r.Text), append(out.Ink, r.Plain)
	}
	return out
}
