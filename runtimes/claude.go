package runtimes

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

// Versions on which claude's facts were measured.
var (
	claude197 = Version{2, 1, 197}
	claude329 = Version{2, 1, 329}
)

// Claude is Anthropic's Claude Code.
func Claude() Adapter {
	return Adapter{
		Runtime: iapeer.RuntimeClaude, Kind: TUI, Bin: "claude", BinEnv: "IAPEER_CLAUDE_BIN",
		Known:  []Range{{From: claude197, To: claude329}},
		Queues: true, FixesID: true, Hooks: append([]string{"SessionStart"}, claudeReports...),
		Command: claudeCommand, Hook: claudeHook, Signal: claudeSignal,
		Screen: claudeScreens.read, DialogKey: claudeScreens.key, Answer: claudeScreens.answer,
		Records: Records{
			Home: claudeHome, Find: claudeFind, Line: claudeLine,
			Sessions: claudeSessions, StatusPath: claudeStatusPath, Status: parseStatus,
		},
		Interrupt: []Stroke{{Bytes: keyEscape}},
		Compact:   []Stroke{{Bytes: "/compact", Then: 300 * time.Millisecond}, {Bytes: keyEnter}},
		Clear:     slices.Repeat([]Stroke{{Bytes: keyCtrlU, Then: 10 * time.Millisecond}}, clearLines),
		Up:        SignalTitle,
		FirstGap:  time.Second,
		Nudge:     []Stroke{{Bytes: keyEnter}}, NudgeAfter: nudgeAfter,
	}
}

// claudeReports are the events that claude reports over HTTP. An endpoint that
// is down costs the session nothing. SessionStart is not among them: claude
// runs it as a command only.
var claudeReports = []string{
	"UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "MessageDisplay",
	"Stop", "StopFailure", "Notification", "PermissionRequest", "PreCompact", "PostCompact", "SessionEnd",
}

// Time limits of hooks, in seconds. A session waits for a hanging hook that
// long.
const (
	reportSeconds = 5
	exitSeconds   = 1   // SIGTERM takes that much longer
	decideSeconds = 900 // above the deadline of whoever decides
)

// claudeTools are programs' own ways past us (other sessions, hidden
// questions), disallowed unless launch.env says otherwise.
const claudeTools = "AskUserQuestion,SendMessage,ListAgents"

// claudeCommand composes a start of claude.
func claudeCommand(l Launch) (Command, error) {
	own := map[string]string{"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN": "1"}
	env := l.env(own, map[string]string{"IAPEER_BEARER": l.Token})
	if l.IsRoot && !l.Gated && getenv(env)("IS_SANDBOX") != "1" {
		return Command{}, &StartError{
			Cause:  "claude refuses to work without asking when it runs as root",
			Remedy: "run iapeer as another user, set approval mode gated for this peer, or export IS_SANDBOX=1 if this machine is a sandbox",
		}
	}
	settings, mcp := filepath.Join(l.SessionDir, "settings.json"), filepath.Join(l.SessionDir, "mcp.json")
	argv := []string{l.bin("claude")}
	if l.Gated {
		argv = append(argv, "--permission-mode", "default")
	} else {
		argv = append(argv, "--dangerously-skip-permissions")
	}
	tools := claudeTools
	if l.DisallowedTools != nil {
		tools = *l.DisallowedTools
	}
	if tools != "" {
		argv = append(argv, "--disallowedTools", tools)
	}
	argv = append(argv, "--settings", settings, "--mcp-config", mcp)
	argv = append(argv, claudePrompt(l)...)
	switch {
	case l.ResumeID != "":
		argv = append(argv, "--resume", l.ResumeID)
	case l.NewID != "":
		argv = append(argv, "--session-id", l.NewID)
	}
	home := claudeHome(getenv(env), l.Home)
	return Command{
		Argv:  append(argv, l.ExtraArgs...),
		Env:   env,
		Files: map[string][]byte{settings: marshal(claudeSettings(l)), mcp: marshal(claudeServers(l))},
		Seeds: []Seed{{
			File: claudeState(getenv(env), l.Home, home),
			Keys: []string{"projects", l.CWD, "hasTrustDialogAccepted"}, Value: true,
			Why: "the folder was registered as a peer, so claude need not ask whether it is trusted",
		}},
	}, nil
}

// claudePrompt hands the composed prompt over by file. Newer versions replay
// the prompt of the first start at a resume unless told not to; older ones end
// at the unknown flag.
func claudePrompt(l Launch) []string {
	if l.PromptFile == "" {
		return nil
	}
	flag := "--append-system-prompt-file"
	if l.ReplacePrompt {
		flag = "--system-prompt-file"
	}
	args := []string{flag, l.PromptFile}
	if l.Version != (Version{}) && l.Version.AtLeast(claude329) {
		args = append(args, "--system-prompt-snapshot", "off")
	}
	return args
}

