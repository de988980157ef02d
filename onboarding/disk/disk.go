// Package disk reads and replaces files as a guest: whole, durable, through
// links, with the mode that was there.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Modes of what onboarding makes. Ours is private; a project's files are as
// readable as the project.
const (
	PrivateFile = fs.FileMode(0o600)
	PrivateDir  = fs.FileMode(0o700)
	SharedFile  = fs.FileMode(0o644)
	SharedDir   = fs.FileMode(0o755)
)

// maxLinks is how many symbolic links are followed before giving up.
const maxLinks = 40

// ReadFile returns a file's bytes, and nil without an error when there is none.
func ReadFile(path string) (b []byte, exists bool, err error) {
	b, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return b, err == nil, err
}

// FollowLinks returns the file that path stands for, which need not exist: a
// write goes to it, so that a link stays a link.
func FollowLinks(path string) string {
	for range maxLinks {
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// RealPath is path without symbolic links, or path itself when it does not
// exist.
func RealPath(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	return path
}

// WriteFile replaces a file as a whole: a reader sees the old bytes or the new
// ones, and after a power cut one of both is there. The mode of an existing
// file stays.
func WriteFile(path string, b []byte, mode fs.FileMode) error {
	path = FollowLinks(path)
	if st, err := os.Stat(path); err == nil {
		mode = st.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".iapeer-*")
	if err != nil {
		return err
	}
	err = fill(f, b, mode)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// fill writes b, makes it durable and closes the file.
func fill(f *os.File, b []byte, mode fs.FileMode) error {
	_, err := f.Write(b)
	return errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
}

// SameFolder reports whether two paths are the same folder, whatever links or
// letter case the file system allows.
func SameFolder(a, b string) bool {
	if a == b || RealPath(a) == RealPath(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// IsDir reports whether path is a folder, or a link to one.
func IsDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// IsProgram reports whether path is a file that may be run, or a link to one.
func IsProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0
}

// Within reports whether path is the folder dir or lies in it. dir is a real
// path.
func Within(path, dir string) bool {
	path = RealPath(path)
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
