package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strconv"
	"time"
)

// Bounds of reading a stream.
const (
	maxFrameBytes = 4 << 20          // of one event
	quietLimit    = 45 * time.Second // three missed heartbeats: the connection is dead
	maxReconnect  = 5 * time.Second  // between attempts to connect again
	minReconnect  = 100 * time.Millisecond
)

// errQuiet tells that a stream showed no sign of life.
var errQuiet = errors.New("the daemon's event stream went quiet")

// Events yields the fleet's events as they happen, beginning with the last
// replay (0 to 500) that the daemon keeps. When the connection is lost it
// yields the error once, and if the loop goes on it connects again where it
// left off: no event that the daemon still keeps is missed or yielded twice. It
// ends when ctx does or the loop breaks.
func (c *Client) Events(ctx context.Context, replay int) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		last, delay := "", minReconnect
		for ctx.Err() == nil {
			got, err := c.eventsOnce(ctx, replay, &last, yield)
			if errors.Is(err, errStopped) || ctx.Err() != nil {
				return
			}
			if err != nil && !yield(Event{}, err) {
				return
			}
			if got {
				delay = minReconnect
			}
			if !pause(ctx, delay) {
				return
			}
			delay = min(2*delay, maxReconnect)
		}
	}
}

// errStopped tells that the consumer has enough.
var errStopped = errors.New("stopped by the consumer")

// eventsOnce yields the events of one connection and remembers the last one's
// place. got reports whether there was any. A stream that the daemon ended in
// order is no error.
func (c *Client) eventsOnce(ctx context.Context, replay int, last *string, yield func(Event, error) bool) (got bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := map[string]string{"Accept": "text/event-stream"}
	if *last != "" {
		header["Last-Event-ID"] = *last
	}
	res, err := c.open(ctx, "GET", "/fleet/v1/events?replay="+strconv.Itoa(replay), nil, header)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	quiet := time.AfterFunc(quietLimit, func() { cancel(errQuiet) })
	defer quiet.Stop()
	for f, err := range frames(alive{res.Body, quiet}) {
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return got, err
		}
		var e Event
		if len(f.data) == 0 || json.Unmarshal(f.data, &e) != nil {
			continue
		}
		e.ID, got = f.id, true
		if f.id != "" {
			*last = f.id
		}
		if !yield(e, nil) {
			return got, errStopped
		}
	}
	return got, nil
}

// alive puts off a timer whenever bytes arrive.
type alive struct {
	r     io.Reader
	timer *time.Timer
}

func (a alive) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	a.timer.Reset(quietLimit)
	return n, err
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// A frame is one server-sent event (HTML Standard, 9.2).
type frame struct {
	name string
	id   string
	data []byte
}

// frames yields the events of a stream until it ends. An event that the end cuts
// short is dropped, as the standard says; any other end than EOF is yielded as
// an error.
func frames(r io.Reader) iter.Seq2[frame, error] {
	return func(yield func(frame, error) bool) {
		sc := bufio.NewScanner(r)
		sc.Buffer(nil, maxFrameBytes)
		var f frame
		for sc.Scan() {
			line := sc.Bytes()
			if len(line) > 0 {
				f.take(line)
				continue
			}
			if len(f.data) > 0 && !yield(f, nil) {
				return
			}
			f = frame{}
		}
		if err := sc.Err(); err != nil {
			yield(frame{}, err)
		}
	}
}

// take adds one line to the event.
func (f *frame) take(line []byte) {
	key, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(key) {
	case "event":
		f.name = string(value)
	case "id":
		f.id = string(value)
	case "data":
		if f.data != nil {
			f.data = append(f.data, '\n')
		}
		f.data = append(f.data, value...)
	}
}
