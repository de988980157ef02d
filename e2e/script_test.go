package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iapeer/iapeer"
)

// scriptTools are the programs of the machine that a script finds on its PATH.
// Nothing else is there: an agent program that the machine has must not decide
// what a script shows.
var scriptTools = []string{"cat", "chmod", "cp", "git", "grep", "ln", "mkdir", "mv", "printf", "rm", "sh", "touch"}

// TestScripts runs the scripts that describe the program from outside. Each has
// a home of its own in $WORK/home. Without a daemon every command is done by
// "iapeerd once"; the scripts named for both ways run with a daemon as well, and
// must show the same. With the race detector, which makes every start of a
// program ten times as slow, those are the only ones.
func TestScripts(t *testing.T) {
	tools := scriptPath(t)
	both, err := filepath.Glob("testdata/script/both_*.txt")
	if err != nil || len(both) == 0 {
		t.Fatalf("scripts for both ways = %v, %v", both, err)
	}
	t.Run("once", func(t *testing.T) {
		p := testscript.Params{Dir: "testdata/script"}
		if raceFlag == "-race" {
			p = testscript.Params{Files: both}
		}
		testscript.Run(t, scripts(t, tools, p, false))
	})
	t.Run("daemon", func(t *testing.T) {
		testscript.Run(t, scripts(t, tools, testscript.Params{Files: both}, true))
	})
}

// scriptPath makes a folder with links to the tools and the programs under test.
func scriptPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	link := func(target string) {
		if err := os.Symlink(target, filepath.Join(dir, filepath.Base(target))); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(binDir, "iapeer"))
	link(filepath.Join(binDir, "iapeerd"))
	for _, name := range scriptTools {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("SKIP: the scripts need %s: %v", name, err)
		}
		link(path)
	}
	return dir
}

// scripts completes the parameters of a run. The work folders have short paths,
// because sockets below them have room for about a hundred bytes.
func scripts(t *testing.T, tools string, p testscript.Params, daemon bool) testscript.Params {
	t.Helper()
	root, err := os.MkdirTemp("/tmp", "ie") //nolint:usetesting // the path of t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	p.WorkdirRoot = root
	p.RequireUniqueNames = true
	p.Cmds = map[string]func(*testscript.TestScript, bool, []string){
		"dirs": makeDirs, "program": program, "raw": raw, "same": same, "status": status, "tree": tree, "url": daemonURL,
	}
	p.Setup = func(e *testscript.Env) error {
		home := filepath.Join(e.WorkDir, "home")
		e.Cd = home
		for _, kv := range [][2]string{
			{"HOME", home}, {"USER", "ada"}, {"LOGNAME", "ada"}, {"SHELL", "/bin/sh"}, {"LANG", "C.UTF-8"}, {"NO_COLOR", "1"},
			{"PATH", filepath.Join(e.WorkDir, "bin") + ":" + tools}, {"BIN", filepath.Join(e.WorkDir, "bin")},
			{"GORACE", "atexit_sleep_ms=0 halt_on_error=1"}, {"GIT_CONFIG_NOSYSTEM", "1"}, {"GIT_AUTHOR_NAME", "ada"}, {"GIT_AUTHOR_EMAIL", "ada@example.test"},
			{"GIT_COMMITTER_NAME", "ada"}, {"GIT_COMMITTER_EMAIL", "ada@example.test"},
		} {
			e.Setenv(kv[0], kv[1])
		}
		if !daemon {
			e.Setenv("IAPEER_NO_DAEMON", "1")
		}
		s := &sandbox{t: t, home: home, paths: iapeer.Paths{Root: filepath.Join(home, ".iapeer"), Home: home}, env: e.Vars}
		e.Defer(s.close) // a script may start a daemon in either way
		return os.MkdirAll(home, 0o700)
	}
	return p
}

// status is "status <code> <command> [args]": the command ends with that code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status <code> <command> [args]")
	}
	got := "0"
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// makeDirs is "dirs <folder>...", with names as they are.
func makeDirs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: dirs <folder>...")
	}
	for _, a := range args {
		ts.Check(os.MkdirAll(ts.MkAbs(a), 0o755))
	}
}

// program is "program <file>...": each becomes a program that must never be run,
// because programs are looked for and not tried.
func program(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: program <file>...")
	}
	for _, a := range args {
		path := ts.MkAbs(a)
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, []byte("#!/bin/sh\ntouch \"$0.was-run\"\nexit 1\n"), 0o755)) //nolint:gosec // a program
	}
}

// raw is "raw <file> <text>": the file holds the text with \n, \r, \t and \uXXXX
// meant as in JSON, and no line end of its own.
func raw(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: raw <file> <text>")
	}
	var text string
	ts.Check(json.Unmarshal([]byte(`"`+strings.ReplaceAll(args[1], `"`, `\"`)+`"`), &text))
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(text), 0o644)) //nolint:gosec // as a project's file is
}

// same is "same <file> <file>": equal to the byte. cmp shows differences better,
// but takes no line end for one.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same <file> <file>")
	}
	a, b := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	if (a == b) == neg {
		ts.Fatalf("%s and %s: %q, %q", args[0], args[1], a, b)
	}
}

// daemonURL is "url": it sets $URL to what agents' configurations are to hold:
// the running daemon's address, else the default.
func daemonURL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: url")
	}
	url := "http://127.0.0.1:8765/mcp"
	if ts.Getenv("IAPEER_NO_DAEMON") == "" {
		ts.Check(ts.Exec("iapeer", "daemon", "start"))
		var router struct{ TCP string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(ts.Getenv("HOME"), ".iapeer", "state", "iapeer", "router.json"))), &router))
		url = router.TCP
	}
	ts.Setenv("URL", url)
}

// ownState matches what the daemon keeps for itself under the root: its stores,
// locks, sockets and logs, and the time of day. They say nothing about a peer.
var ownState = regexp.MustCompile(`^\.iapeer/(logs|cache)(/|$)|^\.iapeer/(.*\.(lock|flock|sock|db|db-wal|db-shm)|state/iapeer/(router\.json|d\.sock.*))$`)

// tree is "tree <name> [<folder>]": it keeps a listing of everything in the
// folder (default: the home), with modes, links and the bytes of every file, as
// $WORK/<name>, to be compared with cmp.
func tree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: tree <name> [<folder>]")
	}
	home := ts.Getenv("HOME")
	dir := home
	if len(args) == 2 {
		dir = ts.MkAbs(args[1])
	}
	var list []string
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(home, path) // both are absolute
		if ownState.MatchString(rel) {
			return nil
		}
		line, err := describe(path, d)
		list = append(list, fmt.Sprintf("== %s %s", filepath.ToSlash(rel), line))
		return err
	}))
	slices.Sort(list)
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), args[0]), []byte(strings.Join(list, "\n")+"\n"), 0o600))
}

// describe returns a file's mode and what it holds.
func describe(path string, d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	text := info.Mode().String()
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return text + " -> " + target, err
	case info.Mode().IsRegular():
		b, err := os.ReadFile(path)
		return fmt.Sprintf("%s\n%s", text, b), err
	}
	return text, nil
}
