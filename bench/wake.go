package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/load"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/internal/fakemodel"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session"
	"github.com/iapeer/iapeer/session/screen"
)

// An agent is a real agent program, pinned.
type agent struct {
	peer    string
	adapter runtimes.Adapter
	prefix  string // of its installation, below the agents' folder
	program string
	binEnv  string
}

var agents = []agent{
	{"anna", runtimes.Claude(), "claude-2.1.329", "claude", "IAPEER_CLAUDE_BIN"},
	{"boris", runtimes.Codex(), "codex-0.169.0", "codex", "IAPEER_CODEX_BIN"},
}

// wake measures from the receipt of a message for a sleeping agent to its
// offer, beside the same program started by hand until its prompt is drawn.
func (b *bench) wake() error {
	dir := os.Getenv("IAPEER_AGENTS_DIR")
	if dir == "" {
		dir = filepath.Join(".cache", "agents")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	p := plan{env: []string{"IAPEER_IDLE_SECS=1"}} // so that an agent sleeps again soon
	for _, a := range agents {
		bin := filepath.Join(dir, a.prefix, "node_modules", ".bin", a.program)
		if _, err := os.Stat(bin); err != nil {
			return fmt.Errorf("%s is %w: make agents", a.prefix, errAbsent)
		}
		p.env = append(p.env, a.binEnv+"="+bin)
	}
	h, err := b.newHouse(p)
	if err != nil {
		return err
	}
	if err := b.signIn(h); err != nil {
		return err
	}
	for _, a := range agents {
		if err := b.wakeAgent(h, a); err != nil {
			return fmt.Errorf("%s: %w", a.program, err)
		}
	}
	return nil
}

// signIn starts a scripted model and makes the house one in which the agents
// are signed in with it.
func (b *bench) signIn(h *house) error {
	const apiKey = "sk-ant-scripted-model-0123456789"
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: fakemodel.New()} //nolint:gosec // a measurement on loopback
	go func() { _ = srv.Serve(l) }()
	b.opened = append(b.opened, closer(func() { _ = srv.Close() }))
	url := "http://" + l.Addr().String()
	for path, text := range map[string]string{
		filepath.Join(h.paths.Home, ".claude.json"): fmt.Sprintf(
			`{"hasCompletedOnboarding":true,"customApiKeyResponses":{"approved":[%q],"rejected":[]}}`, apiKey[len(apiKey)-20:]),
		filepath.Join(h.paths.Home, ".codex", "config.toml"): fmt.Sprintf(
			"model = \"fake-model\"\nmodel_provider = \"fake\"\n[model_providers.fake]\nname = \"fake\"\nbase_url = \"%s/v1\"\nenv_key = \"FAKE_KEY\"\nwire_api = \"responses\"\n", url),
		filepath.Join(h.paths.State(), "environment"): "PATH=" + os.Getenv("PATH") +
			"\nLANG=C.UTF-8\nIS_SANDBOX=1\nCLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1\nFAKE_KEY=k\nANTHROPIC_BASE_URL=" + url + "\nANTHROPIC_API_KEY=" + apiKey + "\n",
	} {
		if err := put(path, text, 0o600); err != nil {
			return err
		}
	}
	for _, create := range [][]string{
		{"create", "anna", "--runtime", "claude"}, {"create", "boris", "--runtime", "codex"}, {"create", "ops", "--runtime", "exec", "--", "true"},
	} {
		if _, err := h.cli(create...); err != nil {
			return err
		}
	}
	return nil
}

type closer func()

func (c closer) close() { c() }

// cli runs the thin client in the house.
func (h *house) cli(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*upLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(h.bin, "iapeer"), args...)
	cmd.Env, cmd.Dir = h.env, h.paths.Home
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("iapeer %v: %w: %s", args, err, out)
	}
	return out, err
}

func (b *bench) wakeAgent(h *house, a agent) error {
	n := 1
	if _, _, err := h.wakeByMail(a, n); err != nil { // a fresh session, whose id cannot be started twice
		return err
	}
	n++
	_, spec, err := h.wakeByMail(a, n) // a resumed one, as all that follow
	if err != nil {
		return err
	}
	s, err := b.interleave(b.rounds,
		contender{"iapeer", func(int) (figures, error) {
			n++
			took, latest, err := h.wakeByMail(a, n)
			spec = latest
			return figures{"ms": took}, err
		}},
		contender{"by hand", func(int) (figures, error) {
			took, err := startByHand(a, spec)
			return figures{"ms": took}, err
		}})
	if err != nil {
		return err
	}
	ours, theirs := s["iapeer/ms"], s["by hand/ms"]
	var over []float64
	for i := range ours {
		over = append(over, ours[i]-theirs[i])
	}
	b.table.add(row{
		what: fmt.Sprintf("wake of %s, ms from accepted to offered beyond its start by hand to the prompt", a.prefix),
		ours: fmt.Sprintf("%.0f", load.Median(ours)), theirs: fmt.Sprintf("%.0f", load.Median(theirs)),
		ratio: load.Median(over), must: 100, aim: 30, plain: true,
	})
	return nil
}

