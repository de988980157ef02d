package board

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// A Token is what is kept of a session's token, so that adopted sessions go on
// speaking after a restart of the daemon.
type Token struct {
	Hash       [sha256.Size]byte
	Identity   iapeer.Identity
	Generation int64     // of the session it was minted for
	Natural    bool      // the router of a natural peer
	Until      time.Time // zero: as long as the session lives
}

func (t Token) over(now time.Time) bool { return !t.Until.IsZero() && !now.Before(t.Until) }

// PutToken keeps a token.
func (b *Board) PutToken(k Token, done func(error)) {
	b.exec("keep token of "+k.Identity.String(), done,
		`INSERT INTO tokens (hash, identity, generation, natural, until) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET identity = excluded.identity, generation = excluded.generation,
		natural = excluded.natural, until = excluded.until`,
		k.Hash[:], k.Identity.String(), k.Generation, k.Natural, millis(k.Until))
}

// EndToken bounds a token's validity, for instance to the grace after its
// session.
func (b *Board) EndToken(hash [sha256.Size]byte, until time.Time, done func(error)) {
	b.exec("end token", done, "UPDATE tokens SET until = ? WHERE hash = ?", millis(until), hash[:])
}

// RevokeToken forgets a token.
func (b *Board) RevokeToken(hash [sha256.Size]byte, done func(error)) {
	b.exec("revoke token", done, "DELETE FROM tokens WHERE hash = ?", hash[:])
}

// Token returns the token of that hash if it is valid at a time.
func (b *Board) Token(ctx context.Context, hash [sha256.Size]byte, now time.Time) (Token, bool, error) {
	list, err := b.tokens(ctx, now, "WHERE hash = ?", hash[:])
	if err != nil || len(list) == 0 {
		return Token{}, false, err
	}
	return list[0], true, nil
}

// Tokens returns all tokens that are valid at a time.
func (b *Board) Tokens(ctx context.Context, now time.Time) ([]Token, error) {
	return b.tokens(ctx, now, "ORDER BY identity, generation")
}

func (b *Board) tokens(ctx context.Context, now time.Time, where string, args ...any) (list []Token, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		return t.Query(func(r store.Row) error {
			k := Token{Generation: r.Int(2), Natural: r.Int(3) != 0, Until: instant(r.Int(4))}
			whole := copy(k.Hash[:], r.Blob(0)) == len(k.Hash)
			if whole && !k.over(now) && k.Identity.UnmarshalText([]byte(r.Text(1))) == nil {
				list = append(list, k)
			}
			return nil
		}, "SELECT hash, identity, generation, natural, until FROM tokens "+where, args...)
	})
	return list, wrap("read tokens", err)
}

// noticeAge is how long a notice is kept after it expired.
const noticeAge = 30 * 24 * time.Hour

// Prune deletes tokens that are over, notices that expired 30 days ago and
// approvals as old.
func (b *Board) Prune(ctx context.Context, now time.Time) error {
	err := b.db.Do(ctx, func(t *store.Tx) error {
		if _, err := t.Exec("DELETE FROM tokens WHERE until > 0 AND until <= ?", millis(now)); err != nil {
			return err
		}
		if _, err := t.Exec("DELETE FROM notices WHERE expires <= ?", millis(now.Add(-noticeAge))); err != nil {
			return err
		}
		return pruneApprovals(t, now)
	})
	return wrap("prune board", err)
}
