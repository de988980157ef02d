// Package load makes requests and measures them: a client light enough to leave
// the processor to the server it measures, closed loops of callers, processor
// time of both sides, and the arithmetic of interleaved rounds.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Request makes the n-th request, n ≥ 0: its path, header lines with their
// line ends, and the body. It is called by many goroutines.
type Request func(n int) (path, header string, body []byte)

// A Server is something that answers POST requests over HTTP/1.1.
type Server struct {
	Addr    string
	Request Request
	Check   func(n int, reply []byte) error // of a reply; nil accepts every 200
}

// A Result is one run of callers.
type Result struct {
	Count   int // requests answered
	Took    time.Duration
	Latency []time.Duration // of each request, sorted
}

// Rate is requests a second.
func (r Result) Rate() float64 { return float64(r.Count) / r.Took.Seconds() }

// P50 is the median latency.
func (r Result) P50() time.Duration { return Quantile(r.Latency, 0.5) }

// Quantile returns quantile q, 0 ≤ q ≤ 1, of sorted durations; 0 of none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Run lets so many callers, each on a connection of its own, send one request
// after the other until `most` requests were made or `limit` has passed, the
// requests numbered from first. It ends at the first error.
func (s Server) Run(callers, first, most int, limit time.Duration) (Result, error) {
	conns, err := s.open(callers)
	if err != nil {
		return Result{}, err
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	parts, errs := make([][]time.Duration, callers), make([]error, callers)
	start := time.Now()
	for i, c := range conns {
		wg.Go(func() {
			defer c.close()
			for time.Since(start) < limit {
				n := int(next.Add(1)) - 1
				if n >= most {
					return
				}
				begin := time.Now()
				if errs[i] = s.once(c, first+n); errs[i] != nil {
					next.Store(int64(most))
					return
				}
				parts[i] = append(parts[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	r := Result{Took: time.Since(start), Latency: slices.Concat(parts...)}
	r.Count = len(r.Latency)
	slices.Sort(r.Latency)
	return r, errors.Join(errs...)
}

func (s Server) open(callers int) (list []*conn, err error) {
	for range callers {
		c, err := dial(s.Addr)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// once makes one request.
func (s Server) once(c *conn, n int) error {
	path, header, body := s.Request(n)
	status, reply, err := c.post(path, header, body)
	switch {
	case err != nil:
		return err
	case status != 200 && status != 202:
		return fmt.Errorf("status %d: %.300s", status, reply)
	case s.Check != nil:
		return s.Check(n, reply)
	}
	return nil
}

// A Caller makes one request at a time on one connection.
type Caller struct {
	s Server
	c *conn
}

// Caller connects to the server.
func (s Server) Caller() (*Caller, error) {
	c, err := dial(s.Addr)
	return &Caller{s: s, c: c}, err
}

// Send makes request n and returns when it began.
func (c *Caller) Send(n int) (begin time.Time, err error) {
	begin = time.Now()
	return begin, c.s.once(c.c, n)
}

// Close ends the connection.
func (c *Caller) Close() { c.c.close() }

// A conn is one kept connection.
type conn struct {
	c     net.Conn
	r     *bufio.Reader
	out   []byte
	reply []byte
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr) //nolint:noctx // loopback: it connects at once or is refused
	if err != nil {
		return nil, err
	}
	return &conn{c: c, r: bufio.NewReaderSize(c, 16<<10)}, nil
}

func (c *conn) close() { _ = c.c.Close() }

// post sends a request and reads its answer, which is valid until the next.
func (c *conn) post(path, header string, body []byte) (status int, reply []byte, err error) {
	c.out = append(c.out[:0], "POST "...)
	c.out = append(c.out, path...)
	c.out = append(c.out, " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"...)
	c.out = append(c.out, header...)
	c.out = append(c.out, "Content-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	c.out = append(c.out, body...)
	if _, err := c.c.Write(c.out); err != nil {
		return 0, nil, err
	}
	return c.read()
}

var errFraming = errors.New("an answer without a length")

func (c *conn) read() (status int, reply []byte, err error) {
	length, chunked := -1, false
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first && len(line) >= 12:
			status, _ = strconv.Atoi(string(line[9:12]))
		case len(line) == 0:
			err := c.body(length, chunked)
			return status, c.reply, err
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			length, _ = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			chunked = true
		}
	}
}

// body reads the body into c.reply, whose length may change with it.
func (c *conn) body(length int, chunked bool) error {
	c.reply = c.reply[:0]
	if !chunked {
		if length < 0 {
			return errFraming
		}
		return c.more(length)
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return err
		}
		if err := c.more(int(n)); err != nil {
			return err
		}
		if _, err := c.r.Discard(2); err != nil || n == 0 {
			return err
		}
	}
}

func (c *conn) more(n int) error {
	at := len(c.reply)
	c.reply = slices.Grow(c.reply, n)[:at+n]
	_, err := io.ReadFull(c.r, c.reply[at:])
	return err
}
