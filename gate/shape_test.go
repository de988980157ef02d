package gate

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// raw sends bytes as they are and returns the status line, the headers and
// the body.
func raw(t *testing.T, addr, text string) (int, http.Header, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b)
}

func TestWebPagesAreKeptOut(t *testing.T) {
	addr, sock := serve(t, configOf(newWorld(), nil), echo)
	_, port, _ := net.SplitHostPort(addr)
	for _, tc := range []struct {
		name   string
		host   string
		header []string
		method string
		tcp    int
		unix   int
	}{
		{name: "plain", tcp: 200, unix: 200},
		{name: "localhost", host: "localhost", tcp: 200, unix: 200},
		{name: "LOCALHOST with a port", host: "LOCALHOST:1", tcp: 200, unix: 200},
		{name: "another loopback address", host: "127.8.9.1:80", tcp: 200, unix: 200},
		{name: "IPv6", host: "[::1]:99", tcp: 200, unix: 200},
		{name: "bare IPv6", host: "[::1]", tcp: 200, unix: 200},
		{name: "rebound name", host: "evil.example:" + port, tcp: 421, unix: 200},
		{name: "name that only looks local", host: "localhost.evil.example", tcp: 421, unix: 200},
		{name: "another address", host: "192.168.1.4", tcp: 421, unix: 200},
		{name: "any address", host: "0.0.0.0", tcp: 421, unix: 200},
		{name: "own origin", host: "127.0.0.1:" + port, header: []string{"Origin", "http://127.0.0.1:" + port}, tcp: 200, unix: 200},
		{name: "origin of another port", host: "127.0.0.1:" + port, header: []string{"Origin", "http://127.0.0.1:1"}, tcp: 403, unix: 200},
		{name: "origin of another site", header: []string{"Origin", "https://evil.example"}, tcp: 403, unix: 200},
		{name: "origin null", header: []string{"Origin", "null"}, tcp: 403, unix: 200},
		{name: "reading from another site", method: "GET", header: []string{"Origin", "https://evil.example"}, tcp: 403, unix: 200},
		{name: "another site without an origin", header: []string{"Sec-Fetch-Site", "cross-site"}, tcp: 403, unix: 200},
		{name: "a page of ours", header: []string{"Sec-Fetch-Site", "same-origin"}, tcp: 200, unix: 200},
		{name: "text/plain", header: []string{"Content-Type", "text/plain"}, tcp: 415, unix: 200},
		{name: "a form", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, tcp: 415, unix: 200},
		{name: "JSON in text clothes", header: []string{"Content-Type", "text/plain; application/json"}, tcp: 415, unix: 200},
		{name: "JSON with a charset", header: []string{"Content-Type", "application/json; charset=utf-8"}, tcp: 200, unix: 200},
		{name: "no type", header: []string{"Content-Type", ""}, tcp: 415, unix: 200},
	} {
		for network, want := range map[string]int{"tcp": tc.tcp, "unix": tc.unix} {
			at := addr
			if network == "unix" {
				at = sock
			}
			status, _, body := ask(t, network, at, func(r *http.Request) {
				if tc.host != "" {
					r.Host = tc.host
				}
				if tc.method != "" {
					r.Method, r.Body, r.ContentLength = tc.method, nil, 0
				}
				for i := 0; i+1 < len(tc.header); i += 2 {
					r.Header.Set(tc.header[i], tc.header[i+1])
				}
			})
			if status != want {
				t.Errorf("%s, %s: status %d, want %d: %s", tc.name, network, status, want, body)
			}
		}
	}
}

func TestSmuggledHeaders(t *testing.T) {
	addr, _ := serve(t, configOf(newWorld(), nil), echo)
	for _, tc := range []struct{ name, headers, want string }{
		{"identity twice", "X-IAPeer-Identity: claude-anna\r\nx-iapeer-identity: claude-boris\r\n", "X-IAPeer-Identity comes more than once"},
		{"identity twice, the same", "X-IAPeer-Identity: claude-anna\r\nX-IAPEER-IDENTITY: claude-anna\r\n", "X-IAPeer-Identity comes more than once"},
		{"two tokens", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", "Authorization comes more than once"},
	} {
		status, _, body := raw(t, addr, "GET /x HTTP/1.1\r\nHost: localhost\r\n"+tc.headers+"\r\n")
		if status != http.StatusBadRequest || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %d %s", tc.name, status, body)
		}
	}
	for name, headers := range map[string]string{
		"a list in one header": "X-IAPeer-Identity: claude-anna, claude-boris\r\n",
		"underscores":          "X_IAPeer_Identity: claude-anna\r\n",
		"trailing space name":  "X-IAPeer-Identity : claude-anna\r\n",
	} {
		_, _, body := raw(t, addr, "GET /x HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\n")
		if strings.Contains(body, `"Identity":"claude-anna"`) {
			t.Errorf("%s was taken for an identity: %s", name, body)
		}
	}
}

