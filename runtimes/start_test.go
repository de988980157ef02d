package runtimes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session/screen"
)

// TestFirstPicture reads recorded starts as a session does that wants to offer
// at the first picture of the composer, cut after every byte, for a program may
// be halted anywhere. The recordings begin with the program and hold everything
// it wrote unasked; those of starts that end in a question must never look as
// if a message could be offered, neither at the first picture nor at one that a
// slow program rests at.
func TestFirstPicture(t *testing.T) {
	files, err := filepath.Glob("testdata/starts/*.raw")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d recorded starts, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".raw")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := runtimes.Claude()
			if strings.HasPrefix(name, "codex") {
				a = runtimes.Codex()
			}
			at, rested, last := offerable(a, b)
			if strings.HasSuffix(name, "-ready") || strings.HasSuffix(name, "-resume") {
				if at < 0 || last.Word != runtimes.ScreenReady || last.Composing {
					t.Errorf("offerable after %d of %d bytes, in the end %+v, want a composer", at, len(b), last)
				}
				return
			}
			if at >= 0 || last.Dialog == "" {
				t.Errorf("offerable after %d of %d bytes, in the end %+v, want never, and a dialog", at, len(b), last)
			}
			if rested >= 0 {
				t.Errorf("looks ready when it rests after %d of %d bytes", rested, len(b))
			}
		})
	}
}

// offerable returns after how many bytes of output a message could be offered
// first, after how many a program that rests there would look ready, -1 if
// never, and what the screen shows in the end.
func offerable(a runtimes.Adapter, output []byte) (at, rested int, last runtimes.ScreenState) {
	up := false
	signal := func(kind string) func(string) {
		return func(v string) { up = up || kind == a.Up && v != "" }
	}
	s := screen.New(220, 50, 100, "", screen.Listener{Title: signal(runtimes.SignalTitle), Status: signal(runtimes.SignalStatus)})
	at, rested = -1, -1
	for i := range output {
		s.Feed(output[i : i+1])
		if at >= 0 && rested >= 0 || !s.Idle() || s.Synchronized() {
			continue
		}
		_, y, _ := s.Cursor()
		st := a.Screen(shown(s))
		if st.Word != runtimes.ScreenReady || st.Composing || st.Row != y {
			continue
		}
		if at < 0 && up {
			at = i + 1
		}
		if rested < 0 {
			rested = i + 1
		}
	}
	return at, rested, a.Screen(shown(s))
}

// TestLoadingIsNotReady tells codex's composer from the one that it draws before
// its questions come up, and from an answer that speaks of it.
func TestLoadingIsNotReady(t *testing.T) {
	const head, composer = "  >_ OpenAI Codex (v0.169.0)\n", "\n› Ask Codex to do anything\n\n"
	for _, tc := range []struct {
		name, above string
		want        runtimes.ScreenWord
	}{
		{"fresh", head + "     loading\n\n", runtimes.ScreenUnknown},
		{"resume", head + "     /home/ada/proj\n  Resuming session…\n", runtimes.ScreenUnknown},
		{"fork", head + "     /home/ada/proj\n  Forking session…\n", runtimes.ScreenUnknown},
		{"below a warning", "WARNING: proceeding\n\n" + head + "     loading\n\n", runtimes.ScreenUnknown},
		{"up", head + "     /home/ada/proj\n  permissions: YOLO mode\n\n", runtimes.ScreenReady},
		{"an answer", head + "     /home/ada/proj\n\n› what now\n\n• It says\n  loading\n", runtimes.ScreenReady},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for foot, want := range map[string]runtimes.ScreenWord{
				"  ? for shortcuts\n": runtimes.ScreenUnknown,
				"  gpt-5 default · ~/proj\n  ← for agents · ? for shortcuts\n": tc.want,
			} {
				if got := runtimes.Codex().Screen(runtimes.ParseScreen(tc.above + composer + foot)); got.Word != want {
					t.Errorf("above %q: %+v, want %s", foot, got, want)
				}
			}
		})
	}
}
