package gate

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
)

// A world is a small registry with live sessions, as the daemon's rooms would
// give them to the gate.
type world struct {
	peers map[iapeer.Name]iapeer.Peer
	live  map[iapeer.Identity]int64
	under map[int]Session
}

func (w *world) Peer(n iapeer.Name) (iapeer.Peer, bool)       { p, ok := w.peers[n]; return p, ok }
func (w *world) Live(id iapeer.Identity) (gen int64, ok bool) { gen, ok = w.live[id]; return gen, ok }
func (w *world) Under(pid int) (Session, bool)                { s, ok := w.under[pid]; return s, ok }
func identity(rt iapeer.Runtime, n iapeer.Name) iapeer.Identity {
	return iapeer.Identity{Runtime: rt, Name: n}
}

var (
	anna  = identity("claude", "anna")
	boris = identity("claude", "boris")
	nina  = identity("telegram", "nina")
	me    = identity("cli", "me")
)

func newWorld() *world {
	peer := func(n iapeer.Name, nature iapeer.Nature, rts ...iapeer.Runtime) iapeer.Peer {
		return iapeer.Peer{Name: n, Nature: nature, DefaultRuntime: rts[0], Runtimes: rts}
	}
	return &world{
		peers: map[iapeer.Name]iapeer.Peer{
			"anna":  peer("anna", iapeer.Artificial, "claude"),
			"boris": peer("boris", iapeer.Artificial, "claude", "codex"),
			"nina":  peer("nina", iapeer.Natural, "telegram"),
			"me":    peer("me", iapeer.Natural, "cli"),
		},
		live:  map[iapeer.Identity]int64{},
		under: map[int]Session{},
	}
}

// A told is what a request behind the gate learnt about its caller.
type told struct {
	Caller iapeer.Caller
	Err    string
	Path   string
	Query  string
}

// echo tells the caller who it is.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := CallerFrom(r.Context())
	t := told{Caller: c, Path: r.URL.Path, Query: r.URL.RawQuery}
	if err != nil {
		t.Err = err.Error()
	}
	_ = json.NewEncoder(w).Encode(t)
}

// serve starts a gate on loopback TCP and on a unix socket.
func serve(tb testing.TB, cfg Config, h http.HandlerFunc) (addr, sock string) {
	tb.Helper()
	return serveOn(tb, New(cfg).Server(h))
}

func serveOn(tb testing.TB, srv *http.Server) (addr, sock string) {
	tb.Helper()
	sock = filepath.Join(tb.TempDir(), "r.sock")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	unix, err := net.Listen("unix", sock)
	if err != nil {
		tb.Fatal(err)
	}
	for _, l := range []net.Listener{tcp, unix} {
		go func() { _ = srv.Serve(l) }()
	}
	tb.Cleanup(func() { _ = srv.Close() })
	return tcp.Addr().String(), sock
}

func configOf(w *world, tokens Tokens) Config {
	return Config{OwnUID: os.Getuid(), Peers: w, Sessions: w, Tokens: tokens, Person: func() iapeer.Identity { return me }}
}

// ask sends one request and returns the status and what the gate told.
func ask(tb testing.TB, network, addr string, edit func(*http.Request)) (int, told, string) {
	tb.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "http://127.0.0.1/fleet/v1/send", strings.NewReader("{}"))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if edit != nil {
		edit(r)
	}
	resp, err := client.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		tb.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	var got told
	_ = json.Unmarshal(raw, &got)
	return resp.StatusCode, got, string(raw)
}

func TestWithoutTheGate(t *testing.T) {
	if _, err := CallerFrom(t.Context()); err == nil {
		t.Error("CallerFrom without a gate: no error")
	}
	if _, err := Speaking(t.Context(), anna); err == nil {
		t.Error("Speaking without a gate: no error")
	}
	c, err := CallerFrom(WithCaller(t.Context(), iapeer.Caller{Identity: anna, Proof: iapeer.ProofSystem}))
	if err != nil || c.Identity != anna {
		t.Errorf("CallerFrom = %v, %v", c, err)
	}
	w := httptest.NewRecorder()
	New(configOf(newWorld(), nil)).Wrap(http.HandlerFunc(echo)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusForbidden {
		t.Errorf("a handler without ConnContext answers %d, want 403", w.Code)
	}
}

// Where the system does not tell the owner of a TCP connection, a token has to.
func TestSystemsThatDoNotTell(t *testing.T) {
	var tokens Table
	token, hash := NewToken()
	tokens.Add(hash, TokenFacts{Identity: anna, Generation: 3})
	cfg := configOf(newWorld(), &tokens)
	cfg.HostToken = "sesame"
	g := New(cfg)
	for _, tc := range []struct {
		auth   string
		status int
		err    string
		want   iapeer.Caller
	}{
		{auth: "", status: 401, err: "asks for a token"},
		{auth: "Bearer " + token, status: 200, want: iapeer.Caller{Identity: anna, Proof: "session", Session: true, Generation: 3, UID: -1}},
		{auth: "Bearer sesame", status: 200, err: "not to be found", want: iapeer.Caller{UID: -1}},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/x", nil)
		r.Header.Set("Authorization", tc.auth)
		r.Header.Set(IdentityHeader, "claude-anna")
		r = r.WithContext(context.WithValue(r.Context(), connKey{}, &conn{uid: -1, unasked: true}))
		w := httptest.NewRecorder()
		g.Wrap(http.HandlerFunc(echo)).ServeHTTP(w, r)
		var got told
		_ = json.Unmarshal(w.Body.Bytes(), &got)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.err) || got.Caller != tc.want {
			t.Errorf("%q: %d %s", tc.auth, w.Code, w.Body)
		}
	}
	g.cfg.HostToken, g.host = "", TokenHash{}
	r := httptest.NewRequest(http.MethodGet, "http://localhost/healthz", nil)
	w := httptest.NewRecorder()
	g.Wrap(http.HandlerFunc(echo)).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), connKey{}, &conn{uid: -1, unasked: true})))
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "use the unix socket") {
		t.Errorf("without any token: %d %s", w.Code, w.Body)
	}
}

