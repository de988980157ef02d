package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// feedBatch is how many messages the index takes in one transaction: the more,
// the fewer parts of the index there are to be merged.
const feedBatch = 1024

// feedDelay is how long the index lets new messages gather, so that a busy time
// costs it one transaction for many. Nobody misses them: a search takes in what
// is less than a batch away by itself.
const feedDelay = 500 * time.Millisecond

// searchBatch is how many numbers are looked up in the box at a time.
const searchBatch = 256

// indexSchema keeps words, names and numbers only, no second copy of the
// bodies.
const indexSchema = `
CREATE VIRTUAL TABLE search USING fts5(topic, body, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2");
CREATE TABLE peers (name TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (name, seq)) WITHOUT ROWID;
CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
INSERT INTO cursor VALUES (1, 0);
`

// An Index finds messages by the words of their bodies and topics, and by
// their sender or recipient. It has a
// file of its own, which may be deleted at any time while the daemon is down:
// the index is then built anew from the messages. All methods may be called
// concurrently.
type Index struct {
	box    *Box
	db     *store.DB
	log    *zap.Logger
	seq    atomic.Int64 // the cursor: everything up to it is indexed
	wake   chan struct{}
	cancel context.CancelFunc
	feed   sync.Mutex // held by whoever moves the cursor
	ended  chan struct{}
}

