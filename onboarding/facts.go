package onboarding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/edit"
	"github.com/iapeer/iapeer/onboarding/repo"
	"github.com/iapeer/iapeer/spelling"
)

// defaultPort is the daemon's port where nothing says otherwise.
const defaultPort = 8765

// Facts are what Look found. Nothing in them is a decision.
type Facts struct {
	CWD       string // the peer's folder, without links when it exists
	Exists    bool
	OwnHome   bool                      // CWD is the home that create gives the peer
	Claude    bool                      // a .claude folder is there
	Codex     bool                      // a .codex folder is there
	Programs  map[iapeer.Runtime]string // installed programs, by file look-up
	Profile   *iapeer.Peer              // nil when the folder has none
	Peers     []iapeer.Peer             // the registry
	MCP       iapeer.Identity           // whom .mcp.json speaks as; zero when it names nobody
	MCPOther  bool                      // MCP's peer lives in another folder
	Tree      repo.Tree
	URL       string // of the daemon's MCP endpoint
	CodexHome string
	ClaudeCfg string            // claude's own state file, with the trust keys
	Committed map[string]bool   // project files that the repository has
	Exclude   map[string]string // project files that git status would show, and the line that hides them
	SiblingOf map[iapeer.Name]string
	Workdir   string         // where the peer is to work, when that is not its home; without links
	Sharing   []iapeer.Name  // other peers that work or live there
	Checkout  *repo.Checkout // the work tree to be made there
	Risk      riskRecord
	Accepted  string // "yes", "no" or "", as the configuration says
	Warnings  []string

	paths iapeer.Paths
}

// projectFiles are what the package may write into a project besides its own
// folder.
func projectFiles(cwd string) []string {
	return []string{mcpFile(cwd), settingsFile(cwd), mcpFile(cwd) + corruptSuffix}
}

func mcpFile(cwd string) string      { return filepath.Join(cwd, ".mcp.json") }
func settingsFile(cwd string) string { return filepath.Join(cwd, ".claude", "settings.local.json") }

// Look gathers the facts for o and changes nothing. Its errors are those of
// outside things that cannot be read, and of a profile that is not valid.
func Look(ctx context.Context, o iapeer.Onboarding, d Deps) (Facts, error) {
	env := func(k string) string { return o.Env[k] }
	home := d.home(o)
	f := Facts{
		CWD:       disk.RealPath(folderOf(o, d.Paths)),
		Programs:  map[iapeer.Runtime]string{},
		CodexHome: or(env("CODEX_HOME"), filepath.Join(home, ".codex")),
		ClaudeCfg: filepath.Join(or(env("CLAUDE_CONFIG_DIR"), home), ".claude.json"),
	}
	f.Exists = disk.IsDir(f.CWD)
	f.OwnHome = strings.HasPrefix(f.CWD, disk.RealPath(d.Paths.Root)+string(filepath.Separator)) || o.Verb == "create" && o.CWD == ""
	f.Claude, f.Codex = disk.IsDir(filepath.Join(f.CWD, ".claude")), disk.IsDir(filepath.Join(f.CWD, ".codex"))
	f.lookPrograms(env, home)
	f.URL, f.Warnings = daemonURL(o, d.Paths)
	f.paths, f.Accepted = d.Paths, d.AcceptRisk
	if err := f.lookPeers(d); err != nil {
		return f, err
	}
	if err := f.lookWorkdir(ctx, o, d); err != nil {
		return f, err
	}
	f.lookGit(ctx)
	return f, nil
}

// lookWorkdir finds out about the folder, or the branch, that the peer is to
// work in. Its markers count for those of the home.
func (f *Facts) lookWorkdir(ctx context.Context, o iapeer.Onboarding, d Deps) error {
	if o.Workdir == "" && o.Worktree == "" {
		return nil
	}
	f.Workdir = disk.RealPath(o.Workdir)
	if o.Worktree != "" {
		from := or(o.Repo, o.Env["PWD"])
		c, err := repo.PlanCheckout(ctx, from, o.Worktree, o.Workdir, spelling.Normalize(o.Name))
		if err != nil {
			return worktreeError(o, from, err)
		}
		f.Workdir, f.Checkout = c.Dir, &c
	}
	f.Claude, f.Codex = disk.IsDir(filepath.Join(f.Workdir, ".claude")), disk.IsDir(filepath.Join(f.Workdir, ".codex"))
	f.Sharing = workingIn(d, f.Peers, f.Workdir, iapeer.Name(spelling.Normalize(o.Name)))
	return nil
}

// workingIn lists the peers, besides one, that work or live in a folder or
// below it, as their profiles say.
func workingIn(d Deps, peers []iapeer.Peer, dir string, besides iapeer.Name) (names []iapeer.Name) {
	dir = disk.RealPath(dir)
	for _, p := range peers {
		if profile, err := d.Profiles.Profile(p.CWD); err == nil {
			p.Settings.Workdir = profile.Settings.Workdir
		}
		if p.Name != besides && (disk.Within(p.CWD, dir) || disk.Within(p.Dir(), dir)) {
			names = append(names, p.Name)
		}
	}
	return names
}

