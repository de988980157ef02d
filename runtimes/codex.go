package runtimes

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapeer/iapeer"
)

var codex169 = Version{0, 169, 0}

// Codex is OpenAI's Codex.
func Codex() Adapter {
	return Adapter{
		Runtime: iapeer.RuntimeCodex, Kind: TUI, Bin: "codex", BinEnv: "IAPEER_CODEX_BIN",
		Known: []Range{{From: codex169, To: codex169}},
		Hooks: codexReports, Command: codexCommand, Hook: codexHook, Signal: codexSignal,
		Screen: codexScreens.read, DialogKey: codexScreens.key, Answer: codexScreens.answer,
		Records:   Records{Home: codexHome, Find: codexFind, Line: codexLine},
		Interrupt: []Stroke{{Bytes: keyEscape}},
		Compact:   []Stroke{{Bytes: "/compact", Then: 300 * time.Millisecond}, {Bytes: keyEnter}},
		Clear:     slices.Repeat([]Stroke{{Bytes: keyCtrlU, Then: 10 * time.Millisecond}}, clearLines),
		Up:        SignalStatus,
		Nudge:     []Stroke{{Bytes: keyEnter}}, NudgeAfter: nudgeAfter,
	}
}

// codexReports are the hooks of codex that tell something. SessionStart comes
// with the first prompt, not at the start.
var codexReports = []string{
	"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PermissionRequest", "Stop", "PreCompact", "PostCompact",
}

// maxInlinePrompt is the longest prompt, in bytes, handed over in argv: Linux
// ends an exec at 128 KiB an argument.
const maxInlinePrompt = 100 << 10

// codexCommand composes a start of codex. Everything is an override of this
// session; no file of the user is touched.
//
// Without --no-daemon sessions would share one background server, which calls
// tools under the identity of the session that started it.
func codexCommand(l Launch) (Command, error) {
	env := l.env(map[string]string{}, map[string]string{"IAPEER_BEARER": l.Token})
	argv := []string{l.bin("codex")}
	if l.ResumeID != "" {
		argv = append(argv, "resume", l.ResumeID)
	}
	argv = append(argv, "--no-alt-screen", "--no-daemon", "-C", l.CWD)
	switch {
	case !l.Gated:
		argv = append(argv, "--dangerously-bypass-approvals-and-sandbox")
	case l.Decide:
		argv = append(argv, "-c", "approval_policy=on-request", "-c", "sandbox_mode=danger-full-access")
	default: // with full access codex itself would ask for nothing
		argv = append(argv, "-c", "approval_policy=on-request", "-c", "sandbox_mode=workspace-write")
	}
	argv = append(argv, "--dangerously-bypass-hook-trust")
	for _, o := range codexOverrides(l) {
		argv = append(argv, "-c", o)
	}
	prompt, err := codexPrompt(l)
	if err != nil {
		return Command{}, err
	}
	argv = append(argv, prompt...)
	for _, dir := range l.Folders {
		argv = append(argv, "--add-dir", dir)
	}
	return Command{Argv: append(argv, l.ExtraArgs...), Env: env}, nil
}

// codexOverrides are the values of config.toml for this session. Trust is
// given as a whole table: a dotted key with a path in it is not understood.
func codexOverrides(l Launch) []string {
	o := []string{
		"check_for_update_on_startup=false",
		"projects={" + tomlString(l.CWD) + `={trust_level="trusted"}}`,
		"mcp_servers.iapeer.enabled=true", // the person's own file keeps it off for sessions that are not ours
		"mcp_servers.iapeer.url=" + tomlString(l.mcpURL()),
		`mcp_servers.iapeer.bearer_token_env_var="IAPEER_BEARER"`,
		`mcp_servers.iapeer.env_http_headers={"X-IAPeer-Identity"="PEER_IDENTITY"}`,
		`mcp_servers.iapeer.default_tools_approval_mode="approve"`,
	}
	for _, event := range codexReports {
		hooks := codexHookEntry(shellWord(l.IapeerBin)+" hook codex "+event, reportSeconds)
		if event == "SessionStart" && l.ResumeID != "" && l.PromptFile != "" && !l.ReplacePrompt {
			hooks += "," + codexHookEntry("echo "+shellWord(stalePrompt+l.PromptFile), reportSeconds)
		}
		if event == "PreToolUse" && l.Decide {
			hooks += "," + codexHookEntry(decideCommand(l, event), decideSeconds)
		}
		o = append(o, "hooks."+event+"=[{hooks=["+hooks+"]}]")
	}
	return o
}

