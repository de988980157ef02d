package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
)

// onboardFlags are those of init and create.
type onboardFlags struct {
	Runtime      string `help:"claude, codex, exec or an installed runtime package; default: what the folder's markers and the host say." placeholder:"runtime"`
	Description  string `help:"One line that tells other peers what this one is for." placeholder:"text"`
	Intelligence string `help:"artificial, natural or absent; default: by the runtime." placeholder:"nature"`
	Bin          string `help:"The runtime's program, absolute." placeholder:"path"`
	NoBootstrap  bool   `help:"Do not start an always-on service."`
	AcceptRisk   bool   `negatable:"" help:"Let agents act without asking (--no-accept-risk: they ask)."`
	Scope        string `help:"project also writes files that git tracks." enum:",project" default:"" placeholder:"scope"`
	Force        bool   `help:"Although something else is in the way."`
	DryRun       bool   `help:"Tell what would be done."`
	jsonFlag
}

// request is the onboarding that the flags ask for.
func (f onboardFlags) request(w *world, verb string) iapeer.Onboarding {
	o := iapeer.Onboarding{
		Verb: verb, Runtime: f.Runtime, Description: f.Description, Nature: f.Intelligence, Bin: f.Bin, Scope: f.Scope,
		NoBootstrap: f.NoBootstrap, DryRun: f.DryRun, Force: f.Force, Env: w.passed(),
	}
	switch {
	case f.AcceptRisk:
		o.AcceptRisk = "yes"
	case slices.Contains(w.args, "--no-accept-risk"):
		o.AcceptRisk = "no"
	}
	return o
}

// initCmd implements "iapeer init".
type initCmd struct {
	Dir         string   `arg:"" optional:"" help:"The folder; default: this one."`
	Exec        []string `arg:"" optional:"" name:"command" help:"After --: the program of an exec peer."`
	Personality string   `help:"Its name; default: the folder's, normalised." placeholder:"name"`
	onboardFlags
}

// Help implements kong.HelpProvider.
func (*initCmd) Help() string {
	return `Repeating it changes nothing. In a git work tree, git status stays as it was.

Examples:
  cd ~/src/web && iapeer init
  iapeer init --runtime codex --description "keeps the API documentation"`
}

// Run makes the folder a peer.
func (c *initCmd) Run(ctx context.Context, w *world) error {
	o := c.request(w, "init")
	dir, command, err := c.split(afterDashes(w.args))
	if err != nil {
		return err
	}
	o.Name, o.CWD, o.Exec = c.Personality, w.abs(dir), command
	return onboard(ctx, w, o, c.JSON)
}

// split tells the folder from the command, which stands after --: the parser
// hands both over as one list.
func (c *initCmd) split(command []string) (dir string, rest []string, err error) {
	words := c.Exec
	if c.Dir != "" {
		words = append([]string{c.Dir}, c.Exec...)
	}
	switch len(words) - len(command) {
	case 0:
		return "", command, nil
	case 1:
		return words[0], command, nil
	}
	return "", nil, usagef("takes one folder; the command of an exec peer goes after -- — usage: iapeer init [<dir>] --runtime exec -- <command>")
}

// afterDashes returns what follows -- on the command line.
func afterDashes(args []string) []string {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[i+1:]
	}
	return nil
}

// createCmd implements "iapeer create".
type createCmd struct {
	Name        string   `arg:"" help:"Its name."`
	Exec        []string `arg:"" optional:"" name:"command" help:"After --: the program of an exec peer."`
	Personality string   `help:"The name, when it is to differ from the folder's." placeholder:"name"`
	Path        string   `help:"Its home, where its files are; default: <root>/peers/<name>." placeholder:"dir"`
	Workdir     string   `help:"Where it works, when that is not its home; nothing is written there." placeholder:"dir"`
	Worktree    string   `help:"A branch: it works in a git work tree of it, beside the repository." placeholder:"branch"`
	Repo        string   `help:"The repository of --worktree; default: that of this folder." placeholder:"dir"`
	onboardFlags
}

