package client_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/iapeer/iapeer/fleet/client"
)

// serve answers requests on a unix socket and returns the way there.
func serve(t *testing.T, h http.HandlerFunc) client.Way {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return client.To(client.Router{Sock: sock})
}

// TestToARealServer: what net/http serves is what arrives, in either direction.
func TestToARealServer(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1<<14)
	way := serve(t, func(w http.ResponseWriter, r *http.Request) {
		in, err := io.ReadAll(r.Body)
		if err != nil || r.Host != "localhost" || r.Header.Get("X-Own") != "a b" {
			t.Errorf("the server got %d bytes, %v, from %q", len(in), err, r.Host)
		}
		w.Header().Set(client.HeaderVersion, "7")
		switch r.URL.Query().Get("as") {
		case "known":
			_, _ = w.Write([]byte("short"))
		case "chunks":
			for part := range strings.SplitSeq("one,two,three", ",") {
				_, _ = io.WriteString(w, part)
				_ = http.NewResponseController(w).Flush()
			}
		case "echo":
			_, _ = w.Write(in)
		case "none":
			w.WriteHeader(http.StatusNoContent)
		}
	})
	for _, tc := range []struct {
		method, as, in, want string
		status               int
	}{
		{"GET", "known", "", "short", 200},
		{"GET", "chunks", "", "onetwothree", 200},
		{"POST", "echo", long, long, 200},
		{"POST", "echo", "", "", 200},
		{"POST", "none", "x", "", 204},
	} {
		req := &client.Request{Method: tc.method, Path: "/?as=" + tc.as, Header: map[string]string{"X-Own": "a b"}, Body: []byte(tc.in)}
		for range 2 { // a request may be sent again
			res, err := way.Do(t.Context(), req)
			if err != nil {
				t.Fatalf("%s: %v", tc.as, err)
			}
			got, err := io.ReadAll(res.Body)
			if err != nil || string(got) != tc.want || res.Status != tc.status || res.Version != "7" {
				t.Errorf("%s: %d, version %q, %d bytes, %v; want %d bytes", tc.as, res.Status, res.Version, len(got), err, len(tc.want))
			}
			if err := res.Body.Close(); err != nil {
				t.Errorf("%s: close: %v", tc.as, err)
			}
		}
	}
}

// TestAnEarlyRefusal: a server may refuse before it has read the request.
func TestAnEarlyRefusal(t *testing.T) {
	way := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
	})
	res, err := way.Do(t.Context(), &client.Request{Method: "POST", Path: "/", Body: make([]byte, 8<<20)})
	if err != nil || res.Status != 413 {
		t.Fatalf("got %+v, %v", res, err)
	}
	if got, err := io.ReadAll(res.Body); string(got) != "too much\n" || err != nil {
		t.Errorf("body %q, %v", got, err)
	}
	res.Body.Close()
}

// TestTheContextEndsARequest, before its answer and within.
func TestTheContextEndsARequest(t *testing.T) {
	began := make(chan bool, 1)
	way := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
		}
		began <- true
		<-r.Context().Done() // the connection was closed
	})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-began; cancel(cause) }()
	if _, err := way.Do(ctx, &client.Request{Method: "GET", Path: "/head"}); !errors.Is(err, cause) {
		t.Errorf("before the answer: %v", err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	res, err := way.Do(ctx, &client.Request{Method: "GET", Path: "/body"})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	go func() { <-began; cancel(cause) }()
	if got, err := io.ReadAll(res.Body); !errors.Is(err, cause) || string(got) != "begin" {
		t.Errorf("within the answer: %q, %v", got, err)
	}
	ctx, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	if _, err := way.Do(ctx, &client.Request{Method: "GET", Path: "/"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its end: %v", err)
	}
}

// TestNothingSlipsIntoARequest: values from the environment cannot add lines.
func TestNothingSlipsIntoARequest(t *testing.T) {
	for _, req := range []client.Request{
		{Method: "GET", Path: "/a b"},
		{Method: "GET", Path: "/a\r\nX: y"},
		{Method: "GET X", Path: "/"},
		{Method: "GET", Path: "/", Header: map[string]string{"Authorization": "Bearer x\r\nX: y"}},
		{Method: "GET", Path: "/", Header: map[string]string{"A\nB": ""}},
	} {
		if b, err := req.Bytes("localhost"); err == nil {
			t.Errorf("%q was written", b)
		}
	}
}

func TestReadResponse(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		in, body string
		head     error // nil: the head is fine
		end      error // of the body
	}{
		{in: ok + "\r\nto the end", body: "to the end"},
		{in: "HTTP/1.1 200\n\nbare", body: "bare"},
		{in: "HTTP/1.0 200\n\nbare", head: client.ErrAnswer},
		{in: "HTTP/1.1 100 Continue\r\n\r\n" + ok + "content-length: 2\r\n\r\nabc", body: "ab"},
		{in: ok + "Content-Length: 5\r\n\r\nabc", body: "abc", end: io.ErrUnexpectedEOF},
		{in: ok + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n", body: "abc"},
		{in: ok + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1\r\na\r\n0\r\n\r\n", body: "a"},
		{in: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", body: "abc", end: io.ErrUnexpectedEOF},
		{in: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", body: "abc", end: client.ErrAnswer},
		{in: ok + "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc", end: client.ErrAnswer},
		{in: ok + "Transfer-Encoding: gzip\r\n\r\n", head: client.ErrAnswer},
		{in: ok + "Content-Length: -1\r\n\r\n", head: client.ErrAnswer},
		{in: ok + "no colon\r\n\r\n", head: client.ErrAnswer},
		{in: ok + "A: " + strings.Repeat("x", 5000) + "\r\n\r\n", head: client.ErrAnswer},
		{in: ok + strings.Repeat("A: b\r\n", 101) + "\r\n", head: client.ErrAnswer},
		{in: "SSH-2.0-x\r\n", head: client.ErrAnswer},
		{in: "HTTP/1.1 2x0 OK\r\n\r\n", head: client.ErrAnswer},
		{in: "HTTP/1.1 20", head: io.ErrUnexpectedEOF},
		{in: ok + "A: b\r\n", head: io.ErrUnexpectedEOF},
		{in: "", head: io.EOF},
	} {
		for _, r := range []io.Reader{strings.NewReader(tc.in), iotest.OneByteReader(strings.NewReader(tc.in)), iotest.DataErrReader(strings.NewReader(tc.in))} {
			res, err := client.ReadResponse(bufio.NewReader(r))
			if !errors.Is(err, tc.head) {
				t.Errorf("%.80q: %v, want %v", tc.in, err, tc.head)
			}
			if err != nil {
				continue
			}
			if got, err := io.ReadAll(res.Body); string(got) != tc.body || !errors.Is(err, tc.end) {
				t.Errorf("%.80q: body %q, %v, want %q, %v", tc.in, got, err, tc.body, tc.end)
			}
		}
	}
}

// FuzzReadResponse: whatever comes, reading ends without a panic; and what
// net/http reads to its end as HTTP/1.1, this reads the same.
func FuzzReadResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 100 \r\n\r\nHTTP/1.0 404 \n\n"))
	f.Add([]byte("HTTP/1.0 200 \nTransfer-Encoding: chunked\n\n0\n0000\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		res, err := client.ReadResponse(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			return
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || len(got) > len(in) {
			return
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), nil)
		if err != nil || theirs.StatusCode != res.Status {
			return
		}
		defer theirs.Body.Close()
		if want, err := io.ReadAll(theirs.Body); err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q: body %q, net/http reads %q", in, got, want)
		}
	})
}