// stalePrompt points a resumed session to its current prompt: codex replays the
// developer instructions that the conversation began with. What a SessionStart
// hook prints is given to the model, cut to some 10 000 characters.
const stalePrompt = "The instructions at the head of this conversation may be out of date. The current ones are in "

func codexHookEntry(command string, seconds int) string {
	return `{type="command",command=` + tomlString(command) + ",timeout=" + strconv.Itoa(seconds) + "}"
}

// codexPrompt hands the composed prompt over: by file when it replaces the
// program's own, in argv when it follows it, for codex reads no file then.
func codexPrompt(l Launch) ([]string, error) {
	switch {
	case l.PromptFile == "":
		return nil, nil
	case l.ReplacePrompt:
		return []string{"-c", "model_instructions_file=" + l.PromptFile}, nil
	case len(l.Prompt) > maxInlinePrompt:
		return nil, &StartError{
			Cause:  "the prompt of " + l.Identity.String() + " is longer than codex can append (" + strconv.Itoa(len(l.Prompt)>>10) + " KiB, at most " + strconv.Itoa(maxInlinePrompt>>10) + ")",
			Remedy: "shorten the peer's doctrine, or set prompt = \"replace\" in its profile",
		}
	}
	return []string{"-c", "developer_instructions=" + tomlString(l.Prompt)}, nil
}

