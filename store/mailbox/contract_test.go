package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/mailbox"
)

// writer and reader are together what both implementations promise.
type writer interface {
	Append(iapeer.Message, func(iapeer.Message, bool, error))
	Mark([]iapeer.Mark, func([]mailbox.Marked))
	Expire(context.Context, time.Time) ([]mailbox.Marked, error)
	Prune(context.Context, time.Time, mailbox.Retention) (int, error)
}

type lister interface {
	Pending(context.Context, iapeer.Identity, int) ([]iapeer.Message, error)
	Open(context.Context, iapeer.Name) ([]iapeer.Message, error)
	Messages(context.Context, iapeer.MessageQuery) ([]iapeer.Message, error)
	Inbox(context.Context, iapeer.Identity, bool, int) ([]iapeer.Message, error)
}

type counter interface {
	Message(context.Context, string) (iapeer.Message, []iapeer.Step, error)
	Waiting() []iapeer.Identity
	Backlog(iapeer.Name) (int, int64)
	OpenFor(iapeer.Identity) int
}

type box interface {
	writer
	lister
	counter
}

var (
	_ box = (*mailbox.Box)(nil)
	_ box = (*mailbox.Memory)(nil)
)

// openBox opens a mailbox on a file in dir.
func openBox(tb testing.TB, path string) (*mailbox.Box, *store.DB) {
	tb.Helper()
	db, err := store.Open(tb.Context(), path, zap.NewNop(), mailbox.Migrations())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	b, err := mailbox.Open(tb.Context(), db)
	if err != nil {
		tb.Fatal(err)
	}
	return b, db
}

// boxes returns both implementations, which keep one contract.
func boxes(t *testing.T) map[string]box {
	t.Helper()
	b, _ := openBox(t, t.TempDir()+"/iapeer.db")
	indexed, _ := openBox(t, t.TempDir()+"/iapeer.db")
	openIndex(t, t.TempDir()+"/search.db", indexed)
	return map[string]box{"Box": b, "Indexed": indexed, "Memory": mailbox.NewMemory()}
}

func identity(s string) iapeer.Identity {
	id, err := iapeer.ParseIdentity(s)
	if err != nil {
		panic(err)
	}
	return id
}

func letter(from, to, body string) iapeer.Message {
	return iapeer.Message{
		Envelope: iapeer.Envelope{From: identity(from), FromNature: iapeer.Artificial, Body: body, SentAt: time.Now().Truncate(time.Second)},
		To:       identity(to),
	}
}

type appended struct {
	iapeer.Message
	repeated bool
	err      error
}

func send(b writer, m iapeer.Message) appended {
	end := make(chan appended, 1)
	b.Append(m, func(m iapeer.Message, repeated bool, err error) { end <- appended{m, repeated, err} })
	return <-end
}

func mustSend(t *testing.T, b writer, m iapeer.Message) iapeer.Message {
	t.Helper()
	a := send(b, m)
	if a.err != nil || a.repeated {
		t.Fatalf("Append = repeated %v, %v", a.repeated, a.err)
	}
	return a.Message
}

func mark(b writer, marks ...iapeer.Mark) []mailbox.Marked {
	end := make(chan []mailbox.Marked, 1)
	b.Mark(marks, func(r []mailbox.Marked) { end <- r })
	return <-end
}

func change(b writer, id iapeer.MessageID, changes ...iapeer.Change) {
	for _, c := range changes {
		mark(b, iapeer.Mark{ID: id, Change: c})
	}
}

func ids(list []iapeer.Message) []iapeer.MessageID {
	var out []iapeer.MessageID
	for _, m := range list {
		out = append(out, m.ID)
	}
	return out
}

func wantIDs(t *testing.T, what string, got []iapeer.Message, err error, want ...iapeer.MessageID) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, ids(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAppendKeepsEverything(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			m := letter("claude-ada", "codex-bob", "Grüße 🌍\n\x00 end")
			m.ID = "m-0123456789"
			m.Topic, m.Conversation, m.Hops, m.Proof = "plan", "c-0123456789", 3, iapeer.ProofSession
			m.Attachments = []string{"/tmp/a", "/tmp/b c"}
			m.Caused, m.Key = "m-9876543210", "toolu_1"
			stored := mustSend(t, b, m)
			got, history, err := b.Message(t.Context(), "m-0123456789")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(stored, got); diff != "" {
				t.Errorf("read back (-stored +got):\n%s", diff)
			}
			want := m
			want.Seq, want.State, want.AcceptedAt, want.ExpiresAt = 1, iapeer.Accepted, got.AcceptedAt, got.AcceptedAt.Add(iapeer.DefaultTTL)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			steps := []iapeer.Step{{State: iapeer.Accepted, Evidence: iapeer.Evidence{Source: "daemon", Detail: "on disk", At: got.AcceptedAt}}}
			if diff := cmp.Diff(steps, history); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendRefusesWhatIsNoMessage(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			seen := letter("claude-ada", "codex-bob", "x")
			seen.State = iapeer.Seen
			for _, m := range []iapeer.Message{seen, {}} {
				if a := send(b, m); !errors.Is(a.err, iapeer.ErrBadDraft) {
					t.Errorf("Append(%+v) = %v, want %v", m, a.err, iapeer.ErrBadDraft)
				}
			}
		})
	}
}

