package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// runAt runs a daemon in this process until the test ends or stop is called.
func runAt(t *testing.T, home string, env map[string]string) (paths iapeer.Paths, stop func() error) {
	t.Helper()
	getenv := func(name string) string {
		if name == "HOME" {
			return home
		}
		return env[name]
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Getenv: getenv, Iapeer: "/nonexistent/iapeer", Log: zap.NewNop(), Ready: func() { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the daemon ended: %v", err)
	}
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return iapeer.PathsFromEnv(getenv), stop
}

// home is a short home folder: sockets below it have little room.
func shortHome(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ied") //nolint:usetesting // the path of t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func router(t *testing.T, p iapeer.Paths) routerFile {
	t.Helper()
	b, err := os.ReadFile(p.RouterFile())
	if err != nil {
		t.Fatal(err)
	}
	var r routerFile
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// freePort is a port that nobody has at this moment.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestRouterFileAndSocket(t *testing.T) {
	home := shortHome(t)
	paths, stop := runAt(t, home, map[string]string{"IAPEER_PORT": fmt.Sprint(freePort(t))})
	r := router(t, paths)
	if r.Sock != paths.RouterSocket() || r.Fleet != 1 || r.Version != iapeer.Version || !strings.HasSuffix(r.TCP, "/mcp") {
		t.Errorf("router.json = %+v", r)
	}
	st, err := os.Stat(r.Sock)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket = %v, %v, want mode 0600", st, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{paths.RouterFile(), r.Sock} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left behind", path)
		}
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	home := shortHome(t)
	env := map[string]string{"IAPEER_PORT": fmt.Sprint(freePort(t))}
	paths, _ := runAt(t, home, env)
	err := Run(t.Context(), Options{Log: zap.NewNop(), Getenv: func(name string) string {
		if name == "HOME" {
			return home
		}
		return env[name]
	}})
	if !errors.Is(err, ErrRunning) {
		t.Errorf("second daemon: %v, want ErrRunning", err)
	}
	if r := router(t, paths); r.PID != os.Getpid() {
		t.Errorf("router.json = %+v, want the first daemon's", r)
	}
}

// TestForeignSocketIsLeftAlone keeps away from a socket that somebody answers,
// and replaces one that nobody does.
func TestForeignSocketIsLeftAlone(t *testing.T) {
	dir := shortHome(t)
	path := filepath.Join(dir, "s", "router.sock")
	first, err := listenUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(t.Context(), path); err == nil || !strings.Contains(err.Error(), "already listening") {
		t.Errorf("a second listener: %v, want it refused", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	second, err := listenUnix(t.Context(), path)
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	second.Close()
}

// TestRootKeepsItsPort serves the unix socket while another program has the
// root's port, names it, and takes the port when it is free.
func TestRootKeepsItsPort(t *testing.T) {
	home := shortHome(t)
	paths, stop := runAt(t, home, nil)
	url := router(t, paths).TCP
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/mcp")
	squatter, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Skipf("SKIPPED: somebody took %s meanwhile: %v", addr, err)
	}
	defer squatter.Close()
	if paths, _ = runAt(t, home, nil); router(t, paths).TCP != "" {
		t.Fatalf("router.json names %s although another program has it", router(t, paths).TCP)
	}
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", paths.RouterSocket())
	}}}
	var body struct {
		Notices []struct {
			Kind    string `json:"kind"`
			Summary string `json:"summary"`
		} `json:"notices"`
	}
	for len(body.Notices) == 0 { // the board has it once it is on disk
		res, err := c.Get("http://localhost/fleet/v1/notices")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(res.Body).Decode(&body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := body.Notices[0]; n.Kind != "port-taken" || !strings.Contains(n.Summary, fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("notice = %+v, want it to name us as the holder", n)
	}
	squatter.Close()
	deadline := time.After(4 * portRetry)
	for router(t, paths).TCP == "" {
		select {
		case <-deadline:
			t.Fatal("the port was not taken when it was free")
		case <-time.After(50 * time.Millisecond):
		}
	}
	if got := router(t, paths).TCP; got != url {
		t.Errorf("router.json names %s, want %s", got, url)
	}
}

// TestDamagedStoreIsSetAside starts although the store is torn, and says so.
func TestDamagedStoreIsSetAside(t *testing.T) {
	home := shortHome(t)
	env := map[string]string{"IAPEER_PORT": fmt.Sprint(freePort(t))}
	paths := iapeer.Paths{Home: home, Root: filepath.Join(home, ".iapeer")}
	if err := os.MkdirAll(paths.State(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(paths.Store(), []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	runAt(t, home, env)
	aside, _ := filepath.Glob(paths.Store() + ".damaged-*")
	if len(aside) == 0 {
		t.Error("nothing was set aside")
	}
}
