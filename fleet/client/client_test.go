package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

func TestErrorsMatchTheirCause(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{&iapeer.PeerError{Op: "send", Peer: "web", Err: iapeer.ErrBacklogFull}, 502, "backlog-full"},
		{&iapeer.PeerError{Op: "send", Peer: "web", Err: iapeer.ErrStopped}, 502, "stopped"},
		{iapeer.ErrUnknownID, 404, "unknown-message"},
		{&iapeer.ChangeError{State: iapeer.Seen, Change: iapeer.ChangeCancel}, 409, "bad-change"},
		{&iapeer.FieldError{Field: "topic", Reason: "too long"}, 400, "bad-request"},
		{iapeer.ErrShuttingDown, 503, "shutting-down"},
		{errors.New("the disk is full"), 502, ""},
	} {
		e := client.Refusal(tc.err)
		if e.Status != tc.status || e.Code != tc.code || e.Message != tc.err.Error() {
			t.Errorf("Refusal(%v) = %+v, want %d %q", tc.err, e, tc.status, tc.code)
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back client.Error
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if cause := errors.Unwrap(&back); tc.code != "" && !errors.Is(tc.err, cause) {
			t.Errorf("over the wire %v became %v", tc.err, cause)
		}
	}
}

func TestReached(t *testing.T) {
	for _, tc := range []struct {
		state, goal iapeer.State
		want        bool
	}{
		{iapeer.Answered, iapeer.Seen, true},
		{iapeer.Seen, iapeer.Seen, true},
		{iapeer.Taken, iapeer.Seen, false},
		{iapeer.Unknown, iapeer.Seen, false},
		{iapeer.Unknown, iapeer.Accepted, true},
		{iapeer.Failed, iapeer.Accepted, false},
		{iapeer.Cancelled, iapeer.Accepted, false},
	} {
		if got := client.Reached(tc.state, tc.goal); got != tc.want {
			t.Errorf("Reached(%s, %s) = %v, want %v", tc.state, tc.goal, got, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		name, router, env string
		want              client.Router
		err               string
	}{
		{name: "nothing", err: "the daemon is not running"},
		{name: "file", router: `{"sock":"/run/s","tcp":"http://127.0.0.1:9/mcp","fleet":1,"future":true}`, want: client.Router{Sock: "/run/s", TCP: "http://127.0.0.1:9/mcp", Fleet: 1}},
		{name: "environment wins", router: `{"sock":"/run/s","tcp":"http://127.0.0.1:9/mcp"}`, env: "/other", want: client.Router{Sock: "/other", TCP: "http://127.0.0.1:9/mcp"}},
		{name: "broken", router: `{"sock":`, err: "iapeer daemon restart"},
	} {
		root := t.TempDir()
		if tc.router != "" {
			path := iapeer.Paths{Root: root}.RouterFile()
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tc.router), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		env := map[string]string{"IAPEER_ROOT": root, "HOME": root, "IAPEER_DAEMON_SOCKET": tc.env}
		got, err := client.Find(func(k string) string { return env[k] })
		switch {
		case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
			t.Errorf("%s: %v, want an error with %q", tc.name, err, tc.err)
		case tc.err == "" && (err != nil || got != tc.want):
			t.Errorf("%s: %+v, %v, want %+v", tc.name, got, err, tc.want)
		}
	}
}

// TestAStrangerOnThePort: a daemon that is gone leaves router.json behind, and
// its port may get another owner.
func TestAStrangerOnThePort(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the stranger was told something") }))
	defer stranger.Close()
	way := client.To(client.Router{Sock: filepath.Join(t.TempDir(), "gone"), TCP: stranger.URL + "/mcp"})
	_, err := client.New(way).As("claude-bob", "secret").Snapshot(t.Context())
	if !errors.Is(err, iapeer.ErrNoDaemon) {
		t.Errorf("Snapshot = %v, want ErrNoDaemon", err)
	}
}

// TestTCPWhereSocketsAreRefused: a path too long for a socket stands for a
// sandbox without sockets.
func TestTCPWhereSocketsAreRefused(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer daemon.Close()
	way := client.To(client.Router{Sock: "/" + strings.Repeat("x", 200), TCP: daemon.URL + "/mcp"})
	if err := client.New(way).Healthy(t.Context()); err != nil {
		t.Errorf("over TCP: %v", err)
	}
}

// answer is a way that always leads to the same answer.
type answer struct {
	status  int
	body    string
	version string
}

func (a answer) Do(context.Context, *client.Request) (*client.Response, error) {
	return &client.Response{Status: a.status, Reason: http.StatusText(a.status), Version: a.version, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

func over(a answer) *client.Client { return client.New(a) }

func TestStrangeAnswers(t *testing.T) {
	for _, tc := range []struct {
		a    answer
		want string
	}{
		{answer{status: 502, body: `{"error":"web is stopped","code":"stopped"}`}, "web is stopped"},
		{answer{status: 500, body: "Internal error\n"}, "Internal error"},
		{answer{status: 404}, "the daemon answered 404 Not Found"},
		{answer{status: 200, body: `{"peers":7}`}, "not what this version knows"},
	} {
		_, err := over(tc.a).Snapshot(t.Context())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%d %q: %v, want %q", tc.a.status, tc.a.body, err, tc.want)
		}
	}
}

func TestMismatch(t *testing.T) {
	c := over(answer{status: 200, body: "{}", version: "0.0.1"})
	if c.Mismatch() != "" {
		t.Errorf("before an answer: %q", c.Mismatch())
	}
	if err := c.As("claude-bob", "").Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.Mismatch(); !strings.Contains(got, "0.0.1") || !strings.Contains(got, "iapeer daemon restart") {
		t.Errorf("Mismatch = %q", got)
	}
}

// TestEventsBackOff: a daemon that is away is asked ever more slowly, not in a
// tight loop.
func TestEventsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		tries := 0
		for _, err := range over(answer{status: 503, body: `{"error":"stopping"}`}).Events(ctx, 0) {
			if err != nil {
				tries++
			}
		}
		if tries < 5 || tries > 15 {
			t.Errorf("%d tries in 30 s, want about ten", tries)
		}
	})
}