func TestRepeatedKeyReturnsTheFirst(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			m := letter("claude-ada", "codex-bob", "one")
			m.Key, m.Proof = "k", iapeer.ProofSession
			first := mustSend(t, b, m)
			change(b, first.ID, iapeer.ChangeOffer)
			m.Body = "two"
			again := send(b, m)
			if again.err != nil || !again.repeated || again.ID != first.ID || again.Body != "one" || again.State != iapeer.Offered {
				t.Errorf("repeated Append = %+v", again)
			}
			for name, alter := range map[string]func(*iapeer.Message){
				"key":    func(m *iapeer.Message) { m.Key = "k2" },
				"no key": func(m *iapeer.Message) { m.Key = "" },
				"sender": func(m *iapeer.Message) { m.From = identity("codex-ada") },
				"proof":  func(m *iapeer.Message) { m.Proof = iapeer.ProofUID },
			} {
				other := m
				alter(&other)
				if a := send(b, other); a.err != nil || a.repeated {
					t.Errorf("another %s: repeated %v, %v", name, a.repeated, a.err)
				}
			}
		})
	}
}

func TestTakenIDIsReplaced(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			m := letter("claude-ada", "codex-bob", "one")
			m.ID = "m-0000000000"
			one := mustSend(t, b, m)
			two := mustSend(t, b, m)
			if one.ID != "m-0000000000" || two.ID == one.ID || two.ID == "" || two.Seq != one.Seq+1 {
				t.Errorf("ids %s and %s, numbers %d and %d", one.ID, two.ID, one.Seq, two.Seq)
			}
		})
	}
}

func TestBacklogLimits(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			var oldest iapeer.MessageID
			for i := range iapeer.MaxOpenPerSender {
				m := mustSend(t, b, letter("claude-ada", "codex-bob", "x"))
				if i == 0 {
					oldest = m.ID
				}
			}
			change(b, oldest, iapeer.ChangeOffer, iapeer.ChangeTake)
			err := send(b, letter("codex-ada", "claude-bob", "x")).err
			if !errors.Is(err, iapeer.ErrBacklogFull) || !strings.Contains(err.Error(), "100 open messages from ada") ||
				!strings.Contains(err.Error(), string(oldest)+", is taken") {
				t.Errorf("101st from one sender: %v", err)
			}
			mustSend(t, b, letter("codex-eve", "codex-bob", "x"))
			change(b, oldest, iapeer.ChangeSee)
			mustSend(t, b, letter("codex-ada", "codex-bob", "x"))
			if n, bytes := b.Backlog("bob"); n != 101 || bytes != 101 {
				t.Errorf("Backlog = %d, %d bytes, want 101, 101", n, bytes)
			}
		})
	}
}

func TestBacklogLimitOfARecipient(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			for i := range iapeer.MaxOpenMessages {
				mustSend(t, b, letter(fmt.Sprintf("claude-peer%d", i/50), "codex-bob", "x"))
			}
			err := send(b, letter("claude-new", "claude-bob", "x")).err
			if !errors.Is(err, iapeer.ErrBacklogFull) || !strings.Contains(err.Error(), "bob has 1000 open messages") {
				t.Errorf("1001st: %v", err)
			}
			mustSend(t, b, letter("claude-new", "codex-eve", "x"))
		})
	}
}

func TestBacklogLimitOfBytes(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			half := strings.Repeat("x", iapeer.MaxOpenBytes/2)
			mustSend(t, b, letter("claude-ada", "codex-bob", half))
			mustSend(t, b, letter("claude-ada", "codex-bob", half))
			if err := send(b, letter("claude-ada", "codex-bob", "x")).err; !errors.Is(err, iapeer.ErrBacklogFull) {
				t.Errorf("one byte too many: %v", err)
			}
		})
	}
}

