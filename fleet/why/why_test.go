package why_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
	"github.com/iapeer/iapeer/fleet/why"
)

var update = flag.Bool("update", false, "rewrite the goldens")

var now = time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)

var web = iapeer.Identity{Runtime: "claude", Name: "web"}

// facts are those of an agent in a state, edited.
func facts(state iapeer.PresenceState, edit ...func(*why.Facts)) why.Facts {
	st := iapeer.PresenceStatus{Identity: web, State: state, Since: now.Add(-time.Minute), Cause: "the cause"}
	f := why.Facts{
		Peer:   iapeer.PeerStatus{Peer: iapeer.Peer{Name: "web", DefaultRuntime: "claude", Runtimes: []iapeer.Runtime{"claude"}, CWD: "/home/ada/web"}},
		Status: st,
		Known: why.Known{
			Restarts: client.Restarts{Policy: "on-demand", Limit: 3, WindowSecs: 300}, Idle: time.Hour, Boot: 4 * time.Minute,
			Record: iapeer.Presence{Identity: web, SessionID: "s1", Parked: true},
		},
	}
	for _, e := range edit {
		e(&f)
	}
	f.Peer.Presences = append(f.Peer.Presences, f.Status)
	return f
}

func mail(f *why.Facts) {
	f.Status.Open = 1
	f.Open = []iapeer.Message{{Envelope: iapeer.Envelope{ID: "m-1", From: iapeer.Identity{Runtime: "cli", Name: "ada"}}, State: iapeer.Accepted, AcceptedAt: now}}
}

func rests(kind iapeer.RestKind) func(*why.Facts) {
	return func(f *why.Facts) { f.Record.Rest, f.Record.RestUntil = kind, now.Add(10*time.Minute) }
}

func runtimes(list ...iapeer.Runtime) func(*why.Facts) {
	return func(f *why.Facts) { f.Peer.Runtimes = list }
}

func restarts(policy string) func(*why.Facts) {
	return func(f *why.Facts) { f.Restarts.Policy = policy }
}

