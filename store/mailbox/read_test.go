package mailbox_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store/mailbox"
)

func TestPendingAndOpen(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			var m []iapeer.Message
			for range 6 {
				m = append(m, mustSend(t, b, letter("claude-ada", "codex-bob", "x")))
			}
			other := mustSend(t, b, letter("claude-ada", "claude-bob", "x"))
			change(b, m[0].ID, iapeer.ChangeOffer)
			change(b, m[1].ID, iapeer.ChangeHold)
			change(b, m[2].ID, iapeer.ChangeSee)
			change(b, m[3].ID, iapeer.ChangeOffer, iapeer.ChangeLose)
			change(b, m[4].ID, iapeer.ChangeTake)
			got, err := b.Pending(t.Context(), identity("codex-bob"), 0)
			wantIDs(t, "Pending", got, err, m[0].ID, m[3].ID, m[4].ID, m[5].ID)
			got, err = b.Pending(t.Context(), identity("codex-bob"), 2)
			wantIDs(t, "Pending 2", got, err, m[0].ID, m[3].ID)
			got, err = b.Open(t.Context(), "bob")
			wantIDs(t, "Open", got, err, m[0].ID, m[1].ID, m[3].ID, m[4].ID, m[5].ID, other.ID)
			want := []iapeer.Identity{identity("claude-bob"), identity("codex-bob")}
			if diff := cmp.Diff(want, b.Waiting()); diff != "" {
				t.Errorf("Waiting (-want +got):\n%s", diff)
			}
			if n := b.OpenFor(identity("codex-bob")); n != 5 {
				t.Errorf("OpenFor = %d, want 5", n)
			}
		})
	}
}

func TestMessageByPrefix(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			for _, id := range []iapeer.MessageID{"m-aaaa000000", "m-aaab000000", "m-bbbb000000"} {
				m := letter("claude-ada", "codex-bob", "x")
				m.ID = id
				mustSend(t, b, m)
			}
			for _, tc := range []struct {
				prefix string
				want   iapeer.MessageID
				err    error
			}{
				{prefix: "m-aaaa000000", want: "m-aaaa000000"},
				{prefix: "m-aaaa", want: "m-aaaa000000"},
				{prefix: "b", want: "m-bbbb000000"},
				{prefix: " M-B", want: "m-bbbb000000"},
				{prefix: "m-aaa", err: iapeer.ErrBadDraft},
				{prefix: "c", err: iapeer.ErrUnknownID},
				{prefix: "", err: iapeer.ErrBadDraft},
				{prefix: "m-%", err: iapeer.ErrUnknownID},
			} {
				m, _, err := b.Message(t.Context(), tc.prefix)
				if m.ID != tc.want || !errors.Is(err, tc.err) {
					t.Errorf("Message(%q) = %s, %v, want %s, %v", tc.prefix, m.ID, err, tc.want, tc.err)
				}
			}
		})
	}
}

func TestMessagesSelects(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			m := []iapeer.Message{
				mustSend(t, b, letter("claude-ada", "codex-bob", "red apple")),
				mustSend(t, b, letter("codex-bob", "claude-ada", "green pear")),
				mustSend(t, b, letter("claude-eve", "codex-bob", "Red wine")),
				mustSend(t, b, letter("claude-eve", "claude-ada", "nothing")),
			}
			change(b, m[2].ID, iapeer.ChangeSee)
			for _, tc := range []struct {
				name string
				q    iapeer.MessageQuery
				want []int
			}{
				{"all", iapeer.MessageQuery{}, []int{3, 2, 1, 0}},
				{"peer", iapeer.MessageQuery{Peer: "bob"}, []int{2, 1, 0}},
				{"from", iapeer.MessageQuery{From: "eve"}, []int{3, 2}},
				{"from and to", iapeer.MessageQuery{From: "eve", To: "bob"}, []int{2}},
				{"state", iapeer.MessageQuery{State: iapeer.Seen}, []int{2}},
				{"open state", iapeer.MessageQuery{State: iapeer.Accepted, To: "ada"}, []int{3, 1}},
				{"before", iapeer.MessageQuery{Before: m[2].Seq}, []int{1, 0}},
				{"after", iapeer.MessageQuery{After: m[0].Seq, Limit: 2}, []int{1, 2}},
				{"limit", iapeer.MessageQuery{Limit: 1}, []int{3}},
				{"text", iapeer.MessageQuery{Text: "red"}, []int{2, 0}},
				{"text and peer", iapeer.MessageQuery{Text: "RED", Peer: "eve"}, []int{2}},
				{"none", iapeer.MessageQuery{Peer: "zoe"}, nil},
			} {
				got, err := b.Messages(t.Context(), tc.q)
				var want []iapeer.MessageID
				for _, i := range tc.want {
					want = append(want, m[i].ID)
				}
				wantIDs(t, tc.name, got, err, want...)
			}
		})
	}
}

