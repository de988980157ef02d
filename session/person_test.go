package session

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/iapeer/iapeer/session/screen"
)

// A person is a terminal with somebody in front of it.
type person struct {
	t    *testing.T
	pty  *os.File
	tty  *os.File
	sc   *screen.Screen
	raw  bytes.Buffer
	end  chan AttachEnd
	look chan string
	seen chan struct{}
}

// sit attaches a person of the given size.
func sit(t *testing.T, sock string, cols, rows int, o AttachOptions) *person {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}); err != nil {
		t.Fatal(err)
	}
	s := &person{
		t: t, pty: p, tty: tty, end: make(chan AttachEnd, 1),
		sc: screen.New(cols, rows, 10000, "", screen.Listener{}), look: make(chan string), seen: make(chan struct{}),
	}
	go s.watch()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		end, err := Attach(ctx, sock, tty, tty, o)
		if err != nil {
			t.Error(err)
		}
		s.end <- end
	}()
	t.Cleanup(func() { cancel(); p.Close(); tty.Close() })
	return s
}

// watch reads the terminal and answers when text it was asked for is shown.
func (s *person) watch() {
	out := make(chan []byte)
	go func() {
		defer close(out)
		for {
			b := make([]byte, 4096)
			n, err := s.pty.Read(b)
			if err != nil {
				return
			}
			out <- b[:n]
		}
	}()
	want := ""
	for {
		select {
		case b, ok := <-out:
			if !ok {
				return
			}
			s.raw.Write(b)
			s.sc.Feed(b)
		case want = <-s.look:
		}
		if want != "" && strings.Contains(s.text(), want) {
			want = ""
			s.seen <- struct{}{}
		}
	}
}

func (s *person) text() string {
	var b strings.Builder
	for i := range s.sc.Scrollback() {
		b.WriteString(s.sc.History(i).Text + "\n")
	}
	for _, r := range s.sc.Rows() {
		b.WriteString(r.Text + "\n")
	}
	return b.String() + "title " + s.sc.Title()
}

// sees waits until text is shown.
func (s *person) sees(text string) {
	s.t.Helper()
	s.look <- text
	select {
	case <-s.seen:
	case <-time.After(15 * time.Second):
		s.t.Fatalf("%q is not shown", text)
	}
}

func (s *person) types(keys string) {
	s.t.Helper()
	if _, err := s.pty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *person) ends(want AttachEnd) {
	s.t.Helper()
	select {
	case got := <-s.end:
		if got != want {
			s.t.Errorf("attachment ended as %q, want %q", got, want)
		}
	case <-time.After(15 * time.Second):
		s.t.Fatalf("the attachment did not end")
	}
}
