package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// world is all that a verb may touch besides the daemon.
type world struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	environ  []string
	cwd      string
	args     []string // the command line, without the program
	inTTY    bool
	outTTY   bool
	errTTY   bool
	now      func() time.Time
}

func newWorld() *world {
	cwd, _ := os.Getwd() // a deleted folder: verbs that need one say so
	for _, key := range []string{"IAPEER_ROOT", "IAPEER_DAEMON_SOCKET"} {
		if v := os.Getenv(key); v != "" && !filepath.IsAbs(v) {
			_ = os.Setenv(key, filepath.Join(cwd, v)) // the daemon and the hosts live in other folders
		}
	}
	return &world{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, environ: os.Environ(), cwd: cwd,
		inTTY: isTerminal(os.Stdin), outTTY: isTerminal(os.Stdout), errTTY: isTerminal(os.Stderr), now: time.Now,
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// interactive reports whether a person sits here.
func (w *world) interactive() bool { return w.inTTY || w.outTTY || w.errTTY }

func (w *world) paths() iapeer.Paths { return iapeer.PathsFromEnv(w.getenv) }

// style returns how to write to standard output.
func (w *world) style() render.Style {
	return render.Style{Color: w.outTTY && w.plain(), Home: w.paths().Home, Now: w.now()}
}

// errStyle returns how to write to standard error.
func (w *world) errStyle() render.Style {
	s := w.style()
	s.Color = w.errTTY && w.plain()
	return s
}

// plain reports whether colours are allowed at all (no-color.org).
func (w *world) plain() bool { return w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb" }

// columns is the width of help: the terminal's, at most 100; 80 without one.
func (w *world) columns() int {
	if f, ok := w.out.(*os.File); ok && w.outTTY {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 20 {
			return min(n, 100)
		}
	}
	return 80
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(w.out, format, args...) }

// note tells a person on standard error.
func (w *world) note(format string, args ...any) { fmt.Fprintf(w.err, format+"\n", args...) }

// json prints v, indented, with a line end.
func (w *world) json(v any) error {
	e := json.NewEncoder(w.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
