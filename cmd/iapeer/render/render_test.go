package render_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeer/render"
	"github.com/iapeer/iapeer/fleet/client"
)

var update = flag.Bool("update", false, "rewrite the goldens")

var (
	now   = time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	plain = render.Style{Home: "/home/ada", Now: now}
	color = render.Style{Home: "/home/ada", Now: now, Color: true}
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

func peer(name, rt string, state iapeer.PresenceState, since time.Duration, edit ...func(*client.Peer)) client.Peer {
	p := iapeer.PeerStatus{
		Peer: iapeer.Peer{Name: iapeer.Name(name), DefaultRuntime: iapeer.Runtime(rt), Runtimes: []iapeer.Runtime{iapeer.Runtime(rt)},
			Nature: iapeer.Artificial, CWD: "/home/ada/src/" + name},
		Presences: []iapeer.PresenceStatus{{Identity: iapeer.Identity{Runtime: iapeer.Runtime(rt), Name: iapeer.Name(name)}, State: state, Since: now.Add(-since)}},
	}
	w := client.WirePeer(p)
	for _, e := range edit {
		e(&w)
	}
	return w
}

func fleet() client.Snapshot {
	return client.Snapshot{
		Host: client.Host{Version: "0.5.0", PID: 812, UptimeSecs: 6 * 24 * 3600},
		Peers: []client.Peer{
			peer("infra", "claude", iapeer.Waiting, 2*time.Minute, func(p *client.Peer) { p.Runtimes[0].Cause = `asks: Bash "git push --force"` }),
			peer("docs", "codex", iapeer.Resting, 31*time.Minute, func(p *client.Peer) {
				p.Runtimes[0].Cause = "quota, parked until 16:40"
				p.Waiting, p.Runtimes[0].Open = 2, 2
			}),
			peer("web", "claude", iapeer.Busy, 4*time.Minute, func(p *client.Peer) { p.Waiting, p.Runtimes[0].Open = 1, 1 }),
			peer("review", "codex", iapeer.Ready, 12*time.Minute, func(p *client.Peer) { p.Runtimes[0].Attached = true }),
			peer("fix-login", "claude", iapeer.Waking, time.Second),
			peer("api", "claude", iapeer.Asleep, 3*time.Hour),
			peer("old-bot", "codex", iapeer.Stopped, 50*time.Hour),
			peer("ada", "cli", iapeer.Asleep, time.Hour, func(p *client.Peer) { p.Waiting, p.Runtimes[0].Open = 3, 3 }),
			peer("notes", "claude", iapeer.ByHand, 8*time.Minute),
			peer("shop", "claude", iapeer.Ready, time.Hour, func(p *client.Peer) {
				p.Runtimes[0].Attached, p.Runtimes[0].Typing, p.Waiting, p.Runtimes[0].Open = true, true, 2, 2
			}),
			peer("draft", "claude", iapeer.Ready, time.Hour, func(p *client.Peer) { p.Runtimes[0].Attached, p.Runtimes[0].Typing = true, true }),
			peer("pause", "claude", iapeer.Resting, 3*time.Second, func(p *client.Peer) {
				p.Runtimes[0].Rest, p.Runtimes[0].RestUntil, p.Runtimes[0].Cause = iapeer.RestBackOff, now.Add(4*time.Second), "the session ended: exit 1"
			}),
			peer("loop", "claude", iapeer.Resting, 3*time.Minute, func(p *client.Peer) {
				p.Runtimes[0].Rest, p.Runtimes[0].RestUntil, p.Runtimes[0].Cause = iapeer.RestCrashLoop, now.Add(12*time.Minute), "3 deaths in 5m0s, the last: exit 1"
			}),
			peer("leaves", "claude", iapeer.Busy, time.Minute, func(p *client.Peer) { p.Runtimes[0].Stopped = true }),
			peer("login", "claude", iapeer.Busy, 2*time.Minute, func(p *client.Peer) { p.Runtimes[0].Start = "resumed 'login'" }),
			peer("broken", "claude", iapeer.Asleep, 0, func(p *client.Peer) {
				p.Problem = `"runtimes" must be a list (line 4)`
				p.Runtimes[0].Since = time.Time{}
			}),
		},
		Notices: []client.Notice{{ID: "n1", Personality: "web", Runtime: "claude", Summary: "3 deaths in 5m", CreatedMs: now.Add(-time.Minute).UnixMilli()}},
	}
}

func branch(dir string) string {
	if strings.HasSuffix(dir, "/web") || strings.HasSuffix(dir, "/api") {
		return "main"
	}
	return ""
}

func TestList(t *testing.T) {
	golden(t, "list.txt", render.List(plain, fleet(), branch))
	golden(t, "list-empty.txt", render.List(plain, client.Snapshot{}, nil))
	golden(t, "status.txt", render.Status(plain, fleet()))
	if got, want := strip(render.List(color, fleet(), branch)), render.List(plain, fleet(), branch); got != want {
		t.Errorf("colours change the text: -plain +colour\n%s", cmp.Diff(want, got))
	}
}

// strip removes the colours.
func strip(s string) string {
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, "\x1b[")
		b.WriteString(head)
		if !ok {
			return b.String()
		}
		_, s, _ = strings.Cut(rest, "m")
	}
}

