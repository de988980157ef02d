package onboarding

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/edit"
)

// corruptSuffix names the verbatim copy of a file that could not be read.
const corruptSuffix = ".corrupt.bak"

// A step does one thing through w; with w.dry it only tells.
type step func(ctx context.Context, w *writer) error

// steps are what the plan comes to, in their order: what hides files from git
// before the files, the registry last, so that nobody is told of a peer that is
// not ready.
func (p *plan) steps(d Deps) []step {
	own := iapeer.PeerDir(p.f.CWD)
	all := []step{p.checkout, p.hostDoctrine(d), p.fixed("ignore", filepath.Join(own, ".gitignore"), ignoreAll)}
	if p.wireClaude() && p.peer.Settings.Workdir == "" {
		all = append(all, p.mcp, p.approve)
	}
	if p.wireClaude() {
		all = append(all, p.trustStep)
	}
	if p.wireCodex() {
		all = append(all, p.codex)
	}
	if p.runtime.Agentic() {
		text := doctrine(p.peer.Name, p.peer.Description)
		all = append(all, p.fixed("doctrine", filepath.Join(own, "IAPEER.md"), text))
	}
	return append(append(all, p.launchEnvs()...), p.riskStep(d), p.bootstrap(d), p.profile(d), p.register(d))
}

// wireClaude: the peer lives on claude first, or the folder is one of claude's.
// A runtime asked for by name is the only one that is touched.
func (p *plan) wireClaude() bool {
	if p.explicit {
		return p.runtime == iapeer.RuntimeClaude
	}
	return p.runtime == iapeer.RuntimeClaude || p.runtime.Agentic() && p.f.Claude
}

// wireCodex: the peer can live on codex.
func (p *plan) wireCodex() bool {
	if p.explicit {
		return p.runtime == iapeer.RuntimeCodex
	}
	return p.runtime.Agentic() && p.peer.Declares(iapeer.RuntimeCodex)
}

// fixed is a step that makes a file once and never changes it.
func (p *plan) fixed(what, path, text string) step {
	return func(_ context.Context, w *writer) error {
		return w.file(what, path, disk.PrivateFile, keepOr(text))
	}
}

func keepOr(text string) planner {
	return func(before []byte, exists bool) (change, error) {
		if exists {
			return change{after: before}, nil
		}
		return change{after: []byte(text)}, nil
	}
}

func (p *plan) hostDoctrine(d Deps) step {
	return p.fixed("host doctrine", d.Paths.Doctrine(), hostDoctrine)
}

// checkout makes the git work tree that the peer works in.
func (p *plan) checkout(ctx context.Context, w *writer) error {
	c := p.f.Checkout
	if c == nil {
		return nil
	}
	told := iapeer.FileChange{What: "git worktree", Path: c.Dir, Action: "created", Detail: "branch " + c.Branch + " of " + p.f.abbreviate(c.Repo)}
	t := trace{What: told.What, Peers: []iapeer.Name{w.peer}, File: c.Dir, Kind: traceTree, Key: []string{c.Repo, c.Branch}, Created: true}
	if c.Start != "" {
		t.Made = 1
		told.Detail = "new branch " + c.Branch + " of " + p.f.abbreviate(c.Repo)
	}
	if c.There {
		told.Action = "kept"
		w.tell(told, "")
		return unlessDry(w.dry, func() error { return w.prints.join(t) })
	}
	if err := w.folder(filepath.Dir(c.Dir), disk.SharedFile); err != nil {
		return err
	}
	if err := w.note(t); err != nil {
		return err
	}
	w.tell(told, "")
	return unlessDry(w.dry, func() error { return c.Add(ctx) })
}

// hide keeps path out of git status.
func (p *plan) hide(w *writer, path string) error {
	line := p.f.Exclude[path]
	if line == "" {
		return nil
	}
	return w.file("git exclude", p.f.Tree.Exclude, disk.SharedFile, func(before []byte, _ bool) (change, error) {
		after := edit.AddLine(string(before), line)
		t := trace{Kind: traceLine, Key: []string{line}, After: line}
		if len(before) > 0 && before[len(before)-1] != '\n' {
			t.Made = 1
		}
		return change{after: []byte(after), detail: line, trace: t}, nil
	})
}

// mcp merges our server into .mcp.json.
func (p *plan) mcp(_ context.Context, w *writer) error {
	path := mcpFile(p.f.CWD)
	id := iapeer.Identity{Runtime: iapeer.RuntimeClaude, Name: p.peer.Name}
	var aside keptAside
	if !p.leaveAlone(path) {
		var err error
		if aside, err = p.setAside(w, path); err != nil {
			return err
		}
		if err := p.hide(w, path); err != nil {
			return err
		}
	}
	return w.file("mcp", path, disk.SharedFile, func(before []byte, _ bool) (change, error) {
		after, t, err := addMCPServer(before, id, p.f.URL)
		if errors.Is(err, edit.ErrNotJSON) {
			if string(before) != aside.bytes && !p.leaveAlone(path) {
				return change{}, errMoving
			}
			after, t, err = addMCPServer(nil, id, p.f.URL)
			t.Copy = aside.path
		}
		e := change{after: after, trace: t}
		if string(after) != string(before) && p.leaveAlone(path) {
			e.action, e.detail = "skipped", "the repository has it; --scope project writes it"
		}
		return e, err
	})
}

