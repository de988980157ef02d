package eventlog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/session/logfile"
)

// played reports what it is told to, at once.
type played struct {
	house.Sessions
	reports []house.Report
}

func (p played) Launch(_ house.Launch, report func(house.Report)) {
	for _, r := range p.reports {
		report(r)
	}
}

func (p played) Adopt(l house.Launch, report func(house.Report)) { p.Launch(l, report) }

func TestSessionsTell(t *testing.T) {
	const who = "personality=bob identity=claude-bob runtime=claude "
	for _, tc := range []struct {
		name   string
		adopt  bool
		mode   house.StartMode
		report house.Report
		want   []string
	}{
		{"fresh", false, house.StartNatural, house.Started{SessionID: "4f1c", Cause: "first-wake", HostPID: 7},
			[]string{"ev=wake " + who + "mode=fresh cause=natural ref=4f1c reason=first-wake topic=login pid=7"}},
		{"resumed", false, house.StartResume, house.Started{SessionID: "4f1c", Resumed: true, Cause: "asked for", HostPID: 7},
			[]string{"ev=wake " + who + `mode=resume cause=resume ref=4f1c reason="asked for" topic=login pid=7`}},
		{"adopted", true, house.StartNatural, house.Started{Adopted: true, HostPID: 7}, []string{"ev=supervise " + who + "action=adopted pid=7"}},
		{"nothing to adopt", true, house.StartNatural, house.StartFailed{Gone: true, Err: errors.New("gone")}, nil},
		{"refused", false, house.StartFresh, house.StartFailed{Err: errors.New("not signed in"), Remedy: "sign in", Cleanly: true},
			[]string{"ev=wake " + who + `mode=refused cause=fresh reason="not signed in"`}},
		{"by hand", false, house.StartFresh, house.StartFailed{Err: errors.New("taken"), ByHand: true}, []string{"ev=wake " + who + "mode=refused cause=fresh reason=taken"}},
		{"no host", false, house.StartNatural, house.StartFailed{Err: errors.New("spawn: no memory")},
			[]string{"ev=pty-host-failed " + who + `reason="spawn: no memory"`, "ev=wake " + who + `mode=fail cause=natural reason="spawn: no memory"`}},
		{"written", false, house.StartNatural, house.Offered{ID: "m-1", Written: true}, nil},
		{"half written", false, house.StartNatural, house.Offered{ID: "m-1", Attempt: 2, Begun: true, Detail: "the session ended"},
			[]string{"ev=hosted-deliver " + who + `id=m-1 attempt=2 ok=false begun=true reason="the session ended"`}},
		{"attached", true, house.StartNatural, house.Said{Event: iapeer.SessionAttached{Clients: 1}}, []string{"ev=attach " + who + "clients=1"}},
		{"detached", false, house.StartNatural, house.Said{Event: iapeer.SessionAttached{}}, []string{"ev=attach-end " + who + "clients=0"}},
		{"busy", false, house.StartNatural, house.Said{Event: iapeer.SessionBusy{}}, nil},
	} {
		dir := t.TempDir()
		l := New(Config{Dir: dir, Log: zap.NewNop()})
		s := Sessions{Sessions: played{reports: []house.Report{tc.report}}, Log: l}
		order, heard := house.Launch{Identity: bob, Mode: tc.mode, Topic: "login"}, 0
		report := func(house.Report) { heard++ }
		if tc.adopt {
			s.Adopt(order, report)
		} else {
			s.Launch(order, report)
		}
		l.drain()
		b, _ := os.ReadFile(filepath.Join(dir, "lifecycle.log"))
		var got []string
		for line := range strings.Lines(string(b)) {
			_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			got = append(got, rest)
		}
		same(t, tc.name, got, tc.want)
		if heard != 1 {
			t.Errorf("%s: the presence heard %d reports, want 1", tc.name, heard)
		}
	}
}

// Many tell at once while the log is set aside again and again: each line is
// there once, or counted as lost.
func TestManyTellAtOnce(t *testing.T) {
	dir := t.TempDir()
	l := New(Config{Dir: dir, Delivery: logfile.Limits{MaxBytes: 8 << 10, Keep: 1000}, Log: zap.NewNop()})
	live := make(chan iapeer.Stamped)
	ctx, cancel := context.WithCancel(t.Context())
	l.Start(ctx, func(int64, uint64, int) ([]iapeer.Stamped, <-chan iapeer.Stamped, func()) {
		return nil, live, func() {}
	})
	const tellers, each = 8, 1000
	var wg sync.WaitGroup
	for w := range tellers {
		wg.Go(func() {
			for n := range each {
				l.Attempt(iapeer.Attempt{Caller: ada, Draft: iapeer.Draft{To: "bob"}, Len: w*each + n})
			}
		})
	}
	wg.Wait()
	cancel()
	close(live)
	<-l.Done()
	seen, lost := map[string]bool{}, l.dropped.Load()
	files, _ := filepath.Glob(filepath.Join(dir, "*.log*"))
	for _, path := range files {
		b, _ := os.ReadFile(path)
		if len(b) > 8<<10 {
			t.Errorf("%s has %d bytes", path, len(b))
		}
		for line := range strings.Lines(string(b)) {
			pairs, ok := logfile.Parse(line)
			if !ok {
				t.Fatalf("%s holds %q", path, line)
			}
			if pairs[1].Value == "lines-lost" {
				n, _ := strconv.ParseInt(pairs[2].Value, 10, 64)
				lost += n
				continue
			}
			if key := pairs[6].Value; seen[key] {
				t.Errorf("line %s is there twice", key)
			} else {
				seen[key] = true
			}
		}
	}
	if int64(len(seen))+lost != tellers*each || len(seen) < maxTold {
		t.Errorf("%d lines and %d lost, want %d together", len(seen), lost, tellers*each)
	}
}

func BenchmarkAttempt(b *testing.B) {
	l := New(Config{Dir: b.TempDir(), Delivery: logfile.Default, Log: zap.NewNop()})
	r := &iapeer.SendResult{OK: true, ID: "m-1", State: iapeer.Seen, DeliveredTo: iapeer.DeliveredTo{Personality: "bob", Runtime: "claude"}}
	a := iapeer.Attempt{Caller: ada, Draft: iapeer.Draft{To: "bob"}, Result: r}
	b.ReportAllocs()
	for b.Loop() {
		l.Attempt(a)
		<-l.told
	}
}