// Help implements kong.HelpProvider.
func (*createCmd) Help() string {
	return `More about --workdir and --worktree: iapeer help worktrees.

Examples:
  iapeer create assistant --runtime claude
  iapeer create review --workdir ~/src/web
  iapeer create fix-login --worktree fix-login --repo ~/src/web
  iapeer create sink --runtime exec -- ./sink.sh --verbose`
}

// Run makes the peer.
func (c *createCmd) Run(ctx context.Context, w *world) error {
	o := c.request(w, "create")
	o.Name, o.Exec = c.Name, c.Exec
	if c.Personality != "" {
		o.Name = c.Personality
	}
	o.Worktree = c.Worktree
	for _, dir := range []struct {
		given string
		in    *string
	}{{c.Path, &o.CWD}, {c.Workdir, &o.Workdir}, {c.Repo, &o.Repo}} {
		if dir.given != "" {
			*dir.in = w.abs(dir.given)
		}
	}
	return onboard(ctx, w, o, c.JSON)
}

// removeCmd implements "iapeer remove".
type removeCmd struct {
	Peer   string `arg:"" help:"Which peer."`
	Force  bool   `help:"Delete a git work tree that was made for it although files in it are not committed."`
	DryRun bool   `help:"Tell what would be done."`
	jsonFlag
}

// Help implements kong.HelpProvider.
func (*removeCmd) Help() string {
	return `A session of it that is live is ended. A git work tree goes when it is clean and
merged; see iapeer help worktrees.

Example:
  iapeer remove old-bot --dry-run`
}

// Run forgets the peer.
func (c *removeCmd) Run(ctx context.Context, w *world) error {
	return onboard(ctx, w, iapeer.Onboarding{Verb: "remove", Name: c.Peer, Force: c.Force, DryRun: c.DryRun, Env: w.passed()}, c.JSON)
}

// onboard asks what only a person can answer, carries out and reports.
func onboard(ctx context.Context, w *world, o iapeer.Onboarding, asJSON bool) error {
	if len(o.Exec) > 0 && o.Runtime != string(iapeer.RuntimeExec) {
		return usagef("takes a command after -- only with --runtime exec; got %q", strings.Join(o.Exec, " "))
	}
	if (o.Verb == "init" || o.Verb == "create") && o.AcceptRisk == "" && !o.DryRun && !asJSON && iapeer.Runtime(o.Runtime) != iapeer.RuntimeExec {
		o.AcceptRisk = w.askRisk()
	}
	report, err := w.mine().Onboard(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		err = w.json(report)
	} else {
		w.printf("%s", render.Onboarded(w.style(), report))
	}
	if err == nil && (report.Bootstrap == "failed" || report.Bootstrap == "refused-foreign") {
		return &exitError{exitFailed, "the peer is made, but its service is " + report.Bootstrap}
	}
	return err
}

// passedEnv are the variables that a command of a person carries to the daemon,
// besides IAPEER_*: the daemon's own are another login's.
var passedEnv = []string{"HOME", "PATH", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "PEER_PERSONALITY", "PEER_IDENTITY"}

// passed is the environment that goes with an onboarding command. Tokens stay
// here.
func (w *world) passed() map[string]string {
	env := map[string]string{"PWD": w.cwd} // relative names mean the caller's folder
	for _, kv := range w.environ {
		key, value, _ := strings.Cut(kv, "=")
		if slices.Contains(passedEnv, key) || strings.HasPrefix(key, "IAPEER_") && !strings.HasPrefix(key, "IAPEER_BEARER") {
			env[key] = value
		}
	}
	return env
}

// abs is dir, absolute; "" is the current folder.
func (w *world) abs(dir string) string {
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return filepath.Join(w.cwd, dir)
}