func TestInbox(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			one := mustSend(t, b, letter("claude-ada", "cli-me", "one"))
			two := mustSend(t, b, letter("claude-ada", "cli-me", "two"))
			mustSend(t, b, letter("claude-ada", "telegram-me", "elsewhere"))
			change(b, one.ID, iapeer.ChangeSee)
			got, err := b.Inbox(t.Context(), identity("cli-me"), false, 0)
			wantIDs(t, "unread", got, err, two.ID)
			got, err = b.Inbox(t.Context(), identity("cli-me"), true, 0)
			wantIDs(t, "all", got, err, two.ID, one.ID)
		})
	}
}

func TestPruneByAge(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			var m []iapeer.Message
			for i := range 100 {
				l := letter(fmt.Sprintf("claude-peer%d", i), "codex-bob", "x")
				l.AcceptedAt = now.Add(-100 * 24 * time.Hour)
				m = append(m, mustSend(t, b, l))
				if i != 7 {
					change(b, m[i].ID, iapeer.ChangeSee)
				}
			}
			young := mustSend(t, b, letter("claude-ada", "codex-bob", "x"))
			change(b, young.ID, iapeer.ChangeSee)
			n, err := b.Prune(t.Context(), now, mailbox.Retention{Age: mailbox.DefaultAge})
			if n != 99 || err != nil {
				t.Errorf("Prune = %d, %v, want 99", n, err)
			}
			got, err := b.Messages(t.Context(), iapeer.MessageQuery{})
			wantIDs(t, "kept", got, err, young.ID, m[7].ID)
		})
	}
}

func TestPruneBySizeKeepsOpenAndNewest(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			body := strings.Repeat("x", 64<<10)
			var m []iapeer.Message
			for range 40 {
				m = append(m, mustSend(t, b, letter("claude-ada", "codex-bob", body)))
				if len(m) != 3 {
					change(b, m[len(m)-1].ID, iapeer.ChangeSee)
				}
			}
			n, err := b.Prune(t.Context(), time.Now(), mailbox.Retention{Bytes: 1 << 20})
			if err != nil || n < 20 || n > 38 {
				t.Fatalf("Prune = %d, %v", n, err)
			}
			n, err = b.Prune(t.Context(), time.Now(), mailbox.Retention{Bytes: 1})
			if err != nil || n == 0 {
				t.Fatalf("second Prune = %d, %v", n, err)
			}
			got, err := b.Messages(t.Context(), iapeer.MessageQuery{})
			wantIDs(t, "kept", got, err, m[39].ID, m[2].ID)
			if next := mustSend(t, b, letter("claude-ada", "codex-bob", "x")); next.Seq != m[39].Seq+1 {
				t.Errorf("next number %d, want %d", next.Seq, m[39].Seq+1)
			}
		})
	}
}

// A callback may append and mark; callbacks of appends come in the order of
// acceptance.
func TestCallbacksComeInOrderAndMayWrite(t *testing.T) {
	for name, b := range boxes(t) {
		t.Run(name, func(t *testing.T) {
			var seqs []int64
			end := make(chan struct{})
			var next func(n int)
			next = func(n int) {
				b.Append(letter("claude-ada", "codex-bob", "x"), func(m iapeer.Message, _ bool, err error) {
					if err != nil {
						t.Error(err)
					}
					seqs = append(seqs, m.Seq)
					if n == 0 {
						close(end)
						return
					}
					b.Mark([]iapeer.Mark{{ID: m.ID, Change: iapeer.ChangeSee}}, func([]mailbox.Marked) { next(n - 1) })
				})
			}
			next(20)
			<-end
			for i, s := range seqs {
				if s != int64(i+1) {
					t.Fatalf("numbers %v", seqs)
				}
			}
		})
	}
}
