package registry

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
)

const (
	// settleTime lets a writer that truncates and writes finish before its
	// file is read.
	settleTime = 50 * time.Millisecond
	// pollEvery is how often a file is statted that cannot be watched: the
	// system's watches are used up, or the folder is not there.
	pollEvery = 2 * time.Second
)

// A Watcher follows the registry file and the profiles of live peers. Make one
// with [Registry.Watch].
type Watcher struct {
	reg      *Registry
	fs       *fsnotify.Watcher // nil when the system has no watches left
	requests chan request
	done     chan struct{}
	live     map[string]iapeer.Name // .iapeer folder → peer
	polled   map[string]bool        // folders that are not watched
	dirty    map[string]bool        // folders with events since the last look
}

type request struct {
	peer   iapeer.Peer
	follow bool
}

// Watch follows the registry file until ctx ends and calls tell for each
// change to the view, whoever made it, one after the other. tell may use the
// registry.
func (r *Registry) Watch(ctx context.Context, tell func(iapeer.PeerChanged)) *Watcher {
	w := &Watcher{reg: r, requests: make(chan request), done: make(chan struct{}),
		live: map[string]iapeer.Name{}, polled: map[string]bool{}, dirty: map[string]bool{}}
	var err error
	if w.fs, err = fsnotify.NewWatcher(); err != nil {
		r.log.Warn("no file events, polling instead", zap.Error(err))
	}
	r.mu.Lock()
	r.watching = true
	r.mu.Unlock()
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.tell(ctx, tell)
	}()
	go func() {
		defer close(w.done)
		w.run(ctx)
		<-told
	}()
	return w
}

// Follow watches p's profile too, as long as p is live.
func (w *Watcher) Follow(p iapeer.Peer) { w.request(request{peer: p, follow: true}) }

// Unfollow ends [Watcher.Follow].
func (w *Watcher) Unfollow(p iapeer.Peer) { w.request(request{peer: p}) }

// Done is closed when the watcher has ended after its context.
func (w *Watcher) Done() <-chan struct{} { return w.done }

func (w *Watcher) request(q request) {
	select {
	case w.requests <- q:
	case <-w.done:
	}
}

// tell passes changes on, outside the lock.
func (r *Registry) tell(ctx context.Context, tell func(iapeer.PeerChanged)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.told:
		}
		r.mu.Lock()
		changes := r.changes
		r.changes = nil
		r.mu.Unlock()
		for _, c := range changes {
			tell(c)
		}
	}
}

func (w *Watcher) run(ctx context.Context) {
	if w.fs != nil {
		defer func() { _ = w.fs.Close() }() // nothing to lose
	}
	root := filepath.Dir(w.reg.paths.Registry())
	w.watch(root)
	w.look(root) // what changed between Open and now
	settle := time.NewTimer(settleTime)
	poll := time.NewTimer(pollEvery)
	defer settle.Stop()
	defer poll.Stop()
	for {
		var due <-chan time.Time // where all is watched, nothing is polled
		if len(w.polled) > 0 {
			due = poll.C
		}
		select {
		case <-ctx.Done():
			return
		case q := <-w.requests:
			w.serve(q)
		case ev := <-w.events():
			if w.note(ev) {
				settle.Reset(settleTime)
			}
		case err := <-w.errors():
			w.reg.log.Warn("file events were lost, looking at everything", zap.Error(err))
			w.lookAll()
		case <-settle.C:
			for dir := range w.dirty {
				w.look(dir)
			}
			clear(w.dirty)
		case <-due:
			w.pollAll()
			poll.Reset(pollEvery)
		}
	}
}

func (w *Watcher) events() <-chan fsnotify.Event {
	if w.fs == nil {
		return nil
	}
	return w.fs.Events
}

func (w *Watcher) errors() <-chan error {
	if w.fs == nil {
		return nil
	}
	return w.fs.Errors
}

// serve begins or ends to follow one peer.
func (w *Watcher) serve(q request) {
	dir := iapeer.PeerDir(q.peer.CWD)
	if q.follow {
		w.live[dir] = q.peer.Name
		w.watch(dir)
		w.look(dir)
		return
	}
	delete(w.live, dir)
	delete(w.polled, dir)
	delete(w.dirty, dir)
	if w.fs != nil {
		_ = w.fs.Remove(dir) // not watched when it was polled
	}
}

// watch asks for the events of dir, or has it polled.
func (w *Watcher) watch(dir string) {
	if w.fs == nil || w.fs.Add(dir) != nil {
		w.polled[dir] = true
		return
	}
	delete(w.polled, dir)
}

// note reports whether the event is about one of our files.
func (w *Watcher) note(ev fsnotify.Event) bool {
	if ev.Has(fsnotify.Remove|fsnotify.Rename) && w.ours(ev.Name) { // the folder itself went
		w.polled[ev.Name] = true
		w.dirty[ev.Name] = true
		return true
	}
	dir, base := filepath.Split(ev.Name)
	dir = filepath.Clean(dir)
	if !w.ours(dir) || base != filepath.Base(w.file(dir)) || ev.Op == fsnotify.Chmod {
		return false
	}
	w.dirty[dir] = true
	return true
}

// ours reports whether dir is followed.
func (w *Watcher) ours(dir string) bool {
	_, live := w.live[dir]
	return live || dir == filepath.Dir(w.reg.paths.Registry())
}

// file returns the file that is followed in dir.
func (w *Watcher) file(dir string) string {
	if _, live := w.live[dir]; live {
		return filepath.Join(dir, "peer-profile.json")
	}
	return w.reg.paths.Registry()
}

// look brings the view up to date with the file in dir.
func (w *Watcher) look(dir string) {
	if name, live := w.live[dir]; live {
		if _, err := w.reg.Refresh(name); err != nil {
			w.reg.log.Debug("refresh", zap.String("peer", string(name)), zap.Error(err))
		}
	}
	if dir != filepath.Dir(w.reg.paths.Registry()) {
		return
	}
	w.reg.mu.Lock()
	defer w.reg.mu.Unlock()
	if err := w.reg.reload(); err != nil {
		w.reg.log.Warn("reload registry", zap.Error(err))
	}
}

func (w *Watcher) lookAll() {
	w.look(filepath.Dir(w.reg.paths.Registry()))
	for dir := range w.live {
		w.look(dir)
	}
}

// pollAll looks at what is not watched and tries to watch it again.
func (w *Watcher) pollAll() {
	for dir := range w.polled {
		w.watch(dir)
		w.look(dir)
	}
}
