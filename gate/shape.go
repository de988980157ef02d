package gate

import (
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// IdentityHeader names the calling peer: "<runtime>-<name>".
const IdentityHeader = "X-IAPeer-Identity"

// originForm turns the absolute form of a proxied request into the origin form,
// so that routes match either way. net/http has already taken the Host from it.
func originForm(r *http.Request) {
	if r.URL.Host == "" && r.URL.Scheme == "" {
		return
	}
	r.URL.Scheme, r.URL.Host, r.URL.User = "", "", nil
	r.RequestURI = r.URL.RequestURI()
}

// checkShape refuses what no honest caller sends. The rules against web pages
// bind on TCP only: a browser cannot reach a unix socket.
func checkShape(r *http.Request, unix bool) error {
	for _, name := range []string{IdentityHeader, "Authorization"} {
		if len(r.Header.Values(name)) > 1 {
			return refuse(http.StatusBadRequest, "headers", name+" comes more than once: send it once")
		}
	}
	if unix {
		return nil
	}
	if !loopbackHost(r.Host) {
		return refuse(http.StatusMisdirectedRequest, "host", "Host "+quote(r.Host)+" is not this host's loopback: use 127.0.0.1, [::1] or localhost")
	}
	if err := checkOrigin(r); err != nil {
		return err
	}
	return checkContentType(r)
}

// loopbackHost reports whether a Host header names this host's loopback, with
// or without a port. An IPv6 address stands in brackets; see RFC 3986, 3.2.2.
func loopbackHost(host string) bool {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
	}
	if strings.Trim(port, "0123456789") != "" {
		return false
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	six := strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]")
	if six {
		name = name[1 : len(name)-1]
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Is6() == six && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

// checkOrigin lets a page of the daemon itself in, and nobody else's.
func checkOrigin(r *http.Request) error {
	if origins := r.Header.Values("Origin"); len(origins) > 0 {
		u, err := url.Parse(origins[0])
		if err != nil || len(origins) > 1 || u.Scheme != "http" || !strings.EqualFold(u.Host, r.Host) {
			return refuse(http.StatusForbidden, "origin", "Origin "+quote(strings.Join(origins, ", "))+" is not the daemon's own: web pages may not call it")
		}
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	return refuse(http.StatusForbidden, "origin", "the request comes from another web site: web pages may not call the daemon")
}

// checkContentType refuses the content types that a web page can send without
// asking first.
func checkContentType(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete:
		return nil
	}
	given := r.Header.Get("Content-Type")
	if given == "" && r.ContentLength == 0 {
		return nil
	}
	if t, _, err := mime.ParseMediaType(given); err == nil && t == "application/json" {
		return nil
	}
	return refuse(http.StatusUnsupportedMediaType, "content-type", "Content-Type "+quote(given)+": send application/json")
}

// bound limits the request's body in size and time. The deadline is lifted at
// the body's end, because the answer may take as long as it likes.
func bound(w http.ResponseWriter, r *http.Request, limit int64) {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return
	}
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Now().Add(BodyTimeout)) != nil {
		rc = nil // not a network connection: a test's recorder
	}
	r.Body = &body{ReadCloser: http.MaxBytesReader(w, r.Body, limit), rc: rc}
}

type body struct {
	io.ReadCloser
	rc *http.ResponseController // nil once the deadline is lifted
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.lift()
	}
	return n, err
}

func (b *body) Close() error {
	b.lift()
	return b.ReadCloser.Close()
}

func (b *body) lift() {
	if b.rc != nil {
		_ = b.rc.SetReadDeadline(time.Time{}) // a closed connection has no deadline to lift
		b.rc = nil
	}
}

// quote shows an outside value in a message: quoted, and cut.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return `"` + strings.ToValidUTF8(strings.Map(visible, s), "?") + `"`
}

func visible(c rune) rune {
	if c < ' ' || c == 0x7f {
		return '?'
	}
	return c
}
