package hosting

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// shellLimit bounds the login shell that is asked for the environment: a start
// file that asks a question would hang for ever.
const shellLimit = 10 * time.Second

// environFile is where the base environment of sessions is kept. It may be
// edited: one NAME=value a line.
func (s *Sessions) environFile() string { return filepath.Join(s.Paths.State(), "environment") }

// Environment returns the base environment of sessions. It is recorded once
// from a login shell, so that a session never inherits what happened to be set
// where the daemon was started; refresh records it anew.
func (s *Sessions) Environment(ctx context.Context, refresh bool) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refresh {
		s.environ = nil
	}
	if s.environ != nil {
		return slices.Clone(s.environ), nil
	}
	if b, err := os.ReadFile(s.environFile()); err == nil && !refresh {
		s.environ = lines(string(b))
		return slices.Clone(s.environ), nil
	}
	env, err := s.askShell(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.environFile(), []byte(strings.Join(env, "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	s.environ = env
	return slices.Clone(env), nil
}

func lines(text string) []string {
	env := []string{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, _, ok := strings.Cut(line, "="); ok && name != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	return env
}

// askShell runs the user's login shell and reads what it exports. Values with
// line breaks are left out: no program needs them from here.
func (s *Sessions) askShell(ctx context.Context) ([]string, error) {
	shell := s.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	ctx, cancel := context.WithTimeout(ctx, shellLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-lc", "env -0")
	cmd.Dir, cmd.WaitDelay = s.Paths.Home, time.Second
	for _, name := range []string{"HOME", "USER", "LOGNAME", "SHELL", "LANG", "PATH"} {
		if v := s.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ask the login shell %s for its environment: %w; write NAME=value lines into %s instead", shell, err, s.environFile())
	}
	env := []string{}
	for entry := range bytes.SplitSeq(out, []byte{0}) {
		name, _, ok := strings.Cut(string(entry), "=")
		if ok && !strings.Contains(string(entry), "\n") && !shellOwn[name] {
			env = append(env, string(entry))
		}
	}
	slices.Sort(env)
	return env, nil
}

// shellOwn are variables that a shell sets for itself.
var shellOwn = map[string]bool{"_": true, "SHLVL": true, "PWD": true, "OLDPWD": true}

// base is the environment a session starts from: the recorded one, this root's
// address, and a PATH on which our own program is found.
func (s *Sessions) base(ctx context.Context) ([]string, error) {
	env, err := s.Environment(ctx, false)
	if err != nil {
		return nil, err
	}
	env = append(env, "HOME="+s.Paths.Home)
	if s.Paths.Root != filepath.Join(s.Paths.Home, ".iapeer") {
		env = append(env, "IAPEER_ROOT="+s.Paths.Root)
	}
	for _, name := range []string{"IAPEER_DAEMON_SOCKET", "IAPEER_TEST_SANDBOX"} {
		if v := s.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return withPath(env, filepath.Dir(s.Iapeer)), nil
}

// withPath adds dir to the end of PATH, where it hides nothing.
func withPath(env []string, dir string) []string {
	path := "/usr/local/bin:/usr/bin:/bin"
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			path = v
		}
	}
	if slices.Contains(filepath.SplitList(path), dir) {
		return append(env, "PATH="+path)
	}
	return append(env, "PATH="+path+string(filepath.ListSeparator)+dir)
}
