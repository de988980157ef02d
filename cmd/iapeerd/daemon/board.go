package daemon

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/gate"
	"github.com/iapeer/iapeer/store/board"
)

// memory plugs the board into the actors.
type memory struct {
	board *board.Board
	ctx   context.Context // the daemon's life
	log   *zap.Logger
}

var _ house.Board = memory{}

func (m memory) Presences() ([]iapeer.Presence, error) { return m.board.Presences(m.ctx) }

func (m memory) PutPresence(p iapeer.Presence, done func()) {
	m.board.PutPresence(p, func(err error) {
		if err != nil {
			m.log.Error("cannot keep a presence", zap.Stringer("identity", p.Identity), zap.Error(err))
		}
		if done != nil {
			done()
		}
	})
}

func (m memory) RaiseNotice(n house.Notice, done func(string, bool)) {
	kept := board.Notice{Peer: n.Identity.Name, Runtime: n.Identity.Runtime, Kind: n.Kind, Summary: n.Summary, Content: n.Content}
	m.board.Raise(kept, func(stored board.Notice, first bool, err error) {
		if err != nil {
			m.log.Error("cannot keep a notice", zap.String("kind", n.Kind), zap.String("summary", n.Summary), zap.Error(err))
			return
		}
		done(stored.ID, first)
	})
}

// tokens is the token table, in memory for the gate and on disk for the next
// daemon.
type tokens struct {
	table *gate.Table
	board *board.Board
	log   *zap.Logger
	wall  func() time.Time
}

// load fills the table with what the last daemon left.
func (t tokens) load(ctx context.Context) error {
	list, err := t.board.Tokens(ctx, t.wall())
	if err != nil {
		return err
	}
	for _, k := range list {
		hash := gate.TokenHash(k.Hash)
		t.table.Add(hash, gate.TokenFacts{Identity: k.Identity, Generation: k.Generation, Natural: k.Natural})
		if !k.Until.IsZero() {
			t.table.End(hash)
		}
	}
	return nil
}

// Mint makes the secret of one session.
func (t tokens) Mint(id iapeer.Identity, generation int64, natural bool) string {
	token, hash := gate.NewToken()
	t.table.Add(hash, gate.TokenFacts{Identity: id, Generation: generation, Natural: natural})
	t.board.PutToken(board.Token{Hash: hash, Identity: id, Generation: generation, Natural: natural}, t.warn)
	return token
}

// End lets a session's token run out.
func (t tokens) End(token string) {
	hash := gate.HashToken(token)
	t.table.End(hash)
	t.board.EndToken(hash, t.wall().Add(gate.TokenGrace), t.warn)
}

func (t tokens) warn(err error) {
	if err != nil {
		t.log.Error("cannot keep a session's token", zap.Error(err))
	}
}
