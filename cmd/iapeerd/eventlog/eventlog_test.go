package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/logfile"
)

var (
	noon = time.Date(2026, 1, 2, 12, 0, 0, 7e6, time.UTC)
	ada  = iapeer.Identity{Runtime: "exec", Name: "ada"}
	bob  = iapeer.Identity{Runtime: "claude", Name: "bob"}
)

func TestLinesOfEvents(t *testing.T) {
	l := New(Config{Log: zap.NewNop()})
	for _, tc := range []struct {
		event iapeer.Event
		want  string // the lines, without their time, in their file
	}{
		{iapeer.MessageChanged{ID: "m-1", From: ada, To: bob, State: iapeer.Accepted, Len: 2, Topic: "probe topic"},
			`delivery: ev=receipt id=m-1 caller=exec-ada to=bob rt=claude state=accepted len=2 topic="probe topic"`},
		{iapeer.MessageChanged{ID: "m-1", From: ada, To: bob, State: iapeer.Seen, Change: iapeer.ChangeSee, Evidence: iapeer.Evidence{Source: "hook", Detail: `a="b"`}},
			`delivery: ev=receipt id=m-1 caller=exec-ada to=bob rt=claude state=seen len=0 change=see by=hook proof="a=\"b\""`},
		{iapeer.TurnChanged{Identity: bob, At: noon}, `turns: ev=turn-started personality=bob runtime=claude at=1767355200007 at_iso=2026-01-02T12:00:00.007Z`},
		{iapeer.TurnChanged{Identity: bob, Ended: true, Failed: "rate_limit", At: noon},
			`turns: ev=turn-ended personality=bob runtime=claude from=working at=1767355200007 at_iso=2026-01-02T12:00:00.007Z failed=rate_limit`},
		{iapeer.TurnChanged{Identity: bob}, `turns: ev=turn-started personality=bob runtime=claude from=idle`},
		{iapeer.NoticeRaised{ID: "n1", Peer: "bob", Runtime: "claude", Kind: "peer-mute", Summary: "two\nlines \\"},
			`notices: ev=notice-raised id=n1 personality=bob runtime=claude kind=peer-mute summary="two\nlines \\"`},
		{iapeer.NoticeRaised{ID: "n2", Peer: "bob", Kind: "peer-mute", ErrorType: "rate_limit", Model: "Fable 5", Summary: "probe", ResetsAt: noon, Session: "4f1c"},
			`notices: ev=notice-raised id=n2 personality=bob kind=peer-mute errorType=rate_limit model="Fable 5" summary=probe resets_at=1767355200007 resets_at_iso=2026-01-02T12:00:00.007Z session=4f1c`},
		{iapeer.PeerChanged{Peer: "bob", Action: "registered"}, `lifecycle: ev=peer-registered personality=bob`},
		{iapeer.ApprovalResolved{Approval: iapeer.Approval{ID: "a1", Identity: bob, State: iapeer.ApprovalDenied, By: "cli-ada", Via: "cli", Created: noon, Resolved: noon.Add(time.Second)}},
			`approvals: ev=approval-resolved id=a1 personality=bob runtime=claude decision=deny by=cli-ada via=cli latencyMs=1000`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Asleep, To: iapeer.Waking, Cause: "launching claude"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=asleep to=waking cause="launching claude"`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Parking, To: iapeer.Asleep, Cause: "idle for 1h"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=parking to=asleep cause="idle for 1h"
lifecycle: ev=supervise personality=bob runtime=claude identity=claude-bob action=reaped-idle reason="idle for 1h" outcome=resume-eligible`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Busy, To: iapeer.Asleep, Cause: "killed by SIGKILL"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=busy to=asleep cause="killed by SIGKILL"
lifecycle: ev=supervise personality=bob runtime=claude identity=claude-bob action=reaped-gone reason="killed by SIGKILL"`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Busy, To: iapeer.Resting, Cause: "3 deaths"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=busy to=resting cause="3 deaths"
lifecycle: ev=supervise personality=bob runtime=claude identity=claude-bob action=reaped-gone reason="3 deaths" outcome=resting`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Asleep, To: iapeer.Resting, Cause: "quota"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=asleep to=resting cause=quota
lifecycle: ev=supervise personality=bob runtime=claude identity=claude-bob action=resting reason=quota`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Ready, To: iapeer.Stopped, Cause: "stopped by a person"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=ready to=stopped cause="stopped by a person"
lifecycle: ev=stopped personality=bob runtime=claude identity=claude-bob reason="stopped by a person"`},
		{iapeer.PresenceChanged{Identity: bob, From: iapeer.Stopped, To: iapeer.Asleep, Cause: "started by a person"},
			`lifecycle: ev=presence personality=bob runtime=claude identity=claude-bob from=stopped to=asleep cause="started by a person"
lifecycle: ev=started personality=bob runtime=claude identity=claude-bob reason="started by a person"`},
		{iapeer.TurnChanged{Identity: bob}, `turns: ev=turn-started personality=bob runtime=claude`}, // what another session did says nothing
	} {
		var got []string
		for _, x := range l.linesOf(iapeer.Stamped{At: noon, Event: tc.event}) {
			b := logfile.AppendLine(nil, x.at, x.name, x.fields())
			line, ok := strings.CutPrefix(strings.TrimSuffix(string(b), "\n"), "ts=2026-01-02T12:00:00.007Z ")
			if !ok {
				t.Errorf("line %s without its time", b)
			}
			got = append(got, x.source+": "+line)
		}
		if g := strings.Join(got, "\n"); g != tc.want {
			t.Errorf("lines of %T\n got %s\nwant %s", tc.event, g, tc.want)
		}
	}
}

