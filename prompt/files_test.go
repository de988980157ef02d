package prompt_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/prompt"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// place returns a home with a root and a peer's folder in it.
func place(t *testing.T) (paths iapeer.Paths, cwd string) {
	t.Helper()
	home := t.TempDir()
	return iapeer.Paths{Home: home, Root: filepath.Join(home, ".iapeer")}, filepath.Join(home, "web")
}

func TestRead(t *testing.T) {
	paths, cwd := place(t)
	write(t, filepath.Join(paths.Root, "IAPEER.md"), "host")
	write(t, filepath.Join(paths.Root, "MEMORY.md"), "memory")
	write(t, filepath.Join(paths.Root, "fragments", "f.md"), "fragment")
	write(t, filepath.Join(paths.Root, "deeper", "x.md"), "too deep")
	write(t, filepath.Join(cwd, ".iapeer", "IAPEER.md"), "folder")
	write(t, filepath.Join(cwd, ".iapeer", "iapeer.MD"), "another case")
	write(t, filepath.Join(cwd, ".iapeer", "notes.MD"), "notes")
	write(t, filepath.Join(cwd, ".iapeer", "peer-profile.json"), "{}")
	write(t, filepath.Join(cwd, ".iapeer", "folder.md", "x.md"), "a folder's file")
	if err := os.Symlink("nowhere", filepath.Join(cwd, ".iapeer", "gone.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(paths.Root, "MEMORY.md"), filepath.Join(cwd, ".iapeer", "linked.md")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(cwd, ".iapeer", "pipe.md"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := prompt.Read(paths, cwd)
	want := prompt.Files{
		Global: prompt.Folder{
			Doctrine:  file("IAPEER.md", "~/.iapeer/IAPEER.md", "host"),
			Documents: []prompt.File{file("MEMORY.md", "~/.iapeer/MEMORY.md", "memory")},
			Fragments: []prompt.File{file("f.md", "~/.iapeer/fragments/f.md", "fragment")},
		},
		Local: prompt.Folder{
			Doctrine: file("IAPEER.md", "~/web/.iapeer/IAPEER.md", "folder"),
			Documents: []prompt.File{file("linked.md", "~/web/.iapeer/linked.md", "memory"),
				file("notes.MD", "~/web/.iapeer/notes.MD", "notes")},
		},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestReadNothing(t *testing.T) {
	paths, cwd := place(t)
	write(t, filepath.Join(paths.Root, "fragments"), "a file where a folder should be")
	got, err := prompt.Read(paths, cwd)
	if diff := cmp.Diff(prompt.Files{}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A peer whose folder is the home has one .iapeer folder, not two.
func TestReadHomePeer(t *testing.T) {
	paths, _ := place(t)
	write(t, filepath.Join(paths.Root, "IAPEER.md"), "host")
	got, err := prompt.Read(paths, paths.Home)
	if err != nil || got.Global.Doctrine.Text != "host" || got.Local.Doctrine.Text != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	paths, cwd := place(t)
	write(t, filepath.Join(paths.Root, "a.md"), "a")
	write(t, filepath.Join(paths.Root, "b.md"), "b")
	if err := os.Chmod(filepath.Join(paths.Root, "a.md"), 0); err != nil {
		t.Fatal(err)
	}
	got, err := prompt.Read(paths, cwd)
	if err == nil || !strings.Contains(err.Error(), "a.md") || len(got.Global.Documents) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}
