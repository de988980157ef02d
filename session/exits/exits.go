// Package exits writes exits.log: one line for each end of a session, by its
// host, or by the daemon for a host that was killed, and one for each fault
// that a host survived.
package exits

import (
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/logfile"
	"github.com/iapeer/iapeer/session/wire"
)

// maxReason bounds what is told of a fault, in bytes.
const maxReason = 300

// causeKilled is the cause of an end of which the host could not tell.
const causeKilled = "host-killed"

// Append writes the end of a session, once: the line names generation and host,
// by which a second one is known. An empty path writes nothing.
func Append(path string, e wire.Exit) error {
	if path == "" {
		return nil
	}
	at := e.At
	if at.IsZero() {
		at = time.Now()
	}
	fields := []iapeer.Field{{Key: "identity", Value: e.Identity.String()}}
	if e.Cause != "" {
		fields = append(fields, iapeer.Field{Key: "cause", Value: e.Cause})
	} else {
		fields = append(fields, iapeer.Field{Key: "dead_status", Value: e.Code}, iapeer.Field{Key: "dead_signal", Value: logfile.Empty(e.Signal)})
	}
	fields = append(fields, iapeer.Field{Key: "host", Value: "supervisor"},
		iapeer.Field{Key: "generation", Value: e.Generation}, iapeer.Field{Key: "pid", Value: e.Host.PID})
	line := logfile.AppendLine(nil, at, "session-exit", fields)
	return logfile.AppendOnce(path, line, logfile.Default, same(string(line)))
}

// AppendKilled writes the end of a session whose host was killed.
func AppendKilled(path string, id iapeer.Identity, generation int64, host wire.Process) error {
	return Append(path, wire.Exit{Identity: id, Generation: generation, Host: host, Cause: causeKilled, At: time.Now()})
}

// AppendFault writes a fault that the host survived.
func AppendFault(path string, id iapeer.Identity, kind, reason string) error {
	if path == "" {
		return nil
	}
	line := logfile.AppendLine(nil, time.Now(), "supervisor-uncaught", []iapeer.Field{
		{Key: "identity", Value: id.String()}, {Key: "kind", Value: kind}, {Key: "reason", Value: reason[:min(len(reason), maxReason)]},
	})
	return logfile.Append(path, line, logfile.Default)
}

// same knows lines about the end that line tells of.
func same(line string) func(string) bool {
	want, _ := endOf(line)
	return func(other string) bool {
		got, ok := endOf(other)
		return ok && got == want
	}
}

// end is what tells ends apart.
type end struct{ identity, generation, pid string }

func endOf(line string) (e end, ok bool) {
	pairs, _ := logfile.Parse(line)
	for _, p := range pairs {
		switch p.Key {
		case "ev":
			ok = p.Value == "session-exit"
		case "identity":
			e.identity = p.Value
		case "generation":
			e.generation = p.Value
		case "pid":
			e.pid = p.Value
		}
	}
	return e, ok
}
