package iapeer

import (
	"os"
	"path/filepath"
	"strings"
)

// Paths are the places under one root. The zero value is not usable; take
// [PathsFromEnv] or set Root and Home.
type Paths struct {
	Root string // IAPEER_ROOT, or Home/.iapeer
	Home string
}

// PathsFromEnv reads IAPEER_ROOT and HOME through getenv, which is os.Getenv
// or stands for the environment that a client passed with its command.
func PathsFromEnv(getenv func(string) string) Paths {
	p := Paths{Root: getenv("IAPEER_ROOT"), Home: getenv("HOME")}
	if p.Home == "" {
		p.Home, _ = os.UserHomeDir()
	}
	if p.Root == "" {
		p.Root = filepath.Join(p.Home, ".iapeer")
	}
	if abs, err := filepath.Abs(p.Root); err == nil {
		p.Root = abs
	}
	return p
}

func (p Paths) in(elem ...string) string {
	return filepath.Join(append([]string{p.Root}, elem...)...)
}

// Registry is the projection of all profiles.
func (p Paths) Registry() string { return p.in("peers-profiles.json") }

// RegistryLock guards Registry between processes.
func (p Paths) RegistryLock() string { return p.in("peers-profiles.lock") }

// Config is the person's configuration file.
func (p Paths) Config() string { return p.in("config.toml") }

// Doctrine is the host's own layer of every peer's instructions.
func (p Paths) Doctrine() string { return p.in("IAPEER.md") }

// PeerHome is where create puts a peer that has no folder yet.
func (p Paths) PeerHome(n Name) string { return p.in("peers", string(n)) }

// State is the daemon's state folder, with the database and router.json.
func (p Paths) State() string { return p.in("state", "iapeer") }

// RouterFile tells clients where the daemon listens.
func (p Paths) RouterFile() string { return p.in("state", "iapeer", "router.json") }

// RouterSocket is the daemon's unix socket, unless IAPEER_DAEMON_SOCKET says
// otherwise.
func (p Paths) RouterSocket() string { return p.in("state", "iapeer", "router.sock") }

// Store is the SQLite file.
func (p Paths) Store() string { return p.in("state", "iapeer", "iapeer.db") }

// Hosts is the folder of the session hosts' sockets, locks and exit records.
func (p Paths) Hosts() string { return p.in("state", "supervisor") }

// Sessions is the folder of what is written for one session: settings,
// MCP configuration, prompt.
func (p Paths) Sessions() string { return p.in("state", "sessions") }

// Logs is the folder of the daemon's own logs.
func (p Paths) Logs() string { return p.in("logs", "iapeer") }

// PaneLogs is the folder of the sessions' raw terminal output.
func (p Paths) PaneLogs() string { return p.in("logs", "lifecycle") }

// Runtimes is the folder of runtime packages' manifests.
func (p Paths) Runtimes() string { return p.in("runtimes") }

// Docs is the folder of the packages' documentation.
func (p Paths) Docs() string { return p.in("docs") }

// Abbreviate returns path with the home folder written as "~".
func (p Paths) Abbreviate(path string) string {
	if p.Home != "" && (path == p.Home || strings.HasPrefix(path, p.Home+"/")) {
		return "~" + path[len(p.Home):]
	}
	return path
}

// Profile is the file in a peer's folder that is the truth about it.
func Profile(cwd string) string { return filepath.Join(cwd, ".iapeer", "peer-profile.json") }

// PeerDir is the folder that iapeer keeps inside a peer's folder.
func PeerDir(cwd string) string { return filepath.Join(cwd, ".iapeer") }
