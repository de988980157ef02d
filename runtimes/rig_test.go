package runtimes_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/fakemodel"
	"github.com/iapeer/iapeer/runtimes"
	"github.com/iapeer/iapeer/session/screen"
)

// TestMain lets the test binary stand for our own program where a session runs
// it as a hook: "<binary> hook <runtime> <event>".
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "hook" {
		os.Exit(relay())
	}
	os.Exit(m.Run())
}

// A rig is one sandbox: a home, a folder, a model, a daemon's endpoints, and a
// session at a time.
type rig struct {
	t         *testing.T
	a         runtimes.Adapter
	home, cwd string
	model     *fakemodel.Server
	launch    runtimes.Launch

	mu      sync.Mutex
	changed chan struct{}
	events  []iapeer.SessionEvent // of hooks, status escapes and titles
	heads   []http.Header         // of hook requests
	calls   []mcpCall
	screen  *screen.Screen
	exited  bool

	cmd *exec.Cmd
	pty *os.File

	pasted bool                    // the session was given a message
	edit   func(*runtimes.Command) // changes what start runs
	config string                  // the program's own folder, if it was moved
}

type mcpCall struct {
	head http.Header
	args json.RawMessage
}

const apiKey = "sk-ant-test-0000000000-000000000000-AA"

// claudeOnboarded is the state file of a person who has used claude before: set
// up, and the end of the API key approved.
const claudeOnboarded = `{"hasCompletedOnboarding":true,"customApiKeyResponses":{"approved":["0000-000000000000-AA"],"rejected":[]}}`

// newRig prepares a sandbox as a person would have it who has used the program
// before: claude onboarded with an API key, codex with a model provider.
func newRig(t *testing.T, a runtimes.Adapter, bin string) *rig {
	t.Helper()
	r := &rig{t: t, a: a, changed: make(chan struct{})}
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.home, r.cwd = filepath.Join(base, "home"), filepath.Join(base, "proj")
	sessions := filepath.Join(base, "session")
	var url string
	r.model, url = fakemodel.Start(t)
	daemon := httptest.NewServer(http.HandlerFunc(r.daemon))
	t.Cleanup(daemon.Close)
	r.mkdir(r.home, r.cwd, sessions, filepath.Join(r.home, ".codex"))
	r.write(filepath.Join(r.home, ".claude.json"), claudeOnboarded)
	r.write(filepath.Join(r.home, ".codex", "config.toml"), fmt.Sprintf(
		"model = \"fake-model\"\nmodel_provider = \"fake\"\n[model_providers.fake]\nname = \"fake\"\nbase_url = \"%s/v1\"\nenv_key = \"FAKE_KEY\"\nwire_api = \"responses\"\n", url))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	prompt := filepath.Join(sessions, "prompt.md")
	r.write(prompt, testPrompt)
	version, err := exec.Command(bin, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", bin, err)
	}
	v, err := runtimes.ParseVersion(string(version))
	if err != nil {
		t.Fatal(err)
	}
	r.launch = runtimes.Launch{
		Identity: iapeer.Identity{Runtime: a.Runtime, Name: "anna"},
		CWD:      r.cwd, Home: r.home, Bin: bin, Version: v, NewID: "11111111-2222-4333-8444-555555555555",
		Prompt: testPrompt, PromptFile: prompt, SessionDir: sessions,
		DaemonURL: daemon.URL, Token: "secret-of-anna", AcceptedRisk: true, IsRoot: os.Getuid() == 0,
		Folders: []string{base}, IapeerBin: self,
		BaseEnv: []string{
			"HOME=" + r.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "IS_SANDBOX=1", "CLAUDECODE=1", "CLAUDE_CODE_SSE_PORT=1",
			"ANTHROPIC_BASE_URL=" + url, "ANTHROPIC_API_KEY=" + apiKey, "FAKE_KEY=x", "LANG=C.UTF-8",
			"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "TEST_HOOKS=" + daemon.URL + "/hooks/v1",
		},
	}
	return r
}

const testPrompt = "You are anna, a peer.\nQuotes: \"x\" and 'y'; a backslash \\ and a tab\t; PROMPTMARK-7f3a.\n"

func (r *rig) mkdir(dirs ...string) {
	r.t.Helper()
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o700); err != nil {
			r.t.Fatal(err)
		}
	}
}

// git makes the session's folder a repository.
func (r *rig) git() {
	r.t.Helper()
	r.mkdir(filepath.Join(r.cwd, ".git", "objects"), filepath.Join(r.cwd, ".git", "refs"))
	r.write(filepath.Join(r.cwd, ".git", "HEAD"), "ref: refs/heads/main\n")
}

// programHome is the folder of the program's records.
func (r *rig) programHome() string {
	return r.a.Records.Home(func(key string) string {
		if key == "CLAUDE_CONFIG_DIR" {
			return r.config
		}
		return ""
	}, r.home)
}

func (r *rig) write(path, text string) {
	r.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) update(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait returns when cond, called under the lock after every change, holds.
func (r *rig) wait(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(25 * time.Second)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		ok, changed := cond(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			r.mu.Lock()
			defer r.mu.Unlock()
			text := ""
			if r.screen != nil {
				text = shown(r.screen).Last(30)
			}
			r.t.Fatalf("waiting for %s: events %+v\nscreen:\n%s", what, r.events, text)
		}
	}
}