// lookGit asks git about the files that may be written, and whether the peers
// whose papers lie here live in another work tree of the same repository.
func (f *Facts) lookGit(ctx context.Context) {
	f.Tree = repo.Look(ctx, nearestFolder(f.CWD))
	f.Committed, f.Exclude, f.SiblingOf = map[string]bool{}, map[string]string{}, map[iapeer.Name]string{}
	if f.Tree.Root == "" {
		return
	}
	for _, path := range append(projectFiles(f.CWD), iapeer.Profile(f.CWD)) {
		if f.Committed[path] = f.Tree.Tracked(ctx, path); !f.Committed[path] {
			f.Exclude[path] = f.Tree.ExcludeLine(ctx, path)
			if f.Exclude[path] != "" && strings.HasSuffix(path, corruptSuffix) {
				f.Exclude[path] += "*" // later copies are numbered
			}
		}
	}
	others := []iapeer.Name{f.MCP.Name}
	if f.Profile != nil {
		others = append(others, f.Profile.Name)
	}
	for _, name := range others {
		owner, ok := f.peer(name)
		if !ok || disk.SameFolder(owner.CWD, f.CWD) || f.Tree.Common == "" {
			continue
		}
		if t := repo.Look(ctx, nearestFolder(owner.CWD)); t.Common == f.Tree.Common && t.Root != f.Tree.Root {
			f.SiblingOf[name] = or(f.Tree.Branch, "(detached)")
		}
	}
}

func (f *Facts) abbreviate(path string) string { return f.paths.Abbreviate(path) }

// lookPeers reads the profile, the registry, whom .mcp.json speaks as and what
// was said about risk.
func (f *Facts) lookPeers(d Deps) error {
	var err error
	if f.Peers, err = d.Registry.Peers(); err != nil {
		return fmt.Errorf("registry %s: %w", d.Paths.Registry(), err)
	}
	profile, err := d.Profiles.Profile(f.CWD)
	switch {
	case err == nil:
		profile.CWD = f.CWD
		f.Profile = &profile
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("profile %s: %w; repair the file or move it away", iapeer.Profile(f.CWD), err)
	}
	f.MCP = MCPIdentity(mcpFile(f.CWD))
	owner, ok := f.peer(f.MCP.Name)
	f.MCPOther = ok && !disk.SameFolder(owner.CWD, f.CWD)
	f.Risk, err = readRisk(d.Paths)
	return err
}

// peer looks a name up in the registry.
func (f *Facts) peer(name iapeer.Name) (iapeer.Peer, bool) {
	i := slices.IndexFunc(f.Peers, func(p iapeer.Peer) bool { return p.Name == name })
	if i < 0 {
		return iapeer.Peer{}, false
	}
	return f.Peers[i], true
}

// peerAt looks a folder up in the registry.
func (f *Facts) peerAt(cwd string) (iapeer.Peer, bool) {
	i := slices.IndexFunc(f.Peers, func(p iapeer.Peer) bool { return disk.SameFolder(p.CWD, cwd) })
	if i < 0 {
		return iapeer.Peer{}, false
	}
	return f.Peers[i], true
}

// folderOf is the folder that o is about.
func folderOf(o iapeer.Onboarding, p iapeer.Paths) string {
	if o.CWD != "" {
		return filepath.Clean(o.CWD)
	}
	return p.PeerHome(iapeer.Name(spelling.Normalize(o.Name)))
}

// nearestFolder is dir, or the folder above it that exists.
func nearestFolder(dir string) string {
	for !disk.IsDir(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// lookPrograms looks for the program of every runtime. What the folder's own
// launch.env pins comes first, as it does when a session starts.
func (f *Facts) lookPrograms(env func(string) string, home string) {
	for _, name := range knownRuntimes {
		rt, program := iapeer.Runtime(name), name
		switch {
		case rt.Infra():
			program += "-runtime"
		case !rt.Agentic():
			continue
		}
		b, _, _ := disk.ReadFile(iapeer.LaunchEnvFile(f.CWD, rt)) // one that cannot be read pins nothing
		pin := edit.EnvValue(string(b), pinVariable(rt))
		pinned := func(key string) string {
			if key == pinVariable(rt) && pin != "" {
				return pin
			}
			return env(key)
		}
		if p := findProgram(program, pinVariable(rt), pinned, home); p != "" {
			f.Programs[rt] = p
		}
	}
}

// findProgram looks for a program as a file: where a variable pins it, on the
// PATH of the person's command, in ~/.local/bin.
func findProgram(name, pin string, env func(string) string, home string) string {
	if p := env(pin); p != "" {
		if disk.IsProgram(p) {
			return p
		}
		return ""
	}
	for _, dir := range append(filepath.SplitList(env("PATH")), filepath.Join(home, ".local", "bin")) {
		if p := filepath.Join(dir, name); filepath.IsAbs(dir) && disk.IsProgram(p) {
			return p
		}
	}
	return ""
}

// daemonURL is where agents reach the daemon: as its discovery file says, as the
// program that carries out the command says, or at IAPEER_PORT. The file comes
// first because a command may be carried out without a daemon that listens.
func daemonURL(o iapeer.Onboarding, p iapeer.Paths) (url string, warnings []string) {
	var router struct {
		TCP string `json:"tcp"`
	}
	if b, err := os.ReadFile(p.RouterFile()); err == nil && json.Unmarshal(b, &router) == nil && router.TCP != "" {
		return router.TCP, nil
	}
	if o.DaemonURL != "" {
		return o.DaemonURL, nil
	}
	port := defaultPort
	if s := o.Env["IAPEER_PORT"]; s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 65535 || s != strconv.Itoa(n) {
			warnings = []string{fmt.Sprintf("IAPEER_PORT %q is not a port number (1 to 65535): %d is used", s, defaultPort)}
		} else {
			port = n
		}
	}
	return fmt.Sprintf("http://127.0.0.1:%d/mcp", port), warnings
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
