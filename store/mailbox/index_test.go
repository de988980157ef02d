package mailbox_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store/mailbox"
)

func openIndex(t *testing.T, path string, b *mailbox.Box) *mailbox.Index {
	t.Helper()
	x, err := mailbox.OpenIndex(t.Context(), path, b, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// caughtUp waits until the index has taken everything in.
func caughtUp(t *testing.T, x *mailbox.Index) {
	t.Helper()
	if err := x.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lag := x.Lag(); lag != 0 {
		t.Fatalf("lag %d after catching up", lag)
	}
}

func TestSearch(t *testing.T) {
	dir := t.TempDir()
	b, _ := openBox(t, dir+"/iapeer.db")
	early := mustSend(t, b, letter("claude-ada", "codex-bob", "written before the index was there"))
	x := openIndex(t, dir+"/search.db", b)
	var m []iapeer.Message
	for _, body := range []string{
		"Ёлка стоит", "the café is open", `quoted "phrase" AND NOT (this`, "flaky test in parser.go", "nothing of note",
	} {
		l := letter("claude-ada", "codex-bob", body)
		l.Topic = "release"
		m = append(m, mustSend(t, b, l))
	}
	caughtUp(t, x)
	for _, tc := range []struct {
		q    iapeer.MessageQuery
		want []iapeer.MessageID
	}{
		{iapeer.MessageQuery{Text: "index"}, []iapeer.MessageID{early.ID}},
		{iapeer.MessageQuery{Text: "CAFE"}, []iapeer.MessageID{m[1].ID}},
		{iapeer.MessageQuery{Text: "ёлк"}, []iapeer.MessageID{m[0].ID}},
		{iapeer.MessageQuery{Text: `"phrase" NOT (`}, []iapeer.MessageID{m[2].ID}},
		{iapeer.MessageQuery{Text: "parser.go flaky"}, []iapeer.MessageID{m[3].ID}},
		{iapeer.MessageQuery{Text: "release", Limit: 2}, []iapeer.MessageID{m[4].ID, m[3].ID}},
		{iapeer.MessageQuery{Text: "release", Before: m[3].Seq, Limit: 2}, []iapeer.MessageID{m[2].ID, m[1].ID}},
		{iapeer.MessageQuery{Text: "release", After: m[0].Seq, Limit: 2}, []iapeer.MessageID{m[1].ID, m[2].ID}},
		{iapeer.MessageQuery{Text: "release", From: "bob"}, nil},
		{iapeer.MessageQuery{Text: "release", State: iapeer.Accepted, Limit: 1}, []iapeer.MessageID{m[4].ID}},
		{iapeer.MessageQuery{Text: "zzz"}, nil},
		{iapeer.MessageQuery{Text: ` " `}, nil},
		{iapeer.MessageQuery{Text: "* ( -"}, nil},
	} {
		got, err := b.Messages(t.Context(), tc.q)
		wantIDs(t, fmt.Sprintf("search %+v", tc.q), got, err, tc.want...)
	}
}

func TestAnIndexIsRebuiltFromTheMessages(t *testing.T) {
	dir := t.TempDir()
	b, _ := openBox(t, dir+"/iapeer.db")
	x := openIndex(t, dir+"/search.db", b)
	for i := range 300 {
		mustSend(t, b, letter(fmt.Sprintf("claude-ada%d", i/50), "codex-bob", fmt.Sprintf("number%d", i)))
	}
	caughtUp(t, x)
	if err := x.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, x)
	found := func(want int) {
		t.Helper()
		got, err := b.Messages(t.Context(), iapeer.MessageQuery{Text: "number", Limit: 1000})
		if err != nil || len(got) != want {
			t.Errorf("found %d, %v, want %d", len(got), err, want)
		}
	}
	found(300)
	x.Close()
	found(300) // without an index the messages are read through

	if err := os.WriteFile(dir+"/search.db", []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	x = openIndex(t, dir+"/search.db", b)
	caughtUp(t, x)
	found(300)
	if left, _ := os.ReadDir(dir); strings.Contains(fmt.Sprint(left), "damaged-") {
		t.Errorf("a derived file was set aside: %v", left)
	}
}

func TestAnIndexOfOtherMessagesIsBuiltAnew(t *testing.T) {
	dir := t.TempDir()
	b, _ := openBox(t, dir+"/one.db")
	for range 3 {
		mustSend(t, b, letter("claude-ada", "codex-bob", "old"))
	}
	x := openIndex(t, dir+"/search.db", b)
	caughtUp(t, x)
	x.Close()
	b, _ = openBox(t, dir+"/two.db")
	m := mustSend(t, b, letter("claude-ada", "codex-bob", "new"))
	caughtUp(t, openIndex(t, dir+"/search.db", b))
	got, err := b.Messages(t.Context(), iapeer.MessageQuery{Text: "new"})
	wantIDs(t, "new", got, err, m.ID)
	got, err = b.Messages(t.Context(), iapeer.MessageQuery{Text: "old"})
	wantIDs(t, "old", got, err)
}

func TestASearchFindsWhatWasJustAccepted(t *testing.T) {
	dir := t.TempDir()
	b, _ := openBox(t, dir+"/iapeer.db")
	openIndex(t, dir+"/search.db", b)
	for i := range 5 {
		m := mustSend(t, b, letter("claude-ada", "codex-bob", fmt.Sprintf("word%d", i)))
		got, err := b.Messages(t.Context(), iapeer.MessageQuery{Text: fmt.Sprintf("word%d", i)})
		wantIDs(t, "just accepted", got, err, m.ID)
	}
}

func TestPrunedMessagesAreNotFound(t *testing.T) {
	dir := t.TempDir()
	b, _ := openBox(t, dir+"/iapeer.db")
	x := openIndex(t, dir+"/search.db", b)
	old := letter("claude-ada", "codex-bob", "word")
	old.AcceptedAt = time.Now().Add(-100 * 24 * time.Hour)
	change(b, mustSend(t, b, old).ID, iapeer.ChangeSee)
	kept := mustSend(t, b, letter("claude-ada", "codex-bob", "word"))
	caughtUp(t, x)
	if n, err := b.Prune(t.Context(), time.Now(), mailbox.Retention{Age: mailbox.DefaultAge}); n != 1 || err != nil {
		t.Fatalf("Prune = %d, %v", n, err)
	}
	got, err := b.Messages(t.Context(), iapeer.MessageQuery{Text: "word"})
	wantIDs(t, "after pruning", got, err, kept.ID)
}
