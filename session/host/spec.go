package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/proc"
	"github.com/iapeer/iapeer/session/wire"
)

// A Spec is everything a host must know. It knows no runtime: argv and
// environment are final.
type Spec struct {
	Identity   iapeer.Identity `json:"identity"`
	Generation int64           `json:"generation"`
	Kind       wire.Kind       `json:"kind"`
	Argv       []string        `json:"argv"` // for kind exec the command of each run
	Env        []string        `json:"env"`  // NAME=value
	Cwd        string          `json:"cwd"`
	Cols       int             `json:"cols,omitempty"` // 0 means 220
	Rows       int             `json:"rows,omitempty"` // 0 means 50
	Dir        string          `json:"dir"`            // folder of the hosts' files, Paths.Hosts
	PaneLog    string          `json:"paneLogPath"`
	ExitLog    string          `json:"exitLogPath,omitempty"`
	Mark       string          `json:"mark,omitempty"` // NAME=value of Env by which survivors are known
	GraceMS    int64           `json:"graceMs,omitempty"`
	Scrollback int             `json:"scrollback,omitempty"` // 0 means 5000 lines

	// Filled in by the host, for whoever must end its survivors.
	Host  wire.Process `json:"host,omitzero"`
	Child wire.Process `json:"child,omitzero"`
}

// Defaults of a Spec.
const (
	defaultCols       = 220
	defaultRows       = 50
	defaultScrollback = 5000
	defaultGrace      = 2 * time.Second
)

// Files returns the names of the spec's files.
func (s Spec) Files() Files { return Files{Dir: s.Dir, ID: s.Identity} }

// Grace is how long a session may take to end after TERM.
func (s Spec) Grace() time.Duration {
	if s.GraceMS <= 0 {
		return defaultGrace
	}
	return time.Duration(s.GraceMS) * time.Millisecond
}

// Survivors says how the session's processes are recognised.
func (s Spec) Survivors() proc.Mark {
	return proc.Mark{SID: s.Child.PID, Token: s.Child.Token, Env: s.Mark}
}

// Check names the first field that a host cannot work with.
func (s Spec) Check() error {
	switch {
	case s.Identity == iapeer.Identity{}:
		return errors.New("spec: identity is missing")
	case len(s.Argv) == 0 || s.Argv[0] == "":
		return errors.New("spec: argv is empty")
	case !filepath.IsAbs(s.Dir):
		return fmt.Errorf("spec: dir %q is not an absolute path", s.Dir)
	case s.Kind != wire.TUI && s.Kind != wire.Router && s.Kind != wire.Exec:
		return fmt.Errorf("spec: kind %q is not tui, router or exec", s.Kind)
	case s.Mark != "" && !slices.Contains(s.Env, s.Mark):
		return errors.New("spec: mark is not an entry of env")
	}
	return nil
}

// Save writes the spec where [Load] and survivors' hunters find it.
func (s Spec) Save() error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	return writeJSON(s.Files().Spec(), s, false)
}

// Load reads a spec and fills in the defaults.
func Load(path string) (Spec, error) {
	var s Spec
	b, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if s.Cols <= 0 {
		s.Cols = defaultCols
	}
	if s.Rows <= 0 {
		s.Rows = defaultRows
	}
	if s.Scrollback <= 0 {
		s.Scrollback = defaultScrollback
	}
	return s, s.Check()
}

// childEnv is the environment of the program: a plain terminal, and no trace
// of a multiplexer around the daemon.
func (s Spec) childEnv() []string {
	env := slices.DeleteFunc(slices.Clone(s.Env), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return name == "TERM" || name == "TMUX" || name == "TMUX_PANE"
	})
	return append(env, "TERM=xterm-256color")
}

// program finds argv[0] by the PATH of the session, not by the host's own.
func (s Spec) program() (string, error) {
	name := s.Argv[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.Cwd, name)
		}
		return name, runnable(name)
	}
	for _, e := range slices.Backward(s.Env) {
		path, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, name)
			if filepath.IsAbs(file) && runnable(file) == nil {
				return file, nil
			}
		}
		return "", fmt.Errorf("%s: not found in PATH %s", name, path)
	}
	return "", fmt.Errorf("%s: the session has no PATH to find it in", name)
}

func runnable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case st.IsDir() || st.Mode()&0o111 == 0:
		return fmt.Errorf("%s: not an executable file", path)
	}
	return nil
}
