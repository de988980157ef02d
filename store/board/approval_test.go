package board_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
	"github.com/iapeer/iapeer/store/board"
)

func approval(id string, s iapeer.ApprovalState) iapeer.Approval {
	return iapeer.Approval{
		ID: id, Identity: ada, Kind: "tool", Tool: "Bash", Title: "ada · Bash", Summary: "ls", Content: "ls # list", Created: epoch.UTC(),
		Expires: epoch.UTC().Add(5 * time.Minute), State: s, Generation: 3, Key: "k-" + id, Call: "c", Input: "i",
	}
}

func keep(t *testing.T, b *board.Board, a iapeer.Approval, grants ...iapeer.Grant) {
	t.Helper()
	if err := wait(func(done func(error)) { b.KeepApproval(a, grants, done) }); err != nil {
		t.Fatal(err)
	}
}

func TestApprovalsAndGrantsSurviveARestart(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	b, db := open(t, path)
	one, two := approval("a1", iapeer.ApprovalOpen), approval("a2", iapeer.ApprovalOpen)
	keep(t, b, one)
	keep(t, b, two)
	g := iapeer.Grant{ID: "g1", Identity: ada, Tool: "Bash", Input: "i", Scope: iapeer.GrantTimed, Until: epoch.UTC(), Approval: "a2", By: "ada", Created: epoch.UTC()}
	once := iapeer.Grant{ID: "g2", Identity: ada, Tool: "Bash", Scope: iapeer.GrantOnce, Created: epoch.UTC()}
	two.State, two.By = iapeer.ApprovalAllowed, "ada"
	keep(t, b, two, g, once)
	once.Over = true
	keep(t, b, two, once)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ = open(t, path)
	got, err := b.Desk(t.Context())
	want := board.Desk{Approvals: []iapeer.Approval{one, two}, Grants: []iapeer.Grant{g}, LastApproval: 2, LastGrant: 2}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Desk: %v (-want +got):\n%s", err, diff)
	}
	if a, ok, err := b.Approval(t.Context(), "a2"); !ok || err != nil || a.By != "ada" {
		t.Errorf("Approval = %+v, %v, %v", a, ok, err)
	}
	for _, id := range []string{"a9", "", "a", "g1", "a01", "a-1"} {
		if _, ok, err := b.Approval(t.Context(), id); ok || err != nil {
			t.Errorf("Approval(%q) = %v, %v", id, ok, err)
		}
	}
}

func TestNumbersAreNotGivenTwice(t *testing.T) {
	path := t.TempDir() + "/iapeer.db"
	b, db := open(t, path)
	keep(t, b, approval("a41", iapeer.ApprovalDenied))
	keep(t, b, approval("a40", iapeer.ApprovalOpen))
	if err := b.Prune(t.Context(), epoch.Add(31*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	d, err := b.Desk(t.Context())
	if err != nil || d.LastApproval != 41 || len(d.Approvals) != 1 || d.Approvals[0].ID != "a40" {
		t.Errorf("Desk = %+v, %v", d, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABadApprovalHarmsOnlyItself(t *testing.T) {
	b, db := open(t, t.TempDir()+"/iapeer.db")
	keep(t, b, approval("a1", iapeer.ApprovalOpen))
	err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO approvals (pending, created, record) VALUES (1, 0, 'nonsense')")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := b.Desk(t.Context()); err != nil || len(d.Approvals) != 1 {
		t.Errorf("Desk = %+v, %v", d, err)
	}
	if err := wait(func(done func(error)) { b.KeepApproval(approval("x1", iapeer.ApprovalOpen), nil, done) }); err == nil {
		t.Error("an approval with a foreign id was kept")
	}
}
