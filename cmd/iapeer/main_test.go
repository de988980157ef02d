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
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
	"github.com/iapeer/iapeer/gate"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"iapeer": main, "iapeerd": smallDaemon})
}

func TestScripts(t *testing.T) {
	socks := t.TempDir() // a socket's path must be short
	var n atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
		Setup: func(e *testscript.Env) error {
			sock := filepath.Join(socks, fmt.Sprint(n.Add(1)))
			e.Defer(func() { stopSmallDaemon(e.WorkDir, sock) })
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("USER", "ada")
			e.Setenv("GORACE", raceEnv)
			e.Setenv("IAPEER_ROOT", filepath.Join(e.WorkDir, "root"))
			e.Setenv("IAPEER_DAEMON_SOCKET", sock)
			return os.MkdirAll(filepath.Join(e.WorkDir, "home"), 0o700)
		},
	})
}

// raceEnv spares every program of a race build the second that it otherwise
// waits at its end.
const raceEnv = "atexit_sleep_ms=0"

// status is the script command "status <code> <command> [args]": the command
// must end with that code.
func status(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status <code> <command> [args]")
	}
	got := "0"
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// smallDaemon stands in for iapeerd: the real handlers over a fleet in memory
// with the peers web, sleepy, ada and crash.
func smallDaemon() {
	if len(os.Args) > 1 && os.Args[1] == "once" {
		if err := fleet.ServeOnce(context.Background(), smallFleet(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := runSmallDaemon(); err != nil {
		tellReady(err.Error())
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func smallFleet() http.Handler {
	d := fleettest.New("web", "sleepy", "crash").Deps()
	if v := os.Getenv("IAPEER_TEST_VERSION"); v != "" {
		d.Version = v
	}
	d.Caller = gate.CallerFrom
	h := fleet.New(d)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := iapeer.Caller{Proof: iapeer.ProofUID}
		c.Identity, _ = iapeer.ParseIdentity(r.Header.Get(client.HeaderIdentity))
		if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			c.Session, c.Proof = true, iapeer.ProofSession
		}
		h.ServeHTTP(w, r.WithContext(gate.WithCaller(r.Context(), c)))
	})
}

func runSmallDaemon() error {
	if why := os.Getenv("IAPEER_TEST_REFUSE"); why != "" {
		return fmt.Errorf("%s", why)
	}
	if os.Getenv("IAPEER_TEST_DIE") != "" {
		fmt.Fprintln(os.Stderr, "panic: the disk is full")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	paths := iapeer.PathsFromEnv(os.Getenv)
	l, err := net.Listen("unix", os.Getenv("IAPEER_DAEMON_SOCKET"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(paths.State(), 0o700); err != nil {
		return err
	}
	lock, err := os.Create(filepath.Join(paths.State(), "daemon.lock")) // held until the process is gone
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	b, err := json.Marshal(client.Router{Sock: l.Addr().String(), TCP: "http://127.0.0.1:8765/mcp", Fleet: 1})
	if err != nil {
		return err
	}
	if err := os.WriteFile(paths.RouterFile(), b, 0o600); err != nil {
		return err
	}
	env := strings.Join(os.Environ(), "\n")
	if err := os.WriteFile(filepath.Join(paths.Root, "environ"), []byte(env), 0o600); err != nil {
		return err
	}
	srv := &http.Server{Handler: smallFleet()}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	tellReady("ready")
	if err := srv.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return os.Remove(paths.RouterFile())
}

func tellReady(line string) {
	if os.Getenv(readyEnv) == "" {
		return
	}
	f := os.NewFile(readyFD, "ready")
	fmt.Fprintln(f, line)
	f.Close()
}

// stopSmallDaemon ends the daemon of a script that left one.
func stopSmallDaemon(work, sock string) {
	cmd := exec.Command("iapeer", "daemon", "stop")
	cmd.Env = append(os.Environ(), "IAPEER_ROOT="+filepath.Join(work, "root"), "IAPEER_DAEMON_SOCKET="+sock, "GORACE="+raceEnv)
	_ = cmd.Run() // none is fine
}