// TestWords is every state and what may be the matter in it: the words as they
// come out stand in testdata.
func TestWords(t *testing.T) {
	var b strings.Builder
	for _, tc := range []struct {
		name string
		f    why.Facts
	}{
		{"asleep", facts(iapeer.Asleep)},
		{"asleep, never woken", facts(iapeer.Asleep, func(f *why.Facts) { f.Record = iapeer.Presence{} })},
		{"asleep after a death", facts(iapeer.Asleep, func(f *why.Facts) { f.Record.Parked, f.Restarts.Deaths = false, 1 })},
		{"asleep, to be refreshed", facts(iapeer.Asleep, func(f *why.Facts) { f.Record.FreshNext = true })},
		{"asleep with threads", facts(iapeer.Asleep, func(f *why.Facts) {
			f.Record.Topics = []iapeer.TopicSession{{Topic: "deploy", SessionID: "s0"}, {Topic: "login", SessionID: "s1"}}
		})},
		{"asleep, ephemeral", facts(iapeer.Asleep, func(f *why.Facts) { f.Peer.Settings.Ephemeral = true })},
		{"asleep with mail", facts(iapeer.Asleep, mail)},
		{"asleep with held mail", facts(iapeer.Asleep, mail, func(f *why.Facts) { f.Open[0].State = iapeer.Held })},
		{"asleep with a message of unknown fate", facts(iapeer.Asleep, mail, func(f *why.Facts) { f.Open[0].State = iapeer.Unknown })},
		{"asleep, to be kept up", facts(iapeer.Asleep, restarts("always"))},
		{"asleep, its folder is gone", facts(iapeer.Asleep, func(f *why.Facts) { f.Folder = errors.New("the folder it works in is gone") })},
		{"asleep, the daemon is sick", facts(iapeer.Asleep, func(f *why.Facts) { f.Sick = errors.New("the disk is full") })},
		{"waking", facts(iapeer.Waking)},
		{"waking in a queue", facts(iapeer.Waking, func(f *why.Facts) { f.Queued = true })},
		{"ready", facts(iapeer.Ready)},
		{"ready, looked at", facts(iapeer.Ready, func(f *why.Facts) { f.Status.Attached = 1 })},
		{"ready, somebody types", facts(iapeer.Ready, mail, func(f *why.Facts) { f.Status.Typing = true })},
		{"ready, ephemeral", facts(iapeer.Ready, func(f *why.Facts) { f.Peer.Settings.Ephemeral = true })},
		{"ready, kept up", facts(iapeer.Ready, restarts("always"))},
		{"busy", facts(iapeer.Busy, mail)},
		{"busy, somebody types", facts(iapeer.Busy, mail, func(f *why.Facts) { f.Status.Typing = true })},
		{"waiting at a dialog", facts(iapeer.Waiting)},
		{"waiting for a word", facts(iapeer.Waiting, func(f *why.Facts) {
			f.Approvals = []client.Approval{{ID: "a7", Personality: "web", Runtime: "claude", Tool: "Bash"}, {ID: "a8", Personality: "api", Runtime: "claude"}}
		})},
		{"asleep until a word comes", facts(iapeer.Asleep, func(f *why.Facts) {
			f.Approvals = []client.Approval{{ID: "a7", Personality: "web", Runtime: "claude", Tool: "Bash"}}
		})},
		{"busy, to be stopped", facts(iapeer.Busy, func(f *why.Facts) { f.Record.Stopped = true })},
		{"ready with mail", facts(iapeer.Ready, mail)},
		{"parking", facts(iapeer.Parking, mail)},
		{"parking to be stopped", facts(iapeer.Parking, func(f *why.Facts) { f.Record.Stopped = true })},
		{"stopped", facts(iapeer.Stopped, func(f *why.Facts) { f.Record.Stopped = true })},
		{"down for good", facts(iapeer.Stopped, restarts("never"), func(f *why.Facts) { f.Restarts.Limit = 0 })},
		{"resting: back-off", facts(iapeer.Resting, rests(iapeer.RestBackOff), func(f *why.Facts) { f.Restarts.Deaths = 1 })},
		{"resting: back-off of one that is kept up", facts(iapeer.Resting, rests(iapeer.RestBackOff), restarts("always"))},
		{"resting: crash loop", facts(iapeer.Resting, rests(iapeer.RestCrashLoop), mail, func(f *why.Facts) { f.Restarts.Deaths = 3 })},
		{"resting: refused", facts(iapeer.Resting, rests(iapeer.RestRefused))},
		{"resting: quota", facts(iapeer.Resting, rests(iapeer.RestQuota), mail)},
		{"resting: quota, with another runtime", facts(iapeer.Resting, rests(iapeer.RestQuota), runtimes("claude", "codex"))},
		{"asleep, on its second runtime", facts(iapeer.Asleep, runtimes("claude", "codex"), func(f *why.Facts) { f.Status.Identity.Runtime = "codex" })},
		{"asleep, while another lives", facts(iapeer.Asleep, runtimes("claude", "codex"), func(f *why.Facts) {
			f.Peer.Presences = []iapeer.PresenceStatus{{Identity: iapeer.Identity{Runtime: "codex", Name: "web"}, State: iapeer.Ready}}
		})},
		{"resting of a kind to come", facts(iapeer.Resting, rests("sabbatical"))},
		{"by hand", facts(iapeer.ByHand)},
		{"a state to come", facts("dreaming")},
		{"a person", facts(iapeer.Ready, func(f *why.Facts) { f.Status.Identity.Runtime = iapeer.RuntimeCLI })},
		{"set aside", facts(iapeer.Asleep, func(f *why.Facts) { f.Peer.Problem = "runtimes must be a list (line 4)" })},
		{"a command", facts(iapeer.Asleep, func(f *why.Facts) {
			f.Status.Identity.Runtime, f.Peer.DefaultRuntime, f.Peer.Runtimes = "exec", "exec", nil
		})},
	} {
		e := why.Explain(tc.f)
		fmt.Fprintf(&b, "%s\n  is     %s\n  next   %s\n  costs  %s\n", tc.name, e.Is, e.Next, e.Costs)
		if !e.Until.IsZero() {
			fmt.Fprintf(&b, "  until  %s\n", e.Until.Format("15:04"))
		}
		for _, w := range e.Ways {
			fmt.Fprintf(&b, "  %s   (%s)\n", w.Command, w.Does)
		}
		var not []string
		for _, n := range e.Not {
			not = append(not, n.What+" "+n.Found)
		}
		fmt.Fprintf(&b, "  not    %s\n", strings.Join(not, ", "))
		if e.Is == "" {
			t.Errorf("%s: nothing is said", tc.name)
		}
	}
	golden(t, "words.txt", b.String())
}

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

