package board

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// NoticeTTL is how long a notice stands unless it says otherwise. While it
// stands, the same thing raised again only counts it up.
const NoticeTTL = time.Hour

// idChars is the length of the random part of a notice's id: 40 bits.
const idChars = 8

// A Notice is something that people must know. Two are the same when Peer,
// Runtime, Kind, Error and Model are.
type Notice struct {
	ID        string         `json:"id"` // "n-" and eight characters; given by Raise
	Peer      iapeer.Name    `json:"personality"`
	Runtime   iapeer.Runtime `json:"runtime"`
	Kind      string         `json:"kind"` // "peer-mute", "start-failed", …
	Error     string         `json:"errorType,omitempty"`
	Model     string         `json:"model,omitempty"`
	Summary   string         `json:"summary"` // one line
	Content   string         `json:"content"` // verbatim detail
	Session   string         `json:"sessionId,omitempty"`
	ResetsAt  time.Time      `json:"resetsAt,omitzero"` // when a quota ends, if the runtime says
	Created   time.Time      `json:"created"`
	Last      time.Time      `json:"last"` // when it was raised last
	Expires   time.Time      `json:"expires"`
	Count     int            `json:"count"` // how often it was raised
	Dismissed bool           `json:"dismissed,omitempty"`
}

const noticeColumns = `SELECT id, personality, runtime, kind, error, model, summary, content, session,
	resets, created, last, expires, count, dismissed FROM notices `

func scanNotice(r store.Row) Notice {
	return Notice{
		ID: r.Text(0), Peer: iapeer.Name(r.Text(1)), Runtime: iapeer.Runtime(r.Text(2)), Kind: r.Text(3), Error: r.Text(4),
		Model: r.Text(5), Summary: r.Text(6), Content: r.Text(7), Session: r.Text(8),
		ResetsAt: instant(r.Int(9)), Created: instant(r.Int(10)), Last: instant(r.Int(11)), Expires: instant(r.Int(12)),
		Count: int(r.Int(13)), Dismissed: r.Int(14) != 0,
	}
}

// Raise puts n up, or counts up the same notice that stands: then first is
// false and stored is that one. Last, when zero, is now; an event that is not
// newer than the last one counted is not counted. Expires, when zero, is
// [NoticeTTL] later.
func (b *Board) Raise(n Notice, done func(stored Notice, first bool, err error)) {
	if n.Last.IsZero() {
		n.Last = time.Now()
	}
	if n.Expires.IsZero() {
		n.Expires = n.Last.Add(NoticeTTL)
	}
	n.ResetsAt, n.Last, n.Expires = instant(millis(n.ResetsAt)), instant(millis(n.Last)), instant(millis(n.Expires))
	first := false
	b.db.Write(func(t *store.Tx) (err error) {
		n, first, err = raise(t, n)
		return err
	}, func(err error) {
		if done != nil {
			done(n, first, wrap("raise notice", err))
		}
	})
}

func raise(t *store.Tx, n Notice) (Notice, bool, error) {
	r, err := t.First(noticeColumns+`WHERE personality = ? AND kind = ? AND expires > ? AND runtime = ? AND error = ? AND model = ?
		AND dismissed = 0 ORDER BY expires DESC LIMIT 1`,
		string(n.Peer), n.Kind, millis(n.Last), string(n.Runtime), n.Error, n.Model)
	if err != nil {
		return n, false, err
	}
	if r != nil {
		standing := scanNotice(r)
		if !n.Last.After(standing.Last) {
			return standing, false, nil
		}
		standing.Count++
		standing.Last = n.Last
		_, err := t.Exec("UPDATE notices SET count = ?, last = ? WHERE id = ?", standing.Count, millis(standing.Last), standing.ID)
		return standing, false, err
	}
	n.ID = "n-" + strings.ToLower(rand.Text()[:idChars])
	n.Created, n.Count, n.Dismissed = n.Last, 1, false
	_, err = t.Exec(`INSERT INTO notices (id, personality, runtime, kind, error, model, summary, content, session,
		resets, created, last, expires, count, dismissed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0)`,
		n.ID, string(n.Peer), string(n.Runtime), n.Kind, n.Error, n.Model, n.Summary, n.Content, n.Session,
		millis(n.ResetsAt), millis(n.Created), millis(n.Last), millis(n.Expires))
	return n, true, err
}

// Notices returns the notices that stand at a time, oldest first.
func (b *Board) Notices(ctx context.Context, now time.Time) (list []Notice, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		return t.Query(func(r store.Row) error {
			list = append(list, scanNotice(r))
			return nil
		}, noticeColumns+"WHERE expires > ? AND dismissed = 0 ORDER BY created, rowid", millis(now))
	})
	return list, wrap("read notices", err)
}

// Notice returns one notice, also an old or dismissed one; false when there is
// none.
func (b *Board) Notice(ctx context.Context, id string) (n Notice, ok bool, err error) {
	err = b.db.Read(ctx, func(t *store.Tx) error {
		r, err := t.First(noticeColumns+"WHERE id = ?", id)
		if r != nil {
			n, ok = scanNotice(r), true
		}
		return err
	})
	return n, ok, wrap("read notice "+id, err)
}

// Dismiss takes a notice down; found is false when there is none.
func (b *Board) Dismiss(id string, done func(found bool, err error)) {
	var n int64
	b.db.Write(func(t *store.Tx) (err error) {
		n, err = t.Exec("UPDATE notices SET dismissed = 1 WHERE id = ?", id)
		return err
	}, func(err error) {
		if done != nil {
			done(n > 0, wrap("dismiss notice "+id, err))
		}
	})
}
