package hosting

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/config"
	"github.com/iapeer/iapeer/onboarding"
	"github.com/iapeer/iapeer/prompt"
	"github.com/iapeer/iapeer/registry"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session"
)

// tokenVar is the variable that carries a session's secret, and by which its
// processes are known when their host was killed.
const tokenVar = "IAPEER_BEARER"

// versionLimit bounds the question for a program's version.
const versionLimit = 10 * time.Second

// hostLimit bounds the start of a host process, not of the program in it.
const hostLimit = 10 * time.Second

// starting is one start of one session.
type starting struct {
	s       *Sessions
	order   house.Launch
	report  func(house.Report)
	adapter runtimes.Adapter
	peer    iapeer.Peer
	home    string // the peer's, without links
	cwd     string // where it works, without links
	token   string
	launch  runtimes.Launch
	command runtimes.Command
	decided runtimes.Decision
}

// handError tells that somebody else works in the folder.
type handError struct {
	pid int
	cwd string
}

func (e *handError) Error() string {
	return fmt.Sprintf("a session started by hand (pid %d) works in %s", e.pid, e.cwd)
}

// run composes and starts the session, and reports it.
func (st *starting) run() error {
	ctx, cancel := context.WithTimeout(st.s.Life, st.s.Config.Config.BootDeadline)
	defer cancel()
	for _, step := range []func(context.Context) error{st.find, st.yield, st.decide, st.compose, st.write, st.spawn} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// failed explains why no session came up.
func (st *starting) failed(err error) house.StartFailed {
	if st.token != "" {
		st.s.Tokens.End(st.token)
	}
	f := house.StartFailed{Err: err, Alive: errors.Is(err, session.ErrAlreadyRunning), Cleanly: errors.Is(err, runtimes.ErrNothingToResume)}
	var refused *runtimes.StartError
	var hand *handError
	switch {
	case errors.As(err, &refused):
		f.Err, f.Remedy, f.Cleanly = errors.New(refused.Cause), refused.Remedy, true
	case errors.As(err, &hand):
		f.ByHand, f.Cleanly, f.Remedy = true, true, fmt.Sprintf("end it, or take it over: iapeer adopt %s; mail waits meanwhile", st.order.Identity.Name)
		st.s.awaitExit(hand.pid, func() { st.report(house.HandEnded{}) })
	}
	return f
}

// find reads who the peer is now: the profile may have changed while it slept.
func (st *starting) find(context.Context) (err error) {
	if st.adapter, err = st.s.adapter(st.order.Identity.Runtime); err != nil {
		return &runtimes.StartError{Cause: err.Error(), Remedy: "install the runtime's package"}
	}
	if st.peer, err = st.s.Registry.Refresh(st.order.Identity.Name); err != nil {
		return err
	}
	if err := st.adapter.Allows(st.peer.Nature); err != nil {
		return &runtimes.StartError{Cause: err.Error(), Remedy: "correct \"intelligence\" in " + iapeer.Profile(st.peer.CWD)}
	}
	if st.home, err = filepath.EvalSymlinks(st.peer.CWD); err != nil {
		return &runtimes.StartError{Cause: "peer cwd does not exist: " + st.peer.CWD, Remedy: "bring the folder back, or: iapeer remove " + string(st.peer.Name)}
	}
	if st.cwd, err = filepath.EvalSymlinks(st.peer.Dir()); err != nil {
		return &runtimes.StartError{Cause: "the folder it works in does not exist: " + st.peer.Dir(),
			Remedy: fmt.Sprintf("bring the folder back, or: iapeer create %s --workdir DIR", st.peer.Name)}
	}
	return nil
}

// yield leaves the folder to a session that a person started there, or ends
// that one when the person said so. In a folder that is not the peer's home such
// a session is somebody else's.
func (st *starting) yield(ctx context.Context) error {
	if st.peer.Settings.Workdir != "" {
		return nil
	}
	hand, ok, err := st.s.byHand(ctx, st.adapter, st.cwd)
	if err != nil || !ok {
		return err
	}
	if !st.order.Anyway {
		return &handError{pid: hand.PID, cwd: st.cwd}
	}
	if st.order.Mode != house.StartResume {
		return nil // two sessions in one folder: asked for
	}
	st.order.Presence.SessionID = hand.SessionID
	return st.s.endByHand(ctx, hand)
}

// decide chooses between a fresh session and a resumed one.
func (st *starting) decide(ctx context.Context) (err error) {
	want := runtimes.Want{Topic: st.order.Topic, Person: st.order.Person}
	switch st.order.Mode {
	case house.StartFresh:
		want.Resume = runtimes.No()
	case house.StartResume:
		want.Resume = runtimes.Yes()
	case house.StartNatural:
	}
	env, err := st.s.base(ctx)
	if err != nil {
		return err
	}
	st.decided, err = runtimes.Decide(runtimes.Facts{
		Presence: st.order.Presence, Ephemeral: st.peer.Settings.Ephemeral, Conversational: conversational(st.peer),
		Recorded: func(id string) bool { return st.s.record(st.adapter, env, st.cwd, id) != "" },
	}, want)
	return err
}

// conversational reports whether a person talks to the peer over a chat.
func conversational(p iapeer.Peer) bool {
	var faces map[string]json.RawMessage
	return json.Unmarshal(p.Interfaces, &faces) == nil && faces["telegram"] != nil
}

// compose gathers everything that shapes the start.
func (st *starting) compose(ctx context.Context) (err error) {
	id, s := st.order.Identity, st.s
	base, err := s.base(ctx)
	if err != nil {
		return err
	}
	extra := registry.ReadLaunchEnv(st.home, id.Runtime)
	st.token = s.Tokens.Mint(id, st.order.Generation, st.peer.Nature == iapeer.Natural)
	st.launch = runtimes.Launch{
		Identity: id, CWD: st.cwd, Home: s.Paths.Home, Bin: s.program(st.adapter, extra),
		ResumeID: st.decided.ResumeID, ReplacePrompt: st.peer.Settings.ReplacePrompt,
		SessionDir: filepath.Join(s.Paths.Sessions(), id.String()), DaemonURL: s.URL, Token: st.token,
		Gated: st.gated(), Decide: st.gated(), AcceptedRisk: !st.gated(), IsRoot: os.Geteuid() == 0, Folders: st.folders(),
		ExtraArgs: extra.Args, ExtraEnv: extra.Env, DisallowedTools: extra.DisallowedTools,
		BaseEnv: base, ExecArgv: st.peer.Settings.Exec, IapeerBin: s.Iapeer,
	}
	if st.adapter.FixesID && st.launch.ResumeID == "" {
		st.launch.NewID = newUUID()
	}
	if st.adapter.Kind == runtimes.TUI {
		if st.launch.Version, err = s.version(ctx, st.launch.Bin, base); err != nil {
			return err
		}
		if err := st.composePrompt(); err != nil {
			return err
		}
	}
	st.command, err = st.adapter.Command(st.launch)
	return err
}

// folders are those that the session may reach besides the one it works in.
func (st *starting) folders() []string {
	if st.home == st.cwd {
		return st.peer.Settings.Folders
	}
	return append([]string{st.home}, st.peer.Settings.Folders...)
}

// gated reports whether a person approves what the agent does: as the profile
// says, and always until the risk of the other mode was accepted.
func (st *starting) gated() bool {
	if st.peer.Settings.Gated {
		return true
	}
	answer, err := onboarding.RiskAnswer(st.s.Paths)
	return st.s.Config.Config.AcceptRisk != config.Yes && (err != nil || answer != "yes")
}

func (st *starting) composePrompt() error {
	files, err := prompt.Read(st.s.Paths, st.home)
	if err != nil {
		st.s.Log.Warn("prompt", iapeerField(st.order.Identity), errField(err)) // what could be read still counts
	}
	st.launch.Prompt = prompt.Compose(prompt.Input{
		Name: st.peer.Name, Description: st.peer.Description, CWD: st.cwd, Host: prompt.ThisHost(time.Now()),
		Docs: st.s.Paths.Abbreviate(st.s.Paths.Docs()), Peers: st.s.Registry.Peers(), Files: files,
	})
	st.launch.PromptFile = filepath.Join(st.launch.SessionDir, "prompt.md")
	return nil
}

// write puts on disk what the session needs before it begins.
func (st *starting) write(ctx context.Context) error {
	if err := os.MkdirAll(st.launch.SessionDir, 0o700); err != nil {
		return err
	}
	files := st.command.Files
	if st.launch.PromptFile != "" {
		if files == nil {
			files = make(map[string][]byte)
		}
		files[st.launch.PromptFile] = []byte(st.launch.Prompt)
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	for _, seed := range st.command.Seeds {
		if err := onboarding.Seed(ctx, st.s.Paths, st.peer.Name, seed.File, seed.Keys, seed.Value); err != nil {
			st.s.Log.Warn("the trust dialog may come up", iapeerField(st.order.Identity), errField(err))
		}
	}
	return nil
}

// spawn starts the host and begins to listen to it.
func (st *starting) spawn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	id := st.order.Identity
	spec := session.Spec{
		Identity: id, Generation: st.order.Generation, Kind: session.Kind(st.adapter.Kind), Argv: st.command.Argv, Env: st.command.Env, Cwd: st.cwd,
		Dir: st.s.Paths.Hosts(), PaneLog: filepath.Join(st.s.Paths.PaneLogs(), id.String()+".log"),
		ExitLog: filepath.Join(st.s.Paths.Logs(), "exits.log"), Mark: tokenVar + "=" + st.token,
	}
	session.WaitUnlocked(spec.Files(), hostLimit) // the last host told its end and may still be leaving
	conn, err := session.Spawn(ctx, []string{st.s.Iapeer, "host"}, spec)
	if err != nil {
		return err
	}
	l := newLive(st.s, st.adapter, st.order, conn, st.report)
	l.token, l.cwd, l.env, l.sessionID, l.accepted = st.token, st.cwd, st.command.Env, st.launch.NewID, st.launch.AcceptedRisk
	if st.launch.ResumeID != "" {
		l.sessionID = st.launch.ResumeID
	} else if st.adapter.Kind == runtimes.TUI {
		l.initial = st.peer.Settings.InitialPrompt
	}
	l.begin()
	st.s.add(l)
	st.report(house.Started{
		Session: l, SessionID: l.sessionID, Resumed: st.launch.ResumeID != "", Cause: st.decided.Cause, Start: st.decided.Words(st.order.Topic),
		HostPID: l.hostPID, Socket: l.socket(),
	})
	go l.listen()
	if err := session.Forget(spec.Dir, id, st.order.Settled); err != nil {
		st.s.Log.Warn("records of dead sessions cannot be removed", iapeerField(id), errField(err))
	}
	return nil
}

// program is the program of a runtime: as the peer's launch.env says, else as
// configured, else the adapter's own name, to be found on the session's PATH.
func (s *Sessions) program(a runtimes.Adapter, extra iapeer.LaunchEnv) string {
	if a.BinEnv != "" && extra.Env[a.BinEnv] != "" {
		return extra.Env[a.BinEnv]
	}
	configured := map[iapeer.Runtime]string{
		iapeer.RuntimeClaude: s.Config.Config.ClaudeBin, iapeer.RuntimeCodex: s.Config.Config.CodexBin,
	}[a.Runtime]
	if configured != "" {
		return configured
	}
	if a.BinEnv != "" {
		return s.Getenv(a.BinEnv)
	}
	return ""
}

// version asks a program for its version, once per program file.
func (s *Sessions) version(ctx context.Context, bin string, env []string) (runtimes.Version, error) {
	path, err := lookPath(bin, env)
	if err != nil {
		return runtimes.Version{}, &runtimes.StartError{Cause: err.Error(), Remedy: "install it, or name it: iapeer config show --origin"}
	}
	st, err := os.Stat(path)
	if err != nil {
		return runtimes.Version{}, err
	}
	key := fmt.Sprintf("%s\x00%d\x00%d", path, st.ModTime().UnixNano(), st.Size())
	s.mu.Lock()
	v, ok := s.versions[key]
	s.mu.Unlock()
	if ok {
		return v, nil
	}
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env, cmd.WaitDelay = append(slices.Clone(env), "DISABLE_AUTOUPDATER=1"), time.Second
	out, err := cmd.Output()
	if err != nil {
		return v, &runtimes.StartError{Cause: fmt.Sprintf("%s --version: %v", path, err), Remedy: "repair the installation of " + filepath.Base(path)}
	}
	if v, err = runtimes.ParseVersion(string(out)); err != nil {
		v = runtimes.Version{} // a program that does not say is taken to be current
	}
	s.mu.Lock()
	s.versions[key] = v
	s.mu.Unlock()
	return v, nil
}

// lookPath finds a program on the PATH of env.
func lookPath(bin string, env []string) (string, error) {
	if strings.Contains(bin, "/") {
		if _, err := os.Stat(bin); err != nil {
			return "", fmt.Errorf("%s is not there: %w", bin, errors.Unwrap(err))
		}
		return bin, nil
	}
	for _, e := range slices.Backward(env) {
		path, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, bin)
			if st, err := os.Stat(file); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
				return file, nil
			}
		}
		break
	}
	return "", fmt.Errorf("%s is not installed: no such program on the sessions' PATH", bin)
}

// packaged reports whether a package for the runtime is installed.
func (s *Sessions) packaged(rt iapeer.Runtime) bool {
	_, err := os.Stat(filepath.Join(s.Paths.Runtimes(), string(rt), "runtime.json"))
	return err == nil
}

// newUUID returns a random (version 4) UUID, RFC 9562 §5.4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
