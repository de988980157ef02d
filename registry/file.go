package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/iapeer/iapeer"
)

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// ErrSandbox refuses to write the person's own registry from a test sandbox.
var ErrSandbox = errors.New("IAPEER_TEST_SANDBOX=1 and this is the registry under HOME; set IAPEER_ROOT to the sandbox")

// guardSandbox returns [ErrSandbox] when a sandbox is about to write the
// registry under a home folder, be it that of the command or of the process.
func guardSandbox(paths iapeer.Paths) error {
	if os.Getenv("IAPEER_TEST_SANDBOX") != "1" {
		return nil
	}
	own, _ := os.UserHomeDir()
	for _, home := range []string{paths.Home, own} {
		if home != "" && SameCWD(filepath.Join(home, ".iapeer"), paths.Root) {
			return fmt.Errorf("write %s: %w", paths.Registry(), ErrSandbox)
		}
	}
	return nil
}

// writeFile replaces path by data, whole and durable: after a power cut the
// file is either the old or the new one. A link stays a link.
func writeFile(path string, data []byte) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// A stamp tells one version of a file from another without reading it. The
// zero stamp is that of no file.
type stamp struct {
	at    time.Time
	size  int64
	inode uint64
}

// stampOf stats path. A file that is not there has the zero stamp.
func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, err
	}
	return stamp{at: info.ModTime(), size: info.Size(), inode: inode(info)}, nil
}
