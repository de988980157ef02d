// Package ledger is what peers under torture write down: every message that
// really reached them, in the order in which it did, on disk before they answer.
// It is the side of the truth that iapeer has no hand in.
package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// An Entry is one message as its recipient got it.
type Entry struct {
	ID    iapeer.MessageID
	Nonce string // the sender's own mark, see [Nonce]; "-" without one
	PID   int    // of the process that got it
	At    time.Time
}

// mark begins a nonce; an answer repeats the nonce behind answerMark.
const (
	mark       = "T~"
	answerMark = "re:" + mark
)

// Nonce returns the mark that a body begins with, "-" when it has none.
func Nonce(body string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(body), " ")
	if strings.HasPrefix(word, mark) || strings.HasPrefix(word, answerMark) {
		return word
	}
	return "-"
}

// Make returns the nonce of message n from one peer to another.
func Make(from, to string, n int) string { return fmt.Sprintf("%s%s~%s~%d", mark, from, to, n) }

// Parse returns what [Make] was given. ok is false for anything else, such as
// the nonce of an answer.
func Parse(nonce string) (from, to string, n int, ok bool) {
	parts := strings.Split(nonce, "~")
	if len(parts) != 4 || parts[0]+"~" != mark {
		return "", "", 0, false
	}
	n, err := strconv.Atoi(parts[3])
	return parts[1], parts[2], n, err == nil
}

// Answer returns the nonce of the answer to a message.
func Answer(nonce string) string { return "re:" + nonce }

// Append adds entries to the ledger at path with one write, and returns when
// the disk has them.
func Append(path string, entries ...Entry) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%d %d %s %s\n", e.At.UnixNano(), e.PID, e.ID, e.Nonce)
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Read returns the entries of a ledger in their order. One that does not exist
// has none; a last line that was cut off is none.
func Read(path string) ([]Entry, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Entry
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		e, err := parse(string(line))
		if err != nil {
			return out, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func parse(line string) (Entry, error) {
	var e Entry
	var nanos int64
	if _, err := fmt.Sscanf(line, "%d %d %s %s", &nanos, &e.PID, &e.ID, &e.Nonce); err != nil {
		return e, fmt.Errorf("line %q: %w", line, err)
	}
	e.At = time.Unix(0, nanos)
	return e, nil
}