// start composes the command, writes what it asks for and runs it on a
// terminal of 220 × 50. end stops it and waits; the test's end does too.
func (r *rig) start() (end func()) {
	r.t.Helper()
	c, err := r.a.Command(r.launch)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.edit != nil {
		r.edit(&c)
	}
	for path, content := range c.Files {
		r.write(path, string(content))
	}
	for _, s := range c.Seeds {
		r.seed(s)
	}
	r.cmd = exec.Command(c.Argv[0], c.Argv[1:]...)
	r.cmd.Env, r.cmd.Dir = c.Env, r.launch.CWD
	f, err := pty.StartWithSize(r.cmd, &pty.Winsize{Rows: 50, Cols: 220})
	if err != nil {
		r.t.Fatal(err)
	}
	r.pty, r.pasted = f, false
	signal := func(kind string) func(string) {
		return func(v string) { r.events = append(r.events, r.a.Signal(kind, v)...) }
	}
	r.mu.Lock()
	r.exited = false
	r.screen = screen.New(220, 50, 100, "test", screen.Listener{
		Title: signal(runtimes.SignalTitle), Status: signal(runtimes.SignalStatus),
		Reply: func(b []byte) { _, _ = f.Write(b) },
	})
	r.mu.Unlock()
	done := make(chan struct{})
	go r.drain(f, done)
	cmd, once := r.cmd, sync.Once{}
	end = func() { once.Do(func() { stop(cmd, f, done) }) }
	r.t.Cleanup(end)
	return end
}

func (r *rig) drain(f *os.File, done chan struct{}) {
	defer close(done)
	buf := make([]byte, 32<<10)
	for {
		n, err := f.Read(buf)
		r.update(func() { r.screen.Feed(buf[:n]); r.exited = err != nil })
		if err != nil {
			return
		}
	}
}

// stop ends a session and what it started.
func stop(cmd *exec.Cmd, f *os.File, done chan struct{}) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer kill.Stop()
	_ = cmd.Wait()
	f.Close()
	<-done
}

// settle returns when the screen did not change for a moment, as the session
// host waits before it shows a screen to an adapter.
func (r *rig) settle() {
	const quiet = 300 * time.Millisecond
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-time.After(quiet):
			return
		}
	}
}

// state is what the screen shows, under the lock.
func (r *rig) state() runtimes.ScreenState { return r.a.Screen(shown(r.screen)) }

// has reports whether an event of one kind came.
func has[E iapeer.SessionEvent](events []iapeer.SessionEvent) bool {
	return slices.ContainsFunc(events, func(e iapeer.SessionEvent) bool { _, ok := e.(E); return ok })
}

// status is the program's own word on its state, under the lock: of claude's
// status file, else of the last event.
func (r *rig) status() string {
	if r.a.Records.StatusPath == nil {
		for _, e := range slices.Backward(r.events) {
			if _, idle := e.(iapeer.SessionIdle); idle {
				return "idle"
			}
			if _, busy := e.(iapeer.SessionBusy); busy {
				return "busy"
			}
		}
		return ""
	}
	b, err := os.ReadFile(filepath.Join(r.programHome(), r.a.Records.StatusPath(r.cmd.Process.Pid)))
	if err != nil {
		return ""
	}
	s, err := r.a.Records.Status(b)
	if err != nil {
		return ""
	}
	return s.State
}

// seed sets one key, as the onboarding room would.
func (r *rig) seed(s runtimes.Seed) {
	r.t.Helper()
	b, err := os.ReadFile(s.File)
	if err != nil {
		r.t.Fatal(err)
	}
	root := map[string]any{}
	if err := json.Unmarshal(b, &root); err != nil {
		r.t.Fatal(err)
	}
	at := root
	for _, k := range s.Keys[:len(s.Keys)-1] {
		next, _ := at[k].(map[string]any)
		if next == nil {
			next = map[string]any{}
		}
		at[k], at = next, next
	}
	at[s.Keys[len(s.Keys)-1]] = s.Value
	out, err := json.Marshal(root)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(s.File, string(out))
}

// ready waits for the empty composer; a dialog on the way fails the test.
func (r *rig) ready() {
	r.t.Helper()
	var last runtimes.ScreenState
	r.wait("the composer", func() bool {
		last = r.a.Screen(shown(r.screen))
		if last.Word == runtimes.ScreenModal || last.Word == runtimes.ScreenBlocked {
			r.t.Errorf("a dialog came up: %+v\n%s", last, shown(r.screen).Last(30))
			return true
		}
		return last.Word == runtimes.ScreenReady && !last.Composing
	})
	if last.Word != runtimes.ScreenReady {
		r.t.FailNow()
	}
}

// paste writes an envelope and Enter as the session host does.
func (r *rig) paste(env iapeer.Envelope) {
	r.t.Helper()
	text := "\x1b[200~" + r.a.Render(env, time.Now()) + "\x1b[201~"
	if r.pasted || r.a.FirstGap == 0 {
		r.keys(text + "\r")
		return
	}
	r.pasted = true
	r.keys(text)
	r.waitAtMost(r.a.FirstGap, func() bool { return r.state().Composing })
	r.keys("\r")
}

func (r *rig) keys(s string) {
	r.t.Helper()
	if _, err := io.WriteString(r.pty, s); err != nil {
		r.t.Fatal(err)
	}
}

func fromBoris(body string) iapeer.Envelope {
	return iapeer.Envelope{
		ID: iapeer.NewMessageID(), From: iapeer.Identity{Runtime: "claude", Name: "boris"}, FromNature: iapeer.Artificial,
		SentAt: time.Now(), Body: body, Conversation: iapeer.NewConversationID(), Proof: iapeer.ProofSession,
	}
}