func TestPeerOnTwoRuntimes(t *testing.T) {
	id := func(rt iapeer.Runtime) iapeer.Identity { return iapeer.Identity{Runtime: rt, Name: "nova"} }
	p := client.WirePeer(iapeer.PeerStatus{
		Peer: iapeer.Peer{Name: "nova", DefaultRuntime: "claude", Runtimes: []iapeer.Runtime{"claude", "codex"}, CWD: "/home/ada/nova"},
		Presences: []iapeer.PresenceStatus{
			{Identity: id("claude"), State: iapeer.Asleep, Since: now.Add(-time.Hour)},
			{Identity: id("codex"), State: iapeer.Busy, Since: now.Add(-time.Minute)},
		},
	})
	got := render.List(plain, client.Snapshot{Peers: []client.Peer{p}}, nil)
	if strings.Contains(got, "claude") || !strings.Contains(got, "● nova  codex    busy") {
		t.Errorf("a peer that lives on its second runtime is shown there:\n%s", got)
	}
}

func message() client.Message {
	at := time.Date(2026, 3, 14, 14, 2, 10, 371e6, time.UTC)
	ev := func(d time.Duration, source, detail, session string) iapeer.Evidence {
		return iapeer.Evidence{Source: source, Detail: detail, Session: session, At: at.Add(d)}
	}
	return client.Message{
		ID: "m-7k2q9x0000", From: "cli-ada", To: "claude-web", State: iapeer.Answered, Topic: "login", Conversation: "c-31", Hops: 1,
		Proof: iapeer.ProofPerson, Body: "The login test fails on CI,\nplease look", Attachments: []string{"/home/ada/log.txt"}, AcceptedAt: at,
		Answer: "SameSite changed in 2f81c0a. Fixed on branch fix-login, tests are green.",
		Steps: []iapeer.Step{
			{State: iapeer.Accepted, Evidence: ev(0, "daemon", "", "")},
			{Change: iapeer.ChangeOffer, State: iapeer.Offered, Attempt: 1, Evidence: ev(610*time.Millisecond, "host", "bracketed paste", "")},
			{Change: iapeer.ChangeSee, State: iapeer.Seen, Evidence: ev(672*time.Millisecond, "hook", "UserPromptSubmit", "4f1c")},
			{Change: iapeer.ChangeAnswer, State: iapeer.Answered, Evidence: ev(90*time.Second, "hook", "Stop", "4f1c")},
		},
	}
}

func TestMessage(t *testing.T) {
	golden(t, "message.txt", render.Message(plain, message()))
	m := message()
	m.State, m.Answer, m.Steps = iapeer.Unknown, "", m.Steps[:2]
	golden(t, "message-unknown.txt", render.Message(plain, m))
	golden(t, "messages.txt", render.Messages(plain, []client.Message{message(), m}))
	golden(t, "inbox.txt", render.Inbox(plain, []client.Message{message()}))
}

