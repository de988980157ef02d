package store

import (
	"context"
	"fmt"
)

// Migrations is the schema of one package: Steps[i] is SQL that brings it from
// version i to i+1, one or several statements. Each step runs once, in a
// transaction.
type Migrations struct {
	Package string // the name it is kept under: "mailbox"
	Steps   []string
}

const schemaTable = `CREATE TABLE IF NOT EXISTS schema_version (
	package TEXT PRIMARY KEY,
	version INTEGER NOT NULL
) WITHOUT ROWID`

// migrate brings every package's schema up to date. All versions are compared
// first, so that a file from a newer program is not touched at all.
func migrate(ctx context.Context, c *conn, lists []Migrations) error {
	have, err := versions(ctx, c)
	if err != nil {
		return err
	}
	for _, l := range lists {
		if have[l.Package] > int64(len(l.Steps)) {
			return fmt.Errorf("%w: its %s schema has version %d, this program knows %d; install the newer iapeer, or move the file away",
				ErrNewer, l.Package, have[l.Package], len(l.Steps))
		}
	}
	if err := c.script(ctx, schemaTable); err != nil {
		return err
	}
	for _, l := range lists {
		for v := have[l.Package]; v < int64(len(l.Steps)); v++ {
			if err := c.upgrade(ctx, l, v); err != nil {
				return fmt.Errorf("migrate %s to version %d: %w", l.Package, v+1, err)
			}
		}
	}
	return nil
}

func versions(ctx context.Context, c *conn) (map[string]int64, error) {
	have := make(map[string]int64)
	found := false
	err := c.query(ctx, func(Row) error { found = true; return nil },
		"SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'")
	if err != nil || !found {
		return have, err
	}
	return have, c.query(ctx, func(r Row) error {
		have[r.Text(0)] = r.Int(1)
		return nil
	}, "SELECT package, version FROM schema_version")
}

// upgrade runs step v of l and records it, both or neither.
func (c *conn) upgrade(ctx context.Context, l Migrations, v int64) (err error) {
	if err := c.script(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.script(ctx, "ROLLBACK") // the step's error says more
		}
	}()
	if err := c.script(ctx, l.Steps[v]); err != nil {
		return err
	}
	_, err = c.exec(ctx, "INSERT INTO schema_version (package, version) VALUES (?, ?) ON CONFLICT (package) DO UPDATE SET version = excluded.version",
		l.Package, v+1)
	if err != nil {
		return err
	}
	return c.script(ctx, "COMMIT")
}
