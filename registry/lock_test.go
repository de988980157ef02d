package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

// TestMain lets the test binary stand for another program; see worker.
func TestMain(m *testing.M) {
	if root := os.Getenv("REGISTRY_TEST_ROOT"); root != "" {
		os.Exit(worker(root, os.Getenv("REGISTRY_TEST_NAME"), os.Getenv("REGISTRY_TEST_CWD")))
	}
	os.Exit(m.Run())
}

const rounds = 10

// worker registers peers of its own and counts up a number in one profile that
// all workers share.
func worker(root, name, cwd string) int {
	r, err := Open(iapeer.Paths{Root: root, Home: "/nonexistent"}, zap.NewNop())
	for i := 0; i < rounds && err == nil; i++ {
		n := fmt.Sprintf("%s-%d", name, i)
		_, err = r.Upsert(iapeer.Peer{Name: iapeer.Name(n), CWD: "/src/" + n, DefaultRuntime: "claude"})
		if err == nil {
			_, _, err = EditProfile(cwd, zap.NewNop(), func(p *iapeer.Peer) error {
				count, _ := strconv.Atoi(p.Description) // "" is 0
				p.Description = strconv.Itoa(count + 1)
				return nil
			})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestLocksHoldBetweenProcesses(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	cwd := folder(t, "shared", `{"personality":"shared","default_runtime":"claude"}`)
	const workers = 4
	var running []*exec.Cmd
	for i := range workers {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "REGISTRY_TEST_ROOT="+root, "REGISTRY_TEST_NAME=w"+strconv.Itoa(i), "REGISTRY_TEST_CWD="+cwd)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	for _, c := range running {
		if err := c.Wait(); err != nil {
			t.Errorf("worker: %v", err)
		}
	}
	r := open(t, iapeer.Paths{Root: root})
	if got := len(r.Peers()); got != workers*rounds {
		t.Errorf("%d peers, want %d", got, workers*rounds)
	}
	p, err := ReadProfile(cwd)
	if want := strconv.Itoa(workers * rounds); err != nil || p.Description != want {
		t.Errorf("counted to %s, %v; want %s", p.Description, err, want)
	}
}

func TestRegistryLockOfAnotherProgram(t *testing.T) {
	paths := newPaths(t)
	if err := os.MkdirAll(paths.RegistryLock(), 0o700); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := open(t, paths).Upsert(peer("web", "/src/web", "claude"))
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("wrote although another program holds the lock: %v", err)
	case <-time.After(200 * time.Millisecond): // nothing can be waited for: it must not happen
	}
	if err := os.Remove(paths.RegistryLock()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLockGivesUp(t *testing.T) {
	dir := t.TempDir()
	l := dirLock{folder: filepath.Join(dir, "lock"), flock: filepath.Join(dir, "flock"), wait: 20 * time.Millisecond, poll: time.Millisecond, must: true}
	release, err := l.acquire(zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.acquire(zap.NewNop()); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), l.flock) {
		t.Errorf("flock taken: %v", err)
	}
	release()
	if err := os.Mkdir(l.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := l.acquire(zap.NewNop()); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), l.folder) {
		t.Errorf("folder taken: %v", err)
	}
	l.must = false
	if release, err = l.acquire(zap.NewNop()); err != nil {
		t.Fatalf("folder taken, not needed: %v", err)
	}
	release()
	if _, err := os.Stat(l.folder); err != nil {
		t.Errorf("another's lock folder was removed: %v", err)
	}
}

func TestLockStaysFresh(t *testing.T) {
	dir := t.TempDir()
	l := dirLock{folder: filepath.Join(dir, "lock")}
	if err := os.Mkdir(l.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(l.folder, old, old); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go l.keepFresh(stop, done)
	defer func() { close(stop); <-done }()
	for limit := time.Now().Add(20 * refreshEvery); ; {
		info, err := os.Stat(l.folder)
		if err != nil || time.Now().After(limit) {
			t.Fatalf("never touched: %v", err)
		}
		if info.ModTime().After(old) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestLockBesideAnOldFile(t *testing.T) {
	paths := newPaths(t)
	putIndex(t, paths, `{"version":2,"peers":[]}`)
	if err := os.WriteFile(paths.RegistryLock(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	upsert(t, open(t, paths), peer("web", "/src/web", "claude"))
	if _, err := os.Stat(paths.RegistryLock() + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("lock left behind: %v", err)
	}
}
