package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Request is one request to the fleet API. It may be sent again.
type Request struct {
	Method string // "GET" or "POST"
	Path   string // escaped, with the query
	Header map[string]string
	Body   []byte
}

// A Response is the answer to a [Request].
type Response struct {
	Status  int           // of HTTP
	Reason  string        // the same in words
	Version string        // of the daemon that answers; "" when it does not say
	Body    io.ReadCloser // never nil; the caller closes it
}

// HTTP status of a request that was done.
const statusOK = 200

// Bounds of an answer's head; a line fits the reader's buffer.
const maxHeaders = 100

// ErrAnswer tells that what answers does not speak HTTP/1.1.
var ErrAnswer = errors.New("the answer is not HTTP")

// Bytes returns the request as HTTP/1.1 writes it; its answer ends the
// connection. The error names what would break the request's lines.
func (r *Request) Bytes(host string) ([]byte, error) {
	if strings.ContainsFunc(r.Method+r.Path+host, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return nil, fmt.Errorf("%s %q of %q: spaces and control characters must be escaped", r.Method, r.Path, host)
	}
	b := fmt.Appendf(make([]byte, 0, 512+len(r.Body)), "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", r.Method, r.Path, host)
	for key, value := range r.Header {
		if strings.ContainsFunc(key+value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return nil, fmt.Errorf("header %s: %q holds a control character", key, value)
		}
		b = append(b, key+": "+value+"\r\n"...)
	}
	if r.Method != "GET" {
		b = fmt.Appendf(b, "Content-Length: %d\r\n", len(r.Body))
	}
	return append(append(b, "\r\n"...), r.Body...), nil
}

// ReadResponse reads an answer of HTTP/1.1 up to its body. The error is io.EOF
// when nothing came at all.
func ReadResponse(r *bufio.Reader) (*Response, error) {
	for {
		res, err := readHead(r)
		if err != nil || res.Status >= statusOK { // else it only announces the answer
			return res, err
		}
	}
}

func readHead(r *bufio.Reader) (*Response, error) {
	first, err := readLine(r)
	if err != nil {
		return nil, err
	}
	proto, rest, _ := strings.Cut(first, " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || proto != "HTTP/1.1" || status < 100 || status > 999 {
		return nil, ErrAnswer
	}
	res, b := &Response{Status: status, Reason: reason}, &body{r: r, left: -1}
	for range maxHeaders {
		text, err := readLine(r)
		if err != nil {
			return nil, early(err)
		}
		if text == "" {
			switch {
			case status < statusOK || status == 204 || status == 304: // never have one
				b.left, b.chunked = 0, false
			case b.chunked:
				b.left = 0
			}
			res.Body = b
			return res, nil
		}
		if err := res.header(b, text); err != nil {
			return nil, err
		}
	}
	return nil, ErrAnswer
}

// header takes one line of the head.
func (res *Response) header(b *body, text string) error {
	key, value, ok := strings.Cut(text, ":")
	if !ok {
		return ErrAnswer
	}
	switch value = strings.TrimSpace(value); {
	case strings.EqualFold(key, "Content-Length"):
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			return ErrAnswer
		}
		b.left = int64(n)
	case strings.EqualFold(key, "Transfer-Encoding"):
		if b.chunked = strings.EqualFold(value, "chunked"); !b.chunked {
			return ErrAnswer
		}
	case strings.EqualFold(key, HeaderVersion):
		res.Version = value
	}
	return nil
}

// readLine reads a line of a head without its end.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", ErrAnswer
	case err != nil && len(b) > 0:
		return "", early(err)
	case err != nil:
		return "", err
	}
	return strings.TrimSuffix(string(b[:len(b)-1]), "\r"), nil
}

// early turns an end where more was announced into an error.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A body is the body of an answer: of known length, in chunks, or up to the end
// of the connection.
type body struct {
	r       *bufio.Reader
	left    int64 // of the body or of the chunk; -1: up to the end
	chunked bool
	inside  bool  // a chunk was begun: its end is still to be read
	err     error // the end, once it was reached
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.chunked && b.left <= 0 && b.err == nil {
		b.err = b.chunk()
	}
	if b.left == 0 && !b.chunked {
		b.err = io.EOF
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.left >= 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.r.Read(p)
	if b.left >= 0 {
		if b.left -= int64(n); b.left > 0 {
			err = early(err)
		}
	}
	return n, err
}

// Close implements io.Closer. The connection is not the body's.
func (b *body) Close() error { return nil }

// chunk begins the next chunk; io.EOF after the last one.
func (b *body) chunk() error {
	if b.inside {
		if end, err := readLine(b.r); err != nil || end != "" {
			return cut(err)
		}
	}
	text, err := readLine(b.r)
	if err != nil {
		return cut(err)
	}
	size, _, _ := strings.Cut(text, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
	if err != nil {
		return ErrAnswer
	}
	b.left, b.inside = int64(n), true
	if n > 0 {
		return nil
	}
	for range maxHeaders {
		if text, err := readLine(b.r); err != nil || text == "" {
			if err != nil {
				return cut(err)
			}
			return io.EOF
		}
	}
	return ErrAnswer
}

// cut is why a chunk has no proper frame.
func cut(err error) error {
	if err == nil {
		return ErrAnswer
	}
	return early(err)
}
