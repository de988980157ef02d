package mailbox

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/store"
)

// A row is a message with what only the store knows of it.
type row struct {
	iapeer.Message
	first iapeer.State // at acceptance
	steps int64        // lines of history after the acceptance
}

// scan reads a row of [columns].
func scan(r store.Row) (row, error) {
	var m row
	m.Seq = r.Int(0)
	m.ID = iapeer.MessageID(r.Text(1))
	m.From = iapeer.Identity{Runtime: iapeer.Runtime(r.Text(2)), Name: iapeer.Name(r.Text(3))}
	m.FromNature = iapeer.Nature(r.Text(4))
	m.To = iapeer.Identity{Runtime: iapeer.Runtime(r.Text(5)), Name: iapeer.Name(r.Text(6))}
	m.Topic = r.Text(7)
	m.Conversation = iapeer.ConversationID(r.Text(8))
	m.Hops = int(r.Int(9))
	m.Proof = iapeer.Proof(r.Text(10))
	m.Caused = iapeer.MessageID(r.Text(11))
	m.Key = r.Text(12)
	m.SentAt, m.AcceptedAt, m.ExpiresAt = instant(r.Int(13)), instant(r.Int(14)), instant(r.Int(15))
	m.State = iapeer.State(r.Text(16))
	m.Attempts = int(r.Int(17))
	m.TurnCut = r.Int(18) != 0
	m.first = iapeer.State(r.Text(19))
	m.steps = r.Int(20)
	m.Body = r.Text(21)
	if a := r.Text(22); a != "" {
		if err := json.Unmarshal([]byte(a), &m.Attachments); err != nil {
			return m, fmt.Errorf("attachments of %s: %w", m.ID, err)
		}
	}
	m.Answer = r.Text(23)
	return m, nil
}

// attachmentsValue is how attachments are kept: NULL or a JSON list.
func attachmentsValue(paths []string) (any, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(paths)
	return string(b), err
}

// one returns the message of a number, or [iapeer.ErrUnknownID].
func one(t *store.Tx, seq int64) (row, error) {
	r, err := t.First(columns+"WHERE m.seq = ?", seq)
	if err != nil {
		return row{}, err
	}
	if r == nil {
		return row{}, iapeer.ErrUnknownID
	}
	return scan(r)
}

// all returns the messages that the rest of a [columns] query finds.
func all(t *store.Tx, where string, args ...any) ([]iapeer.Message, error) {
	var list []iapeer.Message
	err := t.Query(func(r store.Row) error {
		m, err := scan(r)
		list = append(list, m.Message)
		return err
	}, columns+where, args...)
	return list, err
}

// numbersValue is how a list of numbers goes into a query: "m.seq IN (SELECT
// value FROM json_each(?))".
func numbersValue(seqs []int64) string {
	out := []byte{'['}
	for i, seq := range seqs {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, seq, 10)
	}
	return string(append(out, ']'))
}

// numbered selects the messages of a [numbersValue].
const numbered = "m.seq IN (SELECT value FROM json_each(?))"