func TestWaiting(t *testing.T) {
	f := facts(iapeer.Resting, rests(iapeer.RestQuota))
	for i := range 30 {
		f.Open = append(f.Open, iapeer.Message{Envelope: iapeer.Envelope{ID: iapeer.MessageID(fmt.Sprint("m-", i)), From: web}, State: iapeer.Accepted})
	}
	f.Told = []iapeer.Message{
		{Envelope: iapeer.Envelope{Body: "first"}, Caused: "m-1"}, {Envelope: iapeer.Envelope{Body: "of another"}, Caused: "m-77"},
		{Envelope: iapeer.Envelope{Body: "last"}, Caused: "m-1", AcceptedAt: now},
	}
	e := why.Explain(f)
	if len(e.Waiting) != 20 || e.Open != 30 {
		t.Errorf("%d of %d are told, want 20 of 30", len(e.Waiting), e.Open)
	}
	if w := e.Waiting[1]; w.Told != "last" || w.ToldAt != now {
		t.Errorf("its sender was told %q, want what was said last", w.Told)
	}
	if w := e.Waiting[2]; w.Told != "" {
		t.Errorf("m-2 is not spoken of, got %q", w.Told)
	}
}

func TestChoose(t *testing.T) {
	on := func(rt iapeer.Runtime, st iapeer.PresenceState, open int) iapeer.PresenceStatus {
		return iapeer.PresenceStatus{Identity: iapeer.Identity{Runtime: rt, Name: "web"}, State: st, Open: open}
	}
	for _, tc := range []struct {
		name      string
		presences []iapeer.PresenceStatus
		asked     iapeer.Runtime
		want      iapeer.Runtime
		ok        bool
	}{
		{"never used", nil, "", "claude", true},
		{"both asleep", []iapeer.PresenceStatus{on("codex", iapeer.Asleep, 0), on("claude", iapeer.Asleep, 0)}, "", "claude", true},
		{"one has mail", []iapeer.PresenceStatus{on("claude", iapeer.Asleep, 0), on("codex", iapeer.Asleep, 1)}, "", "codex", true},
		{"one lives", []iapeer.PresenceStatus{on("claude", iapeer.Asleep, 1), on("codex", iapeer.Ready, 0)}, "", "codex", true},
		{"one needs somebody", []iapeer.PresenceStatus{on("claude", iapeer.Busy, 1), on("codex", iapeer.Resting, 0)}, "", "codex", true},
		{"asked for", []iapeer.PresenceStatus{on("claude", iapeer.Resting, 1), on("codex", iapeer.Asleep, 0)}, "codex", "codex", true},
		{"asked for, never used", nil, "codex", "codex", true},
		{"not its own", nil, "telegram", "telegram", false},
	} {
		p := iapeer.PeerStatus{Peer: iapeer.Peer{Name: "web", DefaultRuntime: "claude", Runtimes: []iapeer.Runtime{"claude", "codex"}}, Presences: tc.presences}
		if got, ok := why.Choose(p, tc.asked); got.Identity.Runtime != tc.want || ok != tc.ok {
			t.Errorf("%s: %s, %v, want %s, %v", tc.name, got.Identity.Runtime, ok, tc.want, tc.ok)
		}
	}
}

// TestNothingIsNull: programs in other languages trip over a null list.
func TestNothingIsNull(t *testing.T) {
	b, err := json.Marshal(why.Explain(why.Facts{}))
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v", b, err)
	}
}
