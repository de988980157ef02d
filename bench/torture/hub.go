package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// A sign is something that can be seen from outside at the moment it happens.
type sign struct {
	kind signKind
	peer string // whom it is about, "" if nobody
	id   string // of a message or a process, "" if none
}

type signKind string

// What can be seen.
const (
	signWritten signKind = "request written"  // a sender wrote its request and has no answer
	signOffered signKind = "offered"          // the event stream says so
	signOutcome signKind = "outcome on disk"  // a host kept the outcome of a command
	signSpec    signKind = "host ordered"     // the order of a host that is about to start
	signHost    signKind = "host listens"     // a host's socket appeared
	signRouter  signKind = "daemon listens"   // the daemon's socket appeared
	signWaking  signKind = "session starting" // a presence is waking
)

// A hub hands signs to whoever waits for one.
type hub struct {
	mu      sync.Mutex
	waiting map[*wait]struct{}
	seen    map[signKind]int
}

type wait struct {
	match func(sign) bool
	found chan sign
}

func newHub() *hub { return &hub{waiting: map[*wait]struct{}{}, seen: map[signKind]int{}} }

// tell hands a sign to all who wait for it.
func (b *hub) tell(s sign) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[s.kind]++
	for w := range b.waiting {
		if w.match(s) {
			w.found <- s
			delete(b.waiting, w)
		}
	}
}

// await waits for a sign that matches, at most limit.
func (b *hub) await(ctx context.Context, limit time.Duration, match func(sign) bool) (sign, bool) {
	w := &wait{match: match, found: make(chan sign, 1)}
	b.mu.Lock()
	b.waiting[w] = struct{}{}
	b.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case s := <-w.found:
		return s, true
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, w)
	select {
	case s := <-w.found:
		return s, true
	default:
		return sign{}, false
	}
}

// of matches one kind of sign.
func of(kind signKind) func(sign) bool { return func(s sign) bool { return s.kind == kind } }

// watchEvents turns the event stream of one daemon into signs until that ends.
func (b *hub) watchEvents(ctx context.Context, h *house) {
	for e, err := range h.fleet().Events(ctx, 0) {
		if err != nil {
			return
		}
		b.hear(e)
	}
}

// watchFiles turns what appears in the folders of hosts and daemon into signs.
func (b *hub) watchFiles(ctx context.Context, h *house) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	for _, dir := range []string{h.paths.Hosts(), h.paths.State()} {
		if err := w.Add(dir); err != nil {
			_ = w.Close()
			return err
		}
	}
	go func() {
		defer w.Close() //nolint:errcheck // nothing to do about it
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-w.Events:
				if e.Has(fsnotify.Create) {
					b.appeared(filepath.Base(e.Name))
				}
			case _, ok := <-w.Errors: // a flood of files: signs are missed, and others come
				if !ok {
					return
				}
			}
		}
	}()
	return nil
}

func (b *hub) appeared(name string) {
	identity, rest, _ := strings.Cut(name, ".")
	_, peer, _ := strings.Cut(identity, "-")
	switch {
	case name == "router.sock":
		b.tell(sign{kind: signRouter})
	case rest == "serve.json":
		b.tell(sign{kind: signSpec, peer: peer})
	case rest == "sock":
		b.tell(sign{kind: signHost, peer: peer})
	case strings.Contains(rest, ".exec.") && strings.HasSuffix(rest, ".json"):
		b.tell(sign{kind: signOutcome, peer: peer})
	}
}

func (b *hub) hear(e client.Event) {
	switch {
	case e.Name == "delivery" && e.Text("state") == string(iapeer.Offered):
		b.tell(sign{kind: signOffered, peer: e.Peer(), id: e.Text("id")})
	case e.Name == "presence" && e.Text("to") == string(iapeer.Waking):
		b.tell(sign{kind: signWaking, peer: e.Peer()})
	}
}