func TestAttemptLines(t *testing.T) {
	var echo bytes.Buffer
	dir := t.TempDir()
	l := New(Config{Dir: dir, Delivery: logfile.Default, Echo: &echo, Log: zap.NewNop()})
	draft := func(to iapeer.Name) iapeer.Draft { return iapeer.Draft{To: to, Topic: "probe topic"} }
	sent := func(s iapeer.State) *iapeer.SendResult {
		return &iapeer.SendResult{OK: true, ID: "m-1", State: s, DeliveredTo: iapeer.DeliveredTo{Personality: "bob", Runtime: "claude"}}
	}
	seen, queued, failed, again := sent(iapeer.Seen), sent(iapeer.Accepted), sent(iapeer.Failed), sent(iapeer.Answered)
	seen.Woke, seen.Evidence = true, &iapeer.Evidence{Source: "hook"}
	queued.Queued, queued.QueuedBy, queued.QueueDepth = true, "wake", 3
	failed.OK, failed.Next = false, "failed: exit 3"
	again.Repeated = true
	for _, tc := range []struct {
		attempt iapeer.Attempt
		want    string
	}{
		{iapeer.Attempt{Caller: ada, Draft: draft("bob"), Len: 2, Result: seen, Elapsed: 1500 * time.Microsecond},
			`caller=exec-ada to=bob rt=claude ok=true via=hook woke=true ms=1 len=2 topic="probe topic" id=m-1 state=seen`},
		{iapeer.Attempt{Caller: ada, Draft: iapeer.Draft{To: "bob", Attachments: []string{"/a", "/b"}}, Len: 2, Result: queued, Path: "cli"},
			`caller=exec-ada to=bob rt=claude ok=true woke=false queued=true qkind=wake qd=3 ms=0 len=2 att=2 path=cli id=m-1 state=accepted`},
		{iapeer.Attempt{Caller: ada, Draft: draft("bob"), Len: 2, Result: failed},
			`caller=exec-ada to=bob rt=claude ok=false woke=false ms=0 len=2 topic="probe topic" err="failed: exit 3" id=m-1 state=failed`},
		{iapeer.Attempt{Caller: ada, Draft: draft("bob"), Len: 2, Result: again},
			`caller=exec-ada to=bob rt=claude ok=true woke=false ms=0 len=2 topic="probe topic" id=m-1 state=answered repeated=true`},
		{iapeer.Attempt{Caller: ada, Draft: iapeer.Draft{To: "bob", Runtime: "codex"}, Err: iapeer.ErrNotDeclared},
			`caller=exec-ada to=bob rt=codex ok=false ms=0 len=0 err="` + iapeer.ErrNotDeclared.Error() + `"`},
		{iapeer.Attempt{Claimed: "claude-nobody", Draft: iapeer.Draft{To: "bob"}, Err: iapeer.ErrUnknownPeer},
			`claimed=claude-nobody to=bob ok=false ms=0 len=0 err="` + iapeer.ErrUnknownPeer.Error() + `"`},
		{iapeer.Attempt{Draft: iapeer.Draft{To: "Bad Name"}, Len: 16001, Err: errors.New("message exceeds")},
			`to="Bad Name" ok=false ms=0 len=16001 err="message exceeds"`},
		{iapeer.Attempt{Err: errors.New(strings.Repeat("x", 700)), Draft: iapeer.Draft{To: iapeer.Name(strings.Repeat("й", 99))}},
			`to=` + strings.Repeat("й", 32) + `… ok=false ms=0 len=0 err=` + strings.Repeat("x", 600) + `…`},
	} {
		echo.Reset()
		l.Attempt(tc.attempt)
		l.drain()
		_, got, _ := strings.Cut(strings.TrimSuffix(echo.String(), "\n"), " ev=delivery ")
		if got != tc.want {
			t.Errorf("attempt\n got %s\nwant %s", got, tc.want)
		}
	}
	b, _ := os.ReadFile(filepath.Join(dir, "delivery.log"))
	if !strings.HasSuffix(string(b), echo.String()) || strings.Count(string(b), "\n") != 8 {
		t.Errorf("delivery.log =\n%s", b)
	}
}

