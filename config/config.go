// Package config reads what a person may set: <root>/config.toml and the
// environment. A flag wins over the environment, the environment over the file,
// the file over the default; [Config.Origins] tells for each setting where its
// value came from.
//
// A mistake costs only itself. An unknown key or a value that cannot be used is
// a warning, and the next source of that setting counts. A file that is no TOML
// is an error that names the line; the values of the other sources are returned
// with it.
//
// [Set] changes one key of the file and leaves every other byte alone. A new
// setting is a field of [Config] and a row of the table in settings.go;
// docs/configuration.md is checked against that table.
//
// The package keeps no state. A Config is a value: what changes in the file
// later is seen by the next [Load].
package config

import (
	"fmt"
	"time"

	"github.com/iapeer/iapeer"
)

// A Config holds the value of every setting. Paths are absolute, except that a
// program without a slash is to be looked up on PATH.
type Config struct {
	Port         int         // of the daemon's TCP listener, 1 to 65535
	DaemonSocket string      // the daemon's unix socket
	SockDir      string      // folder of historical session sockets
	BearerToken  string      // host token; "" means none
	Me           iapeer.Name // the person's peer; "" when no name could be made
	AcceptRisk   Answer      // to the question what bypassing permissions means
	LogLevel     string      // "debug", "info", "warn" or "error"
	DetachKey    byte        // control character that leaves an attached session

	ClaudeBin       string
	CodexBin        string
	ClaudeConfigDir string
	CodexHome       string

	Idle                 time.Duration // an unused session is parked after this
	BootDeadline         time.Duration
	ReadyGate            time.Duration
	CrashLoopMax         int // deaths within CrashLoopWindow that make a peer rest
	CrashLoopWindow      time.Duration
	EphemeralQuiet       time.Duration
	EphemeralUnarmedIdle time.Duration

	MaxStarting    int           // sessions that start at one time; 0: no limit
	MaxLive        int           // sessions alive at one time; 0: no limit
	MemoryPressure int           // percent of the time that tasks may stall for lack of memory; 0: not looked at
	StuckTurn      time.Duration // a turn without a sign of life; 0: not looked at
	ComposerHold   time.Duration // a half-typed line keeps a message waiting
	KeepAwake      string        // "no", or "busy": no sleep while a session works

	LoopHops   int           // answers between agents within LoopWindow; 0: no limit
	LoopWindow time.Duration // see LoopHops
	MaxHops    int           // messages in a row that no person had a part in; 0: no limit

	SendWait    time.Duration // how long send waits for evidence; 0: not at all
	MessageTTL  time.Duration // from acceptance, only while accepted
	RetainFor   time.Duration // settled messages are forgotten after this
	RetainBytes int64         // or, oldest first, when all of them take more

	ApprovalTimeout time.Duration // how long a request waits for a person

	PaneLogMaxBytes     int64 // a pane log that outgrows it is shortened
	PaneLogKeep         int   // older copies kept of one
	PaneLogStaleFor     time.Duration
	PaneLogDirBytes     int64 // of all pane logs together
	DeliveryLogMaxBytes int64
	DeliveryLogKeep     int

	origins  []Origin
	warnings []string
}

// An Answer is "yes", "no" or, when the question was never answered, "".
type Answer string

// The answers.
const (
	Yes Answer = "yes"
	No  Answer = "no"
)

// An Origin tells the value of one setting and where it came from.
type Origin struct {
	Key   string
	Value string // as it was given; of a secret only that it is set
	From  Source
	Where string // "config.toml:3" with its folder, "IAPEER_PORT", "--port"; "" for a default
	Doc   string // what the setting does
}

// A Source is a place settings come from.
type Source string

// The sources, strongest first.
const (
	FromFlag    Source = "flag"
	FromEnv     Source = "env"
	FromFile    Source = "file"
	FromDefault Source = "default"
)

// A Flag is a setting given on the command line.
type Flag struct {
	Key   string // of the setting
	Value string
}

// Load reads all settings. getenv is os.Getenv, or stands for the environment
// that a client passed with its command; what is empty counts as absent.
// With an error, which is a [*FileError], the Config holds the values of the
// other sources.
func Load(paths iapeer.Paths, getenv func(string) string, flags ...Flag) (Config, error) {
	var c Config
	doc, err := readDocument(paths.Config())
	l := loader{paths: paths, getenv: getenv, file: doc, flags: flags, config: &c}
	for _, s := range settings {
		l.load(s)
	}
	l.reportUnknown()
	return c, err
}

// Origins returns every setting with its value and where it came from, sorted
// by key.
func (c Config) Origins() []Origin { return c.origins }

// Warnings returns one sentence for each key or value that was passed over,
// with the way out.
func (c Config) Warnings() []string { return c.warnings }

// A FileError says that the configuration file cannot be used, and where.
type FileError struct {
	Path string
	Line int // 0 when it is not about one line
	Err  error
}

func (e *FileError) Error() string {
	where := e.Path
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.Path, e.Line)
	}
	return fmt.Sprintf("%s: %v; correct the file, or move it away to go on with defaults", where, e.Err)
}
func (e *FileError) Unwrap() error { return e.Err }
