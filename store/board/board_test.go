package board_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/board"
)

func open(t *testing.T, path string) (*board.Board, *store.DB) {
	t.Helper()
	db, err := store.Open(t.Context(), path, zap.NewNop(), board.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return board.New(db), db
}

// wait runs a write and returns its outcome.
func wait(write func(done func(error))) error {
	end := make(chan error, 1)
	write(func(err error) { end <- err })
	return <-end
}

var (
	ada   = iapeer.Identity{Runtime: "claude", Name: "ada"}
	bob   = iapeer.Identity{Runtime: "codex", Name: "bob"}
	epoch = time.UnixMilli(1_700_000_000_000)
)

func TestPresencesSurviveARestart(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	b, db := open(t, path)
	want := iapeer.Presence{
		Identity: ada, State: iapeer.Ready, Since: epoch.UTC(), Cause: "message m-1", Generation: 7, SessionID: "s-1",
		Parked: true, Topics: []iapeer.TopicSession{{Topic: "plan", SessionID: "s-1"}}, Cut: []iapeer.MessageID{"m-1"},
		Deaths: []time.Time{epoch.UTC()}, RestUntil: epoch.UTC().Add(time.Hour),
	}
	b.PutPresence(iapeer.Presence{Identity: ada, State: iapeer.Asleep}, nil)
	b.PutPresence(iapeer.Presence{Identity: bob, State: iapeer.Busy}, nil)
	if err := wait(func(done func(error)) { b.PutPresence(want, done) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ = open(t, path)
	got, ok, err := b.Presence(t.Context(), ada)
	if diff := cmp.Diff(want, got); !ok || err != nil || diff != "" {
		t.Errorf("Presence = %v, %v (-want +got):\n%s", ok, err, diff)
	}
	b.DropPresence(ada, nil)
	if err := wait(func(done func(error)) { b.DropPresence(ada, done) }); err != nil {
		t.Fatal(err)
	}
	list, err := b.Presences(t.Context())
	if err != nil || len(list) != 1 || list[0].Identity != bob {
		t.Errorf("Presences = %v, %v", list, err)
	}
}

func TestABadRecordHarmsOnlyItself(t *testing.T) {
	b, db := open(t, t.TempDir()+"/iapeer.db")
	b.PutPresence(iapeer.Presence{Identity: bob}, nil)
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO presences VALUES ('nonsense', '{}'), ('claude-ada', 'no json')")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := b.Presences(t.Context())
	if err != nil || len(list) != 1 || list[0].Identity != bob {
		t.Errorf("Presences = %v, %v", list, err)
	}
}

type raised struct {
	board.Notice
	first bool
}

func raise(t *testing.T, b *board.Board, n board.Notice) raised {
	t.Helper()
	end := make(chan raised, 1)
	b.Raise(n, func(n board.Notice, first bool, err error) {
		if err != nil {
			t.Error(err)
		}
		end <- raised{n, first}
	})
	return <-end
}

func TestTheSameNoticeIsCountedWhileItStands(t *testing.T) {
	b, _ := open(t, t.TempDir()+"/iapeer.db")
	n := board.Notice{Peer: "ada", Runtime: "claude", Kind: "peer-mute", Error: "rate_limit", Summary: "ada: rate_limit", Content: "verbatim", Last: epoch}
	one := raise(t, b, n)
	if !one.first || one.Count != 1 || !one.Expires.Equal(epoch.Add(board.NoticeTTL)) {
		t.Errorf("first = %+v", one)
	}
	for i := range 6 {
		n.Last = epoch.Add(time.Duration(i+1) * time.Minute)
		if r := raise(t, b, n); r.first || r.ID != one.ID || r.Count != i+2 || !r.Created.Equal(epoch) {
			t.Errorf("repeat %d = %+v", i, r)
		}
	}
	if r := raise(t, b, n); r.Count != 7 {
		t.Errorf("an event that is not newer counted: %d", r.Count)
	}
	for name, alter := range map[string]func(*board.Notice){
		"runtime": func(n *board.Notice) { n.Runtime = "codex" },
		"error":   func(n *board.Notice) { n.Error = "api_error" },
		"model":   func(n *board.Notice) { n.Model = "x" },
		"time":    func(n *board.Notice) { n.Last = epoch.Add(board.NoticeTTL) },
	} {
		other := n
		alter(&other)
		if r := raise(t, b, other); !r.first || r.ID == one.ID {
			t.Errorf("another %s: %+v", name, r)
		}
	}
	list, err := b.Notices(t.Context(), epoch.Add(time.Minute))
	if err != nil || len(list) != 5 || list[0].ID != one.ID || list[0].Content != "verbatim" {
		t.Errorf("Notices = %+v, %v", list, err)
	}
	list, err = b.Notices(t.Context(), epoch.Add(board.NoticeTTL))
	if err != nil || len(list) != 4 {
		t.Errorf("Notices after an hour = %+v, %v", list, err)
	}
}

func TestADismissedNoticeIsDown(t *testing.T) {
	b, _ := open(t, t.TempDir()+"/iapeer.db")
	n := raise(t, b, board.Notice{Peer: "ada", Kind: "crash-loop"})
	found := make(chan bool, 2)
	down := func(ok bool, err error) {
		if err != nil {
			t.Error(err)
		}
		found <- ok
	}
	b.Dismiss(n.ID, down)
	b.Dismiss("n-nothing0", down)
	if !<-found || <-found {
		t.Error("Dismiss told wrongly what it found")
	}
	if list, err := b.Notices(t.Context(), time.Now()); err != nil || len(list) != 0 {
		t.Errorf("Notices = %v, %v", list, err)
	}
	if got, ok, err := b.Notice(t.Context(), n.ID); err != nil || !ok || !got.Dismissed {
		t.Errorf("Notice = %+v, %v, %v", got, ok, err)
	}
	if r := raise(t, b, board.Notice{Peer: "ada", Kind: "crash-loop"}); !r.first {
		t.Error("raised again, it did not stand again")
	}
}

func TestTokens(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	b, db := open(t, path)
	one := board.Token{Hash: sha256.Sum256([]byte("one")), Identity: ada, Generation: 3, Natural: true}
	two := board.Token{Hash: sha256.Sum256([]byte("two")), Identity: bob, Generation: 1}
	b.PutToken(one, nil)
	b.PutToken(two, nil)
	if err := wait(func(done func(error)) { b.EndToken(two.Hash, epoch.Add(30*time.Second), done) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ = open(t, path)
	two.Until = epoch.Add(30 * time.Second)
	got, err := b.Tokens(t.Context(), epoch)
	if diff := cmp.Diff([]board.Token{one, two}, got); err != nil || diff != "" {
		t.Errorf("Tokens: %v (-want +got):\n%s", err, diff)
	}
	for _, tc := range []struct {
		name string
		hash [sha256.Size]byte
		now  time.Time
		want bool
	}{
		{"living", one.Hash, epoch.Add(time.Hour), true},
		{"in its grace", two.Hash, epoch.Add(29 * time.Second), true},
		{"after its grace", two.Hash, epoch.Add(30 * time.Second), false},
		{"unknown", sha256.Sum256([]byte("three")), epoch, false},
	} {
		if _, ok, err := b.Token(t.Context(), tc.hash, tc.now); ok != tc.want || err != nil {
			t.Errorf("%s: Token = %v, %v, want %v", tc.name, ok, err, tc.want)
		}
	}
	if err := b.Prune(t.Context(), epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := wait(func(done func(error)) { b.RevokeToken(one.Hash, done) }); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Tokens(t.Context(), epoch); err != nil || len(got) != 0 {
		t.Errorf("Tokens after all = %v, %v", got, err)
	}
}

func TestSingleValues(t *testing.T) {
	b, _ := open(t, t.TempDir()+"/iapeer.db")
	if _, ok, err := b.Value(t.Context(), "port"); ok || err != nil {
		t.Errorf("before: %v, %v", ok, err)
	}
	b.Set("port", "8765", nil)
	if err := wait(func(done func(error)) { b.Set("port", "8766", done) }); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := b.Value(t.Context(), "port"); v != "8766" || !ok || err != nil {
		t.Errorf("Value = %q, %v, %v", v, ok, err)
	}
	if err := wait(func(done func(error)) { b.Unset("port", done) }); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := b.Value(t.Context(), "port"); ok {
		t.Error("still there after Unset")
	}
}

func TestWritesAfterCloseSaySo(t *testing.T) {
	b, db := open(t, t.TempDir()+"/iapeer.db")
	db.Close()
	if err := wait(func(done func(error)) { b.Set("a", "b", done) }); err == nil {
		t.Error("Set after Close succeeded")
	}
	if _, _, err := b.Value(t.Context(), "a"); err == nil {
		t.Error("Value after Close succeeded")
	}
}
