package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/fleet/client"
)

// Bounds of a stream.
const (
	heartbeat  = 15 * time.Second // between comments that keep a connection alive
	writeLimit = 10 * time.Second // for one write; a reader slower than that is cut off
	maxReplay  = 500
	retryAfter = time.Second // told to readers when the daemon stops
)

// events streams the daemon's events as server-sent events. It begins after
// Last-Event-ID, else with the last replay events.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	replay, err := replayCount(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	epoch, after := client.ParseEventID(or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")))
	if epoch != 0 && replay == 0 {
		replay = maxReplay // the place may be another daemon's: then all that is kept is news
	}
	kept, live, cancel := s.Events.Subscribe(epoch, after, replay)
	defer cancel()
	out := newStream(w)
	defer out.done()
	if out.comment("connected") != nil {
		return
	}
	for _, ev := range kept {
		if out.stamped(ev) != nil {
			return
		}
	}
	s.follow(r, out, live)
}

func (s *server) follow(r *http.Request, out *stream, live <-chan iapeer.Stamped) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-s.Stopping:
			_ = out.retry()
			return
		case <-beat.C:
			err = out.comment("hb")
		case ev, ok := <-live:
			if !ok {
				_ = out.retry()
				return
			}
			err = out.stamped(ev)
		}
		if err != nil {
			return
		}
	}
}

func replayCount(r *http.Request) (int, error) {
	text := r.URL.Query().Get("replay")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxReplay {
		return 0, &iapeer.FieldError{Field: "replay", Value: text, Reason: "is a number from 0 to 500"}
	}
	return n, nil
}

// A stream writes server-sent events to one reader and flushes each.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newStream(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return &stream{w: w, rc: http.NewResponseController(w)}
}

// done lifts the deadline of the last write: the connection may carry other
// requests.
func (s *stream) done() { _ = s.rc.SetWriteDeadline(time.Time{}) }

func (s *stream) stamped(ev iapeer.Stamped) error {
	e := client.WireEvent(ev)
	return s.event(e.Name, e.ID, e)
}

func (s *stream) event(name, id string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	buf.WriteString("event: " + name + "\n")
	if id != "" {
		buf.WriteString("id: " + id + "\n")
	}
	buf.WriteString("data: ")
	buf.Write(b) // JSON escapes line ends, so it is one line
	buf.WriteString("\n\n")
	return s.write(buf.Bytes())
}

func (s *stream) comment(text string) error { return s.write([]byte(": " + text + "\n\n")) }

func (s *stream) retry() error {
	return s.write([]byte("retry: " + strconv.FormatInt(retryAfter.Milliseconds(), 10) + "\n\n"))
}

// write sends b at once. A writer that knows no deadlines or flushes is written
// without.
func (s *stream) write(b []byte) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	if err := s.rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
