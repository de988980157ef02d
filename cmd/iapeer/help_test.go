package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/iapeer/iapeer"
)

// quiet is a world without terminal, daemon or files.
func quiet(tb testing.TB) (w *world, out, errout *bytes.Buffer) {
	tb.Helper()
	out, errout = new(bytes.Buffer), new(bytes.Buffer)
	env := map[string]string{"IAPEER_ROOT": tb.TempDir(), "HOME": "/nowhere"}
	return &world{in: strings.NewReader(""), out: out, err: errout, cwd: "/nowhere", now: time.Now,
		getenv: func(k string) string { return env[k] }}, out, errout
}

// TestEveryVerbTeaches holds help to its rules: a sentence, an example, no line
// wider than asked unless it is one word.
func TestEveryVerbTeaches(t *testing.T) {
	w, out, _ := quiet(t)
	k, err := parser(w, verbs())
	if err != nil {
		t.Fatal(err)
	}
	var visit func(n *kong.Node, path []string)
	visit = func(n *kong.Node, path []string) {
		for _, c := range n.Children {
			words := append(path[:len(path):len(path)], c.Name)
			out.Reset()
			if code := run(context.Background(), append([]string{"help"}, words...), w); code != 0 {
				t.Errorf("help %v = %d", words, code)
			}
			checkPage(t, words, out.String())
			visit(c, words)
		}
	}
	visit(k.Model.Node, nil)
}