// Appends that are not committed yet count as well.
func TestBacklogCountsWhatIsUnderWay(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			const calls = 3 * iapeer.MaxOpenPerSender
			end := make(chan error, calls)
			for range calls {
				b.Append(letter("claude-ada", "codex-bob", "x"), func(_ iapeer.Message, _ bool, err error) { end <- err })
			}
			accepted := 0
			for range calls {
				switch err := <-end; {
				case err == nil:
					accepted++
				case !errors.Is(err, iapeer.ErrBacklogFull):
					t.Error(err)
				}
			}
			if accepted != iapeer.MaxOpenPerSender {
				t.Errorf("%d accepted, want %d", accepted, iapeer.MaxOpenPerSender)
			}
		})
	}
}

func TestMarksMoveAMessageThroughItsLife(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			m := mustSend(t, b, letter("claude-ada", "codex-bob", "x"))
			at := time.UnixMilli(1700000000123)
			proof := iapeer.Evidence{Source: "hook", Detail: "Stop", Session: "s-1", At: at}
			results := mark(b,
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeOffer},
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeReturn},
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeOffer},
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeCancel}, // refused: it is being written
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeTake},
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeSee, TurnCut: true},
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeSee}, // nothing new
				iapeer.Mark{ID: m.ID, Change: iapeer.ChangeAnswer, Answer: "42", Evidence: proof},
				iapeer.Mark{ID: "m-zzzzzzzzzz", Change: iapeer.ChangeSee},
			)
			var states []iapeer.State
			for _, r := range results {
				states = append(states, r.Message.State)
			}
			want := []iapeer.State{"offered", "accepted", "offered", "offered", "taken", "seen", "seen", "answered", ""}
			if diff := cmp.Diff(want, states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			var refused *iapeer.ChangeError
			if !errors.As(results[3].Err, &refused) || refused.State != iapeer.Offered {
				t.Errorf("refused mark: %v", results[3].Err)
			}
			if !errors.Is(results[8].Err, iapeer.ErrUnknownID) {
				t.Errorf("unknown id: %v", results[8].Err)
			}
			if results[6].Changed() || !results[5].Changed() || results[7].Was != iapeer.Seen {
				t.Errorf("changes: %+v", results[5:8])
			}
			got, history, err := b.Message(t.Context(), string(m.ID))
			if err != nil || got.Attempts != 2 || !got.TurnCut || got.Answer != "42" || len(history) != 7 {
				t.Errorf("after all: %+v, %d steps, %v", got, len(history), err)
			}
			last := iapeer.Step{Change: iapeer.ChangeAnswer, State: iapeer.Answered, Attempt: 2, Evidence: proof}
			if diff := cmp.Diff(last, history[len(history)-1]); diff != "" {
				t.Errorf("last step (-want +got):\n%s", diff)
			}
			if n, _ := b.Backlog("bob"); n != 0 {
				t.Errorf("backlog %d after the answer", n)
			}
		})
	}
}

func TestRetryOpensAgainAndLivesAnew(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			m := letter("claude-ada", "codex-bob", "x")
			m.AcceptedAt = time.Now().Add(-8 * 24 * time.Hour)
			m = mustSend(t, b, m)
			now := time.Now()
			changed, err := b.Expire(t.Context(), now)
			if err != nil || len(changed) != 1 || changed[0].Message.State != iapeer.Expired {
				t.Fatalf("Expire = %+v, %v", changed, err)
			}
			if n, _ := b.Backlog("bob"); n != 0 {
				t.Errorf("backlog %d after expiry", n)
			}
			change(b, m.ID, iapeer.ChangeRetry)
			if changed, err = b.Expire(t.Context(), now); err != nil || len(changed) != 0 {
				t.Errorf("Expire after retry = %+v, %v", changed, err)
			}
			if n, _ := b.Backlog("bob"); n != 1 {
				t.Errorf("backlog %d after retry", n)
			}
		})
	}
}

func TestOnlyAcceptedMessagesExpire(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			for _, c := range []iapeer.Change{iapeer.ChangeHold, iapeer.ChangeOffer, iapeer.ChangeLose} {
				m := mustSend(t, b, letter("claude-ada", "codex-bob", "x"))
				change(b, m.ID, c)
			}
			changed, err := b.Expire(t.Context(), time.Now().Add(2*iapeer.DefaultTTL))
			if err != nil || len(changed) != 0 {
				t.Errorf("Expire = %+v, %v", changed, err)
			}
		})
	}
}
