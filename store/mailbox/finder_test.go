package mailbox_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// openSmall opens a mailbox that folds early, into eras of 1<<eraBits messages.
func openSmall(t *testing.T, path string, eraBits int) (*mailbox.Box, *store.DB) {
	t.Helper()
	db, err := store.Open(t.Context(), path, zap.NewNop(), mailbox.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b, err := mailbox.OpenSmall(t.Context(), db, eraBits, 20)
	if err != nil {
		t.Fatal(err)
	}
	return b, db
}

// firstFile unpacks a file that the first version of the schema wrote and
// returns what that version read from it.
func firstFile(t *testing.T, path string) (kept []keptMessage) {
	t.Helper()
	packed, err := os.Open("testdata/schema1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	in, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/schema1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	return kept
}

type keptMessage struct {
	Message iapeer.Message
	History []iapeer.Step
}

func TestAFileOfTheFirstSchemaKeepsEverything(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	kept := firstFile(t, path)
	for range 2 { // the second time it is of the present schema
		b, db := openBox(t, path)
		var got []keptMessage
		list, err := b.Messages(t.Context(), iapeer.MessageQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			m, history, err := b.Message(t.Context(), string(m.ID)[:4])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, keptMessage{m, history})
			if m.Key == "" {
				continue
			}
			m.State = ""
			if again := send(b, m); !again.repeated || again.ID != m.ID || again.err != nil {
				t.Errorf("repeated %s: %+v", m.ID, again)
			}
		}
		if diff := cmp.Diff(kept, got); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		sameCounters(t, b)
		if n, bytes := b.Backlog("bob"); n != 6 || bytes != 48 {
			t.Errorf("Backlog of bob = %d, %d", n, bytes)
		}
		db.Close()
	}
	b, _ := openBox(t, path)
	taken := letter("claude-ada", "codex-bob", "x")
	taken.ID = "m-1111111111"
	if m := mustSend(t, b, taken); m.ID == taken.ID || m.Seq != 15 {
		t.Errorf("a taken id was given again: %+v", m)
	}
	r := mark(b,
		iapeer.Mark{ID: "m-3333333333", Change: iapeer.ChangeAnswer, Answer: "yes"},
		iapeer.Mark{ID: "m-0aaaaaaaaa", Change: iapeer.ChangeRetry},
		iapeer.Mark{ID: "m-2ccccccccc", Change: iapeer.ChangeSee, TurnCut: true})
	for _, r := range r {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	m, history, err := b.Message(t.Context(), "m-3333333333")
	if err != nil || m.State != iapeer.Answered || m.Answer != "yes" || len(history) != 4 || m.Attempts != 1 {
		t.Errorf("marked after the migration: %+v, %d steps, %v", m, len(history), err)
	}
	sameCounters(t, b)
}

// Folding and reopening change nothing that can be asked.
func TestFoldedMessagesAreFound(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	b, db := openSmall(t, path, 5)
	var sent []iapeer.Message
	for i := range 200 {
		m := letter(fmt.Sprintf("claude-ada%d", i/50), "codex-bob", "x")
		m.Key = fmt.Sprint("k", i)
		sent = append(sent, mustSend(t, b, m))
		if i%10 != 0 {
			change(b, sent[i].ID, iapeer.ChangeSee)
		}
	}
	if n := b.Tail(); n > 60 {
		t.Errorf("%d words in memory", n)
	}
	for range 2 {
		for i, m := range sent {
			if a := send(b, m); !a.repeated || a.ID != m.ID {
				t.Fatalf("repeated message %d: %+v", i, a)
			}
			other := letter("claude-eve", "cli-me", "x")
			other.ID = m.ID
			a := send(b, other)
			if a.err != nil || a.ID == m.ID {
				t.Fatalf("taken id of message %d: %+v", i, a)
			}
			change(b, a.ID, iapeer.ChangeFail)
			if got, _, err := b.Message(t.Context(), string(m.ID)); err != nil || got.Seq != m.Seq {
				t.Fatalf("message %d: %+v, %v", i, got, err)
			}
			for _, r := range mark(b, iapeer.Mark{ID: m.ID, Change: iapeer.ChangeTake}) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
		sameCounters(t, b)
		db.Close()
		b, db = openSmall(t, path, 5)
	}
	list, err := b.Pending(t.Context(), identity("codex-bob"), 0)
	if err != nil || len(list) != 20 || list[1].Seq != 11 {
		t.Errorf("%d pending, %v", len(list), err)
	}
}

// A large file of the first schema is brought in by eras, and eras go with
// their messages.
func TestErasComeAndGo(t *testing.T) {
	const eraBits, n = 6, 2700
	path := t.TempDir() + "/iapeer.db"
	db, err := store.Open(t.Context(), path, zap.NewNop(), mailbox.Schema1)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-100 * 24 * time.Hour).UnixMilli()
	err = db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO messages SELECT i, printf('m-%010x', i * 2654435761 % (1 << 39)), 'claude', 'ada', 'artificial', 'codex', 'bob', '', '', 0,
			'session', '', 'key' || i, ?, ?, ?, 'accepted', iif(i = 100, 'accepted', 'seen'), i = 100, 0, 0, i <> 100, 1 FROM n`, n, old, old, old)
		if err != nil {
			return err
		}
		if _, err = tx.Exec("INSERT INTO bodies SELECT seq, 'x', NULL FROM messages"); err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO steps SELECT seq, 1, 'see', 'seen', 0, 'hook', '', '', accepted FROM messages WHERE open = 0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()

	b, db := openSmall(t, path, eraBits)
	if eras := b.Eras(); len(eras) != n>>eraBits || eras[41] != 41 {
		t.Errorf("eras %v", eras)
	}
	if got, _ := b.Backlog("bob"); got != 1 {
		t.Errorf("%d open, want 1", got)
	}
	for _, i := range []int64{1, 63, 64, 100, 511, 512, 1024, 2100, n} {
		m := letter("claude-ada", "codex-bob", "again")
		m.Key, m.Proof = fmt.Sprintf("key%d", i), iapeer.ProofSession
		id := fmt.Sprintf("m-%010x", i*2654435761%(1<<39))
		if a := send(b, m); !a.repeated || a.Seq != i || string(a.ID) != id {
			t.Errorf("repeated message %d: %+v", i, a)
		}
		if m, _, err := b.Message(t.Context(), id); err != nil || m.Seq != i {
			t.Errorf("Message(%s) = %d, %v", id[:11], m.Seq, err)
		}
	}
	if _, _, err := b.Message(t.Context(), "m-0"); !errors.Is(err, iapeer.ErrBadDraft) {
		t.Errorf("a short prefix: %v", err)
	}
	deleted, err := b.Prune(t.Context(), time.Now(), mailbox.Retention{Age: mailbox.DefaultAge})
	if err != nil || deleted != n-2 {
		t.Fatalf("Prune = %d, %v", deleted, err)
	}
	if diff := cmp.Diff([]int64{1}, b.Eras()); diff != "" {
		t.Errorf("eras after pruning (-want +got):\n%s", diff)
	}
	db.Close()
	b, _ = openSmall(t, path, eraBits)
	list, err := b.Open(t.Context(), "bob")
	wantIDs(t, "open after all", list, err, "m-"+iapeer.MessageID(fmt.Sprintf("%010x", int64(100)*2654435761%(1<<39))))
	a := letter("claude-ada", "codex-bob", "new")
	a.Key, a.Proof = "key5", iapeer.ProofSession // its first message is gone
	mustSend(t, b, a)
}