// leaveAlone reports whether path belongs to a team.
func (p *plan) leaveAlone(path string) bool {
	return p.f.Committed[path] && p.o.Scope != "project"
}

// keptAside is a verbatim copy.
type keptAside struct{ path, bytes string }

// setAside copies a .mcp.json that cannot be read before a fresh one replaces
// it. An earlier copy is never overwritten.
func (p *plan) setAside(w *writer, path string) (keptAside, error) {
	b, exists, err := disk.ReadFile(path)
	if err != nil || !exists {
		return keptAside{}, err
	}
	if _, _, err := addMCPServer(b, iapeer.Identity{}, ""); !errors.Is(err, edit.ErrNotJSON) {
		return keptAside{}, nil
	}
	bak := path + corruptSuffix
	for n := 2; ; n++ {
		old, exists, err := disk.ReadFile(bak)
		if err != nil {
			return keptAside{}, err
		}
		if !exists || string(old) == string(b) {
			break
		}
		bak = fmt.Sprintf("%s%s.%d", path, corruptSuffix, n)
	}
	if err := p.hide(w, path+corruptSuffix); err != nil {
		return keptAside{}, err
	}
	w.tell(iapeer.FileChange{}, fmt.Sprintf("%s is not a JSON object: its bytes are kept in %s", path, bak))
	return keptAside{bak, string(b)}, w.file("backup", bak, disk.SharedFile, func([]byte, bool) (change, error) {
		return change{after: b, trace: trace{Kind: traceCopy, After: digest(b)}}, nil
	})
}

// approve lets claude use the server without asking, where we wrote it.
func (p *plan) approve(_ context.Context, w *writer) error {
	mcp, path := mcpFile(p.f.CWD), settingsFile(p.f.CWD)
	if p.leaveAlone(mcp) && !p.f.MCPOurs(p.peer.Name) {
		return nil
	}
	if !p.f.Committed[path] {
		if err := p.hide(w, path); err != nil {
			return err
		}
	}
	return w.file("claude settings", path, disk.SharedFile, func(before []byte, exists bool) (change, error) {
		after, t, warn, err := approveServer(before)
		e := change{after: after, trace: t, warn: warn}
		switch {
		case errors.Is(err, edit.ErrNotJSON):
			e.action, e.warn = "skipped", path+" is not the JSON object that claude expects: left alone; claude asks about the iapeer server once"
			return e, nil
		case string(after) != string(before) && p.leaveAlone(path):
			e.action, e.detail = "skipped", "the repository has it; --scope project writes it"
		}
		return e, err
	})
}

// MCPOurs reports whether .mcp.json speaks as name already.
func (f *Facts) MCPOurs(name iapeer.Name) bool { return f.MCP.Name == name }

// trustStep marks the peer's folder as trusted where claude is in use. Where it
// was never started there is nothing to mark yet; a session's launch does it.
func (p *plan) trustStep(ctx context.Context, w *writer) error {
	if _, exists, err := disk.ReadFile(p.f.ClaudeCfg); err != nil || !exists {
		return err
	}
	err := w.seed(ctx, p.f.ClaudeCfg, []string{"projects", p.peer.Dir(), "hasTrustDialogAccepted"}, true)
	if errors.Is(err, edit.ErrNotJSON) || errors.Is(err, errLocked) {
		w.tell(iapeer.FileChange{What: "claude trust", Path: p.f.ClaudeCfg, Action: "skipped"}, fmt.Sprintf("%v; the first session tries again", err))
		return nil
	}
	return err
}

// codex adds our server to Codex's configuration.
func (p *plan) codex(_ context.Context, w *writer) error {
	path := filepath.Join(p.f.CodexHome, "config.toml")
	return w.file("codex config", path, disk.PrivateFile, func(before []byte, _ bool) (change, error) {
		after, added, err := edit.AddCodexServer(before, p.f.URL)
		if errors.Is(err, edit.ErrNotTOML) {
			return change{after: before, action: "skipped", warn: fmt.Sprintf("%s: %v; codex cannot start with it either. Repair it and run this again", path, err)}, nil
		}
		t := trace{Kind: traceTOML, Key: []string{"mcp_servers", "iapeer"}, After: added}
		return change{after: after, trace: t}, err
	})
}

// launchEnvs makes the skeleton of each agent program's environment, and notes
// an explicit program in it.
func (p *plan) launchEnvs() []step {
	var all []step
	for _, rt := range p.peer.Runtimes {
		pinned := rt == p.runtime && p.o.Bin != ""
		if !pinned && (!rt.Agentic() || p.explicit && rt != p.runtime) {
			continue
		}
		path := filepath.Join(iapeer.PeerDir(p.f.CWD), "runtimes", string(rt), "launch.env")
		all = append(all, func(_ context.Context, w *writer) error {
			return w.file("launch.env", path, disk.PrivateFile, func(before []byte, exists bool) (change, error) {
				text := string(before)
				if !exists {
					text = launchEnv(rt)
				}
				if pinned {
					text = edit.SetEnvLine(text, pinVariable(rt), p.o.Bin)
				}
				return change{after: []byte(text), detail: string(rt)}, nil
			})
		})
	}
	return all
}

