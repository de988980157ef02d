package fleet

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// ServeOnce reads one HTTP request from in, serves it, and writes the response
// to out. It is how `iapeerd once` does one command where no daemon runs: both
// ways speak the same API and so behave alike.
func ServeOnce(ctx context.Context, h http.Handler, in io.Reader, out io.Writer) error {
	req, err := http.ReadRequest(bufio.NewReader(in))
	if err != nil {
		return fmt.Errorf("read the request on standard input: %w", err)
	}
	w := &kept{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, req.WithContext(ctx))
	res := &http.Response{
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Close: true,
	}
	return res.Write(out)
}

// kept is a response kept whole.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
