package registry

import (
	"context"
	"path/filepath"
	"sync"
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

// A watcher follows the registry file and the profiles of live peers. It
// belongs to its goroutine.
type watcher struct {
	reg    *Registry
	fs     *fsnotify.Watcher   // nil when the system has no watches left
	live   map[string]follower // by .iapeer folder
	polled map[string]bool     // folders that are not watched
	dirty  map[string]bool     // folders with events since the last look
}

// A follower counts who wants to know about one peer.
type follower struct {
	name  iapeer.Name
	count int
}

// A request is one call of [Registry.Follow] or [Registry.Unfollow].
type request struct {
	name   iapeer.Name
	dir    string // its .iapeer folder
	follow bool
}

// requests keeps requests until the watcher takes them, so that those who ask
// never wait for files.
type requests struct {
	wake chan struct{} // capacity 1

	mu   sync.Mutex
	list []request
}

func (q *requests) add(r request) {
	q.mu.Lock()
	q.list = append(q.list, r)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *requests) take() []request {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}

// Watch brings all records in line with their profiles, then follows the
// registry file and the peers of [Registry.Follow] until ctx ends. It returns at
// once; done is closed when all is over. tell is called for each change to the
// view, whoever made it, one after the other; it may use the registry. A
// registry is watched once.
func (r *Registry) Watch(ctx context.Context, tell func(iapeer.PeerChanged)) (done <-chan struct{}) {
	w := &watcher{reg: r, live: map[string]follower{}, polled: map[string]bool{}, dirty: map[string]bool{}}
	var err error
	if w.fs, err = fsnotify.NewWatcher(); err != nil {
		r.log.Warn("no file events, polling instead", zap.Error(err))
	}
	r.mu.Lock()
	r.watching = true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.tell(ctx, tell) })
	both.Go(func() { w.run(ctx) })
	over := make(chan struct{})
	go func() {
		both.Wait()
		close(over)
	}()
	return over
}

// Follow watches the profile of a peer that is live, until as many calls of
// [Registry.Unfollow]. Before [Registry.Watch] it is remembered. It never
// waits.
func (r *Registry) Follow(name iapeer.Name) { r.follow(name, true) }

// Unfollow ends one [Registry.Follow].
func (r *Registry) Unfollow(name iapeer.Name) { r.follow(name, false) }

func (r *Registry) follow(name iapeer.Name, follow bool) {
	q := request{name: name, follow: follow}
	if e := r.view.Load().entries[name]; e != nil {
		q.dir = iapeer.PeerDir(e.peer.CWD)
	}
	r.requests.add(q)
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

func (w *watcher) run(ctx context.Context) {
	if w.fs != nil {
		defer func() { _ = w.fs.Close() }() // nothing to lose
	}
	root := filepath.Dir(w.reg.paths.Registry())
	w.watch(root)
	if _, err := w.reg.Reindex(); err != nil {
		w.reg.log.Warn("reindex", zap.Error(err))
	}
	settle := time.NewTimer(settleTime)
	settle.Stop() // nothing is dirty yet
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	for {
		var due <-chan time.Time // where all is watched, nothing is polled
		if len(w.polled) > 0 {
			due = poll.C
		}
		select {
		case <-ctx.Done():
			return
		case <-w.reg.requests.wake:
			for _, q := range w.reg.requests.take() {
				w.serve(q)
			}
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

func (w *watcher) events() <-chan fsnotify.Event {
	if w.fs == nil {
		return nil
	}
	return w.fs.Events
}

func (w *watcher) errors() <-chan error {
	if w.fs == nil {
		return nil
	}
	return w.fs.Errors
}

// serve begins or ends to follow one peer.
func (w *watcher) serve(q request) {
	dir := w.folder(q)
	f := w.live[dir]
	f.name = q.name
	switch {
	case dir == "":
	case q.follow:
		f.count++
		w.live[dir] = f
		if f.count == 1 {
			w.watch(dir)
			w.look(dir)
		}
	case f.count > 1:
		f.count--
		w.live[dir] = f
	case f.count == 1:
		delete(w.live, dir)
		delete(w.polled, dir)
		delete(w.dirty, dir)
		if w.fs != nil {
			_ = w.fs.Remove(dir) // not watched when it was polled
		}
	}
}

// folder returns the folder that is followed for the peer, which stays the same
// when the peer has moved or gone meanwhile.
func (w *watcher) folder(q request) string {
	for dir, f := range w.live {
		if f.name == q.name {
			return dir
		}
	}
	return q.dir
}

// watch asks for the events of dir, or has it polled.
func (w *watcher) watch(dir string) {
	if w.fs == nil || w.fs.Add(dir) != nil {
		w.polled[dir] = true
		return
	}
	delete(w.polled, dir)
}

// note reports whether the event is about one of our files.
func (w *watcher) note(ev fsnotify.Event) bool {
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
func (w *watcher) ours(dir string) bool {
	_, live := w.live[dir]
	return live || dir == filepath.Dir(w.reg.paths.Registry())
}

// file returns the file that is followed in dir.
func (w *watcher) file(dir string) string {
	if _, live := w.live[dir]; live {
		return filepath.Join(dir, "peer-profile.json")
	}
	return w.reg.paths.Registry()
}

// look brings the view up to date with the file in dir.
func (w *watcher) look(dir string) {
	if f, live := w.live[dir]; live {
		if _, err := w.reg.Refresh(f.name); err != nil {
			w.reg.log.Debug("refresh", zap.String("peer", string(f.name)), zap.Error(err))
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

func (w *watcher) lookAll() {
	w.look(filepath.Dir(w.reg.paths.Registry()))
	for dir := range w.live {
		w.look(dir)
	}
}

// pollAll looks at what is not watched and tries to watch it again.
func (w *watcher) pollAll() {
	for dir := range w.polled {
		w.watch(dir)
		w.look(dir)
	}
}
