package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/internal/agents"
)

// programs builds both programs of a source tree into a new folder.
func programs(t *testing.T, tree, version string) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-ldflags", "-X github.com/iapeer/iapeer.Version="+version, "-o", dir, "./cmd/iapeer", "./cmd/iapeerd")
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", version, err, out)
	}
	return dir
}

// install puts programs where others may be running, as an update does.
func install(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iapeer", "iapeerd"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name+".new"), b, 0o700)
		}
		if err == nil {
			err = os.Rename(filepath.Join(to, name+".new"), filepath.Join(to, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpgrade puts a newer build in the place of the programs under live sessions
// of real agents, in the middle of a turn: the sessions are adopted, nothing is
// lost, and the next message is seen.
func TestUpgrade(t *testing.T) {
	s, _ := pairWithModel(t, agents.ClaudeNew)
	s.cli("daemon", "stop")
	s.uses(t, programs(t, "..", "9.9.8"))
	s.upgrade(t, programs(t, "..", "9.9.9"), []string{"anna", "boris"}, "THINK 5 NONCE ")
}

// TestUpgradeFromTheLastTag does the same with the programs of the newest tag.
func TestUpgradeFromTheLastTag(t *testing.T) {
	tag, err := exec.Command("git", "-C", "..", "describe", "--tags", "--abbrev=0").Output()
	if err != nil {
		t.Skip("SKIPPED: no tag, or no git, so there is no earlier version to upgrade from")
	}
	tree := filepath.Join(t.TempDir(), "tree")
	if out, err := exec.Command("git", "clone", "--quiet", "--depth=1", "--branch", strings.TrimSpace(string(tag)), "file://"+absolute(t, ".."), tree).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: the tag's tree is not to be had: %v %s", err, out)
	}
	s := newSandbox(t)
	s.uses(t, programs(t, tree, strings.TrimSpace(string(tag))))
	s.cli("create", "anna", "--runtime", "exec", "--", "sh", "-c", "cat >/dev/null; sleep 2")
	s.cli("create", "ops", "--runtime", "exec", "--", "true")
	s.upgrade(t, programs(t, "..", "9.9.9"), []string{"anna"}, "go ")
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// uses installs other programs than those under test.
func (s *sandbox) uses(t *testing.T, programs string) {
	t.Helper()
	s.bin = filepath.Join(s.home, "bin")
	install(t, programs, s.bin)
	s.env = append(s.env, "PATH="+s.bin+":"+os.Getenv("PATH"))
}

func (s *sandbox) upgrade(t *testing.T, after string, peers []string, task string) {
	t.Helper()
	hosts, under := map[string]int{}, map[string]iapeer.MessageID{}
	for _, p := range peers {
		s.send("exec-ops", p, "hello NONCE first-"+p, "--wait", "answered")
		hosts[p] = s.hostPID(p)
		under[p] = s.send("exec-ops", p, task+"under-"+p, "--wait", "accepted").ID
	}
	install(t, after, s.bin)
	if out := s.cli("version"); !strings.Contains(out, "iapeer  9.9.9") || strings.Contains(out, "daemon  9.9.9") {
		t.Errorf("before the restart: %s", out)
	}
	s.cli("daemon", "restart")
	if out := s.cli("version"); !strings.Contains(out, "daemon  9.9.9") {
		t.Errorf("after the restart: %s", out)
	}
	for _, p := range peers {
		m := s.reaches(under[p], iapeer.Answered)
		if m.TurnCut || m.Attempts > 1 {
			t.Errorf("%s: the message under way was cut (%v) or offered %d times", p, m.TurnCut, m.Attempts)
		}
		if now := s.hostPID(p); now != hosts[p] {
			t.Errorf("%s: session host %d, want %d adopted", p, now, hosts[p])
		}
		if r := s.send("exec-ops", p, "hello NONCE after-"+p, "--wait", "answered"); r.State != iapeer.Answered {
			t.Errorf("%s: after the upgrade %+v", p, r)
		}
	}
}
