package client

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// An Event is one event of the fleet. On the wire it is one flat object: src,
// ev, ts and the fields.
type Event struct {
	ID     string         // place in the stream: "<epoch>-<sequence>"
	At     time.Time      // when it happened
	Source string         // "delivery", "lifecycle", "turns", "notices", …
	Name   string         // "delivery", "presence", "turn-ended", …
	Fields map[string]any // the rest, by key
}

// Text returns the field key as text, "" when there is none.
func (e Event) Text(key string) string {
	v, ok := e.Fields[key]
	if !ok || v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// Peer returns the name of the peer that the event concerns: the recipient of a
// message, the subject of all else.
func (e Event) Peer() string {
	if p := e.Text("personality"); p != "" {
		return p
	}
	return e.Text("to")
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Event) UnmarshalJSON(b []byte) error {
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	e.Source, _ = fields["src"].(string)
	e.Name, _ = fields["ev"].(string)
	if s, ok := fields["ts"].(string); ok {
		e.At, _ = time.Parse(time.RFC3339Nano, s)
	}
	delete(fields, "src")
	delete(fields, "ev")
	delete(fields, "ts")
	e.Fields = fields
	return nil
}

// MarshalJSON implements json.Marshaler.
func (e Event) MarshalJSON() ([]byte, error) {
	m := make(map[string]any, len(e.Fields)+3)
	for k, v := range e.Fields {
		m[k] = v
	}
	m["src"], m["ev"], m["ts"] = e.Source, e.Name, e.At.UTC().Format(stampLayout)
	return json.Marshal(m)
}

// stampLayout writes times in UTC to the millisecond, as the logs do.
const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// WireEvent returns s as the fleet API shows it.
func WireEvent(s iapeer.Stamped) Event {
	e := Event{ID: EventID(s.Epoch, s.Seq), At: s.At, Source: s.Event.Source(), Name: s.Event.Name(), Fields: map[string]any{}}
	for _, f := range s.Event.Fields() {
		switch v := f.Value.(type) {
		case time.Time:
			if !v.IsZero() {
				e.Fields[f.Key] = v.UTC().Format(stampLayout)
			}
		case time.Duration:
			e.Fields[f.Key] = v.Milliseconds()
		default:
			e.Fields[f.Key] = v
		}
	}
	return e
}

// EventID writes a place in the stream of events.
func EventID(epoch int64, seq uint64) string {
	return strconv.FormatInt(epoch, 10) + "-" + strconv.FormatUint(seq, 10)
}

// ParseEventID reads what [EventID] writes. Anything else is 0, 0: the stream
// begins anew.
func ParseEventID(s string) (epoch int64, seq uint64) {
	a, b, ok := strings.Cut(s, "-")
	epoch, err1 := strconv.ParseInt(a, 10, 64)
	seq, err2 := strconv.ParseUint(b, 10, 64)
	if !ok || err1 != nil || err2 != nil || epoch < 0 {
		return 0, 0
	}
	return epoch, seq
}
