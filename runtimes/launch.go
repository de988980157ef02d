package runtimes

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
)

// A Launch is everything that shapes one start of one peer's session. Paths
// are absolute; CWD is a real path, without symbolic links.
type Launch struct {
	Identity iapeer.Identity
	CWD      string
	Home     string
	Bin      string  // the program; "" means the adapter's own
	Version  Version // of Bin, zero when not known

	NewID    string // id that a fresh session is to have; only where the adapter fixes ids
	ResumeID string // id of the session to resume; "" means a fresh one

	Prompt        string // the composed system prompt, "" for none
	PromptFile    string // where the caller keeps Prompt on disk
	ReplacePrompt bool   // Prompt replaces the program's own instead of following it

	SessionDir string // folder for the files of this session, 0700
	DaemonURL  string // "http://127.0.0.1:8765", with or without "/mcp"
	HookURL    string // below which hooks report, as <runtime>/<event>; "" means DaemonURL's /hooks/v1
	Token      string // the session's bearer token

	Gated        bool // a person approves what the agent does
	Decide       bool // hooks ask the daemon before a tool runs; without it a gated program's own prompts do
	AcceptedRisk bool // a person accepted that the agent works without asking
	IsRoot       bool
	Folders      []string // further folders the peer may reach

	ExtraArgs []string          // of the caller, then of launch.env: always last
	ExtraEnv  map[string]string // of launch.env: wins over everything but the identity
	// DisallowedTools is what launch.env says under PEER_DISALLOWED_TOOLS: nil
	// means the adapter's own list, a pointer to "" means none.
	DisallowedTools *string

	BaseEnv   []string // KEY=VALUE, the recorded environment of a login shell
	ExecArgv  []string // command of an exec peer
	IapeerBin string   // our own program, for hooks that are commands
}

// A Command is what the session host runs, and what must be on disk before.
type Command struct {
	Argv  []string
	Env   []string          // KEY=VALUE, sorted, complete: nothing is inherited
	Files map[string][]byte // absolute path → content, to be written 0600 before the start
	Seeds []Seed            // single keys that avoid a dialog where nothing per session does
}

// A Seed is one key in one of the user's own files. The caller sets it under
// that file's lock, leaves everything else as it was, and records it.
type Seed struct {
	File  string   // absolute
	Keys  []string // path to the value; each element is one object key
	Value any      // bool or string
	Why   string
}

// A StartError tells that a session cannot be started as asked, and what a
// person can do about it.
type StartError struct{ Cause, Remedy string }

func (e *StartError) Error() string { return e.Cause + ": " + e.Remedy }

// surroundingMarks are the variables by which a program inside a session knows
// that it is inside one. A child that inherits them believes itself a part of
// that session and keeps no record of its own. A name that ends in * stands
// for all that begin so. Credentials and what chooses a model provider are not
// among them.
var surroundingMarks = []string{
	"CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT",
	"CODEX_THREAD_ID", "CODEX_SANDBOX*",
	// Ours: the marks of a session that started the daemon or recorded the environment.
	"IAPEER_BEARER", "IAPEER_BEARER_TOKEN", "PEER_PERSONALITY", "PEER_RUNTIME", "PEER_IDENTITY",
}

func surrounding(key string) bool {
	return slices.ContainsFunc(surroundingMarks, func(m string) bool {
		prefix, open := strings.CutSuffix(m, "*")
		return key == m || open && strings.HasPrefix(key, prefix)
	})
}

// defaultPath is searched when neither launch.env nor the base environment has
// a PATH; ~ stands for the home folder.
const defaultPath = "~/.bun/bin:~/.local/bin:/opt/homebrew/bin:/opt/homebrew/sbin:/usr/local/bin:/usr/bin:/bin"

// env composes the environment of a session: the base without the marks of a
// surrounding session, then own (the adapter's defaults, where the base is
// silent), then launch.env, then the identity, which always wins.
func (l Launch) env(own, forced map[string]string) []string {
	env := map[string]string{}
	for _, kv := range l.BaseEnv {
		if k, v, ok := strings.Cut(kv, "="); ok && k != "" && !surrounding(k) {
			env[k] = v
		}
	}
	if env["HOME"] == "" {
		env["HOME"] = l.Home
	}
	maps.Copy(env, own)
	maps.Copy(env, l.ExtraEnv)
	if env["PATH"] == "" {
		env["PATH"] = strings.ReplaceAll(defaultPath, "~", l.Home)
	}
	for _, k := range []string{"NO_PROXY", "no_proxy"} {
		env[k] = withLoopback(env[k])
	}
	maps.Copy(env, forced)
	env["PEER_PERSONALITY"] = string(l.Identity.Name)
	env["PEER_RUNTIME"] = string(l.Identity.Runtime)
	env["PEER_IDENTITY"] = l.Identity.String()
	return pairs(env)
}

// withLoopback adds this host to a NO_PROXY list: a session behind a proxy
// must still reach the daemon.
func withLoopback(list string) string {
	have := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(have, "*") {
		return list
	}
	for _, h := range []string{"127.0.0.1", "localhost", "::1"} {
		if !slices.Contains(have, h) {
			have = append(have, h)
		}
	}
	return strings.Join(have, ",")
}

func pairs(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

// getenv returns a look-up in a KEY=VALUE list; the last entry wins.
func getenv(env []string) func(string) string {
	return func(key string) string {
		for _, kv := range slices.Backward(env) {
			if v, ok := strings.CutPrefix(kv, key+"="); ok {
				return v
			}
		}
		return ""
	}
}

// mcpURL is where a session calls our tools.
func (l Launch) mcpURL() string { return l.base() + "/mcp" }

// hookURL is below which a session's hooks report.
func (l Launch) hookURL() string {
	if l.HookURL != "" {
		return l.HookURL
	}
	return l.base() + "/hooks/v1"
}

func (l Launch) base() string {
	return strings.TrimSuffix(strings.TrimRight(l.DaemonURL, "/"), "/mcp")
}

// decideCommand is the hook that decides about a tool. Programs let a tool run
// when such a hook fails or is killed, but not when it ends with 2.
func decideCommand(l Launch, event string) string {
	return shellWord(l.IapeerBin) + " hook --decide " + string(l.Identity.Runtime) + " " + event +
		" || { echo 'denied: iapeer could not ask whether this may run' >&2; exit 2; }"
}

// bin is the program to run, or own when nothing is configured.
func (l Launch) bin(own string) string {
	if l.Bin != "" {
		return l.Bin
	}
	return own
}

var plainWord = regexp.MustCompile(`^[a-zA-Z0-9/._+:@%-]+$`)

// shellWord quotes s for /bin/sh, which runs hook commands.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
