package host

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/proc"
	"github.com/iapeer/iapeer/session/wire"
)

// Files are the names of one identity's files in the folder of session hosts.
type Files struct {
	Dir string
	ID  iapeer.Identity
}

func (f Files) named(suffix string) string {
	return filepath.Join(f.Dir, f.ID.String()+suffix)
}

// Sock is the host's unix socket.
func (f Files) Sock() string { return f.named(".sock") }

// PID holds the host's process id and start token.
func (f Files) PID() string { return f.named(".pid") }

// Lock is held by the host for its whole life and never removed.
func (f Files) Lock() string { return f.named(".lock") }

// Spec is the host's order; it is there from before the spawn to the shutdown.
func (f Files) Spec() string { return f.named(".serve.json") }

// Attached exists while a person's terminal is attached.
func (f Files) Attached() string { return f.named(".attached") }

// Geometry holds the terminal's size.
func (f Files) Geometry() string { return f.named(".geometry.json") }

// Log is the host's own output.
func (f Files) Log() string { return f.named(".log") }

// Exit is the record of one session's end.
func (f Files) Exit(generation int64) string {
	return f.named("." + strconv.FormatInt(generation, 10) + ".exit.json")
}

// Outcome is the record of one exec run.
func (f Files) Outcome(generation int64, id iapeer.MessageID) string {
	return f.named("." + strconv.FormatInt(generation, 10) + ".exec." + string(id) + ".json")
}

// writePID writes "<pid> <start token>".
func (f Files) writePID() (wire.Process, error) {
	self := wire.Process{PID: os.Getpid()}
	token, err := proc.Token(self.PID)
	if err != nil {
		return self, err
	}
	self.Token = token
	return self, writeFile(f.PID(), []byte(fmt.Sprintf("%d %s\n", self.PID, token)), false)
}

// ReadPID reads a pid file. Files of older programs hold no token.
func ReadPID(path string) (wire.Process, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return wire.Process{}, err
	}
	pid, token, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	n, err := strconv.Atoi(pid)
	if err != nil || n <= 0 {
		return wire.Process{}, fmt.Errorf("%s: process id %q is not a number", path, pid)
	}
	return wire.Process{PID: n, Token: token}, nil
}

// writeJSON replaces a file with v as JSON.
func writeJSON(path string, v any, sync bool) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFile(path, append(b, '\n'), sync)
}

// HalfWritten is how the name of a file begins that is being written.
const HalfWritten = ".tmp-"

// writeFile replaces a file at once: whoever reads it finds the old or the new
// content. With sync it survives a power cut.
func writeFile(path string, b []byte, sync bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), HalfWritten+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if sync {
		syncDir(filepath.Dir(path))
	}
	return nil
}

// syncDir makes a rename durable. A file system that cannot is no reason to
// fail: the content is there.
func syncDir(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