func checkPage(t *testing.T, words []string, text string) {
	t.Helper()
	if !strings.HasPrefix(text, "usage: iapeer "+strings.Join(words, " ")) {
		t.Errorf("help %v begins %.60q", words, text)
	}
	if !strings.Contains(text, "Example") && words[len(words)-1] != "run" {
		t.Errorf("help %v has no example:\n%s", words, text)
	}
	for _, l := range strings.Split(text, "\n") {
		if n := utf8.RuneCountInString(l); n > 80 && strings.Contains(strings.TrimSpace(l), " ") {
			t.Errorf("help %v: a line of %d: %q", words, n, l)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		in    string
		width int
		want  string
	}{
		{"", 5, ""},
		{"one two", 7, "one two"},
		{"one two", 6, "one|two"},
		{"abcdefgh ij", 4, "abcdefgh|ij"},
		{"  one two", 6, "  one|two"},
	} {
		if got := strings.Join(wrap(tc.in, tc.width), "|"); got != tc.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", tc.in, tc.width, got, tc.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for in, want := range map[string]string{"lst": "list", "sned": "send", "atach": "attach", "xyzzy": "", "hosst": ""} {
		if got := nearest(in); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpeaker(t *testing.T) {
	for _, tc := range []struct {
		name string
		from string
		env  map[string]string
		tty  bool
		cwd  string
		want string
		code int
	}{
		{name: "a session", env: map[string]string{"PEER_IDENTITY": "claude-bob"}, tty: true, want: "claude-bob"},
		{name: "a session of older programs", env: map[string]string{"PEER_RUNTIME": "codex", "PEER_PERSONALITY": "bob"}, want: "codex-bob"},
		{name: "a person", tty: true, cwd: "peer", want: ""},
		{name: "a script in a peer's folder", cwd: "peer", want: "claude-web"},
		{name: "a script elsewhere", cwd: "none", want: ""},
		{name: "by name", from: "exec-eve", tty: true, want: "exec-eve"},
		{name: "by a bad name", from: "eve", code: exitUsage},
	} {
		w, _, _ := quiet(t)
		env := tc.env
		w.getenv = func(k string) string { return env[k] }
		w.inTTY, w.cwd = tc.tty, "testdata/"+tc.cwd
		got, err := w.speaker(tc.from)
		if code := report(w, "send", err); got != tc.want || code != tc.code {
			t.Errorf("%s: speaker = %q, %v, want %q with code %d", tc.name, got, err, tc.want, tc.code)
		}
	}
}

func TestBranchOf(t *testing.T) {
	dir := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("main/.git/HEAD", "ref: refs/heads/feature/login\n")
	write("main/.git/worktrees/fix/HEAD", "2f81c0a9d5e6f70123456789abcdef0123456789\n")
	write("fix/.git", "gitdir: ../main/.git/worktrees/fix\n")
	for sub, want := range map[string]string{"main": "feature/login", "fix": "2f81c0a9", "none": ""} {
		if got := branchOf(filepath.Join(dir, sub)); got != want {
			t.Errorf("branchOf(%s) = %q, want %q", sub, got, want)
		}
	}
}

func TestInitFolderAndCommand(t *testing.T) {
	for _, tc := range []struct {
		args         string
		dir, command string
		code         int
	}{
		{args: "init"},
		{args: "init here", dir: "here"},
		{args: "init --runtime exec -- ./run.sh -v", command: "./run.sh -v"},
		{args: "init here --runtime exec -- ./run.sh -v", dir: "here", command: "./run.sh -v"},
		{args: "init here there", code: exitUsage},
	} {
		w, _, _ := quiet(t)
		args := strings.Fields(tc.args)
		cmd := &initCmd{}
		k, err := parser(w, []verb{{"set up", "init", "", cmd}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Parse(args); err != nil {
			t.Fatal(err)
		}
		dir, command, err := cmd.split(afterDashes(args))
		if code := report(w, "init", err); dir != tc.dir || strings.Join(command, " ") != tc.command || code != tc.code {
			t.Errorf("%s: folder %q, command %q, %v, want %q, %q", tc.args, dir, command, err, tc.dir, tc.command)
		}
	}
}

func TestDaemonEnv(t *testing.T) {
	in := []string{"HOME=/h", "PATH=/p", "IAPEER_ROOT=/r", "IAPEER_BEARER=secret", "IAPEER_BEARER_TOKEN=s2", "PEER_IDENTITY=claude-bob",
		"CLAUDECODE=1", "LC_ALL=C", "TERM=xterm", "ANTHROPIC_API_KEY=k", "IAPEER_READY_FD=3"}
	if got, want := strings.Join(daemonEnv(in), " "), "HOME=/h PATH=/p IAPEER_ROOT=/r LC_ALL=C"; got != want {
		t.Errorf("daemonEnv = %q, want %q", got, want)
	}
	out := daemonEnv([]string{"IAPEER_BEARER_TOKEN=host"})
	if strings.Join(out, " ") != "IAPEER_BEARER_TOKEN=host" {
		t.Errorf("outside a session the host's token is kept, got %q", out)
	}
}

func TestOutcome(t *testing.T) {
	for _, tc := range []struct {
		state, goal iapeer.State
		code        int
	}{
		{iapeer.Seen, iapeer.Seen, 0},
		{iapeer.Answered, iapeer.Seen, 0},
		{iapeer.Seen, iapeer.Answered, exitNotYet},
		{iapeer.Accepted, iapeer.Accepted, 0},
		{iapeer.Held, iapeer.Accepted, 0},
		{iapeer.Accepted, iapeer.Seen, exitNotYet},
		{iapeer.Unknown, iapeer.Seen, exitNotYet},
		{iapeer.Failed, iapeer.Seen, exitFailed},
		{iapeer.Expired, iapeer.Answered, exitFailed},
		{iapeer.Cancelled, iapeer.Accepted, exitFailed},
	} {
		w, _, _ := quiet(t)
		if code := report(w, "send", outcome(tc.state, tc.goal)); code != tc.code {
			t.Errorf("outcome(%s, %s) = %d, want %d", tc.state, tc.goal, code, tc.code)
		}
	}
}

// FuzzCommandLine holds parsing and help against any words: never a panic, and
// always one of the documented exit codes. Nothing is executed: the root is
// empty and no daemon may be started.
func FuzzCommandLine(f *testing.F) {
	for _, s := range []string{"send web hi", "send web --message=--help", "help send", "msg resolve m- seen", "create x --runtime exec -- a b",
		"lst", "--version", "stop --all", "send --wait", "init --description=", "-h", "config", "log -f -n 3 --help"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Fields(line)
		w, _, _ := quiet(t)
		if topic, ok := helpWanted(args); ok {
			if code := help(w, topic); code != 0 {
				t.Errorf("help %q = %d", topic, code)
			}
			return
		}
		args = w.alias(args)
		k, err := parser(w, verbsFor(verbOf(args)))
		if err != nil {
			t.Fatal(err)
		}
		if child(k.Model.Node, args[0]) == nil && !strings.HasPrefix(args[0], "-") {
			if code := unknownVerb(w, args[0]); code != exitUsage {
				t.Errorf("unknown verb %q = %d", args[0], code)
			}
			return
		}
		if _, err := k.Parse(args); err != nil {
			if code := usageError(w, k.Model.Node, args, err); code != exitUsage {
				t.Errorf("%q = %d, want a usage error", args, code)
			}
		}
	})
}

// BenchmarkParse is what every command pays before it does anything.
func BenchmarkParse(b *testing.B) {
	w, _, _ := quiet(b)
	b.ReportAllocs()
	for b.Loop() {
		k, err := parser(w, verbsFor("list"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := k.Parse([]string{"list"}); err != nil {
			b.Fatal(err)
		}
	}
}
