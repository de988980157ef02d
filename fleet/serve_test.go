package fleet_test

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
)

// listen serves the memory on a unix socket of a fresh root and returns a
// client that found it there.
func listen(t *testing.T, m *fleettest.Memory, change ...func(*fleet.Deps)) *client.Client {
	t.Helper()
	d := m.Deps()
	for _, f := range change {
		f(&d)
	}
	return dial(t, serve(t, fleet.New(d)))
}

// serve listens where a daemon would, and returns the environment to find it.
func serve(t *testing.T, h http.Handler) func(string) string {
	t.Helper()
	root := t.TempDir()
	sock := filepath.Join(root, "s")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	env := map[string]string{"IAPEER_ROOT": root, "HOME": root, "IAPEER_DAEMON_SOCKET": sock}
	return func(k string) string { return env[k] }
}

func dial(t *testing.T, getenv func(string) string) *client.Client {
	t.Helper()
	c, err := client.Dial(getenv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