func TestWhoMaySpeak(t *testing.T) {
	var tokens Table
	annas, hash := NewToken()
	tokens.Add(hash, TokenFacts{Identity: anna, Generation: 3})
	old, hash := NewToken()
	tokens.Add(hash, TokenFacts{Identity: anna, Generation: 2})
	ninas, hash := NewToken()
	tokens.Add(hash, TokenFacts{Identity: nina, Generation: 1, Natural: true})

	for _, tc := range []struct {
		name     string
		live     bool // anna has a live session, generation 3
		under    bool // the calling process is inside boris's session
		path     string
		identity string
		token    string
		status   int
		want     iapeer.Caller // UID and PID aside
		err      string
	}{
		{name: "no header", status: 200, want: iapeer.Caller{Proof: "uid"}, err: IdentityHeader + " is missing"},
		{name: "not an identity", identity: "Anna", status: 200, want: iapeer.Caller{Proof: "uid"}, err: `header X-IAPeer-Identity "Anna"`},
		{name: "unknown", identity: "claude-ghost", status: 200, want: iapeer.Caller{Proof: "uid"}, err: `unknown caller "ghost"`},
		{name: "undeclared runtime", identity: "codex-anna", status: 200, want: iapeer.Caller{Proof: "uid"}, err: `not declared for caller "anna" (declared: claude)`},
		{name: "outside every session", identity: "claude-anna", status: 200, want: iapeer.Caller{Identity: anna, Proof: "uid"}},
		{name: "the public stub is ignored", identity: "claude-anna", token: PublicStub, status: 200, want: iapeer.Caller{Identity: anna, Proof: "uid"}},
		{name: "live, without its token", live: true, identity: "claude-anna", status: 200, want: iapeer.Caller{Proof: "uid"}, err: "only that session speaks for it"},
		{name: "live, with its token", live: true, identity: "claude-anna", token: annas, status: 200, want: iapeer.Caller{Identity: anna, Proof: "session", Session: true, Generation: 3}},
		{name: "token without header", live: true, token: annas, status: 200, want: iapeer.Caller{Identity: anna, Proof: "session", Session: true, Generation: 3}},
		{name: "live, with an earlier token", live: true, identity: "claude-anna", token: old, status: 200, want: iapeer.Caller{Proof: "session", Session: true, Generation: 2}, err: "earlier one"},
		{name: "an earlier token without header", live: true, token: old, status: 200, want: iapeer.Caller{Proof: "session", Session: true, Generation: 2}, err: "earlier one"},
		{name: "an earlier session's last hook", live: true, path: "/hooks/v1/claude", identity: "claude-anna", token: old, status: 200, want: iapeer.Caller{Identity: anna, Proof: "session", Session: true, Generation: 2}},
		{name: "token of another", identity: "claude-boris", token: annas, status: 403, err: "must agree"},
		{name: "unknown token", identity: "claude-anna", token: "guess", status: 401, err: "not known"},
		{name: "hooks without a token", path: "/hooks/v1/claude", identity: "claude-anna", status: 401, err: "need the token"},
		{name: "hooks with a token", path: "/hooks/v1/claude", token: annas, status: 200, want: iapeer.Caller{Identity: anna, Proof: "session", Session: true, Generation: 3}},
		{name: "a person's router", identity: "telegram-nina", token: ninas, status: 200, want: iapeer.Caller{Identity: nina, Proof: "person", Generation: 1}},
		{name: "a person, from no terminal", identity: "telegram-nina", status: 200, want: iapeer.Caller{Proof: "uid"}, err: "is a person"},
		{name: "inside another session", under: true, identity: "claude-anna", status: 200, want: iapeer.Caller{Session: true, Generation: 9}, err: "acts only as that session"},
		{name: "inside another session, unnamed", under: true, status: 200, want: iapeer.Caller{Session: true, Generation: 9}, err: "is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			if tc.live {
				w.live[anna] = 3
			}
			if tc.under {
				w.under[os.Getpid()] = Session{Identity: boris, Generation: 9}
			}
			addr, sock := serve(t, configOf(w, &tokens), echo)
			for network, at := range map[string]string{"tcp": addr, "unix": sock} {
				status, got, raw := ask(t, network, at, func(r *http.Request) {
					r.URL.Path = tc.path
					if tc.path == "" {
						r.URL.Path = "/fleet/v1/send"
					}
					if tc.identity != "" {
						r.Header.Set(IdentityHeader, tc.identity)
					}
					if tc.token != "" {
						r.Header.Set("Authorization", "Bearer "+tc.token)
					}
				})
				if status != tc.status {
					t.Errorf("%s: status %d, want %d: %s", network, status, tc.status, raw)
				}
				if tc.err == "" && got.Err != "" || !strings.Contains(raw, strings.ReplaceAll(tc.err, `"`, `\"`)) {
					t.Errorf("%s: got %s, want error %q", network, raw, tc.err)
				}
				got.Caller.UID, got.Caller.PID = 0, 0
				if status == http.StatusOK && got.Caller != tc.want {
					t.Errorf("%s: caller %+v, want %+v", network, got.Caller, tc.want)
				}
			}
		})
	}
}
