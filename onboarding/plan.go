package onboarding

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/spelling"
)

// A plan is what a command comes to, given the facts. It is made of values
// only; its steps are in steps.go.
type plan struct {
	o        iapeer.Onboarding
	f        Facts
	peer     iapeer.Peer
	runtime  iapeer.Runtime // that the command is about
	explicit bool           // it was asked for by name
	risk     riskRecord
	warnings []string
}

// makePlan decides everything that can be decided before a byte is written.
func makePlan(o iapeer.Onboarding, f Facts) (*plan, error) {
	p := &plan{o: o, f: f, warnings: slices.Clone(f.Warnings), explicit: o.Runtime != ""}
	for _, decide := range []func() error{p.checkFolder, p.chooseName, p.checkOwner, p.chooseWorkdir, p.chooseRuntime, p.choosePrograms, p.chooseNature, p.choosePermissions, p.respectRepository} {
		if err := decide(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) warnf(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

func (p *plan) checkFolder() error {
	if p.o.Verb == "init" && !p.f.Exists {
		return &iapeer.FieldError{Field: "cwd", Value: p.f.CWD, Reason: "no such folder; make it, or use iapeer create"}
	}
	if p.f.Profile != nil {
		p.peer = *p.f.Profile
	}
	p.peer.CWD = p.f.CWD
	return nil
}

// chooseName: an explicit name wins, then the name in the profile, then the
// folder's.
func (p *plan) chooseName() error {
	folder := spelling.Normalize(filepath.Base(p.f.CWD))
	given := p.o.Name
	if given == "" && p.f.Profile != nil {
		return p.checkSession()
	}
	if given == "" {
		given = folder
		if _, err := iapeer.ParseName(folder); err != nil {
			return &iapeer.FieldError{Field: "personality", Value: filepath.Base(p.f.CWD),
				Reason: "the folder's name gives no peer name; give one: iapeer init --personality NAME"}
		}
	}
	name, err := nameOf(given)
	if err != nil {
		return err
	}
	if string(name) != folder && p.o.Verb == "init" {
		p.warnf("the peer is called %s, its folder %s: most people name the folder to match", name, filepath.Base(p.f.CWD))
	}
	if p.f.Profile != nil && p.f.Profile.Name != name && !p.foreignProfile() {
		return &iapeer.FieldError{Field: "personality", Value: given,
			Reason: fmt.Sprintf("%s already holds peer %q; leave the name out, or choose another folder", p.f.CWD, p.f.Profile.Name)}
	}
	p.peer.Name = name
	return p.checkSession()
}

// nameOf spells a given name as a peer name.
func nameOf(given string) (iapeer.Name, error) {
	name, err := iapeer.ParseName(spelling.Normalize(given))
	if err != nil {
		return "", &iapeer.FieldError{Field: "personality", Value: given, Reason: iapeer.ErrBadName.Error()}
	}
	return name, nil
}

// checkSession keeps a session from onboarding a folder as somebody else: what
// its environment calls it must be what the folder is. create makes other peers
// and is not held by it.
func (p *plan) checkSession() error {
	if p.o.Verb != "init" {
		return nil
	}
	if s := p.o.Env["PEER_PERSONALITY"]; s != "" && spelling.Normalize(s) != string(p.peer.Name) {
		return &iapeer.FieldError{Field: "PEER_PERSONALITY", Value: s,
			Reason: fmt.Sprintf("this command would make peer %s; unset it, or use iapeer create", p.peer.Name)}
	}
	if id, err := iapeer.ParseIdentity(p.o.Env["PEER_IDENTITY"]); err == nil && id.Name != p.peer.Name {
		return &iapeer.FieldError{Field: "PEER_IDENTITY", Value: id.String(),
			Reason: fmt.Sprintf("this command would make peer %s; unset it, or use iapeer create", p.peer.Name)}
	}
	return nil
}

// foreignProfile reports whether the profile here is a copy of that of a peer
// who lives in another folder.
func (p *plan) foreignProfile() bool {
	if p.f.Profile == nil {
		return false
	}
	owner, ok := p.f.peer(p.f.Profile.Name)
	return ok && !disk.SameFolder(owner.CWD, p.f.CWD)
}

// checkOwner holds name and folder to one another: one name, one folder.
func (p *plan) checkOwner() error {
	if p.o.Name == "" && p.foreignProfile() {
		return p.papers(iapeer.Profile(p.f.CWD), string(p.f.Profile.Name), p.f.Profile.Name)
	}
	if p.o.Name == "" && p.f.MCPOther && p.f.MCP.Name != p.peer.Name {
		return p.papers(filepath.Join(p.f.CWD, ".mcp.json"), p.f.MCP.String(), p.f.MCP.Name)
	}
	if owner, ok := p.f.peer(p.peer.Name); ok && !disk.SameFolder(owner.CWD, p.f.CWD) {
		return &iapeer.FieldError{Field: "personality", Value: string(p.peer.Name),
			Reason: fmt.Sprintf("already exists at %s, refusing to re-point it to %s; use another name (--personality), or iapeer remove %s first",
				owner.CWD, p.f.CWD, p.peer.Name)}
	}
	if there, ok := p.f.peerAt(p.f.CWD); ok && there.Name != p.peer.Name && !p.foreignProfile() {
		return &iapeer.FieldError{Field: "cwd", Value: p.f.CWD,
			Reason: fmt.Sprintf("already holds peer %q; remove it first, or choose another folder", there.Name)}
	}
	return nil
}

// chooseRuntime: explicit wins, then the profile's, then markers, then what is
// installed.
func (p *plan) chooseRuntime() error {
	given := p.o.Runtime
	if given == "" && len(p.o.Exec) > 0 {
		given = string(iapeer.RuntimeExec)
	}
	switch {
	case given != "":
		rt, err := iapeer.ParseRuntime(given)
		if err != nil || !known(rt) {
			return &iapeer.FieldError{Field: "runtime", Value: given, Reason: "no such runtime; one of " + strings.Join(knownRuntimes, ", ")}
		}
		p.runtime = rt
	case p.f.Profile != nil:
		p.runtime = p.f.Profile.DefaultRuntime
	default:
		p.runtime = p.f.primary()
	}
	if p.peer.DefaultRuntime == "" {
		p.peer.DefaultRuntime = p.runtime
	}
	p.peer.Runtimes = p.runtimes()
	return nil
}

// knownRuntimes are those a peer can be made on.
var knownRuntimes = []string{"claude", "codex", "exec", "cli", "telegram", "notifier", "voicetalk", "web"}

func known(rt iapeer.Runtime) bool { return slices.Contains(knownRuntimes, string(rt)) }

// primary is the agent program of a folder that nobody chose one for.
func (f *Facts) primary() iapeer.Runtime {
	_, claude := f.Programs[iapeer.RuntimeClaude]
	_, codex := f.Programs[iapeer.RuntimeCodex]
	switch {
	case f.Claude:
		return iapeer.RuntimeClaude
	case f.Codex:
		return iapeer.RuntimeCodex
	case codex && !claude:
		return iapeer.RuntimeCodex
	}
	return iapeer.RuntimeClaude
}

// runtimes are those the peer can live on: what it had, the one asked for, and
// for an agent every agent program that is here.
func (p *plan) runtimes() []iapeer.Runtime {
	all := append([]iapeer.Runtime{p.peer.DefaultRuntime}, p.peer.Runtimes...)
	all = append(all, p.runtime)
	if p.runtime.Agentic() {
		for _, rt := range []iapeer.Runtime{iapeer.RuntimeClaude, iapeer.RuntimeCodex} {
			if p.f.Programs[rt] != "" || p.f.marked(rt) {
				all = append(all, rt)
			}
		}
	}
	var out []iapeer.Runtime
	for _, rt := range all {
		if !slices.Contains(out, rt) {
			out = append(out, rt)
		}
	}
	return out
}

// marked reports whether the folder has the runtime's own folder.
func (f *Facts) marked(rt iapeer.Runtime) bool {
	return rt == iapeer.RuntimeClaude && f.Claude || rt == iapeer.RuntimeCodex && f.Codex
}

// choosePermissions: new agents ask before they act until the person has said
// once that they need not.
func (p *plan) choosePermissions() error {
	answer, err := riskAnswer(p.o)
	if err != nil {
		return err
	}
	fresh := p.f.Profile == nil || p.foreignProfile()
	accepted := or(answer, or(p.f.Accepted, p.f.Risk.Answer)) == "yes"
	waiting := slices.Contains(p.f.Risk.Waiting, p.peer.Name)
	agent := p.runtime.Agentic()
	switch {
	case agent && fresh:
		p.peer.Settings.Gated = !accepted
		waiting = !accepted
		p.peer.Settings.ReplacePrompt = p.f.OwnHome && p.peer.Settings.Workdir == ""
		p.peer.Settings.Folders = []string{}
	case accepted && waiting:
		p.peer.Settings.Gated = false
		waiting = false
	}
	p.risk = p.f.Risk.answered(answer, p.peer.Name, waiting && p.peer.Settings.Gated)
	return nil
}

// respectRepository leaves a profile alone that the repository has: a team
// shares it. It still is the truth about the peer, so the peer is as it says.
func (p *plan) respectRepository() error {
	if p.f.Profile == nil || !p.f.Committed[iapeer.Profile(p.f.CWD)] || p.foreignProfile() || p.o.Scope == "project" || samePeer(*p.f.Profile, p.peer) {
		return nil
	}
	p.peer = *p.f.Profile
	p.warnf("the repository has the profile of %s: it stays as it is; --scope project writes it", p.peer.Name)
	return nil
}
