package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/fleettest"
)

func TestStatuses(t *testing.T) {
	m := fleettest.New("web", "crash")
	h := fleet.New(m.Deps())
	for _, tc := range []struct {
		method, target, body string
		status               int
		contains             string
	}{
		{"GET", "/healthz", "", 200, `"ok":true`},
		{"GET", "/version", "", 200, `"fleet":1`},
		{"GET", "/fleet/v1/snapshot", "", 200, `"api":1`},
		{"GET", "http://somewhere/fleet/v1/snapshot?x=1", "", 200, `"api":1`},
		{"POST", "/fleet/v1/snapshot", "", 405, "takes GET, not POST"},
		{"GET", "/fleet/v1/nope", "", 404, `"endpoints":[`},
		{"GET", "/fleet/v1/peers/web", "", 200, `"status":"asleep"`},
		{"GET", "/fleet/v1/peers/nobody", "", 404, `unknown peer \"nobody\"`},
		{"GET", "/fleet/v1/peers/web/explain", "", 200, `"is":"asleep"`},
		{"GET", "/fleet/v1/peers/web/explain?runtime=exec", "", 200, `"ways":[{"command":"iapeer wake web"`},
		{"GET", "/fleet/v1/peers/web/explain?runtime=codex", "", 502, `"code":"not-declared"`},
		{"GET", "/fleet/v1/peers/web/explain?runtime=No", "", 400, "a runtime is"},
		{"GET", "/fleet/v1/peers/nobody/explain", "", 404, `"code":"unknown-peer"`},
		{"POST", "/fleet/v1/peers/nobody/wake", "{}", 502, "peers index"},
		{"POST", "/fleet/v1/peers/web/stop", "", 200, `"action":"stopped"`},
		{"POST", "/fleet/v1/peers/web/dance", "{}", 404, "unknown command"},
		{"POST", "/fleet/v1/peers/web/stop", "[]", 400, "JSON object"},
		{"POST", "/fleet/v1/peers/web/stop", `{"runtime":"Not One"}`, 400, "a runtime is"},
		{"POST", "/fleet/v1/peers/web/wake", `{"fresh":true,"resume":true}`, 400, `"field":"fresh"`},
		{"POST", "/fleet/v1/peers/web/self-done", "{}", 403, "only a session of web itself"},
		{"POST", "/fleet/v1/peers/web/stop", `{"topic":"` + strings.Repeat("x", 70<<10) + `"}`, 413, "larger than 65536"},
		{"POST", "/fleet/v1/send", `{"personality":"web"}`, 400, `"field":"message"`},
		{"POST", "/fleet/v1/send", `{"message":"hi"}`, 400, `"field":"personality"`},
		{"POST", "/fleet/v1/send", `{"personality":"Web!","message":"hi"}`, 400, "a name is"},
		{"POST", "/fleet/v1/send", `not json`, 400, "JSON object"},
		{"POST", "/fleet/v1/send", `{"personality":"web","message":"hi","from":"exec-ghost"}`, 400, `"field":"from"`},
		{"POST", "/fleet/v1/send", `{"personality":"web","message":"hi","wait":"soon"}`, 400, `"field":"wait"`},
		{"POST", "/fleet/v1/send", `{"personality":"web","message":"hi","for":"read"}`, 400, `"field":"for"`},
		{"POST", "/fleet/v1/send", `{"personality":"nobody","message":"hi"}`, 502, `"code":"unknown-peer"`},
		{"POST", "/fleet/v1/send", `{"personality":"web","message":"hi"}`, 200, `"state":"seen"`},
		{"POST", "/fleet/v1/send", `{"personality":"crash","message":"hi"}`, 500, "see id "},
		{"GET", "/fleet/v1/messages?limit=0", "", 400, `"field":"limit"`},
		{"GET", "/fleet/v1/messages?to=BAD!", "", 400, `"field":"to"`},
		{"GET", "/fleet/v1/messages?to=web", "", 200, `"body":"hi"`},
		{"GET", "/fleet/v1/messages/m-none", "", 404, "no such message"},
		{"POST", "/fleet/v1/messages/m-/cancel", "", 409, "cannot cancel a message that is seen"},
		{"POST", "/fleet/v1/messages/m-/resolve", "{}", 400, "is seen or lost"},
		{"POST", "/fleet/v1/messages/m-/burn", "{}", 404, "unknown change"},
		{"GET", "/fleet/v1/events?replay=501", "", 400, `"field":"replay"`},
		{"GET", "/fleet/v1/notices", "", 200, `"notices":[{"id":"n1"`},
		{"GET", "/fleet/v1/notices/n1", "", 200, `"notice":{"id":"n1"`},
		{"GET", "/fleet/v1/notices/n9", "", 404, "unknown notice"},
		{"POST", "/fleet/v1/onboard", `{"verb":"dance"}`, 400, `"field":"verb"`},
		{"POST", "/fleet/v1/config", `{"key":"colour","value":"x"}`, 400, "is not a setting"},
		{"POST", "/hooks/v1/claude/Stop", "{}", 403, "session's own token"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.target, strings.NewReader(tc.body)))
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.contains) {
			t.Errorf("%s %s %.60s = %d %s, want %d with %q", tc.method, tc.target, tc.body, w.Code, w.Body, tc.status, tc.contains)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: the answer is not JSON: %s", tc.method, tc.target, w.Body)
		}
	}
}

