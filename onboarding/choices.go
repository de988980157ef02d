package onboarding

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/onboarding/disk"
	"github.com/iapeer/iapeer/onboarding/repo"
	"github.com/iapeer/iapeer/spelling"
)

// chooseNature: explicit wins and must suit the runtime; a new peer gets its
// runtime's own; a profile keeps what it says. It also takes the description.
func (p *plan) chooseNature() error {
	if d := strings.TrimSpace(p.o.Description); d != "" {
		p.peer.Description = clamp(d)
	}
	switch {
	case p.o.Nature != "":
		n, err := iapeer.ParseNature(p.o.Nature)
		if err != nil {
			return &iapeer.FieldError{Field: "intelligence", Value: p.o.Nature, Reason: iapeer.ErrBadNature.Error()}
		}
		if n != p.peer.Nature {
			p.peer.Nature, p.peer.RawNature = n, string(n)
		}
	case p.f.Profile == nil:
		p.peer.Nature = iapeer.DefaultNature(p.runtime)
		p.peer.RawNature = string(p.peer.Nature)
	default:
		return nil
	}
	return iapeer.CheckNature(p.runtime, p.peer.Nature)
}

// clamp cuts a description to what is kept.
func clamp(s string) string {
	if r := []rune(s); len(r) > iapeer.MaxDescriptionRunes {
		return string(r[:iapeer.MaxDescriptionRunes])
	}
	return s
}

// choosePrograms checks what the runtime needs: a command for exec, a launcher
// for a service. A missing agent program is a warning, because it may come.
func (p *plan) choosePrograms() error {
	if err := p.chooseExec(); err != nil {
		return err
	}
	if p.o.Bin != "" {
		if !filepath.IsAbs(p.o.Bin) || !disk.IsProgram(p.o.Bin) {
			return &iapeer.FieldError{Field: "bin", Value: p.o.Bin, Reason: "give the absolute path of a program that exists"}
		}
		return nil
	}
	if p.f.Programs[p.runtime] != "" {
		return nil
	}
	switch {
	case p.runtime.Agentic():
		p.warnf("%s is not installed: not in PATH, not in ~/.local/bin, not named by %s. The peer is made, but cannot start before it is",
			p.runtime, pinVariable(p.runtime))
	case p.runtime.Infra():
		return &iapeer.FieldError{Field: "runtime", Value: string(p.runtime),
			Reason: fmt.Sprintf("its program %s-runtime is not installed; install it, or name it: --bin /path", p.runtime)}
	}
	return nil
}

// chooseExec takes the command of an exec peer.
func (p *plan) chooseExec() error {
	if p.runtime != iapeer.RuntimeExec {
		if len(p.o.Exec) > 0 {
			return &iapeer.FieldError{Field: "exec", Value: strings.Join(p.o.Exec, " "),
				Reason: fmt.Sprintf("only exec peers run a command, this one runs %s; leave it out, or give --runtime exec", p.runtime)}
		}
		return nil
	}
	if len(p.o.Exec) == 0 {
		if len(p.peer.Settings.Exec) > 0 {
			return nil
		}
		return &iapeer.FieldError{Field: "exec", Reason: "an exec peer needs its command: iapeer create NAME --runtime exec -- ./command arg"}
	}
	argv := slices.Clone(p.o.Exec)
	program, err := p.execProgram(argv[0])
	argv[0] = program
	p.peer.Settings.Exec = argv
	return err
}

// execProgram is the absolute path of a command, because a session runs in the
// peer's folder and with another PATH than the person's.
func (p *plan) execProgram(name string) (string, error) {
	if !strings.Contains(name, "/") {
		found := findProgram(name, "", func(k string) string { return p.o.Env[k] }, "")
		if found == "" {
			p.warnf("%s is not in PATH now; the peer fails until it is", name)
		}
		return or(found, name), nil
	}
	path := name
	if !filepath.IsAbs(path) {
		base := or(p.o.Env["PWD"], p.o.CWD)
		if base == "" {
			return name, &iapeer.FieldError{Field: "exec", Value: name, Reason: "give an absolute path"}
		}
		path = filepath.Join(base, path)
	}
	if !disk.IsProgram(path) {
		return name, &iapeer.FieldError{Field: "exec", Value: path, Reason: "not a program; check the path, or chmod +x it"}
	}
	return path, nil
}

