package hosting

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// sessionsAt returns Sessions of a root in a temporary home.
func sessionsAt(t *testing.T, env map[string]string) *Sessions {
	t.Helper()
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".iapeer", "state", "iapeer"), 0o700); err != nil {
		t.Fatal(err)
	}
	return New(Config{
		Paths: iapeer.Paths{Home: home, Root: filepath.Join(home, ".iapeer")}, Log: zap.NewNop(), Life: t.Context(),
		Iapeer: "/opt/iapeer/bin/iapeer", Getenv: func(name string) string { return env[name] },
	})
}

// TestEnvironmentIsTheLoginShells records what a login shell exports, once, and
// takes the person's edits of the record afterwards.
func TestEnvironmentIsTheLoginShells(t *testing.T) {
	s := sessionsAt(t, map[string]string{"SHELL": "/bin/sh", "PATH": os.Getenv("PATH"), "SECRET_OF_WHO_STARTED_US": "x"})
	s.Getenv = func(name string) string {
		if name == "HOME" {
			return s.Paths.Home
		}
		return map[string]string{"SHELL": "/bin/sh", "PATH": os.Getenv("PATH")}[name]
	}
	if err := os.WriteFile(filepath.Join(s.Paths.Home, ".profile"), []byte("export FROM_PROFILE='a b'\nMULTI='x\ny'; export MULTI\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := s.Environment(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(env, "FROM_PROFILE=a b") {
		t.Errorf("environment = %q, want what the profile exports", env)
	}
	for _, e := range env {
		if strings.HasPrefix(e, "SECRET_") || strings.HasPrefix(e, "MULTI=") || strings.HasPrefix(e, "SHLVL=") {
			t.Errorf("environment holds %q", e)
		}
	}
	st, err := os.Stat(s.environFile())
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the record is %v, %v, want mode 0600", st, err)
	}
	if err := os.WriteFile(s.environFile(), []byte("# mine\nEDITED=1\nbroken line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.environ = nil
	if env, err = s.Environment(t.Context(), false); err != nil || !slices.Equal(env, []string{"EDITED=1"}) {
		t.Errorf("environment = %q, %v, want the edited record", env, err)
	}
	if env, err = s.Environment(t.Context(), true); err != nil || slices.Contains(env, "EDITED=1") {
		t.Errorf("refreshed environment = %q, %v, want the shell's", env, err)
	}
}

func TestEnvironmentNamesTheWayOut(t *testing.T) {
	s := sessionsAt(t, map[string]string{"SHELL": "/bin/false"})
	if _, err := s.Environment(t.Context(), false); err == nil || !strings.Contains(err.Error(), s.environFile()) {
		t.Errorf("error = %v, want the file that can be written instead", err)
	}
}

func TestBasePutsUsOnThePath(t *testing.T) {
	for _, tc := range []struct{ path, want string }{
		{"/usr/bin:/bin", "PATH=/usr/bin:/bin:/opt/iapeer/bin"},
		{"/opt/iapeer/bin:/bin", "PATH=/opt/iapeer/bin:/bin"},
	} {
		s := sessionsAt(t, nil)
		if err := os.WriteFile(s.environFile(), []byte("PATH="+tc.path+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		env, err := s.base(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := "PATH=" + lookup(env)("PATH"); got != tc.want {
			t.Errorf("base with %s has %s, want %s", tc.path, got, tc.want)
		}
		if got := lookup(env)("HOME"); got != s.Paths.Home {
			t.Errorf("HOME = %s, want %s", got, s.Paths.Home)
		}
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "tool")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=/nowhere", "PATH=/nowhere:" + dir}
	if got, err := lookPath("tool", env); err != nil || got != bin {
		t.Errorf("lookPath(tool) = %q, %v, want %q", got, err, bin)
	}
	for _, name := range []string{"data", "absent", "/nowhere/absent"} {
		if got, err := lookPath(name, env); err == nil {
			t.Errorf("lookPath(%s) = %q, want an error", name, got)
		}
	}
}

// TestZombieIsGone takes a process for gone although nobody has waited for it.
func TestZombieIsGone(t *testing.T) {
	cmd := exec.Command("sh", "-c", "exit 0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("the process said something")
	}
	gone := make(chan struct{})
	s := sessionsAt(t, nil)
	s.awaitExit(cmd.Process.Pid, func() { close(gone) })
	<-gone
	if alive(cmd.Process.Pid) {
		t.Error("a zombie is taken for alive")
	}
	_ = cmd.Wait()
	if !alive(os.Getpid()) || alive(0) || alive(-1) {
		t.Error("alive is wrong about ourselves, or about nobody")
	}
}

// TestScanIsShared lets many ask at once for one folder.
func TestScanIsShared(t *testing.T) {
	s := sessionsAt(t, nil)
	id := iapeer.Identity{Runtime: iapeer.RuntimeExec, Name: "bob"}
	done := make(chan error)
	for range 50 {
		go func() {
			f, err := s.scan(id)
			if err == nil && (f.Identity != id || f.State != "") {
				t.Errorf("scan = %+v, want nothing of %s", f, id)
			}
			done <- err
		}()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestUUID(t *testing.T) {
	a, b := newUUID(), newUUID()
	if a == b || len(a) != 36 || a[14] != '4' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("newUUID = %s, %s, want two version 4 UUIDs", a, b)
	}
}