func TestAccess(t *testing.T) {
	agent := iapeer.Identity{Runtime: iapeer.RuntimeClaude, Name: "bob"}
	for _, tc := range []struct {
		name         string
		caller       iapeer.Caller
		method, path string
		body         string
		status       int
	}{
		{"nobody reads", iapeer.Caller{}, "GET", "/fleet/v1/snapshot", "", 401},
		{"nobody is told the health", iapeer.Caller{}, "GET", "/healthz", "", 200},
		{"a session reads", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "GET", "/fleet/v1/snapshot", "", 200},
		{"a session does not onboard", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/fleet/v1/onboard", `{"verb":"create","name":"eve"}`, 403},
		{"a process does", iapeer.Caller{Proof: iapeer.ProofUID}, "POST", "/fleet/v1/onboard", `{"verb":"create","name":"eve"}`, 200},
		{"a session sends as itself only", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/fleet/v1/send", `{"personality":"web","message":"x","from":"cli-ada"}`, 403},
		{"a session retries nothing", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/fleet/v1/messages/m-/retry", "", 403},
		{"a hook of another runtime", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/hooks/v1/codex/Stop", "{}", 403},
		{"a session's word for itself", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/fleet/v1/peers/bob/self-fresh", "{}", 200},
		{"for another", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/fleet/v1/peers/web/self-fresh", "{}", 403},
		{"for itself on another runtime", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/fleet/v1/peers/bob/self-done", `{"runtime":"codex"}`, 403},
		{"a program under its host", iapeer.Caller{Identity: agent, Session: true}, "POST", "/fleet/v1/peers/bob/self-done", "{}", 403},
		{"a person in its name", iapeer.Caller{Identity: agent, Proof: iapeer.ProofPerson}, "POST", "/fleet/v1/peers/bob/self-done", "{}", 403},
		{"its own hook", iapeer.Caller{Identity: agent, Proof: iapeer.ProofSession, Session: true}, "POST", "/hooks/v1/claude/Stop", "{}", 200},
	} {
		m := fleettest.New("web", "bob")
		if _, err := m.Send(t.Context(), iapeer.Draft{To: "web", Body: "x"}); err != nil {
			t.Fatal(err)
		}
		m.Caller = tc.caller
		w := httptest.NewRecorder()
		fleet.New(m.Deps()).ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body)))
		if w.Code != tc.status {
			t.Errorf("%s: %d %s, want %d", tc.name, w.Code, w.Body, tc.status)
		}
	}
}

func TestSendOverTheSocket(t *testing.T) {
	c := listen(t, fleettest.New("web", "sleepy"))
	req := client.SendRequest{Personality: "web", Message: "hi", For: "answered", Key: "k1"}
	r, err := c.Send(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if r.From != "cli-ada" || r.Result.State != iapeer.Answered || r.Result.Answer != "echo: hi" {
		t.Errorf("Send = %+v", r)
	}
	again, err := c.Send(t.Context(), req)
	if err != nil || !again.Result.Repeated || again.Result.ID != r.Result.ID {
		t.Errorf("the same key again = %+v, %v, want the first receipt", again, err)
	}
	m, err := c.Message(t.Context(), string(r.Result.ID)[:6])
	if err != nil || len(m.Steps) != 4 || m.Answer != "echo: hi" {
		t.Errorf("Message = %+v, %v", m, err)
	}
	_, err = c.Send(t.Context(), client.SendRequest{Personality: "nobody", Message: "hi"})
	if !errors.Is(err, iapeer.ErrUnknownPeer) {
		t.Errorf("send to nobody: %v, want ErrUnknownPeer", err)
	}
}

func TestAClaimThatDoesNotHoldIsNotReplaced(t *testing.T) {
	c := listen(t, fleettest.New("web")).As("claude-eve", "")
	_, err := c.Send(t.Context(), client.SendRequest{Personality: "web", Message: "hi"})
	if !errors.Is(err, iapeer.ErrNotProven) {
		t.Errorf("send as someone else: %v, want ErrNotProven", err)
	}
}

func TestSendWatched(t *testing.T) {
	c := listen(t, fleettest.New("web"))
	var got []string
	r, err := c.SendWatched(t.Context(), client.SendRequest{Personality: "web", Message: "hi"}, func(p client.Progress) {
		got = append(got, p.Kind+" "+p.State)
	})
	if err != nil || r.Result.State != iapeer.Seen {
		t.Fatalf("SendWatched = %+v, %v", r, err)
	}
	// The result may overtake the events; what came is in order.
	all := "message accepted,presence waking,message offered,message seen"
	if !strings.HasPrefix(all, strings.Join(got, ",")) {
		t.Errorf("progress %q is not the beginning of %q", got, all)
	}
	if _, err := c.SendWatched(t.Context(), client.SendRequest{Personality: "nobody", Message: "hi"}, nil); !errors.Is(err, iapeer.ErrUnknownPeer) {
		t.Errorf("watched send to nobody: %v, want ErrUnknownPeer", err)
	}
}

func TestAwaitWakesOnTheEvent(t *testing.T) {
	m := fleettest.New("sleepy")
	c := listen(t, m)
	r, err := c.Send(t.Context(), client.SendRequest{Personality: "sleepy", Message: "hi"})
	if err != nil {
		t.Fatal(err)
	}
	early, err := c.Await(t.Context(), string(r.Result.ID), iapeer.Seen, time.Millisecond)
	if err != nil || early.State != iapeer.Accepted {
		t.Errorf("Await 1ms = %v, %v, want accepted", early.State, err)
	}
	done := make(chan client.Message, 1)
	go func() {
		got, err := c.Await(context.Background(), string(r.Result.ID), iapeer.Seen, time.Minute)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	m.Change(r.Result.ID, iapeer.ChangeSee)
	if got := <-done; got.State != iapeer.Seen {
		t.Errorf("Await = %v, want seen", got.State)
	}
}

func TestCommandsAndOnboarding(t *testing.T) {
	c := listen(t, fleettest.New("web"))
	out, err := c.Command(t.Context(), iapeer.VerbStop, "web", client.CommandRequest{})
	if err != nil || out.Action != "stopped" || out.State != iapeer.Stopped {
		t.Errorf("stop = %+v, %v", out, err)
	}
	rep, err := c.Onboard(t.Context(), iapeer.Onboarding{Verb: "create", Name: "eve"})
	if err != nil || rep.Name != "eve" || rep.Runtime != "exec" {
		t.Errorf("create = %+v, %v", rep, err)
	}
	snap, err := c.Snapshot(t.Context())
	if err != nil || len(snap.Peers) != 2 || snap.Peers[0].Runtimes[0].Status != "stopped" || len(snap.Notices) != 1 {
		t.Errorf("snapshot = %+v, %v", snap, err)
	}
	if rep, err = c.Onboard(t.Context(), iapeer.Onboarding{Verb: "remove", Name: "eve"}); err != nil || rep.Runtime != "" {
		t.Errorf("remove = %+v, %v", rep, err)
	}
	if text, err := c.Screen(t.Context(), "web", ""); err != nil || text != "screen of web\n" {
		t.Errorf("screen = %q, %v", text, err)
	}
	if c.Daemon() != iapeer.Version || c.Mismatch() != "" {
		t.Errorf("daemon %q, mismatch %q", c.Daemon(), c.Mismatch())
	}
}

// TestEveryVerbOverTheSocket carries each verb, with all that it may be told, to
// the fleet.
func TestEveryVerbOverTheSocket(t *testing.T) {
	m := fleettest.New("bob")
	m.Caller = iapeer.Caller{Identity: iapeer.Identity{Runtime: "exec", Name: "bob"}, Proof: iapeer.ProofSession, Session: true}
	c := listen(t, m)
	for _, v := range []iapeer.Verb{
		iapeer.VerbWake, iapeer.VerbSleep, iapeer.VerbStop, iapeer.VerbStart, iapeer.VerbRestart, iapeer.VerbNew, iapeer.VerbRefresh, iapeer.VerbCompact,
		iapeer.VerbInterrupt, iapeer.VerbLaunch, iapeer.VerbAttach, iapeer.VerbAdopt, iapeer.VerbSelfFresh, iapeer.VerbSelfDone,
	} {
		req := client.CommandRequest{Runtime: "exec", Topic: "login", Anyway: true, Now: true, Fresh: true}
		if out, err := c.Command(t.Context(), v, "bob", req); err != nil || out.Verb != v {
			t.Errorf("%s = %+v, %v", v, out, err)
		}
		want := iapeer.Command{Verb: v, Peer: "bob", Runtime: "exec", Topic: "login", Anyway: true, Now: true, Fresh: true, Caller: m.Caller}
		if got := m.Commands(); len(got) == 0 || got[len(got)-1] != want {
			t.Errorf("%s: the fleet was told %+v, want %+v", v, got, want)
		}
	}
}

func TestInboxIsSeenWhenShown(t *testing.T) {
	m := fleettest.New("ada", "web")
	m.Add(iapeer.Message{Seq: 1, To: iapeer.Identity{Runtime: iapeer.RuntimeCLI, Name: "ada"}, State: iapeer.Accepted,
		Envelope: iapeer.Envelope{ID: "m-1", From: iapeer.Identity{Runtime: "exec", Name: "web"}, Body: "done"}})
	c := listen(t, m)
	list, err := c.Inbox(t.Context(), iapeer.MessageQuery{})
	if err != nil || len(list) != 1 || list[0].Body != "done" {
		t.Fatalf("inbox = %+v, %v", list, err)
	}
	if err := c.MarkRead(t.Context(), "m-1", "m-none"); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Message(t.Context(), "m-1"); got.State != iapeer.Seen || !strings.Contains(got.Steps[0].Evidence.Detail, "inbox") {
		t.Errorf("after it was shown: %+v", got)
	}
}

func TestConfig(t *testing.T) {
	c := listen(t, fleettest.New())
	if err := c.Set(t.Context(), "me", "ada"); err != nil {
		t.Fatal(err)
	}
	list, err := c.Settings(t.Context())
	if err != nil || len(list) != 1 || list[0].Value != "ada" || list[0].Origin != "file" {
		t.Errorf("settings = %+v, %v", list, err)
	}
	if env, err := c.Environment(t.Context(), true); err != nil || len(env) != 1 {
		t.Errorf("environment = %q, %v", env, err)
	}
}

func TestHook(t *testing.T) {
	m := fleettest.New("bob")
	m.Caller = iapeer.Caller{Identity: iapeer.Identity{Runtime: "claude", Name: "bob"}, Proof: iapeer.ProofSession, Session: true}
	c := listen(t, m)
	if err := c.Hook(t.Context(), "claude", "Stop", []byte(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	if want := `claude-bob claude Stop {"a":1}`; !slices.Equal(m.Hooks(), []string{want}) {
		t.Errorf("hooks %q, want %q", m.Hooks(), want)
	}
}

// deciding allows Bash and nothing else.
type deciding struct{ *fleettest.Memory }

func (deciding) Decide(_ context.Context, c iapeer.Caller, _, _ string, payload []byte) (client.Decision, error) {
	return client.Decision{Allow: string(payload) == `"Bash"`, Reason: "asked by " + c.Identity.String()}, nil
}

func TestDecide(t *testing.T) {
	m := fleettest.New("bob")
	m.Caller = iapeer.Caller{Identity: iapeer.Identity{Runtime: "claude", Name: "bob"}, Proof: iapeer.ProofSession, Session: true}
	c := listen(t, m)
	if d, err := c.Decide(t.Context(), "claude", "PreToolUse", "", []byte(`"Bash"`)); err == nil || d.Allow {
		t.Errorf("without a decider: %+v, %v, want an error", d, err)
	}
	c = listen(t, m, func(d *fleet.Deps) { d.Hooks = deciding{m} })
	for payload, want := range map[string]bool{`"Bash"`: true, `"Write"`: false} {
		if d, err := c.Decide(t.Context(), "claude", "PreToolUse", "", []byte(payload)); err != nil || d.Allow != want || d.Reason != "asked by claude-bob" {
			t.Errorf("decide %s = %+v, %v, want %v", payload, d, err, want)
		}
	}
}

func TestNoDaemon(t *testing.T) {
	root := t.TempDir()
	env := map[string]string{"IAPEER_ROOT": root, "HOME": root}
	if _, err := client.Dial(func(k string) string { return env[k] }); !errors.Is(err, iapeer.ErrNoDaemon) {
		t.Errorf("Dial in an empty root: %v, want ErrNoDaemon", err)
	}
	// A socket that nobody serves shows at the first request.
	c := dial(t, func(k string) string {
		if k == "IAPEER_DAEMON_SOCKET" {
			return root // exists, and is no socket
		}
		return env[k]
	})
	if _, err := c.Snapshot(t.Context()); !errors.Is(err, iapeer.ErrNoDaemon) {
		t.Errorf("Snapshot from a dead socket: %v, want ErrNoDaemon", err)
	}
}

func TestServeOnce(t *testing.T) {
	var out bytes.Buffer
	in := strings.NewReader("GET /fleet/v1/snapshot HTTP/1.1\r\nHost: once\r\n\r\n")
	if err := fleet.ServeOnce(t.Context(), fleet.New(fleettest.New("web").Deps()), in, &out); err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(out.String(), "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK") || !strings.Contains(body, `"personality":"web"`) {
		t.Errorf("once answered %s", out.String())
	}
	if err := fleet.ServeOnce(t.Context(), nil, strings.NewReader("nonsense"), io.Discard); err == nil {
		t.Error("nonsense on standard input was served")
	}
}

func TestAbsentEndpoints(t *testing.T) {
	d := fleettest.New().Deps()
	d.Screens, d.Notices, d.Config, d.Hooks, d.Explainer = nil, nil, nil, nil, nil
	d.Healthy = func(context.Context) error { return errors.New("the store is read-only") }
	h := fleet.New(d)
	for path, status := range map[string]int{"/fleet/v1/peers/web/screen": 501, "/fleet/v1/peers/web/explain": 501, "/fleet/v1/notices": 501, "/fleet/v1/config": 501, "/healthz": 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != status {
			t.Errorf("%s = %d %s, want %d", path, w.Code, w.Body, status)
		}
	}
}

func FuzzRequests(f *testing.F) {
	f.Add("POST", "/fleet/v1/send", `{"personality":"web","message":"hi","attachments":["/a"]}`)
	f.Add("POST", "/fleet/v1/peers/web/wake", `{"runtime":"exec"}`)
	f.Add("POST", "/fleet/v1/onboard", `{"verb":"create","name":"x","env":{"A":"b"}}`)
	f.Add("GET", "/fleet/v1/peers/web/explain?runtime=exec", "")
	f.Add("POST", "/fleet/v1/peers/web/restart", `{"now":true,"fresh":true}`)
	f.Add("GET", "/fleet/v1/messages?limit=5&before=7&q=x", "")
	f.Add("POST", "/fleet/v1/messages/m-1/resolve", `{"as":"seen"}`)
	f.Add("POST", "/fleet/v1/inbox", `{"ids":["m-1"]}`)
	h := fleet.New(fleettest.New("web").Deps())
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, "http://h", strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/fleet/v1/events") {
			t.Skip()
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			t.Skip()
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %s %q = 500 %s", method, target, body, w.Body)
		}
	})
}
