package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/iapeer/iapeer"
)

// attachments is where copies for a peer are kept.
func attachments(p iapeer.Paths, to iapeer.Name) string {
	return filepath.Join(p.State(), "attachments", string(to))
}

// copyAttachments copies the files of a draft for its recipient and names the
// copies in it, so that the sender may delete its own at once. A draft that is
// refused anyway is left as it is.
func (a api) copyAttachments(ctx context.Context, d *iapeer.Draft) error {
	if len(d.Attachments) == 0 || len(d.Attachments) > iapeer.MaxAttachments {
		return nil
	}
	if _, ok := (peers{a.d.reg}).Peer(d.To); !ok {
		return nil
	}
	copies := make([]string, len(d.Attachments))
	for i, from := range d.Attachments {
		if !filepath.IsAbs(from) {
			return nil
		}
		to, err := keepFile(ctx, from, attachments(a.d.paths, d.To))
		if err != nil {
			return &iapeer.FieldError{Field: "attachments", Value: from,
				Reason: fmt.Sprintf("attachment %d could not be copied for %q: %v; message NOT delivered", i+1, d.To, err)}
		}
		copies[i] = to
	}
	d.Attachments = copies
	return nil
}

// keepFile copies a regular file to <dir>/<sha256>/<its name> and returns that
// path. A copy that is there already is kept. It appears whole or not at all.
func keepFile(ctx context.Context, from, dir string) (string, error) {
	in, err := openRegular(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, ".incoming-*") // 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it is gone when all went well
	defer tmp.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(tmp, sum), reader{ctx, in}); err != nil {
		return "", err
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return "", err
	}
	to := filepath.Join(dir, hex.EncodeToString(sum.Sum(nil)), filepath.Base(from))
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	return to, os.Rename(tmp.Name(), to)
}

// openRegular opens a file that is one: opening a pipe could wait for ever.
func openRegular(path string) (*os.File, error) {
	st, err := os.Stat(path)
	var why *fs.PathError
	switch {
	case errors.As(err, &why):
		return nil, why.Err
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	}
	return os.Open(path)
}

// A reader stops when its context ends: a caller that went away needs no copy.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