// wakeByMail sends to the sleeping agent and returns the milliseconds from
// acceptance to offer, and how the session was started. The agent sleeps again
// afterwards.
func (h *house) wakeByMail(a agent, n int) (float64, *session.Spec, error) {
	out, err := h.cli("send", "--from", "exec-ops", "--json", a.peer, "--message", fmt.Sprintf("hello NONCE n%d", n), "--topic", "bench", "--wait", "answered")
	if err != nil {
		return 0, nil, err
	}
	var sent client.SendReply
	if err := json.Unmarshal(out, &sent); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), upLimit)
	defer cancel()
	m, err := h.fleet.Message(ctx, string(sent.Result.ID))
	if err != nil {
		return 0, nil, err
	}
	spec, err := h.specOf(a.peer)
	if err != nil {
		return 0, nil, err
	}
	if !session.WaitUnlocked(spec.Files(), upLimit) {
		return 0, nil, fmt.Errorf("%s was not parked", a.peer)
	}
	for _, step := range m.Steps {
		if step.Change == iapeer.ChangeOffer {
			return float64(step.Evidence.At.Sub(m.AcceptedAt)) / float64(time.Millisecond), spec, nil
		}
	}
	return 0, spec, fmt.Errorf("%w: %s was not offered", errAnswer, m.ID)
}

func (h *house) specOf(peer string) (*session.Spec, error) {
	found, err := session.Scan(h.paths.Hosts())
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if string(f.Identity.Name) == peer && f.Spec != nil {
			return f.Spec, nil
		}
	}
	return nil, fmt.Errorf("%s has no session", peer)
}

// startByHand starts the program with the same arguments in a terminal of its
// own and returns the milliseconds until its prompt is drawn. The composer that
// codex draws below "loading" is no prompt: its questions come up in its place.
func startByHand(a agent, spec *session.Spec) (float64, error) {
	cmd := exec.Command(spec.Argv[0], spec.Argv[1:]...) //nolint:noctx // killed below
	cmd.Env, cmd.Dir = spec.Env, spec.Cwd
	start := time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 220, Rows: 50})
	if err != nil {
		return 0, err
	}
	defer leave(cmd, tty)
	ready := make(chan prompt, 1)
	go watchPrompt(a, tty, ready)
	select {
	case p := <-ready:
		if p.at.IsZero() {
			return 0, fmt.Errorf("%s ended before its prompt, and left on its screen: %s", a.program, p.screen)
		}
		return float64(p.at.Sub(start)) / float64(time.Millisecond), nil
	case <-time.After(upLimit):
		return 0, fmt.Errorf("%s drew no prompt", a.program)
	}
}

// leave ends the program as a person's closed terminal would. A program that is
// killed instead leaves locks behind, and the next start waits for them.
func leave(cmd *exec.Cmd, tty *os.File) {
	time.Sleep(settle) // it writes its state when its prompt is drawn
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(endLimit, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // it leads the terminal's session, hence a group
	_ = cmd.Wait()
	kill.Stop()
	tty.Close()
}

// endLimit is how long a program may take to end.
const endLimit = 5 * time.Second

// A prompt is when a prompt was drawn, or else what the screen showed at the
// end.
type prompt struct {
	at     time.Time
	screen string
}

// watchPrompt tells when the terminal first shows a prompt.
func watchPrompt(a agent, tty *os.File, ready chan<- prompt) {
	m := screen.New(220, 50, 1000, "", screen.Listener{Reply: func(b []byte) { _, _ = tty.Write(b) }})
	buf := make([]byte, 32<<10)
	var shown runtimes.Screen
	for told := false; ; {
		n, err := tty.Read(buf)
		if err != nil {
			if !told {
				ready <- prompt{screen: shown.Last(8)}
			}
			return
		}
		m.Feed(buf[:n])
		if told {
			continue
		}
		shown = runtimes.Screen{}
		for _, r := range m.Rows() {
			shown.Rows = append(shown.Rows, r.Text)
			shown.Ink = append(shown.Ink, r.Plain)
		}
		if a.adapter.Screen(shown).Word == runtimes.ScreenReady {
			told = true
			ready <- prompt{at: time.Now()}
		}
	}
}