type (
	claudeHookSpec struct {
		Type    string            `json:"type"`
		Command string            `json:"command,omitempty"`
		URL     string            `json:"url,omitempty"`
		Headers map[string]string `json:"headers,omitempty"`
		Allowed []string          `json:"allowedEnvVars,omitempty"`
		Timeout int               `json:"timeout"` // seconds
	}
	claudeHookGroup struct {
		Hooks []claudeHookSpec `json:"hooks"`
	}
	claudePermissions struct {
		Folders []string `json:"additionalDirectories,omitempty"`
		Allow   []string `json:"allow,omitempty"`
	}
	claudeSettingsFile struct {
		Hooks       map[string][]claudeHookGroup `json:"hooks"`
		Permissions claudePermissions            `json:"permissions"`
		TUI         string                       `json:"tui"`
		SkipBypass  bool                         `json:"skipDangerousModePermissionPrompt,omitempty"`
		Inbound     string                       `json:"crossSessionInbound"`
		Servers     []string                     `json:"enabledMcpjsonServers"`
	}
)

// claudeSettings is what --settings gives this session only.
func claudeSettings(l Launch) claudeSettingsFile {
	hooks := map[string][]claudeHookGroup{
		"SessionStart": {{Hooks: []claudeHookSpec{{
			Type: "command", Timeout: reportSeconds,
			Command: shellWord(l.IapeerBin) + " hook claude SessionStart",
		}}}},
	}
	for _, event := range claudeReports {
		seconds := reportSeconds
		if event == "SessionEnd" {
			seconds = exitSeconds
		}
		specs := []claudeHookSpec{{
			Type: "http", URL: l.hookURL() + "/" + string(iapeer.RuntimeClaude) + "/" + event, Headers: bearerHeaders(), Allowed: []string{"IAPEER_BEARER", "PEER_IDENTITY"}, Timeout: seconds,
		}}
		if l.Decide && event == claudeDecision(l) {
			// A command, because claude runs the tool when an HTTP hook fails.
			specs = append(specs, claudeHookSpec{Type: "command", Timeout: decideSeconds, Command: decideCommand(l, event)})
		}
		hooks[event] = []claudeHookGroup{{Hooks: specs}}
	}
	return claudeSettingsFile{
		Hooks:       hooks,
		Permissions: claudePermissions{Folders: l.Folders, Allow: []string{"mcp__iapeer__send_to_peer"}},
		TUI:         "default",
		SkipBypass:  l.AcceptedRisk && !l.Gated,
		Inbound:     "refuse",
		Servers:     []string{"iapeer"},
	}
}

// claudeDecision is the event at which our hook decides. In bypass mode claude
// asks for no permission.
func claudeDecision(l Launch) string {
	if l.Gated {
		return "PermissionRequest"
	}
	return "PreToolUse"
}

// bearerHeaders name the caller. The program expands the variables, so that
// the secret stands in the environment only.
func bearerHeaders() map[string]string {
	return map[string]string{"X-IAPeer-Identity": "${PEER_IDENTITY}", "Authorization": "Bearer ${IAPEER_BEARER}"}
}

type (
	claudeServer struct {
		Type       string            `json:"type"`
		URL        string            `json:"url"`
		Headers    map[string]string `json:"headers"`
		AlwaysLoad bool              `json:"alwaysLoad"` // newer versions hide tools behind a search otherwise
	}
	claudeServersFile struct {
		Servers map[string]claudeServer `json:"mcpServers"`
	}
)

// claudeServers is what --mcp-config gives this session. It beats a server of
// the same name in the project or the user's settings, and needs no approval.
func claudeServers(l Launch) claudeServersFile {
	return claudeServersFile{Servers: map[string]claudeServer{
		"iapeer": {Type: "http", URL: l.mcpURL(), Headers: bearerHeaders(), AlwaysLoad: true},
	}}
}

// claudeHome is the folder of claude's records and status files.
func claudeHome(getenv func(string) string, home string) string {
	if dir := getenv("CLAUDE_CONFIG_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(home, ".claude")
}

// claudeState is the file with the trust of folders. It lies beside the
// folder of records, except where that folder was chosen by the user.
func claudeState(getenv func(string) string, home, dir string) string {
	if getenv("CLAUDE_CONFIG_DIR") != "" {
		return filepath.Join(dir, ".claude.json")
	}
	return filepath.Join(home, ".claude.json")
}

// marshal writes v as indented JSON with a final newline and without HTML
// escapes. The values are our own structs, which always encode.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
	return b.Bytes()
}

// claudeSlug is the name of the folder of cwd's records.
func claudeSlug(cwd string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, cwd)
}