// OpenIndex opens the index file at path, makes box search in it and begins to
// feed it with what it does not have yet, in the background. The caller closes
// the Index before the Box's store.
func OpenIndex(ctx context.Context, path string, box *Box, log *zap.Logger) (*Index, error) {
	db, err := store.OpenDerived(ctx, path, log, store.Migrations{Package: "search", Steps: []string{indexSchema}})
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	x := &Index{box: box, db: db, log: log, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	err = db.Read(ctx, func(t *store.Tx) error {
		r, err := t.First("SELECT seq FROM cursor")
		if err == nil {
			x.seq.Store(r.Int(0))
		}
		return err
	})
	if err == nil && x.Lag() < 0 { // an index of other messages
		err = x.reset(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open search index: %w", err), db.Close())
	}
	feedCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	x.cancel = cancel
	box.index.Store(x)
	go x.run(feedCtx)
	return x, nil
}

// Close stops feeding and closes the file; the Box searches without it then.
func (x *Index) Close() error {
	x.box.index.CompareAndSwap(x, nil)
	x.cancel()
	<-x.ended
	return x.db.Close()
}

// Lag returns how many messages the index has yet to take in. It reads no
// disk.
func (x *Index) Lag() int64 { return x.box.newest.Load() - x.seq.Load() }

// Rebuild empties the index and has it fed from the first message on; Lag tells
// how far it has come.
func (x *Index) Rebuild(ctx context.Context) error {
	x.feed.Lock()
	defer x.feed.Unlock()
	if err := x.reset(ctx); err != nil {
		return fmt.Errorf("rebuild search index: %w", err)
	}
	x.nudge()
	return nil
}

func (x *Index) reset(ctx context.Context) error {
	err := x.db.Do(ctx, func(t *store.Tx) error {
		if _, err := t.Exec("INSERT INTO search(search) VALUES ('delete-all')"); err != nil {
			return err
		}
		if _, err := t.Exec("DELETE FROM peers"); err != nil {
			return err
		}
		_, err := t.Exec("UPDATE cursor SET seq = 0")
		return err
	})
	if err == nil {
		x.seq.Store(0)
	}
	return err
}

// CaughtUp waits until everything that was committed before the call is
// indexed.
func (x *Index) CaughtUp(ctx context.Context) error {
	for newest := x.box.newest.Load(); x.seq.Load() < newest; {
		n, err := x.take(ctx)
		if err != nil {
			return fmt.Errorf("feed search index: %w", err)
		}
		if n == 0 {
			break
		}
	}
	return nil
}

// nudge tells that there is something new. It may be called on a nil Index.
func (x *Index) nudge() {
	if x == nil {
		return
	}
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

func (x *Index) run(ctx context.Context) {
	defer close(x.ended)
	for {
		x.drain(ctx)
		select {
		case <-x.wake:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(feedDelay):
		case <-ctx.Done():
			return
		}
	}
}

// drain indexes all there is.
func (x *Index) drain(ctx context.Context) {
	for {
		n, err := x.take(ctx)
		if err != nil && ctx.Err() == nil {
			x.log.Warn("search index stands still until the next message", zap.Int64("lag", x.Lag()), zap.Error(err))
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// take indexes the next messages and returns how many they were.
func (x *Index) take(ctx context.Context) (int, error) {
	x.feed.Lock()
	defer x.feed.Unlock()
	list, err := x.box.texts(ctx, x.seq.Load(), feedBatch)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	last := list[len(list)-1].seq
	err = x.db.Do(ctx, func(t *store.Tx) error {
		for _, m := range list {
			if err := m.enter(t); err != nil {
				return err
			}
		}
		_, err := t.Exec("UPDATE cursor SET seq = ?", last)
		return err
	})
	if err == nil {
		x.seq.Store(last)
	}
	return len(list), err
}

// A text is what the index takes of a message.
type text struct {
	seq                   int64
	topic, body, from, to string
}

// texts returns those of the messages after a number, oldest first.
func (b *Box) texts(ctx context.Context, after int64, limit int) (list []text, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		return t.Query(func(r store.Row) error {
			list = append(list, text{seq: r.Int(0), topic: r.Text(1), body: r.Text(2), from: r.Text(3), to: r.Text(4)})
			return nil
		}, "SELECT m.seq, topic, coalesce(m.body, b.body), from_name, to_name FROM messages m "+withBody+"WHERE m.seq > ? ORDER BY m.seq LIMIT ?",
			after, limit)
	})
	return list, err
}

func (m *text) enter(t *store.Tx) error {
	if _, err := t.Exec("INSERT INTO search (rowid, topic, body) VALUES (?, ?, ?)", m.seq, m.topic, m.body); err != nil {
		return err
	}
	_, err := t.Exec("INSERT OR IGNORE INTO peers (name, seq) VALUES (?, ?), (?, ?)", m.from, m.seq, m.to, m.seq)
	return err
}

// forget drops messages that were deleted. What a crash leaves behind finds
// nothing any more and does no harm.
func (x *Index) forget(gone []relic) {
	if x == nil {
		return
	}
	x.db.Write(func(t *store.Tx) error {
		for _, g := range gone {
			if _, err := t.Exec("DELETE FROM search WHERE rowid = ?", g.seq); err != nil {
				return err
			}
			if _, err := t.Exec("DELETE FROM peers WHERE name IN (?, ?) AND seq = ?", string(g.from), string(g.to.Name), g.seq); err != nil {
				return err
			}
		}
		return nil
	}, nil)
}

// knows reports whether the index, and not the messages themselves, is to be
// asked for q. Words are always its business; names only when it has caught up.
func (x *Index) knows(ctx context.Context, q iapeer.MessageQuery) bool {
	if x == nil || q.Text == "" && q.Peer == "" && q.From == "" && q.To == "" {
		return false
	}
	if lag := x.Lag(); lag > 0 && lag <= feedBatch {
		if _, err := x.take(ctx); err != nil {
			x.log.Warn("feed search index", zap.Error(err))
		}
	}
	return q.Text != "" || x.Lag() == 0
}

// search finds the numbers here and the messages in the box, in portions,
// until the query's limit is reached.
func (x *Index) search(ctx context.Context, q iapeer.MessageQuery) ([]iapeer.Message, error) {
	var match string
	if q.Text != "" {
		if match = matchExpr(q.Text); match == "" {
			return nil, nil
		}
	}
	limit := bounded(q.Limit)
	q.Text = ""
	var found []iapeer.Message
	for {
		seqs, err := x.numbers(ctx, match, q)
		if err != nil || len(seqs) == 0 {
			return found, err
		}
		if q.After > 0 {
			q.After = seqs[len(seqs)-1]
		} else {
			q.Before = seqs[len(seqs)-1]
		}
		portion, err := x.box.among(ctx, q, seqs)
		if err != nil {
			return nil, err
		}
		found = append(found, portion...)
		if len(found) >= limit {
			return found[:limit], nil
		}
	}
}

// numbers returns the next numbers that match, in the order of q: those with
// the words, or without words those of one name.
func (x *Index) numbers(ctx context.Context, match string, q iapeer.MessageQuery) (seqs []int64, err error) {
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	sql, arg := "SELECT rowid FROM search WHERE search MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC LIMIT ?", match
	if match == "" {
		sql = "SELECT seq FROM peers WHERE name = ? AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?"
		arg = string(cmp.Or(q.Peer, q.From, q.To))
	}
	if q.After > 0 {
		sql = strings.Replace(sql, "DESC", "ASC", 1)
	}
	err = x.db.Read(ctx, func(t *store.Tx) error {
		return t.Query(func(r store.Row) error {
			seqs = append(seqs, r.Int(0))
			return nil
		}, sql, arg, q.After, before, searchBatch)
	})
	return seqs, err
}

// among returns those of the numbered messages that q selects.
func (b *Box) among(ctx context.Context, q iapeer.MessageQuery, seqs []int64) (list []iapeer.Message, err error) {
	ascending := q.After > 0
	q.Before, q.After, q.Limit = 0, 0, maxLimit
	where, args := b.restrict(q, numbered, numbersValue(seqs))
	err = b.db.Read(ctx, func(t *store.Tx) error {
		list, err = all(t, where, args...)
		return err
	})
	if ascending {
		slices.Reverse(list)
	}
	return list, err
}

// matchExpr turns a person's words into an FTS5 expression that has no syntax
// of its own: every word, as the beginning of one (sqlite.org/fts5.html §3).
func matchExpr(text string) string {
	var words []string
	for _, w := range strings.Fields(text) {
		words = append(words, `"`+strings.ReplaceAll(w, `"`, `""`)+`"*`)
	}
	return strings.Join(words, " ")
}
