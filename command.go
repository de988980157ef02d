package iapeer

import "time"

// A Verb is a command to one peer.
type Verb string

// The verbs of a peer that the fleet API and the CLI share.
const (
	VerbWake      Verb = "wake"
	VerbStop      Verb = "stop"
	VerbStart     Verb = "start"
	VerbNew       Verb = "new"        // a fresh session at once
	VerbRefresh   Verb = "refresh"    // the next natural wake is fresh
	VerbInterrupt Verb = "interrupt"  // ends the running turn
	VerbLaunch    Verb = "launch"     // a fresh session, to be attached
	VerbAttach    Verb = "attach"     // wake by resume if needed, then tell where the host listens
	VerbSleep     Verb = "sleep"      // park now; the next message wakes it
	VerbRestart   Verb = "restart"    // end the session and resume its conversation
	VerbCompact   Verb = "compact"    // compact the conversation
	VerbSelfFresh Verb = "self-fresh" // a session asks for a fresh one in its place
	VerbSelfDone  Verb = "self-done"  // an ephemeral session says that its task is done
	VerbAdopt     Verb = "adopt"      // end the session started by hand and resume it under a host
)

// A Command is a verb for one peer, from a caller whose standing the gate has
// established.
type Command struct {
	Verb    Verb
	Peer    Name
	Runtime Runtime // "" means the default, or the only live one
	Topic   string
	Anyway  bool
	Now     bool // do not wait for the end of the running turn
	Fresh   bool // wake, launch, restart: in a fresh session
	Resume  bool // wake, launch: in the last conversation, or not at all
	Caller  Caller
}

// An Outcome tells what a [Command] did.
type Outcome struct {
	Verb     Verb          `json:"command"`
	Identity Identity      `json:"identity"`
	Action   string        `json:"action"` // "stopped", "started", "fresh", "refresh-armed", "woke", "already", …
	State    PresenceState `json:"state"`
	Socket   string        `json:"socket,omitempty"` // of the session host, for attach
	Detail   string        `json:"detail,omitempty"`
}

// A Caller is who makes a request, as the gate established it.
type Caller struct {
	Identity   Identity // zero when the request claims none
	Proof      Proof
	Session    bool  // the request carries a session's token or comes from under a session host
	Generation int64 // of that session
	UID, PID   int   // of the calling process; PID 0 when not known
}

// MayDecide reports whether the caller may do what only a person may: approve,
// change policy, create or remove other peers.
func (c Caller) MayDecide() bool { return c.Proof == ProofPerson && !c.Session }

// A MessageQuery selects messages, newest first. Zero fields do not restrict.
type MessageQuery struct {
	Peer   Name   // sender or recipient
	From   Name   // sender
	To     Name   // recipient
	Text   string // full-text search of bodies and topics
	State  State
	Before int64 // only messages with a smaller Seq
	After  int64 // only messages with a larger Seq; oldest first
	Limit  int   // default 50, at most 1000
}

// A Stamped event carries its place in the daemon's event sequence. Seq grows
// by one and never repeats within one daemon's life; Epoch tells daemons apart.
type Stamped struct {
	Seq   uint64
	Epoch int64 // Unix milliseconds of the daemon's start
	At    time.Time
	Event Event
}

// An Onboarding asks for a peer to be made, changed or removed. Paths are
// absolute. Env is the environment of the person's command (HOME, PATH,
// CODEX_HOME, CLAUDE_CONFIG_DIR, IAPEER_*), never the daemon's own.
type Onboarding struct {
	Verb        string            `json:"verb"` // one of [OnboardingVerbs]
	Name        string            `json:"name,omitempty"`
	NewName     string            `json:"newName,omitempty"`  // rename: what it is to be called
	CWD         string            `json:"cwd,omitempty"`      // init: the folder; create: "" means <root>/peers/<name>
	Workdir     string            `json:"workdir,omitempty"`  // create: where it works when that is not its home
	Worktree    string            `json:"worktree,omitempty"` // create: a branch; it works in a git work tree of it, at Workdir if that is given
	Repo        string            `json:"repo,omitempty"`     // create: the repository of Worktree; "" means that of PWD in Env
	Runtime     string            `json:"runtime,omitempty"`  // add-runtime, default-runtime: the one to add, or to come first
	Description string            `json:"description,omitempty"`
	Nature      string            `json:"intelligence,omitempty"`
	Bin         string            `json:"bin,omitempty"`
	Scope       string            `json:"scope,omitempty"` // "project" also writes tracked files
	Exec        []string          `json:"exec,omitempty"`
	NoBootstrap bool              `json:"noBootstrap,omitempty"`
	DryRun      bool              `json:"dryRun,omitempty"`
	Force       bool              `json:"force,omitempty"`
	Fix         bool              `json:"fix,omitempty"`        // verify: mend what can be mended without loss
	AcceptRisk  string            `json:"acceptRisk,omitempty"` // "yes", "no", "" = not asked
	DaemonURL   string            `json:"daemonUrl,omitempty"`  // set by the daemon
	Env         map[string]string `json:"env,omitempty"`
	Caller      Caller            `json:"-"`
}

// OnboardingVerbs lists the values of Onboarding.Verb.
var OnboardingVerbs = []string{"init", "create", "remove", "rename", "add-runtime", "default-runtime", "verify"}

// An OnboardingReport tells what was done, or with DryRun would be done.
type OnboardingReport struct {
	Verb      string       `json:"verb"`
	Name      Name         `json:"personality"`
	Runtime   Runtime      `json:"runtime"`
	Runtimes  []Runtime    `json:"runtimes"`
	Nature    Nature       `json:"intelligence"`
	CWD       string       `json:"location"`
	Workdir   string       `json:"workdir,omitempty"` // where it works, when that is not its home
	OldName   Name         `json:"oldName,omitempty"` // rename: what it was called
	Action    string       `json:"action,omitempty"`  // rename and the verbs about runtimes: "renamed", "added", "flipped", "already", "skipped-infra-peer"
	Created   bool         `json:"createdFolder"`
	Gated     bool         `json:"gated"`
	Prompt    string       `json:"prompt"` // "append" or "replace"
	Folders   []string     `json:"folders"`
	Bootstrap string       `json:"bootstrap,omitempty"`
	Files     []FileChange `json:"files"`
	Warnings  []string     `json:"warnings,omitempty"`
	Next      string       `json:"next"`
	DryRun    bool         `json:"dryRun,omitempty"`
	Findings  []Finding    `json:"findings,omitempty"` // verify
	Checked   int          `json:"checked,omitempty"`  // verify: how many peers
}

// A Finding is something on disk that is not as it should be, or that people
// should know.
type Finding struct {
	Severity string `json:"severity"` // "error", "warn", or "drift": record and profile differ
	Peer     string `json:"personality,omitempty"`
	File     string `json:"file"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message"`
	Fix      string `json:"fix"`               // the way out, for a person
	Safe     bool   `json:"fixable,omitempty"` // verify --fix mends it
	Fixed    bool   `json:"fixed,omitempty"`   // and did
}

// A FileChange tells what became, or would become, of one file.
type FileChange struct {
	What   string `json:"what"` // "profile", "registry", "mcp", "doctrine", "codex config", …
	Path   string `json:"path"`
	Action string `json:"action"` // "created", "updated", "kept", "skipped", "removed"
	Detail string `json:"detail,omitempty"`
}