// stream is a small source of events: every subscription ends after some, as
// one that fell behind does.
type stream struct {
	events []iapeer.Stamped
	each   int
}

func (s *stream) subscribe(_ int64, after uint64, _ int) ([]iapeer.Stamped, <-chan iapeer.Stamped, func()) {
	c := make(chan iapeer.Stamped, s.each)
	for _, e := range s.events {
		if e.Seq > after && len(c) < s.each {
			c <- e
		}
	}
	close(c)
	return nil, c, func() {}
}

// names returns the name and the first field of each line of a log.
func names(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		pairs, ok := logfile.Parse(line)
		if !ok || len(pairs) < 2 || pairs[0].Key != "ts" || pairs[1].Key != "ev" {
			t.Fatalf("%s holds %q", path, line)
		}
		name := pairs[1].Value
		if len(pairs) > 2 {
			name += " " + pairs[2].Key + "=" + pairs[2].Value
		}
		out = append(out, name)
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s =\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLogGoesOnAfterItFellBehind(t *testing.T) {
	s := &stream{each: 2}
	for _, seq := range []uint64{1, 2, 3, 7, 8} { // 4 to 6 are lost
		s.events = append(s.events, iapeer.Stamped{Seq: seq, Epoch: 1, At: noon, Event: iapeer.PeerChanged{Peer: "ada", Action: "changed", Detail: fmt.Sprint(seq)}})
	}
	dir := t.TempDir()
	l := New(Config{Dir: dir, Delivery: logfile.Default, Daemon: true, Log: zap.NewNop()})
	l.Start(context.Background(), s.subscribe)
	<-l.Done()
	same(t, "lifecycle.log", names(t, filepath.Join(dir, "lifecycle.log")), []string{
		"daemon-started version=" + iapeer.Version, "peer-changed personality=ada", "peer-changed personality=ada", "peer-changed personality=ada",
		"events-missed count=3", "peer-changed personality=ada", "peer-changed personality=ada", fmt.Sprintf("daemon-stopped pid=%d", os.Getpid())})
}

// What finds no room is counted, and who tells it never waits.
func TestTooMuchIsDroppedAndSaid(t *testing.T) {
	dir := t.TempDir()
	l := New(Config{Dir: dir, Delivery: logfile.Default, Log: zap.NewNop()})
	for range maxTold + 7 { // nobody writes yet
		l.Attempt(iapeer.Attempt{Caller: ada, Draft: iapeer.Draft{To: "bob"}})
	}
	l.drain()
	l.Attempt(iapeer.Attempt{Caller: bob})
	l.drain()
	got := names(t, filepath.Join(dir, "delivery.log"))
	if len(got) != maxTold+1 || got[maxTold] != "delivery caller=claude-bob" {
		t.Errorf("%d lines, the last %s", len(got), got[len(got)-1])
	}
	same(t, "lifecycle.log", names(t, filepath.Join(dir, "lifecycle.log")), []string{"lines-lost count=7"})
}

// A folder that cannot be written to stops nothing, is told once, and when it
// can be written again the log says how much is missing.
func TestLogThatCannotBeWritten(t *testing.T) {
	core, told := observer.New(zap.WarnLevel)
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	l := New(Config{Dir: dir, Delivery: logfile.Default, Log: zap.New(core)})
	send := func() {
		l.Attempt(iapeer.Attempt{Caller: ada})
		l.drain()
	}
	send()
	send()
	if told.Len() != 1 {
		t.Errorf("told %d times, want once", told.Len())
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	send()
	same(t, "delivery.log", names(t, filepath.Join(dir, "delivery.log")), []string{"lines-lost count=2", "delivery caller=exec-ada"})
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "delivery.log"): 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, st.Mode(), want)
		}
	}
	if err := os.Rename(filepath.Join(dir, "delivery.log"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	send()
	same(t, "delivery.log after it was moved", names(t, filepath.Join(dir, "delivery.log")), []string{"delivery caller=exec-ada"})
}

// Lines wait for others a moment and no longer; with nothing to tell, no timer
// runs.
func TestGathers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		live := make(chan iapeer.Stamped)
		l := New(Config{Dir: dir, Delivery: logfile.Default, Log: zap.NewNop()})
		l.Start(ctx, func(int64, uint64, int) ([]iapeer.Stamped, <-chan iapeer.Stamped, func()) {
			return nil, live, func() {}
		})
		l.Attempt(iapeer.Attempt{Caller: ada})
		synctest.Wait()
		if _, err := os.Stat(filepath.Join(dir, "delivery.log")); err == nil {
			t.Error("the line did not wait for others")
		}
		time.Sleep(gatherFor)
		synctest.Wait()
		same(t, "delivery.log", names(t, filepath.Join(dir, "delivery.log")), []string{"delivery caller=exec-ada"})
		l.Attempt(iapeer.Attempt{Caller: bob})
		cancel()
		close(live)
		<-l.Done()
		same(t, "delivery.log", names(t, filepath.Join(dir, "delivery.log")), []string{"delivery caller=exec-ada", "delivery caller=claude-bob"})
	})
}

func TestActive(t *testing.T) {
	l := New(Config{Dir: t.TempDir(), Log: zap.NewNop()})
	say := func(e iapeer.Event) { l.linesOf(iapeer.Stamped{Event: e}) }
	is := func(want bool, when string) {
		t.Helper()
		if got := l.Active(); got != want {
			t.Errorf("%s: active = %v, want %v", when, got, want)
		}
	}
	is(false, "at first")
	say(iapeer.PresenceChanged{Identity: bob, From: iapeer.Asleep, To: iapeer.Waking})
	is(true, "after a wake")
	is(false, "when nothing followed")
	say(iapeer.TurnChanged{Identity: bob})
	is(true, "at the turn's begin")
	is(true, "while the turn runs")
	say(iapeer.TurnChanged{Identity: bob})
	say(iapeer.PresenceChanged{Identity: bob, From: iapeer.Busy, To: iapeer.Asleep})
	is(true, "at the session's end")
	is(false, "after it")
}