func TestEventsSkipWhatTheyDoNotKnow(t *testing.T) {
	body := ": connected\n\nevent: x\nid: 1-1\ndata: not json\n\nid: 1-2\ndata: {\"src\":\"new\",\"ev\":\"unheard-of\",\"n\":7}\n\ndata: {\"ev\":\"cut off\"}"
	for e, err := range over(answer{status: 200, body: body}).Events(t.Context(), 0) {
		if err != nil || e.Name != "unheard-of" || e.ID != "1-2" || e.Text("n") != "7" || e.Text("none") != "" {
			t.Errorf("event %+v, %v", e, err)
		}
		break
	}
}

// FuzzEvents: whatever a stream holds, reading it ends without a panic.
func FuzzEvents(f *testing.F) {
	f.Add("event: delivery\nid: 1-1\ndata: {\"src\":\"delivery\",\"ev\":\"delivery\"}\n\n")
	f.Add("data: {\ndata: \"ev\":\"x\"}\r\n\r\nretry: 1000\n\n")
	f.Add(":\n\n\n\ndata\n\n")
	f.Fuzz(func(t *testing.T, body string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := client.New(once{answer{status: 200, body: body}, cancel})
		for e := range c.Events(ctx, 0) {
			_, _ = client.ParseEventID(e.ID)
			_ = e.Peer()
		}
	})
}

// once cancels at the second request, so that reading ends with the stream.
type once struct {
	answer
	cancel context.CancelFunc
}

func (o once) Do(ctx context.Context, r *client.Request) (*client.Response, error) {
	if r.Header["Last-Event-ID"] != "" {
		o.cancel()
		return nil, context.Canceled
	}
	time.AfterFunc(time.Millisecond, o.cancel)
	return o.answer.Do(ctx, r)
}