// tomlString writes s as a TOML basic string.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "�") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u00` + strconv.FormatInt(int64(r)+0x100, 16)[1:])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// codexHome is the folder of codex's records.
func codexHome(getenv func(string) string, home string) string {
	if dir := getenv("CODEX_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(home, ".codex")
}

// codexHook reads one payload of codex.
func codexHook(event string, payload []byte) ([]iapeer.SessionEvent, error) {
	p, err := parseHook(event, payload)
	if err != nil || p.Agent != "" {
		return nil, err
	}
	ev := p.evidence()
	switch p.Event {
	case "SessionStart":
		return []iapeer.SessionEvent{p.named()}, nil
	case "UserPromptSubmit":
		return []iapeer.SessionEvent{p.named(), iapeer.PromptTaken{IDs: iapeer.EnvelopeIDs(p.Prompt), TurnID: p.TurnID, Evidence: ev}}, nil
	case "PreToolUse", "PostToolUse":
		return []iapeer.SessionEvent{iapeer.TurnMoved{TurnID: p.TurnID, Evidence: ev}}, nil
	case "PermissionRequest":
		return []iapeer.SessionEvent{iapeer.SessionWaiting{For: "permission prompt: " + p.Tool, Evidence: ev}}, nil
	case "Stop":
		return []iapeer.SessionEvent{iapeer.TurnEnded{TurnID: p.TurnID, Text: p.Text, Evidence: ev}}, nil
	case "PreCompact":
		return []iapeer.SessionEvent{iapeer.SessionBusy{Evidence: ev}}, nil
	case "PostCompact":
		return []iapeer.SessionEvent{iapeer.SessionCompacted{Evidence: ev}}, nil
	}
	return nil, nil
}

// codexSignal reads OSC 7501, "state=idle:app=codex": the only word that is
// right while text streams. Its titles say less and are not used.
func codexSignal(kind, value string) []iapeer.SessionEvent {
	if kind != SignalStatus {
		return nil
	}
	fields := map[string]string{}
	for f := range strings.SplitSeq(value, ":") {
		if k, v, ok := strings.Cut(f, "="); ok {
			fields[k] = v
		}
	}
	if fields["app"] != "codex" {
		return nil
	}
	ev := iapeer.Evidence{Source: "status", Detail: "OSC 7501 " + fields["state"]}
	switch fields["state"] {
	case "idle", "done":
		return []iapeer.SessionEvent{iapeer.SessionIdle{Evidence: ev}}
	case "error": // idle after a turn that failed; the record says why
		return []iapeer.SessionEvent{iapeer.TurnFailed{Reason: "unknown", Evidence: ev}, iapeer.SessionIdle{Evidence: ev}}
	case "working":
		return []iapeer.SessionEvent{iapeer.SessionBusy{Evidence: ev}}
	case "blocked":
		what := "dialog"
		if fields["kind"] == "permission" {
			what = "permission prompt"
		}
		return []iapeer.SessionEvent{iapeer.SessionWaiting{For: what, Evidence: ev}}
	}
	return nil
}

// codexScreens holds for 0.169.0. While answer text streams the screen is that
// of an idle session: it never proves that codex is idle, its OSC 7501 does.
// Some 60 ms after its start codex draws a composer that takes text already,
// below a header that says loading; 300 ms later the questions of trust, login
// and hooks come up in its place, and an Enter typed before answers them.
var codexScreens = rules{
	composer: regexp.MustCompile(`^› (|\D.*|\d+|\d+[^\d.].*|\d+\.(?:[^ ].*)?)$`),
	cursor:   regexp.MustCompile(`^\s*› (?:\d+\. )?(.*)$`),
	option:   regexp.MustCompile(`^\s*(?:› )?(?:\d+\. )?(\S.*)$`),
	hints:    regexp.MustCompile(`^Ask Codex to do anything$`),
	busy:     regexp.MustCompile(`^[•◦] (Working \(.*esc to interrupt\)|Queued follow-up inputs|Messages to be submitted after next tool call)`),
	busyFoot: regexp.MustCompile(`tab to queue message`),
	dead:     regexp.MustCompile(`^To continue this session, run|^Pane is dead|^\s*codex resume [0-9a-f-]{36}$`),
	modal:    regexp.MustCompile(`(?i)enter continue|press enter to (continue|confirm)|enter to submit|esc (skip|back|dismiss)|esc to cancel`),
	header:   regexp.MustCompile(`^\s*>_ OpenAI Codex \(v`),
	starting: regexp.MustCompile(`^\s+(loading|(Resuming|Forking) session…?)$`),
	bare:     regexp.MustCompile(`^\s+\? for shortcuts$`), // it knows no model yet; a login may still be asked for
	dialogs:  codexDialogs,
}

// codexDialogs. What avoids each: check_for_update_on_startup=false, the
// override of projects, --dangerously-bypass-hook-trust,
// default_tools_approval_mode.
var codexDialogs = []dialog{
	{
		name: "update", words: words(`Update available`, `(?i)enter (to )?continue`),
		choose: regexp.MustCompile(`^Skip$`),
	},
	{
		name: "trust", words: words(`Trust this folder\?|Do you trust the contents of this directory\?`),
		choose: regexp.MustCompile(`^(Trust and continue|Yes, continue|Yes)`),
	},
	{
		name: "hooks review", words: words(`Hooks need review`),
		choose: regexp.MustCompile(`^Trust all`),
	},
	{
		name: "model migration", words: words(`Try new model`, `Use existing model`),
		choose: regexp.MustCompile(`^Use existing model`),
	},
	{
		name: "login", words: words(`Sign in with ChatGPT`),
		cause:  "codex is not logged in",
		remedy: "run codex login once in a terminal, or configure a model provider with an API key",
	},
	{
		name: "open elsewhere", words: words(`This conversation is open in another app`),
		cause:  "another program holds this conversation",
		remedy: "close it there, then attach and press r; or iapeer new <peer>",
	},
	{
		name: "warnings", words: words(`Warnings · \d+ of \d+`, `esc dismiss`), keys: keyEscape,
	},
	{
		name: "permission prompt", ask: true, words: words(`Allow the .* to run|Would you like to run|Allow command\?`, `(?i)enter to (submit|confirm)|esc to cancel`),
		cause:  "codex asks for a permission",
		remedy: "answer it with iapeer approvals, or attach",
	},
}