// chooseWorkdir takes the folder that the peer is to work in.
func (p *plan) chooseWorkdir() error {
	switch dir := p.f.Workdir; {
	case dir == "":
		return nil
	case p.f.Checkout == nil && !disk.IsDir(dir):
		return &iapeer.FieldError{Field: "workdir", Value: p.o.Workdir, Reason: "no such folder; make it, or give --worktree BRANCH for a git work tree there"}
	case disk.SameFolder(dir, p.f.CWD):
		p.peer.Settings.Workdir = "" // it works at home again
		return nil
	}
	p.peer.Settings.Workdir = p.f.Workdir
	if len(p.f.Sharing) > 0 {
		p.warnf("%s shares %s with %s: they change the same files, and neither hears of it", p.peer.Name, p.f.abbreviate(p.f.Workdir), joinNames(p.f.Sharing))
	}
	return nil
}

func joinNames(names []iapeer.Name) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}

// worktreeError says which field of the order cannot be carried out.
func worktreeError(o iapeer.Onboarding, from string, err error) error {
	e := &iapeer.FieldError{Field: "worktree", Value: o.Worktree, Reason: err.Error()}
	if errors.Is(err, repo.ErrNoRepo) {
		e.Field, e.Value = "repo", from
	}
	return e
}

// A PapersError tells that a folder carries what belongs to a peer of another
// folder: a copy, a clone or a work tree.
type PapersError struct {
	File      string // that names the other peer
	Says      string // what it says
	Committed bool   // the repository has it
	Peer      iapeer.Name
	Home      string // where that peer lives
	Worktree  string // branch, when this folder is a git work tree beside Home
	Suggested string // a name for a peer of its own
	CWD       string
}

// Error says what was found and the ways out, over several lines.
func (e *PapersError) Error() string {
	says := e.Says
	if e.Committed {
		says += " (committed)"
	}
	home := e.Home
	if e.Worktree != "" {
		home += "; this folder is its git worktree, branch " + e.Worktree
	}
	here := fmt.Sprintf("%s here", strings.TrimPrefix(strings.TrimPrefix(e.File, e.CWD), "/"))
	var b strings.Builder
	b.WriteString("this folder carries the papers of another peer\n")
	fmt.Fprintf(&b, "  %-20s  says %s\n", here, says)
	fmt.Fprintf(&b, "  %-20s  %s\n", fmt.Sprintf("peer %s lives in", e.Peer), home)
	b.WriteString("Nothing was changed. Either\n")
	first, second := "iapeer create "+e.Suggested+" --workdir .", "iapeer init --personality "+e.Suggested
	width := max(len(first), len(second))
	fmt.Fprintf(&b, "  %-*s  a peer of its own; writes nothing into this folder\n", width, first)
	fmt.Fprintf(&b, "  %-*s  the same, with its files here (ignored by git)\n", width, second)
	b.WriteString("More: iapeer help worktrees")
	return b.String()
}

// Unwrap makes a PapersError match [iapeer.ErrBadDraft], as every refused field
// does.
func (e *PapersError) Unwrap() error { return iapeer.ErrBadDraft }

// papers describes what file says about the peer that lives elsewhere.
func (p *plan) papers(file, says string, other iapeer.Name) error {
	owner, _ := p.f.peer(other)
	e := &PapersError{File: file, Says: says, Committed: p.f.Committed[file], Peer: other, Home: p.f.abbreviate(owner.CWD),
		Suggested: spelling.Normalize(filepath.Base(p.f.CWD)), CWD: p.f.CWD, Worktree: p.f.SiblingOf[other]}
	if _, err := iapeer.ParseName(e.Suggested); err != nil || e.Suggested == string(other) {
		e.Suggested = "NAME"
	}
	return e
}
