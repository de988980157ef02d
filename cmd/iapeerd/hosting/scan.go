package hosting

import (
	"sync"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session"
)

// scans reads the folder of hosts. Callers that come while it is being read
// share the next reading: at the start of the daemon every presence asks at
// once.
type scans struct {
	mu      sync.Mutex
	next    *reading // to be begun, nil when nobody waits
	running bool
}

// reading is one look at the folder.
type reading struct {
	done  chan struct{} // closed when found and err hold
	found map[iapeer.Identity]session.Found
	err   error
}

// look returns what a look says that began after the call.
func (s *scans) look(dir string) *reading {
	s.mu.Lock()
	if s.next == nil {
		s.next = &reading{done: make(chan struct{})}
	}
	r := s.next
	if !s.running {
		s.running = true
		go s.run(dir)
	}
	s.mu.Unlock()
	<-r.done
	return r
}

// run looks as long as somebody waits.
func (s *scans) run(dir string) {
	for {
		s.mu.Lock()
		r := s.next
		s.next = nil
		s.running = r != nil
		s.mu.Unlock()
		if r == nil {
			return
		}
		all, err := session.Scan(dir)
		r.err, r.found = err, make(map[iapeer.Identity]session.Found, len(all))
		for _, f := range all {
			r.found[f.Identity] = f
		}
		close(r.done)
	}
}

// scan tells what the hosts' folder holds of one identity.
func (s *Sessions) scan(id iapeer.Identity) (session.Found, error) {
	r := s.scans.look(s.Paths.Hosts())
	f, ok := r.found[id]
	if !ok {
		f.Identity = id
	}
	return f, r.err
}
