package disk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/iapeer/iapeer/onboarding/disk"
)

// TestWriteFile: a link stays a link, an existing file keeps its mode, and
// nothing is left beside it.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := disk.WriteFile(link, []byte("new"), disk.PrivateFile); err != nil {
		t.Fatal(err)
	}
	b, exists, err := disk.ReadFile(real)
	if err != nil || !exists || string(b) != "new" {
		t.Errorf("ReadFile = %q, %v, %v", b, exists, err)
	}
	st, err := os.Lstat(link)
	if err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", st, err)
	}
	if st, err := os.Stat(real); err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", st, err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("the folder holds %v", list)
	}
	if _, exists, err := disk.ReadFile(filepath.Join(dir, "none")); exists || err != nil {
		t.Errorf("a file that is not there: %v, %v", exists, err)
	}
}

func TestWithin(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(dir, "web", "in")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, dir string
		want      bool
	}{
		{filepath.Join(dir, "web"), filepath.Join(dir, "web"), true}, {inner, filepath.Join(dir, "web"), true}, {inner, "/", true},
		{filepath.Join(dir, "web2"), filepath.Join(dir, "web"), false}, {dir, inner, false},
	} {
		if got := disk.Within(tc.path, tc.dir); got != tc.want {
			t.Errorf("Within(%s, %s) = %v, want %v", tc.path, tc.dir, got, tc.want)
		}
	}
}
