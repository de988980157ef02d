package prompt

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/iapeer/iapeer"
)

// doctrineName is the file whose text comes before all others.
const doctrineName = "IAPEER.md"

// Read collects the documents of the root and of the peer's folder cwd. A file
// or folder that is not there, or goes while it is being read, is left out.
// With an error, which names each file that could not be read, the rest is
// still returned.
func Read(paths iapeer.Paths, cwd string) (Files, error) {
	var files Files
	var err error
	files.Global, err = readFolder(paths, paths.Root)
	local := iapeer.PeerDir(cwd)
	if sameFolder(paths.Root, local) {
		return files, err
	}
	var localErr error
	files.Local, localErr = readFolder(paths, local)
	return files, errors.Join(err, localErr)
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func readFolder(paths iapeer.Paths, dir string) (Folder, error) {
	documents, err := readDocuments(paths, dir)
	fragments, errF := readDocuments(paths, filepath.Join(dir, "fragments"))
	folder := Folder{Fragments: fragments}
	for _, f := range documents {
		switch {
		case f.Name == doctrineName:
			folder.Doctrine = f
		case !strings.EqualFold(f.Name, doctrineName):
			folder.Documents = append(folder.Documents, f)
		}
	}
	return folder, errors.Join(err, errF)
}

// readDocuments reads the *.md files directly in dir. Only regular files count:
// reading anything else could block for ever.
func readDocuments(paths iapeer.Paths, dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if gone(err) {
		return nil, nil
	}
	var files []File
	errs := []error{err}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if !strings.EqualFold(filepath.Ext(entry.Name()), ".md") || !regular(path) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			if !gone(err) {
				errs = append(errs, err)
			}
			continue
		}
		files = append(files, File{Name: entry.Name(), Path: paths.Abbreviate(path), Text: string(text)})
	}
	return files, errors.Join(errs...)
}

// gone reports whether there is nothing to read: no such file, or a file where
// a folder should be.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func regular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
