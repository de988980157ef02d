package board

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// approvalSchema keeps the numbers of ids for good: AUTOINCREMENT remembers the
// highest one, whatever is pruned.
const approvalSchema = `
CREATE TABLE approvals (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	pending  INTEGER NOT NULL,
	created  INTEGER NOT NULL,
	record   TEXT NOT NULL
);
CREATE INDEX approval_pending ON approvals (pending, id);
CREATE TABLE grants (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	record TEXT NOT NULL
);
`

// recentApprovals is how many decided approvals are brought back at a start:
// who asked may come back for the answer.
const recentApprovals = 200

// A Desk is what the board keeps of approvals: those that wait and the last
// decided ones, oldest first; the grants that hold; and the highest numbers
// that were ever given to either.
type Desk struct {
	Approvals               []iapeer.Approval
	Grants                  []iapeer.Grant
	LastApproval, LastGrant int64
}

// KeepApproval keeps an approval in place of what was known of its id, and with
// it grants that came of it or were used for it: both or neither. A grant that
// is over is forgotten.
func (b *Board) KeepApproval(a iapeer.Approval, grants []iapeer.Grant, done func(error)) {
	b.db.Write(func(t *store.Tx) error {
		if err := putApproval(t, a); err != nil {
			return err
		}
		for _, g := range grants {
			if err := putGrant(t, g); err != nil {
				return err
			}
		}
		return nil
	}, func(err error) { done(wrap("keep approval "+a.ID, err)) })
}

// KeepGrant keeps a grant in place of what was known of its id; one that is
// over is forgotten.
func (b *Board) KeepGrant(g iapeer.Grant, done func(error)) {
	b.db.Write(func(t *store.Tx) error { return putGrant(t, g) }, func(err error) { done(wrap("keep grant "+g.ID, err)) })
}

func putApproval(t *store.Tx, a iapeer.Approval) error {
	n, err := number(a.ID, "a")
	if err != nil {
		return err
	}
	record, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO approvals (id, pending, created, record) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET pending = excluded.pending, record = excluded.record`,
		n, a.State.Pending(), millis(a.Created), string(record))
	return err
}

func putGrant(t *store.Tx, g iapeer.Grant) error {
	n, err := number(g.ID, "g")
	if err != nil {
		return err
	}
	if g.Over {
		_, err = t.Exec("DELETE FROM grants WHERE id = ?", n)
		return err
	}
	record, err := json.Marshal(g)
	if err != nil {
		return err
	}
	_, err = t.Exec("INSERT INTO grants (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record", n, string(record))
	return err
}

// number reads an id: the prefix and a positive number.
func number(id, prefix string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(id, prefix), 10, 64)
	if err != nil || n < 1 || id != prefix+strconv.FormatInt(n, 10) {
		return 0, fmt.Errorf("id %q is not %s and a number", id, prefix)
	}
	return n, nil
}

// Desk returns what is kept, with every change that was handed in before. A
// record that cannot be read is left out, so that it harms only itself.
func (b *Board) Desk(ctx context.Context) (d Desk, err error) {
	if err := b.db.Do(ctx, func(*store.Tx) error { return nil }); err != nil {
		return d, wrap("read approvals", err)
	}
	err = b.db.Read(ctx, func(t *store.Tx) error {
		err := t.Query(func(r store.Row) error {
			if a, ok := scanApproval(r); ok {
				d.Approvals = append(d.Approvals, a)
			}
			return nil
		}, `SELECT id, record FROM approvals WHERE pending = 1 OR id > (SELECT coalesce(max(id), 0) FROM approvals) - ? ORDER BY id`, recentApprovals)
		if err != nil {
			return err
		}
		err = t.Query(func(r store.Row) error {
			var g iapeer.Grant
			if json.Unmarshal([]byte(r.Text(1)), &g) == nil {
				g.ID = "g" + strconv.FormatInt(r.Int(0), 10)
				d.Grants = append(d.Grants, g)
			}
			return nil
		}, "SELECT id, record FROM grants ORDER BY id")
		if err != nil {
			return err
		}
		return t.Query(func(r store.Row) error {
			switch r.Text(0) {
			case "approvals":
				d.LastApproval = r.Int(1)
			case "grants":
				d.LastGrant = r.Int(1)
			}
			return nil
		}, "SELECT name, seq FROM sqlite_sequence WHERE name IN ('approvals', 'grants')")
	})
	return d, wrap("read approvals", err)
}

// Approval returns one approval, decided or not; false when there is none of
// that id.
func (b *Board) Approval(ctx context.Context, id string) (a iapeer.Approval, ok bool, err error) {
	n, bad := number(id, "a")
	if bad != nil {
		return a, false, nil
	}
	err = b.db.Read(ctx, func(t *store.Tx) error {
		r, err := t.First("SELECT id, record FROM approvals WHERE id = ?", n)
		if r != nil {
			a, ok = scanApproval(r)
		}
		return err
	})
	return a, ok, wrap("read approval "+id, err)
}

func scanApproval(r store.Row) (iapeer.Approval, bool) {
	var a iapeer.Approval
	if json.Unmarshal([]byte(r.Text(1)), &a) != nil {
		return a, false
	}
	a.ID = "a" + strconv.FormatInt(r.Int(0), 10)
	return a, true
}

// approvalAge is how long a decided approval is kept.
const approvalAge = 30 * 24 * time.Hour

// pruneApprovals deletes what was decided long ago.
func pruneApprovals(t *store.Tx, now time.Time) error {
	_, err := t.Exec("DELETE FROM approvals WHERE pending = 0 AND created <= ?", millis(now.Add(-approvalAge)))
	return err
}
