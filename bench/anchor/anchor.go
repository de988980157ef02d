// Package anchor holds the servers that iapeer is measured against: the least
// that the job costs with the same means. Each runs as a process of its own,
// prints its port, and ends with its standard input.
package anchor

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"

	"github.com/creack/pty"
	"github.com/tidwall/gjson"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer/store"
)

// Terminals is how many sessions a delivering server has.
const Terminals = 8

// Sink is the program at the far end of every terminal: it echoes what it gets,
// as a raw cat does, and copies it into a fifo.
const Sink = `stty raw -echo; exec tee "$0"`

// Fifo is the fifo of terminal i below dir.
func Fifo(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("fifo%d", i)) }

// Serve runs the server of a kind in dir until standard input ends.
func Serve(kind, dir string) error {
	var h http.Handler
	var err error
	switch kind {
	case "floor":
		h, err = newFloor(dir)
	case "commit":
		h, err = newCommit(dir)
	default:
		err = fmt.Errorf("no anchor is called %q", kind)
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	failed := make(chan error, 1)
	srv := http.Server{Handler: h} //nolint:gosec // a measurement on loopback
	go func() { failed <- srv.Serve(l) }()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		failed <- nil
	}()
	return <-failed
}

// floor is bare HTTP, a shared fdatasync, and the echo of a terminal.
type floor struct {
	log   *journal
	ttys  []*terminal
	count atomic.Int64
}

func newFloor(dir string) (*floor, error) {
	f := &floor{}
	var err error
	if f.log, err = openJournal(filepath.Join(dir, "journal")); err != nil {
		return nil, err
	}
	for i := range Terminals {
		t, err := openTerminal(Fifo(dir, i))
		if err != nil {
			return nil, err
		}
		f.ttys = append(f.ttys, t)
	}
	return f, nil
}

// ServeHTTP answers when the message is on disk and the terminal has echoed
// it.
func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = f.log.append(body)
	}
	if err == nil {
		message := gjson.GetBytes(body, "params.arguments.message").Str + "\n"
		err = f.ttys[f.count.Add(1)%Terminals].echo([]byte(message))
	}
	answer(w, err)
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{"ok":true}}`)
}

// A terminal is a pty with a sink in it.
type terminal struct {
	master *os.File
	turn   chan struct{} // holds one value while nobody writes
	buf    []byte
}

func openTerminal(fifo string) (*terminal, error) {
	cmd := exec.Command("sh", "-c", Sink, fifo) //nolint:noctx // it ends with its terminal
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 220, Rows: 50})
	if err != nil {
		return nil, err
	}
	t := &terminal{master: master, turn: make(chan struct{}, 1), buf: make([]byte, 32<<10)}
	t.turn <- struct{}{}
	return t, nil
}

// echo writes b and reads as many bytes back.
func (t *terminal) echo(b []byte) error {
	<-t.turn
	defer func() { t.turn <- struct{}{} }()
	if _, err := t.master.Write(b); err != nil {
		return err
	}
	for left := len(b); left > 0; {
		n, err := t.master.Read(t.buf[:min(left, len(t.buf))])
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// commit is bare HTTP and one insert through the store.
type commit struct{ db *store.DB }

func newCommit(dir string) (*commit, error) {
	db, err := store.Open(background, filepath.Join(dir, "commit.db"), zap.NewNop(), store.Migrations{Package: "commit", Steps: []string{
		"CREATE TABLE lines (n INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, body TEXT, at INTEGER)",
	}})
	return &commit{db: db}, err
}

// ServeHTTP answers when the message is committed.
func (c *commit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		answer(w, err)
		return
	}
	from := r.Header.Get("X-IAPeer-Identity")
	args := gjson.GetManyBytes(body, "params.arguments.personality", "params.arguments.message")
	answer(w, c.db.Do(r.Context(), func(t *store.Tx) error {
		_, err := t.Exec("INSERT INTO lines (sender, recipient, body, at) VALUES (?, ?, ?, ?)", from, args[0].Str, args[1].Str, 0)
		return err
	}))
}
