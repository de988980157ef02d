package registry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iapeer/iapeer"
)

func TestParseLaunchEnv(t *testing.T) {
	str := func(s string) *string { return &s }
	for _, tc := range []struct {
		in   string
		want iapeer.LaunchEnv
	}{
		{"", iapeer.LaunchEnv{}},
		{"# PEER_START_ARGS=--x\n\n#FOO=bar\n", iapeer.LaunchEnv{}},
		{`PEER_START_ARGS="--a --foo bar"`, iapeer.LaunchEnv{Args: []string{"--a", "--foo", "bar"}}},
		{"# c\nexport FOO=bar\nBAZ=\"q u x\"\nPEER_START_ARGS=\"--x\"",
			iapeer.LaunchEnv{Args: []string{"--x"}, Env: map[string]string{"FOO": "bar", "BAZ": "q u x"}}},
		{`PEER_START_ARGS=""`, iapeer.LaunchEnv{Args: []string{}}},
		{"PEER_DISALLOWED_TOOLS=", iapeer.LaunchEnv{DisallowedTools: str("")}},
		{"PEER_DISALLOWED_TOOLS=\"Edit,Write\"\n", iapeer.LaunchEnv{DisallowedTools: str("Edit,Write")}},
		{"A='x'\r\nB=\"x'\nC='\nD=x # no comment\nE==\n", iapeer.LaunchEnv{
			Env: map[string]string{"A": "x", "B": `"x'`, "C": "'", "D": "x # no comment", "E": "="}}},
		{"A=1\nA=2", iapeer.LaunchEnv{Env: map[string]string{"A": "2"}}},
		{"A =1\n2A=1\nA-B=1\nexport\nexportA=1\nplain\n", iapeer.LaunchEnv{Env: map[string]string{"exportA": "1"}}},
	} {
		if diff := cmp.Diff(tc.want, ParseLaunchEnv(tc.in), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("ParseLaunchEnv(%q): -want +got\n%s", tc.in, diff)
		}
	}
}

func TestReadLaunchEnv(t *testing.T) {
	cwd := t.TempDir()
	if got := ReadLaunchEnv(cwd, "claude"); !cmp.Equal(got, iapeer.LaunchEnv{}) {
		t.Errorf("missing file: %+v", got)
	}
	path := iapeer.LaunchEnvFile(cwd, "claude")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("A=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ReadLaunchEnv(cwd, "claude").Env["A"]; got != "1" {
		t.Errorf("A = %q, want 1", got)
	}
}

func FuzzLaunchEnv(f *testing.F) {
	f.Add("export A='b'\nPEER_START_ARGS=\"--x y\"\nPEER_DISALLOWED_TOOLS=\n")
	f.Add("=\n\x00=\n'\nA=\"\n")
	f.Fuzz(func(t *testing.T, src string) {
		e := ParseLaunchEnv(src)
		for k, v := range e.Env {
			if k == "" || k == startArgs || k == disallowedTools {
				t.Errorf("%q is in the environment", k)
			}
			for _, c := range v {
				if c == '\n' || c == 0 {
					t.Errorf("%s holds %q", k, v)
				}
			}
		}
	})
}
