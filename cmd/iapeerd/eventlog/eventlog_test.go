package eventlog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 7e6, time.UTC)

func TestLine(t *testing.T) {
	ada, bob := iapeer.Identity{Runtime: "exec", Name: "ada"}, iapeer.Identity{Runtime: "claude", Name: "bob"}
	for _, tc := range []struct {
		event iapeer.Event
		want  string
	}{
		{iapeer.MessageChanged{ID: "m-1", From: ada, To: bob, State: iapeer.Accepted, Len: 2, Topic: "probe topic"},
			`ev=delivery id=m-1 caller=exec-ada to=bob rt=claude state=accepted len=2 topic="probe topic"`},
		{iapeer.MessageChanged{ID: "m-1", From: ada, To: bob, State: iapeer.Seen, Change: iapeer.ChangeSee, Evidence: iapeer.Evidence{Source: "hook", Detail: `a="b"`}},
			`ev=delivery id=m-1 caller=exec-ada to=bob rt=claude state=seen len=0 change=see by=hook proof="a=\"b\""`},
		{iapeer.TurnChanged{Identity: bob, At: noon}, `ev=turn-started personality=bob runtime=claude at=1767355200007 at_iso=2026-01-02T12:00:00.007Z`},
		{iapeer.TurnChanged{Identity: bob, Ended: true, Failed: "rate_limit"}, `ev=turn-ended personality=bob runtime=claude failed=rate_limit`},
		{iapeer.NoticeRaised{ID: "n1", Peer: "bob", Kind: "peer-mute", Summary: "two\nlines \\"}, `ev=notice-raised id=n1 personality=bob kind=peer-mute summary="two\nlines \\"`},
		{iapeer.PeerChanged{Peer: "bob", Action: "registered"}, `ev=peer-registered personality=bob`},
	} {
		got := string(appendLine(nil, noon, tc.event.Name(), tc.event.Fields()))
		if want := "ts=2026-01-02T12:00:00.007Z " + tc.want + "\n"; got != want {
			t.Errorf("line of %T\n got %s want %s", tc.event, got, want)
		}
	}
}

func TestPair(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "": `""`, "a b": `"a b"`, "a\tb": "\"a\tb\"", `say "hi"`: `"say \"hi\""`, "k=v": `"k=v"`,
		`C:\dir`: `C:\dir`, `C:\my dir`: `"C:\\my dir"`, "Наталья": "Наталья",
	} {
		if got := string(appendPair(nil, "k", value)); got != " k="+want {
			t.Errorf("appendPair(%q) = %q, want %q", value, got, " k="+want)
		}
	}
}

func TestRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs") // made by the first write
	f := &file{path: filepath.Join(dir, "delivery.log"), limits: Limits{MaxBytes: 10, Keep: 2}}
	for i := range 9 {
		f.buf = fmt.Appendf(f.buf, "l%d-\n", i) // four bytes: two lines a file
		if err := f.flush(); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"": "l8-\n", ".1": "l6-\nl7-\n", ".2": "l4-\nl5-\n"} {
		if got, _ := os.ReadFile(f.path + name); string(got) != want {
			t.Errorf("delivery.log%s = %q, want %q", name, got, want)
		}
	}
	if _, err := os.Stat(f.path + ".3"); err == nil {
		t.Error("delivery.log.3 exists, want two copies")
	}
	if st, _ := os.Stat(f.path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", st.Mode())
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

func TestLogGoesOnAfterItFellBehind(t *testing.T) {
	s := &stream{each: 2}
	for _, seq := range []uint64{1, 2, 3, 7, 8} { // 4 to 6 are lost
		s.events = append(s.events, iapeer.Stamped{Seq: seq, Epoch: 1, At: noon, Event: iapeer.PeerChanged{Peer: "ada", Action: "changed", Detail: fmt.Sprint(seq)}})
	}
	dir := t.TempDir()
	l := Start(context.Background(), Config{Dir: dir, Delivery: DefaultLimits, Subscribe: s.subscribe, Daemon: true, Log: zap.NewNop()})
	<-l.Done()
	b, err := os.ReadFile(filepath.Join(dir, "lifecycle.log"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(b)) {
		_, ev, _ := strings.Cut(strings.TrimSpace(line), " ev=")
		got = append(got, strings.Fields(ev)[0]+" "+strings.Fields(ev)[1])
	}
	want := []string{"daemon-started version=" + iapeer.Version, "peer-changed personality=ada", "peer-changed personality=ada", "peer-changed personality=ada",
		"events-missed count=3", "peer-changed personality=ada", "peer-changed personality=ada", fmt.Sprintf("daemon-stopped pid=%d", os.Getpid())}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lifecycle.log =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A folder that cannot be written to stops nothing.
func TestLogThatCannotBeWritten(t *testing.T) {
	at := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(at, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &stream{each: 1, events: []iapeer.Stamped{{Seq: 1, Event: iapeer.TurnChanged{}}}}
	<-Start(context.Background(), Config{Dir: at, Subscribe: s.subscribe, Log: zap.NewNop()}).Done()
}

func BenchmarkLine(b *testing.B) {
	e := iapeer.MessageChanged{ID: "m-0123456789", From: iapeer.Identity{Runtime: "claude", Name: "ada"}, To: iapeer.Identity{Runtime: "codex", Name: "bob"},
		State: iapeer.Seen, Change: iapeer.ChangeSee, Len: 1024, Evidence: iapeer.Evidence{Source: "hook", Detail: "UserPromptSubmit", Session: "4f1c"}}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = appendLine(buf[:0], noon, e.Name(), e.Fields())
	}
}