func TestSend(t *testing.T) {
	at := time.Date(2026, 3, 14, 14, 2, 11, 0, time.UTC)
	seen := client.SendReply{From: "cli-ada", Result: iapeer.SendResult{OK: true, ID: "m-7k2q9x0000", State: iapeer.Seen,
		DeliveredTo: iapeer.DeliveredTo{Personality: "web", Runtime: "claude"},
		Evidence:    &iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit", Session: "4f1c", At: at}}}
	queued := seen
	queued.Result.State, queued.Result.Evidence, queued.Result.QueueDepth = iapeer.Accepted, nil, 2
	queued.Result.Next = "web is busy; it is offered when the turn ends"
	var b strings.Builder
	for i, p := range []client.Progress{
		{Kind: "message", Identity: "claude-web", State: "accepted"},
		{Kind: "presence", Identity: "claude-web", From: "asleep", State: "waking", Cause: "resumed 'login'"},
		{Kind: "message", Identity: "claude-web", State: "seen"},
	} {
		if line := render.Progress(plain, p, time.Duration(i)*600*time.Millisecond); line != "" {
			b.WriteString(line + "\n")
		}
	}
	b.WriteString(render.Receipt(plain, seen) + "--\n" + render.Receipt(plain, queued) + "--\n" + render.Delivered(seen) + render.Delivered(queued))
	golden(t, "send.txt", b.String())
}

func TestOnboarded(t *testing.T) {
	r := iapeer.OnboardingReport{
		Verb: "init", Name: "web", Runtime: "claude", Runtimes: []iapeer.Runtime{"claude", "codex"}, Nature: iapeer.Artificial, CWD: "/home/ada/src/web",
		Gated: true, Prompt: "append", Folders: []string{"/home/ada/src/web"}, Next: `iapeer send web "hello"`,
		Files: []iapeer.FileChange{
			{What: "profile", Path: "/home/ada/src/web/.iapeer/peer-profile.json", Action: "created"},
			{What: "mcp", Path: "/home/ada/src/web/.mcp.json", Action: "skipped", Detail: "git tracks it; --scope project writes it"},
		},
		Warnings: []string{"claude is not installed: npm install -g @anthropic-ai/claude-code"},
	}
	golden(t, "onboarded.txt", render.Onboarded(plain, r))
	absent := render.Onboarded(plain, iapeer.OnboardingReport{Verb: "remove", Name: "wbe", Files: []iapeer.FileChange{{What: "registry", Path: "/r", Action: "kept", Detail: "no such peer"}}})
	if want := "wbe is no peer; nothing was changed\n  registry  kept     /r  (no such peer)\n"; absent != want {
		t.Errorf("removal of nobody = %q, want %q", absent, want)
	}
	golden(t, "removed.txt", render.Onboarded(plain, iapeer.OnboardingReport{Verb: "remove", Name: "web", Files: r.Files[:1]}))
}

func TestEvents(t *testing.T) {
	at := time.Date(2026, 3, 14, 14, 2, 11, 0, time.UTC)
	id := iapeer.Identity{Runtime: "claude", Name: "web"}
	var b strings.Builder
	for i, e := range []iapeer.Event{
		iapeer.MessageChanged{ID: "m-7k2q9x0000", From: iapeer.Identity{Runtime: "cli", Name: "ada"}, To: id, State: iapeer.Seen,
			Change: iapeer.ChangeSee, Evidence: iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit"}},
		iapeer.PresenceChanged{Identity: id, From: iapeer.Asleep, To: iapeer.Waking, Cause: "message m-7k2q", At: at},
		iapeer.TurnChanged{Identity: id, Ended: true, At: at},
		iapeer.NoticeRaised{ID: "n1", Peer: "docs", Summary: "docs rests until 16:40", At: at},
		iapeer.PeerChanged{Peer: "eve", Action: "registered", Detail: "create", At: at},
	} {
		b.WriteString(render.Event(plain, client.WireEvent(iapeer.Stamped{Seq: uint64(i), Epoch: 1, At: at, Event: e})))
	}
	golden(t, "events.txt", b.String())
}

func TestExplanation(t *testing.T) {
	told := "m-71xx0000xx waits at codex-docs: parked, quota (usage limit reached), until Sat 16:40. It is not lost, do not send it again."
	docs := client.Explanation{
		Personality: "docs", Runtime: "codex", State: iapeer.Resting, Rest: iapeer.RestQuota, Is: "parked: quota", Since: now.Add(-51 * time.Minute),
		Cause: "quota (usage limit reached), until Sat 16:40", Until: now.Add(100 * time.Minute), Next: "it wakes by itself then", Costs: "nothing: no model call while it rests",
		Waiting: []client.Waiting{
			{ID: "m-71xx0000xx", From: "claude-web", State: iapeer.Accepted, AcceptedAt: now.Add(-31 * time.Minute), Told: told, ToldAt: now.Add(-30 * time.Minute)},
			{ID: "m-71y00000xx", From: "cli-ada", State: iapeer.Held, Topic: "login", AcceptedAt: now.Add(-time.Minute)},
		},
		Open:   5,
		Ways:   []client.Remedy{{Command: "iapeer wake docs codex", Does: "try now; it parks again on the same answer"}, {Command: "iapeer send docs --runtime claude …", Does: "its other runtime does not rest"}},
		Not:    []client.Finding{{What: "stopped", Found: "no"}, {What: "crash loop", Found: "0 of 3"}},
		Others: []client.RuntimeStatus{{Runtime: "claude", State: iapeer.Asleep}},
	}
	golden(t, "explain.txt", render.Explanation(plain, docs))
	if got := strip(render.Explanation(color, docs)); got != render.Explanation(plain, docs) {
		t.Errorf("colours change the text:\n%s", got)
	}
	golden(t, "explain-ready.txt", render.Explanation(plain, client.Explanation{
		Personality: "web", Runtime: "claude", State: iapeer.Ready, Is: "ready", Since: now.Add(-time.Minute), Cause: "the turn ended", Until: now.Add(59 * time.Minute),
		Next: "it takes a message now", SessionID: "4f1c0000-1111", HostPID: 812, Start: "resumed 'login'", Attached: 1, Costs: "no model call",
		Ways: []client.Remedy{{Command: "iapeer attach web", Does: "sit down at it"}},
	}))
	golden(t, "explain-broken.txt", render.Explanation(plain, client.Explanation{
		Personality: "web", Problem: "line 4", Is: "set aside", Cause: "runtimes must be a list\x1b[2J (line 4)", Next: "it is read again when it changes", Costs: "nothing",
	}))
}

func TestOutcome(t *testing.T) {
	for _, tc := range []struct {
		verb   iapeer.Verb
		action string
		state  iapeer.PresenceState
		detail string
		want   string
	}{
		{iapeer.VerbStop, "stopped", iapeer.Parking, "", "stopped · mail is kept; let it work again: iapeer start web"},
		{iapeer.VerbStop, "stopped", iapeer.Busy, "when its turn has ended; …", "stops when its turn has ended · at once: iapeer stop web --now"},
		{iapeer.VerbSleep, "parked", iapeer.Parking, "", "put to sleep · the next message wakes it"},
		{iapeer.VerbSleep, "parked", iapeer.Busy, "when its turn has ended; …", "sleeps when its turn has ended · at once: iapeer sleep web --now"},
		{iapeer.VerbSleep, "already", iapeer.Asleep, "no session lives; …", "sleeps already · the next message wakes it"},
		{iapeer.VerbStart, "started", iapeer.Asleep, "the next message wakes it", "may work again · the next message wakes it; without one: iapeer wake web"},
		{iapeer.VerbStart, "started", iapeer.Waking, "the next message wakes it", "may work again · it wakes now for what waits"},
		{iapeer.VerbStart, "already", iapeer.Ready, "", "is awake already · sit down at it: iapeer attach web"},
		{iapeer.VerbWake, "woke", iapeer.Ready, "the session is ready", "awake · sit down at it: iapeer attach web"},
		{iapeer.VerbWake, "woke", iapeer.Ready, "resumed 'login'", "awake (resumed 'login') · sit down at it: iapeer attach web"},
		{iapeer.VerbWake, "already", iapeer.Busy, "", "is awake already, in a turn · sit down at it: iapeer attach web"},
		{iapeer.VerbWake, "woke", iapeer.Waiting, "trust this folder?", "awake, and waits for you · iapeer explain web"},
		{iapeer.VerbWake, "woke", iapeer.Ready, "first-wake", "awake · sit down at it: iapeer attach web"},
		{iapeer.VerbStop, "woke", iapeer.Ready, "", "awake · sit down at it: iapeer attach web"},
		{iapeer.VerbNew, "fresh", iapeer.Ready, "the session is ready", "awake in a fresh session · sit down at it: iapeer attach web"},
		{iapeer.VerbRestart, "restarted", iapeer.Ready, "the session is ready", "restarted · sit down at it: iapeer attach web"},
		{iapeer.VerbRefresh, "refresh-armed", iapeer.Asleep, "the next wake begins a fresh session", "refresh armed · the next wake begins a fresh session"},
		{iapeer.VerbRefresh, "refresh-armed", iapeer.Ready, "the next wake begins a fresh session", "refresh armed · this session goes on, the one after it is fresh; at once: iapeer new web"},
		{iapeer.VerbRefresh, "skipped-non-agentic", iapeer.Asleep, "its sessions keep no conversation", "skipped · its sessions keep no conversation"},
		{iapeer.VerbRefresh, "skipped-non-agentic", iapeer.Ready, "its sessions keep no conversation", "skipped · its sessions keep no conversation"},
		{iapeer.VerbCompact, "compacted", iapeer.Ready, "", "compacted · the conversation goes on, shorter"},
		{iapeer.VerbInterrupt, "interrupted", iapeer.Busy, "", "its turn is ended · the session takes the next message"},
		{iapeer.VerbSelfFresh, "refresh-armed", iapeer.Busy, "…", "this session ends with its turn · the next message begins a fresh one"},
		{iapeer.VerbSelfDone, "armed", iapeer.Busy, "the session ends 20s after its turn", "done · the session ends 20s after its turn"},
		{iapeer.VerbSelfDone, "inert", iapeer.Busy, "this peer is not ephemeral: nothing ends", "nothing to end · this peer is not ephemeral"},
		{"", "refused-undeclared-runtime", "", "iapeer add-runtime claude --peer web", "refused undeclared runtime · iapeer add-runtime claude --peer web"},
	} {
		got := render.Outcome(plain, iapeer.Outcome{
			Verb: tc.verb, Identity: iapeer.Identity{Runtime: "claude", Name: "web"}, Action: tc.action, State: tc.state, Detail: tc.detail,
		})
		if want := "web (claude)  " + tc.want; got != want {
			t.Errorf("%s: Outcome = %q, want %q", tc.verb, got, want)
		}
	}
}

func TestSafe(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"plain\ttext\n", "plain\ttext\n"},
		{"\x1b[31mred\x1b[0m", "�[31mred�[0m"},
		{"over\rwritten", "overwritten"},
		{"\u202eevil", "�evil"},
		{"c1\u009b31m", "c1�31m"},
		{"bad\xff", "bad�"},
	} {
		if got := render.Safe(tc.in); got != tc.want {
			t.Errorf("Safe(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 4 * time.Second: "4s", 12 * time.Minute: "12m", 3 * time.Hour: "3h", 47 * time.Hour: "47h", 50 * time.Hour: "2d",
	} {
		if got := render.Span(d); got != want {
			t.Errorf("Span(%s) = %q, want %q", d, got, want)
		}
	}
}

// FuzzPeerTextIsHarmless: whatever a peer writes, no escape reaches the
// terminal, and a line stays a line.
func FuzzPeerTextIsHarmless(f *testing.F) {
	f.Add("hello", "topic", "\x1b]0;title\a")
	f.Fuzz(func(t *testing.T, body, topic, answer string) {
		m := message()
		m.Body, m.Topic, m.Answer = body, topic, answer
		for _, text := range []string{render.Message(plain, m), render.Inbox(plain, []client.Message{m}), render.Messages(plain, []client.Message{m})} {
			if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 }); i >= 0 {
				t.Errorf("a control character at %d of %q", i, text)
			}
		}
		if strings.Count(render.Messages(plain, []client.Message{m}), "\n") != 1 {
			t.Errorf("a message in a list is one line: %q", body)
		}
	})
}
