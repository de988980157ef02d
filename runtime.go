package iapeer

// A Runtime names a kind of program that can carry a peer: "claude", "codex",
// "exec", "telegram". It has no hyphen, so that an [Identity] splits in one way.
type Runtime string

// The runtimes that iapeer knows by name. Others come from runtime packages.
const (
	RuntimeClaude   Runtime = "claude"
	RuntimeCodex    Runtime = "codex"
	RuntimeExec     Runtime = "exec"
	RuntimeCLI      Runtime = "cli" // a person at a terminal; answers wait in the inbox
	RuntimeTelegram Runtime = "telegram"
	RuntimeNotifier Runtime = "notifier"
)

// ParseRuntime returns s as a Runtime, or [ErrBadRuntime].
func ParseRuntime(s string) (Runtime, error) {
	if !isWord(s, false) {
		return "", &ParseError{What: "runtime", Value: s, Err: ErrBadRuntime}
	}
	return Runtime(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler, so that flags, JSON and
// configuration refuse a bad runtime at the door.
func (r *Runtime) UnmarshalText(b []byte) error {
	v, err := ParseRuntime(string(b))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// Agentic reports whether the runtime is an AI agent's command line program,
// woken on demand.
func (r Runtime) Agentic() bool { return r == RuntimeClaude || r == RuntimeCodex }

// Infra reports whether the runtime is an always-on service held by a service
// manager.
func (r Runtime) Infra() bool {
	switch r {
	case RuntimeNotifier, RuntimeTelegram, "voicetalk", "web":
		return true
	default:
		return false
	}
}