// riskStep keeps the person's answer.
func (p *plan) riskStep(d Deps) step {
	return func(_ context.Context, w *writer) error {
		if reflect.DeepEqual(p.risk, p.f.Risk) || p.risk.Answer == "" && len(p.risk.Waiting) == len(p.f.Risk.Waiting) {
			return nil
		}
		return w.file("risk answer", RiskPath(d.Paths), disk.PrivateFile, func([]byte, bool) (change, error) {
			return change{after: p.risk.bytes(), detail: or(p.risk.Answer, "not asked yet")}, nil
		})
	}
}

// bootstrap has a service manager take an always-on peer before its profile is
// written, so that a refusal leaves no half a peer.
func (p *plan) bootstrap(d Deps) step {
	return func(ctx context.Context, w *writer) error {
		switch {
		case !p.runtime.Infra():
			return nil
		case p.o.NoBootstrap:
			w.report.Bootstrap = "absent"
		case sandboxed(p.o, d):
			w.report.Bootstrap = "skipped-sandbox"
		case d.Bootstrap == nil || w.dry:
			w.report.Bootstrap = "absent"
		default:
			state, err := d.Bootstrap(ctx, p.peer)
			w.report.Bootstrap = state
			return err
		}
		return nil
	}
}

// profile writes the truth about the peer when it changes.
func (p *plan) profile(d Deps) step {
	return func(_ context.Context, w *writer) error {
		path := iapeer.Profile(p.f.CWD)
		told := iapeer.FileChange{What: "profile", Path: path, Action: "created"}
		if p.f.Profile != nil {
			told.Action = "updated"
		}
		if p.f.Profile != nil && samePeer(*p.f.Profile, p.peer) {
			told.Action = "kept"
		} else if p.f.Committed[path] && p.foreignProfile() {
			return &iapeer.FieldError{Field: "personality", Value: string(p.peer.Name),
				Reason: "the repository has another peer's profile here; make the peer elsewhere: iapeer create " + string(p.peer.Name)}
		} else if !w.dry {
			if err := p.putProfile(w, d); err != nil {
				return fmt.Errorf("profile %s: %w", path, err)
			}
		}
		w.tell(told, "")
		return nil
	}
}

// putProfile writes the profile and records one that was not there before.
func (p *plan) putProfile(w *writer, d Deps) error {
	path := iapeer.Profile(p.f.CWD)
	if err := w.folder(filepath.Dir(path), disk.PrivateFile); err != nil {
		return err
	}
	if err := d.Profiles.PutProfile(p.peer); err != nil {
		return err
	}
	b, _, err := disk.ReadFile(path)
	if err != nil || w.inRoot(path) {
		return err
	}
	t := trace{What: "profile", Peers: []iapeer.Name{w.peer}, File: path, Kind: traceFile, After: digest(b), Created: true}
	if p.f.Profile != nil && !w.prints.has(t) {
		return nil
	}
	return w.prints.add(t)
}

// samePeer compares what a profile says.
func samePeer(a, b iapeer.Peer) bool {
	flat := func(p iapeer.Peer) string {
		s := p.Settings
		return edit.Encode([]any{p.Name, p.DefaultRuntime, p.Runtimes, p.Description, p.Nature, p.Interfaces,
			s.Gated, s.ReplacePrompt, s.Workdir, append([]string{}, s.Folders...), append([]string{}, s.Exec...)})
	}
	return flat(a) == flat(b)
}

// register projects the profile into the registry.
func (p *plan) register(d Deps) step {
	return func(_ context.Context, w *writer) error {
		told := iapeer.FileChange{What: "registry", Path: d.Paths.Registry(), Action: "created"}
		old, known := p.f.peer(p.peer.Name)
		switch {
		case known && sameRecord(old, p.peer):
			told.Action = "kept"
		case known:
			told.Action = "updated"
		}
		if told.Action != "kept" && !w.dry {
			if err := d.Registry.Register(p.peer); err != nil {
				return fmt.Errorf("registry: %w", err)
			}
		}
		w.tell(told, "")
		return nil
	}
}

// sameRecord compares what the registry holds.
func sameRecord(a, b iapeer.Peer) bool {
	flat := func(p iapeer.Peer) string {
		return strings.Join([]string{edit.Encode(p.Name), edit.Encode(p.DefaultRuntime), edit.Encode(p.Runtimes), edit.Encode(p.Description),
			edit.Encode(p.Nature), edit.Encode(disk.RealPath(p.CWD)), edit.Encode(p.Interfaces)}, "\n")
	}
	return flat(a) == flat(b)
}
