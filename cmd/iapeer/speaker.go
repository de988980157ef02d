package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/iapeer/iapeer"
)

// profile is what the client reads of a folder's peer: who it is, and where it
// can run. The daemon alone judges the rest.
type profile struct {
	Personality    string   `json:"personality"`
	DefaultRuntime string   `json:"default_runtime"`
	Runtime        string   `json:"runtime"` // what default_runtime was called once
	Runtimes       []string `json:"runtimes"`
}

// readProfile reads the profile of the peer that lives in dir. The error is
// fs.ErrNotExist when none does.
func readProfile(dir string) (profile, error) {
	var p profile
	path := iapeer.Profile(dir)
	b, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if p.DefaultRuntime == "" {
		p.DefaultRuntime = p.Runtime
	}
	return p, nil
}

// speaker returns the identity that a verb claims: --from, else PEER_IDENTITY,
// else, without a terminal, the peer of the current folder. At a terminal it is
// "": the daemon then sees the person who sits there, never the folder's agent.
func (w *world) speaker(from string) (string, error) {
	if from != "" {
		id, err := iapeer.ParseIdentity(from)
		if err != nil {
			return "", usagef("--from %q is invalid: it is <runtime>-<name>, such as claude-anna", from)
		}
		return id.String(), nil
	}
	if id := w.getenv("PEER_IDENTITY"); id != "" {
		return id, nil
	}
	if rt, name := w.getenv("PEER_RUNTIME"), w.getenv("PEER_PERSONALITY"); rt != "" && name != "" {
		return rt + "-" + name, nil
	}
	if w.interactive() {
		return "", nil
	}
	p, err := readProfile(w.cwd)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // the daemon says whom it takes this for, or that it takes it for nobody
	}
	if err != nil {
		return "", err
	}
	return p.DefaultRuntime + "-" + p.Personality, nil
}

// bearer is the token of the session that this program runs in, else the host's.
func (w *world) bearer() string {
	if t := w.getenv("IAPEER_BEARER"); t != "" {
		return t
	}
	return w.getenv("IAPEER_BEARER_TOKEN")
}
