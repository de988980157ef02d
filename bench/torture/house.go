package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/bench/torture/ledger"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/registry"
	"github.com/iapeer/iapeer/session"
)

// upLimit bounds the start of anything.
const upLimit = 60 * time.Second

// routerRuntime is the runtime of the senders: a package whose program writes
// down what its terminal gets.
const routerRuntime iapeer.Runtime = "torture"

// A member is one peer of the house.
type member struct {
	id     iapeer.Identity
	manner string // of an exec peer, see package witness
	ledger string
}

func (m member) name() string { return string(m.id.Name) }

// A house is a home folder with its own root, daemon and peers.
type house struct {
	bin     string // folder of iapeer, iapeerd and witness
	books   string // folder of the ledgers: outside the home, whose disk may be full
	paths   iapeer.Paths
	env     []string
	peers   []member // a command for each message, or real agents
	senders []member // routers: they send with their session's token, and get mail too
	outside []member // exec peers for which a process outside their session sends

	model  *model // of real agents, nil without
	pids   starts // of daemons
	stderr *os.File
}

// manners are those of the exec peers, in turn.
var manners = []string{"answer", "quiet", "slow", "fail", "late", "answer", "quiet", "slow"}

// newHouse makes the home folder and registers everybody; nothing runs yet. Its
// path is short, because sockets below it have room for about a hundred bytes.
func newHouse(o options, bin string) (*house, error) {
	home, err := os.MkdirTemp("/tmp", "it")
	if err != nil {
		return nil, err
	}
	h := &house{bin: bin, books: home + ".ledgers", paths: iapeer.Paths{Root: filepath.Join(home, ".iapeer"), Home: home}}
	if err := os.Mkdir(h.books, 0o700); err != nil {
		return nil, err
	}
	if o.inside {
		if err := h.smallDisk(); err != nil {
			return nil, err
		}
	}
	h.env = []string{
		"HOME=" + home, "USER=ada", "LOGNAME=ada", "SHELL=/bin/sh", "LANG=C.UTF-8", "NO_COLOR=1",
		"PATH=" + bin + ":" + os.Getenv("PATH"), "IAPEER_ACCEPT_RISK=yes", "IAPEER_BIN=" + filepath.Join(bin, "iapeer"),
		"IAPEER_IDLE_SECS=1", "IAPEER_SEND_WAIT_SECS=1",
		"IAPEER_CRASHLOOP_MAX=1000000", // many deaths are what this is about
		"IAPEER_TEST_CLOCK=" + h.clockFile(),
	}
	for i := range o.senders {
		h.senders = append(h.senders, h.member(fmt.Sprintf("s%d", i), routerRuntime, ""))
	}
	for i := range o.peers {
		manner := ""
		if o.runtime == iapeer.RuntimeExec {
			manner = manners[i%len(manners)]
		} else if i == mostAgents {
			break
		}
		h.peers = append(h.peers, h.member(fmt.Sprintf("x%d", i), o.runtime, manner))
	}
	h.outside = append(h.outside, h.member("u0", iapeer.RuntimeExec, "quiet"))
	if err := h.employ(o.runtime); err != nil {
		return nil, err
	}
	return h, errors.Join(h.furnish(), h.register())
}

// mostAgents is how many real agents a small machine carries.
const mostAgents = 3

// employ prepares for real agents.
func (h *house) employ(rt iapeer.Runtime) (err error) {
	if rt == iapeer.RuntimeExec {
		return nil
	}
	binEnv, path, err := agentProgram(rt)
	if err != nil {
		return err
	}
	h.env = append(h.env, binEnv+"="+path, "IAPEER_IDLE_SECS=5") // the last one counts
	h.model, err = startModel(h.books)
	return err
}

func (h *house) member(name string, rt iapeer.Runtime, manner string) member {
	id := iapeer.Identity{Runtime: rt, Name: iapeer.Name(name)}
	return member{id: id, manner: manner, ledger: filepath.Join(h.books, name)}
}

// everybody lists all members.
func (h *house) everybody() []member {
	return append(append(append([]member{}, h.senders...), h.peers...), h.outside...)
}