func TestAbsoluteForm(t *testing.T) {
	addr, _ := serve(t, configOf(newWorld(), nil), echo)
	status, _, body := raw(t, addr, "GET http://localhost/fleet/v1/snapshot?a=b%20c HTTP/1.1\r\nHost: ignored.example\r\n\r\n")
	if status != http.StatusOK || !strings.Contains(body, `"Path":"/fleet/v1/snapshot","Query":"a=b%20c"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body = raw(t, addr, "GET http://evil.example/fleet/v1/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n"); status != http.StatusMisdirectedRequest {
		t.Errorf("%d %s", status, body)
	}
}

func TestHostToken(t *testing.T) {
	cfg := configOf(newWorld(), nil)
	cfg.HostToken = "sesame"
	addr, _ := serve(t, cfg, echo)
	for _, tc := range []struct {
		path, auth string
		status     int
		want       string
	}{
		{"/mcp", "", 401, `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"unauthorized","data":{"error":"this daemon asks for a token`},
		{"/mcp", "Bearer wrong", 401, `"code":-32001,"message":"unauthorized"`},
		{"/mcp", "Bearer " + PublicStub, 401, `"code":-32001,"message":"unauthorized"`},
		{"/mcp", "Basic c2VzYW1l", 401, `"code":-32001`},
		{"/fleet/v1/snapshot", "", 401, `"reason":"token"`},
		{"/fleet/v1/snapshot", "Bearer sesame", 200, `"Path":"/fleet/v1/snapshot"`},
		{"/fleet/v1/snapshot", "bearer  sesame", 200, `"Path"`},
		{"/hooks/v1/claude", "Bearer sesame", 401, "need the token of their own session"},
	} {
		auth := ""
		if tc.auth != "" {
			auth = "Authorization: " + tc.auth + "\r\n"
		}
		status, h, body := raw(t, addr, "GET "+tc.path+" HTTP/1.1\r\nHost: localhost\r\n"+auth+"\r\n")
		if status != tc.status || !strings.Contains(body, tc.want) || (h.Get("WWW-Authenticate") == "Bearer") != (status == 401) {
			t.Errorf("%s %q: %d %s", tc.path, tc.auth, status, body)
		}
	}
}

func TestBodyIsBounded(t *testing.T) {
	cfg := configOf(newWorld(), nil)
	cfg.MaxBody = 10
	var failure error
	addr, _ := serve(t, cfg, func(w http.ResponseWriter, r *http.Request) {
		_, failure = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	raw(t, addr, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\":12345}")
	if failure == nil {
		t.Error("11 bytes of 10 were read")
	}
	if status, _, _ := raw(t, addr, "GET /"+strings.Repeat("x", 2*MaxHeaderBytes)+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("long head: %d", status)
	}
}

// The deadline of a body must not cut a long answer.
func TestTheAnswerHasNoDeadline(t *testing.T) {
	deadlines := make(chan time.Time, 8)
	h := New(configOf(newWorld(), nil))
	w := &deadlined{ResponseRecorder: httptest.NewRecorder(), set: deadlines}
	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("{}"))
	bound(w, r, h.cfg.MaxBody)
	if d := <-deadlines; d.IsZero() || time.Until(d) > BodyTimeout {
		t.Errorf("first deadline %v", d)
	}
	if _, err := io.ReadAll(r.Body); err != nil {
		t.Fatal(err)
	}
	if d := <-deadlines; !d.IsZero() {
		t.Errorf("deadline after the body: %v", d)
	}
}

type deadlined struct {
	*httptest.ResponseRecorder
	set chan time.Time
}

func (d *deadlined) SetReadDeadline(t time.Time) error { d.set <- t; return nil }

func TestServerBounds(t *testing.T) {
	srv := New(configOf(newWorld(), nil)).Server(http.NotFoundHandler())
	if srv.ReadHeaderTimeout != HeaderTimeout || srv.IdleTimeout != IdleTimeout || srv.MaxHeaderBytes != MaxHeaderBytes || srv.WriteTimeout != 0 {
		t.Errorf("bounds %+v", srv)
	}
}

func FuzzLoopbackHost(f *testing.F) {
	for _, s := range []string{"localhost", "127.0.0.1:8765", "[::1]:1", "::1", "evil.example", "[::ffff:127.0.0.1]", "[fe80::1%lo]", "localhost:", ":80", "[", "127.1", "127.0.0.0:A", "::0:1", "[127.0.0.1]", "[[::1]]", "[127.0.0.0", "127.0.0.0]", "["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if !loopbackHost(host) {
			return
		}
		u := url.URL{Host: host}
		ip := net.ParseIP(u.Hostname())
		if !strings.EqualFold(u.Hostname(), "localhost") && (ip == nil || !ip.IsLoopback()) {
			t.Errorf("%q passes for loopback", host)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("claude-anna", "Bearer x", "127.0.0.1:1", "http://127.0.0.1:1", "application/json", "/hooks/v1")
	f.Add("x\x00", "Bearer", "", "null", ";", "/mcp")
	f.Add(strings.Repeat("я", 100), "bearer a,b", "[::1", "http://[", "a/b; c=\"", "http://x/y")
	g := New(configOf(newWorld(), &Table{}))
	f.Fuzz(func(t *testing.T, identity, auth, host, origin, kind, path string) {
		r := &http.Request{Method: http.MethodPost, Host: host, URL: &url.URL{Path: path}, ContentLength: 1, Header: http.Header{
			http.CanonicalHeaderKey(IdentityHeader): {identity}, "Authorization": {auth}, "Origin": {origin}, "Content-Type": {kind},
		}}
		r = r.WithContext(g.ConnContext(t.Context(), fakeConn{}))
		connOf(r.Context()).err, connOf(r.Context()).uid = nil, g.cfg.OwnUID
		originForm(r)
		p, err := g.admit(r)
		if err != nil {
			WriteRefusal(httptest.NewRecorder(), r, err)
			return
		}
		c, err := CallerFrom(p.into(t.Context()))
		if c.MayDecide() || (err == nil) != (c.Identity.Name != "") {
			t.Errorf("caller %+v, %v", c, err)
		}
	})
}

type fakeConn struct{ net.Conn }

func (fakeConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }
