package session

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/session/exits"
	"github.com/iapeer/iapeer/session/host"
	"github.com/iapeer/iapeer/session/proc"
)

// A FoundState is what a scan can tell of an identity.
type FoundState string

// The states of a found identity.
const (
	Alive  FoundState = "alive"  // a host holds the lock and listens: Dial it
	Locked FoundState = "locked" // a host holds the lock without a socket: wait, do not start another
	Killed FoundState = "killed" // a host died without a record: ReapSurvivors, then forget it
	Dead   FoundState = "dead"   // only records are left
)

// Found is one identity in a folder of hosts.
type Found struct {
	Identity iapeer.Identity
	State    FoundState
	Socket   string
	Host     Process
	Spec     *Spec    // of a host that is alive or was killed
	Exits    []Exit   // oldest first; kept until Forget
	Outcomes []Pended // exec outcomes that were never acknowledged; kept until Forget
	Files    Files
}

// Pended is an exec outcome on disk.
type Pended struct {
	Generation int64
	Outcome    Outcome
}

// halfWritten is how long nobody takes to write a record.
const halfWritten = time.Minute

// Forget removes the exit records and outcomes that an identity's sessions left,
// up to a generation: what they tell is on the daemon's own disk. Records that
// hosts died over are removed with them, whosesoever they are.
func Forget(dir string, id iapeer.Identity, upTo int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		whose, generation, _, ok := cutRecord(e.Name())
		over := ok && generation <= upTo && whose == id.String()
		if strings.HasPrefix(e.Name(), host.HalfWritten) {
			info, err := e.Info()
			over = err == nil && time.Since(info.ModTime()) > halfWritten
		}
		if !over {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); !errors.Is(err, os.ErrNotExist) { // others clear up, too
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// suffixes are the endings of the files that tell an identity.
var suffixes = []string{".lock", ".serve.json", ".pid", ".sock"}

// cutRecord parses the name of a record, <identity>.<generation>.exit.json or
// <identity>.<generation>.exec.<id>.json; id is "" in the former. By hand: a
// pattern would cost every start of the program its compiled form.
func cutRecord(name string) (identity string, generation int64, id string, ok bool) {
	name, isJSON := strings.CutSuffix(name, ".json")
	identity, rest, _ := strings.Cut(name, ".")
	number, kind, _ := strings.Cut(rest, ".")
	generation, err := strconv.ParseInt(number, 10, 64)
	id, _ = strings.CutPrefix(kind, "exec.")
	if kind == "exit" {
		return identity, generation, "", isJSON && err == nil
	}
	return identity, generation, id, isJSON && err == nil && id != "" && id != kind
}

// Scan tells what a folder of hosts holds, by identity. Files it cannot read or
// does not know are left alone. A folder that is not there holds nothing.
func Scan(dir string) ([]Found, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[iapeer.Identity]*Found{}
	at := func(name string) *Found {
		id, err := iapeer.ParseIdentity(name)
		if err != nil {
			return nil
		}
		if found[id] == nil {
			found[id] = &Found{Identity: id, Files: Files{Dir: dir, ID: id}}
		}
		return found[id]
	}
	for _, e := range entries {
		collect(dir, e.Name(), at)
	}
	out := make([]Found, 0, len(found))
	for _, f := range found {
		if f.judge(); f.State != "" {
			out = append(out, *f)
		}
	}
	slices.SortFunc(out, func(a, b Found) int { return strings.Compare(a.Identity.String(), b.Identity.String()) })
	return out, nil
}

// collect takes one file into account.
func collect(dir, name string, at func(string) *Found) {
	for _, s := range suffixes {
		if id, ok := strings.CutSuffix(name, s); ok {
			at(id)
			return
		}
	}
	identity, generation, id, ok := cutRecord(name)
	if !ok {
		return
	}
	f := at(identity)
	if f == nil {
		return
	}
	path := filepath.Join(dir, name)
	if id == "" {
		var e Exit
		if readJSON(path, &e) == nil && e.Generation == generation {
			f.Exits = append(f.Exits, e)
		}
		return
	}
	var o Outcome
	if readJSON(path, &o) == nil && string(o.ID) == id {
		f.Outcomes = append(f.Outcomes, Pended{Generation: generation, Outcome: o})
	}
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// judge finds the state; "" when there is nothing to tell.
func (f *Found) judge() {
	slices.SortFunc(f.Exits, func(a, b Exit) int { return int(a.Generation - b.Generation) })
	slices.SortFunc(f.Outcomes, func(a, b Pended) int { return a.Outcome.At.Compare(b.Outcome.At) })
	if s, err := host.Load(f.Files.Spec()); err == nil {
		f.Spec = &s
	}
	f.Host, _ = host.ReadPID(f.Files.PID())
	switch {
	case host.Locked(f.Files.Lock()):
		f.State = Locked
		if _, err := os.Stat(f.Files.Sock()); err == nil && proc.Alive(f.Host.PID, f.Host.Token) {
			f.State, f.Socket = Alive, f.Files.Sock()
		}
	case f.Spec != nil && f.Spec.Host.PID != 0:
		f.State = Killed
	case len(f.Exits) > 0 || len(f.Outcomes) > 0:
		f.State = Dead
	}
}

// ReapSurvivors ends the processes that a killed host left behind: those of its
// terminal's session and those with its mark in their environment, each checked
// by its start. It does nothing while a host holds the identity. It returns how
// many processes it ended, and removes the dead host's files; exit records and
// outcomes stay. The end is told in exits.log, unless the host still did.
func ReapSurvivors(spec Spec) (int, error) {
	f := spec.Files()
	if host.Locked(f.Lock()) {
		return 0, ErrAlreadyRunning
	}
	_ = logKilled(spec) // what cannot be logged is ended all the same
	n, err := proc.End(spec.Survivors(), spec.Grace())
	if err != nil {
		return n, err
	}
	for _, path := range []string{f.Sock(), f.PID(), f.Attached(), f.Geometry(), f.Spec()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return n, err
		}
	}
	return n, nil
}

// logKilled tells of the end in exits.log: as the host recorded it, if it came
// so far, else that it was killed.
func logKilled(spec Spec) error {
	var e Exit
	if readJSON(spec.Files().Exit(spec.Generation), &e) == nil && e.Generation == spec.Generation {
		return exits.Append(spec.ExitLog, e)
	}
	return exits.AppendKilled(spec.ExitLog, spec.Identity, spec.Generation, spec.Host)
}

// KillHost sends TERM to the host of pid file path, if it still is the process
// that wrote it; the session ends with it. An innocent process that took over
// the id is left alone.
func KillHost(path string) error {
	p, err := host.ReadPID(path)
	if err != nil {
		return err
	}
	return proc.Terminate(p.PID, p.Token)
}

// WaitUnlocked waits until no host holds the identity, at most d.
func WaitUnlocked(f Files, d time.Duration) bool { return host.WaitUnlocked(f.Lock(), d) }