// furnish writes what sessions find: their environment, and the package of the
// routers' runtime.
func (h *house) furnish() error {
	program := filepath.Join(h.paths.Home, "bin", string(routerRuntime)+"-runtime")
	script := "#!/bin/sh\nstty raw -echo\nexec " + filepath.Join(h.bin, "witness") + " router " + h.books + "/${PWD##*/}\n"
	account := ""
	if h.model != nil {
		var err error
		if account, err = h.signIn(h.model); err != nil {
			return err
		}
	}
	for path, text := range map[string]string{
		filepath.Join(h.paths.State(), "environment"):                            "PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH") + "\nLANG=C.UTF-8\nHOME=" + h.paths.Home + "\n" + account,
		filepath.Join(h.paths.Runtimes(), string(routerRuntime), "runtime.json"): fmt.Sprintf(`{"name":%q}`, routerRuntime),
		program: script,
	} {
		if err := put(path, text, 0o700); err != nil {
			return err
		}
	}
	return nil
}

func put(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

// register writes profiles and the registry.
func (h *house) register() error {
	var peers []iapeer.Peer
	for _, m := range h.everybody() {
		p := iapeer.Peer{Name: m.id.Name, DefaultRuntime: m.id.Runtime, Runtimes: []iapeer.Runtime{m.id.Runtime}, Nature: natureOf(m.id.Runtime), Description: m.manner, CWD: h.paths.PeerHome(m.id.Name)}
		profile := map[string]any{
			"personality": p.Name, "default_runtime": p.DefaultRuntime, "runtimes": p.Runtimes, "intelligence": p.Nature, "description": p.Description,
		}
		if m.manner != "" {
			profile["exec"] = []string{filepath.Join(h.bin, "witness"), "exec", m.ledger, m.manner}
		}
		text, err := json.Marshal(profile)
		if err != nil {
			return err
		}
		if err := put(iapeer.Profile(p.CWD), string(text), 0o600); err != nil {
			return err
		}
		peers = append(peers, p)
	}
	reg, err := registry.Open(h.paths, zap.NewNop())
	if err != nil {
		return err
	}
	_, err = reg.Upsert(peers...)
	return err
}

// natureOf is what a peer of a runtime is: agents are artificial, the rest is
// nobody.
func natureOf(rt iapeer.Runtime) iapeer.Nature {
	if rt == iapeer.RuntimeClaude || rt == iapeer.RuntimeCodex {
		return iapeer.Artificial
	}
	return iapeer.Absent
}

// token returns the secret of an identity's live session, "" without one.
func (h *house) token(id iapeer.Identity) string {
	b, err := os.ReadFile(session.Files{Dir: h.paths.Hosts(), ID: id}.Spec())
	if err != nil {
		return ""
	}
	var spec struct{ Env []string }
	_ = json.Unmarshal(b, &spec)
	for _, v := range spec.Env {
		if token, ok := strings.CutPrefix(v, "IAPEER_BEARER="); ok {
			return token
		}
	}
	return ""
}

// route returns the way to the daemon: by its socket, or by TCP.
func (h *house) route(tcp bool) *http.Transport {
	network, addr := "unix", h.paths.RouterSocket()
	if tcp {
		var r client.Router
		b, _ := os.ReadFile(h.paths.RouterFile())
		_ = json.Unmarshal(b, &r)
		network, addr = "tcp", strings.TrimSuffix(strings.TrimPrefix(r.TCP, "http://"), "/mcp")
	}
	return &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: 1, IdleConnTimeout: upLimit,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		},
	}
}

// fleet returns a client that speaks as a process outside every session.
func (h *house) fleet() *client.Client {
	return client.New(client.To(client.Router{Sock: h.paths.RouterSocket()}))
}

// serves reports whether a daemon answers.
func (h *house) serves(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := h.fleet().Version(ctx)
	return err == nil
}

// cli runs the thin client; env comes on top of the house's own.
func (h *house) cli(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(h.bin, "iapeer"), args...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = append(append([]string{}, h.env...), env...), h.paths.Home, time.Second
	return cmd.Output()
}

// wakeSenders starts the senders' sessions.
func (h *house) wakeSenders(ctx context.Context) error {
	for _, m := range h.senders {
		if err := h.wake(ctx, m.id); err != nil {
			return err
		}
	}
	return nil
}

func (h *house) wake(ctx context.Context, id iapeer.Identity) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c := h.fleet()
	_, err := c.Command(ctx, iapeer.VerbWake, string(id.Name), client.CommandRequest{})
	return err
}

// ledgers reads what everybody wrote down.
func (h *house) ledgers() (map[string][]ledger.Entry, error) {
	out := map[string][]ledger.Entry{}
	books, err := os.ReadDir(h.books)
	for _, b := range books {
		if strings.HasSuffix(b.Name(), ".log") {
			continue
		}
		list, err := ledger.Read(filepath.Join(h.books, b.Name()))
		if err != nil {
			return nil, err
		}
		out[b.Name()] = list
	}
	return out, err
}
