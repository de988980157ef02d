package registry

import (
	"os"
	"path/filepath"
)

// SameCWD reports whether a and b are one folder: spelled alike, or the same
// one on disk, through links and on file systems that ignore case.
func SameCWD(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// realCWD resolves links, or returns the clean path of a folder that is not
// there.
func realCWD(cwd string) string {
	if p, err := filepath.EvalSymlinks(cwd); err == nil {
		return p
	}
	return filepath.Clean(cwd)
}
