// Package board keeps what must survive the daemon besides messages: one
// record per presence, the notices that people must know, the approvals that
// sessions wait for with the grants that people gave, the hashes of session
// tokens and a few single values (the daemon's port, a person's answers).
//
// Writes return at once and call back after the commit; they take effect in
// the order in which they were handed in. A nil callback is allowed. Secrets
// are never kept, only their hashes. What a record means is for others to say;
// the board only brings it back unchanged.
package board

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// A Board is the board of one daemon. All methods may be called concurrently;
// callbacks run on the store's goroutine and must not block.
type Board struct{ db *store.DB }

// New returns the board on db, which was opened with [Migrations].
func New(db *store.DB) *Board { return &Board{db: db} }

// Migrations is the schema of the board, for [store.Open].
func Migrations() store.Migrations {
	return store.Migrations{Package: "board", Steps: []string{schema1, approvalSchema}}
}

const schema1 = `
CREATE TABLE presences (
	identity TEXT PRIMARY KEY,
	record   TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE notices (
	id          TEXT PRIMARY KEY,
	personality TEXT NOT NULL,
	runtime     TEXT NOT NULL,
	kind        TEXT NOT NULL,
	error       TEXT NOT NULL,
	model       TEXT NOT NULL,
	summary     TEXT NOT NULL,
	content     TEXT NOT NULL,
	session     TEXT NOT NULL,
	resets      INTEGER NOT NULL,
	created     INTEGER NOT NULL,
	last        INTEGER NOT NULL,
	expires     INTEGER NOT NULL,
	count       INTEGER NOT NULL,
	dismissed   INTEGER NOT NULL
);
CREATE INDEX notice_key ON notices (personality, kind, expires);
CREATE TABLE tokens (
	hash       BLOB PRIMARY KEY,
	identity   TEXT NOT NULL,
	generation INTEGER NOT NULL,
	natural    INTEGER NOT NULL,
	until      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE singles (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
`

// exec hands one statement to the writer.
func (b *Board) exec(doing string, done func(error), sql string, args ...any) {
	b.db.Write(func(t *store.Tx) error {
		_, err := t.Exec(sql, args...)
		return err
	}, func(err error) {
		if done != nil {
			done(wrap(doing, err))
		}
	})
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// PutPresence keeps p in place of what was known of its identity.
func (b *Board) PutPresence(p iapeer.Presence, done func(error)) {
	record, err := json.Marshal(p)
	if err != nil {
		if done != nil {
			done(wrap("keep presence "+p.Identity.String(), err))
		}
		return
	}
	b.exec("keep presence "+p.Identity.String(), done,
		"INSERT INTO presences (identity, record) VALUES (?, ?) ON CONFLICT (identity) DO UPDATE SET record = excluded.record",
		p.Identity.String(), string(record))
}

// DropPresence forgets an identity, for instance of a removed peer.
func (b *Board) DropPresence(id iapeer.Identity, done func(error)) {
	b.exec("forget presence "+id.String(), done, "DELETE FROM presences WHERE identity = ?", id.String())
}

// Presence returns what is kept of one identity; false when nothing is.
func (b *Board) Presence(ctx context.Context, id iapeer.Identity) (p iapeer.Presence, ok bool, err error) {
	list, err := b.presences(ctx, "SELECT identity, record FROM presences WHERE identity = ?", id.String())
	if err != nil || len(list) == 0 {
		return p, false, err
	}
	return list[0], true, nil
}

// Presences returns all records, sorted by identity. A record that cannot be
// read is left out, so that it harms only itself.
func (b *Board) Presences(ctx context.Context) ([]iapeer.Presence, error) {
	return b.presences(ctx, "SELECT identity, record FROM presences ORDER BY identity")
}

func (b *Board) presences(ctx context.Context, sql string, args ...any) (list []iapeer.Presence, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		return t.Query(func(r store.Row) error {
			var p iapeer.Presence
			if json.Unmarshal([]byte(r.Text(1)), &p) == nil && p.Identity.UnmarshalText([]byte(r.Text(0))) == nil {
				list = append(list, p)
			}
			return nil
		}, sql, args...)
	})
	return list, wrap("read presences", err)
}

// Set keeps a single value under a key.
func (b *Board) Set(key, value string, done func(error)) {
	b.exec("keep "+key, done, "INSERT INTO singles (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
}

// Unset forgets a single value.
func (b *Board) Unset(key string, done func(error)) {
	b.exec("forget "+key, done, "DELETE FROM singles WHERE key = ?", key)
}

// Value returns the single value of a key; false when there is none.
func (b *Board) Value(ctx context.Context, key string) (value string, ok bool, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		r, err := t.First("SELECT value FROM singles WHERE key = ?", key)
		if r != nil {
			value, ok = r.Text(0), true
		}
		return err
	})
	return value, ok, wrap("read "+key, err)
}

// millis is how an instant is kept: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant is the reverse of [millis].
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
