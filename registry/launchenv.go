package registry

import (
	"os"
	"regexp"
	"strings"

	"github.com/iapeer/iapeer"
)

// The variables of launch.env that are for us and not for the program.
const (
	startArgs       = "PEER_START_ARGS"
	disallowedTools = "PEER_DISALLOWED_TOOLS"
)

var assignment = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

// ReadLaunchEnv reads the launch.env of a peer's runtime. A file that is
// missing or cannot be read says nothing.
func ReadLaunchEnv(cwd string, rt iapeer.Runtime) iapeer.LaunchEnv {
	src, err := os.ReadFile(iapeer.LaunchEnvFile(cwd, rt))
	if err != nil {
		return iapeer.LaunchEnv{}
	}
	return ParseLaunchEnv(string(src))
}

// ParseLaunchEnv reads lines KEY=VALUE or export KEY=VALUE. Everything after
// "=" is the value, without white space around it and one pair of matching
// quotes; other lines are ignored; the last of several lines for a key counts.
func ParseLaunchEnv(src string) iapeer.LaunchEnv {
	var e iapeer.LaunchEnv
	for line := range strings.Lines(src) {
		m := assignment.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || strings.ContainsRune(m[2], 0) {
			continue
		}
		value := unquote(strings.TrimSpace(m[2]))
		switch m[1] {
		case startArgs:
			e.Args = strings.Fields(value)
		case disallowedTools:
			e.DisallowedTools = &value
		default:
			if e.Env == nil {
				e.Env = map[string]string{}
			}
			e.Env[m[1]] = value
		}
	}
	return e
}

func unquote(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}
