package runtimes_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/iapeer/iapeer/runtimes"
)

// capture is one labelled screen.
type capture struct{ name, label, what string }

func captures(t testing.TB) []capture {
	t.Helper()
	f, err := os.Open("testdata/screens/labels.tsv")
	if err != nil {
		t.Fatal(err)
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

func (c capture) read(t testing.TB, ext string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/screens", filepath.FromSlash(c.name)+ext))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// looksIdle are the captures of a running turn that show an idle screen: codex
// draws nothing that tells while text streams.
var looksIdle = map[string]bool{"codex/10-turn-running": true}

// fits reports whether a state is what the label calls it.
func fits(c capture, s runtimes.ScreenState) bool {
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
		for ext, screen := range map[string]runtimes.Screen{
			".txt":  runtimes.ParseScreen(c.read(t, ".txt")),
			".ansi": render(c.read(t, ".ansi")),
		} {
			n++
			if got := c.adapter().Screen(screen); !fits(c, got) {
				t.Errorf("%s%s (%s): got %+v, want %s", c.name, ext, c.what, got, c.label)
			}
		}
	}
	if n < 150 {
		t.Errorf("read %d captures", n)
	}
}

// render reads rows of text with colours, as a terminal model would give them.
func render(text string) runtimes.Screen {
	var s runtimes.Screen
	p := ansi.NewParser()
	for row := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		var plain, ink strings.Builder
		faint, grey := false, false
		var state byte
		for len(row) > 0 {
			seq, width, n, next := ansi.DecodeSequence(row, state, p)
			state, row = next, row[n:]
			switch {
			case width > 0:
				plain.WriteString(seq)
				if faint || grey {
					seq = strings.Repeat(" ", width)
				}
				ink.WriteString(seq)
			case strings.HasSuffix(seq, "m"):
				faint, grey = style(p, faint, grey)
			}
		}
		s.Rows, s.Ink = append(s.Rows, plain.String()), append(s.Ink, ink.String())
	}
	return s
}

// style applies one SGR sequence to what matters here.
func style(p *ansi.Parser, faint, grey bool) (bool, bool) {
	params := p.Params()
	if len(params) == 0 {
		return false, false
	}
	for i := 0; i < len(params); i++ {
		switch n := params[i].Param(0); {
		case n == 0:
			faint, grey = false, false
		case n == 2:
			faint = true
		case n == 22:
			faint = false
		case n >= 30 && n <= 37 || n == 39 || n >= 90 && n <= 97:
			grey = false
		case n == 38 || n == 48:
			indexed := i+2 < len(params) && params[i+1].Param(0) == 5
			if n == 38 {
				grey = indexed && params[i+2].Param(0) == 246
			}
			if i += 4; indexed {
				i -= 2
			}
		}
	}
	return faint, grey
}
