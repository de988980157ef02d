package gate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapeer/iapeer"
)

// papersIn reads the name in a file called papers.
func papersIn(dir string) (string, iapeer.Name) {
	file := filepath.Join(dir, "papers")
	b, err := os.ReadFile(file)
	if err != nil {
		return "", ""
	}
	return file, iapeer.Name(b)
}

// TestPapersOfAnotherFolder: a process without a token that works in a copy of a
// peer's folder does not speak for the peer; one elsewhere does, as before.
func TestPapersOfAnotherFolder(t *testing.T) {
	root := t.TempDir()
	folder := func(rel, names string) string {
		dir := filepath.Join(root, rel)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if names != "" {
			if err := os.WriteFile(filepath.Join(dir, "papers"), []byte(names), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	home := folder("src/anna", "anna")
	if err := os.Symlink(home, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		dir     string
		home    string
		workdir string
		refused bool
	}{
		{name: "at home", dir: home},
		{name: "below home", dir: folder("src/anna/deep/er", "")},
		{name: "in a work tree below home", dir: folder("src/anna/trees/x", "anna")},
		{name: "at home through a link", dir: filepath.Join(root, "link")},
		{name: "home named by a link", dir: home, home: filepath.Join(root, "link")},
		{name: "elsewhere", dir: folder("elsewhere", "")},
		{name: "in a copy", dir: folder("src/anna-copy", "anna"), refused: true},
		{name: "below a copy", dir: folder("src/anna-copy/cmd", ""), refused: true},
		{name: "in another peer's folder", dir: folder("src/boris", "boris")},
		{name: "in another peer's folder within a copy", dir: folder("src/anna-copy/boris", "boris")},
		{name: "where it works", dir: folder("work", "anna"), workdir: filepath.Join(root, "work")},
		{name: "in a copy of its home, which is gone", dir: folder("moved", "anna"), home: filepath.Join(root, "gone")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			p := w.peers["anna"]
			if p.CWD = home; tc.home != "" {
				p.CWD = tc.home
			}
			p.Settings.Workdir = tc.workdir
			w.peers["anna"] = p
			cfg := configOf(w, nil)
			cfg.Papers = papersIn
			addr, sock := serve(t, cfg, echo)
			for network, at := range map[string]string{"tcp": addr, "unix": sock} {
				script := []any{"stay", network, at, 1, IdentityHeader + "=claude-anna"}
				cmd := caller(t, "/proc/self/exe", script...)
				cmd.Dir = tc.dir
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				got := answersOf(t, out)[0].told(t)
				if refused := got.Err != ""; refused != tc.refused || !tc.refused && got.Caller.Identity != anna {
					t.Errorf("%s: caller %+v, %s", network, got.Caller, got.Err)
				}
				if tc.refused && (!strings.Contains(got.Err, "iapeer create NAME --workdir") && !strings.Contains(got.Err, "iapeer create anna-copy --workdir "+filepath.Join(root, "src/anna-copy")) ||
					!strings.Contains(got.Err, "peer anna lives in "+home)) {
					t.Errorf("%s: refused with %s", network, got.Err)
				}
			}
		})
	}
}
