package host

import (
	"bytes"
	"sync"
	"time"

	"github.com/iapeer/iapeer/session/wire"
)

// Bounds of the spool: a session that goes on for hours without a daemon must
// not grow.
const (
	maxHooks     = 256
	maxHookBytes = 2 << 20
)

// A spool keeps hook payloads that came while no daemon answered, until one
// has them on disk.
type spool struct {
	mu      sync.Mutex
	kept    []wire.HookPayload
	size    int
	seq     uint64
	dropped uint64
}

func (s *spool) put(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.kept = append(s.kept, wire.HookPayload{Seq: s.seq, At: time.Now(), Body: bytes.Clone(body)})
	s.size += len(body)
	for len(s.kept) > maxHooks || (s.size > maxHookBytes && len(s.kept) > 1) {
		s.dropped++
		s.forget(1)
	}
}

// forget drops the oldest n payloads.
func (s *spool) forget(n int) {
	for i := range n {
		s.size -= len(s.kept[i].Body)
		s.kept[i] = wire.HookPayload{}
	}
	if s.kept = s.kept[n:]; len(s.kept) == 0 {
		s.kept = nil
	}
}

func (s *spool) replay() wire.ReplayReply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.ReplayReply{Hooks: append([]wire.HookPayload{}, s.kept...), Dropped: s.dropped}
}

// ack forgets the payloads up to seq.
func (s *spool) ack(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.kept) && s.kept[n].Seq <= seq {
		n++
	}
	s.forget(n)
}

func (s *spool) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}
